import { expect, it } from "vitest";
import { Recycling } from "./recycling";

const span = (from: number, until: number) =>
  Array.from({ length: until - from }, (_, index) => from + index);

it("keeps the element of each row that stays, and makes others for those that come", () => {
  const recycling = new Recycling();
  const before = recycling.of(span(0, 30));
  expect(new Set(before).size).toBe(30);
  expect(recycling.of(span(0, 30))).toEqual(before);
  const scrolled = recycling.of(span(2, 32));
  expect(scrolled.slice(0, 28)).toEqual(before.slice(2));
  expect(before).not.toContain(scrolled[28]);
  // The row with the focus stays, wherever the list is.
  const far = recycling.of([...span(1_000, 1_030), 5]);
  expect([far.at(-1), new Set(far).size]).toEqual([before[5], 31]);
});

it("moves no element when all rows are others", () => {
  const recycling = new Recycling();
  const before = recycling.of(span(0, 30));
  expect(recycling.of(span(-83, -53))).toEqual(before);
  const longer = recycling.of(span(100, 140));
  expect([longer.slice(0, 30), new Set(longer).size]).toEqual([before, 40]);
});
