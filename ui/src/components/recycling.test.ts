import { expect, it } from "vitest";
import { Recycling } from "./recycling";

const span = (from: number, until: number) =>
  Array.from({ length: until - from }, (_, index) => from + index);

it("keeps the element of each row that stays, and gives those that went to those that come", () => {
  const recycling = new Recycling();
  const before = recycling.of(span(0, 30));
  expect(new Set(before).size).toBe(30);
  expect(recycling.of(span(0, 30))).toEqual(before);
  // Scrolled by two.
  expect(recycling.of(span(2, 32))).toEqual([...before.slice(2), before[0], before[1]]);
});

it("moves no element when all rows are others", () => {
  const recycling = new Recycling();
  const before = recycling.of(span(0, 30));
  expect(recycling.of(span(-83, -53))).toEqual(before);
});

it("makes elements for a longer list and forgets those of a shorter one", () => {
  const recycling = new Recycling();
  recycling.of(span(0, 5));
  expect(new Set(recycling.of(span(0, 9))).size).toBe(9);
  const few = recycling.of([3]);
  const many = recycling.of(span(100, 120));
  expect([many[0], new Set(many).size]).toEqual([few[0], 20]);
});
