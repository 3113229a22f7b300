import { expect, test } from "vitest";
import { barHeight, since } from "./course";

const DAY = 86_400_000;
const START = Date.UTC(2026, 10, 1);

test("whole days are asked for", () => {
  expect(since(START + 5 * DAY + 7, 3)).toBe(START + 3 * DAY);
});

test("one among thousands is still seen", () => {
  expect([barHeight(0, 0, 40), barHeight(1, 10_000, 40), barHeight(10, 10, 40)]).toEqual([
    0, 2, 40,
  ]);
});
