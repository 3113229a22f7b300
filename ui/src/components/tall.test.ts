import { expect, it } from "vitest";
import { canvasHeight, contentTop, furthest, scrollTopFor, TALLEST } from "./tall";

const view = 640;

it("leaves a list that fits as it is", () => {
  const extent = { content: 4_000 * 32, view };
  expect(canvasHeight(extent)).toBe(128_000);
  for (const top of [0, 1, 63_999, furthest(extent)]) {
    expect(scrollTopFor(top, extent)).toBe(top);
    expect(contentTop(top, extent)).toBe(top);
  }
});

it.each([500_000, 1_000_000, 10_000_000])("reaches every row of %d, and both ends", (rows) => {
  const extent = { content: rows * 32, view };
  const longest = canvasHeight(extent) - view;
  expect(canvasHeight(extent)).toBeLessThanOrEqual(TALLEST);
  expect(contentTop(0, extent)).toBe(0);
  expect(contentTop(longest, extent)).toBe(furthest(extent));
  expect(scrollTopFor(furthest(extent), extent)).toBe(longest);
  // One step of the scrollbar never passes over more than a page.
  expect(contentTop(501, extent) - contentTop(500, extent)).toBeLessThan(view);
  for (const top of [32, 3_200, furthest(extent) / 2, furthest(extent) - 32]) {
    const there = contentTop(scrollTopFor(top, extent), extent);
    expect(Math.abs(there - top)).toBeLessThanOrEqual(extent.content / TALLEST);
  }
});
