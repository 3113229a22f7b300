import { expect, test } from "vitest";
import { barHeight, course, since } from "./course";

const DAY = 86_400_000;
const START = Date.UTC(2026, 10, 1);

test("a course has every day, with all protocols of a day in one", () => {
  const point = (day: number, protocol: "imap" | "web", allowed: number) => ({
    at: new Date(START + day * DAY).toISOString(),
    protocol,
    allowed,
    failed: 1,
    refused: 0,
  });
  const timeline = {
    from: new Date(START).toISOString(),
    step_seconds: 86_400,
    points: [point(0, "imap", 2), point(0, "web", 3), point(2, "imap", 1), point(9, "imap", 7)],
  };
  const days = course(timeline, START + 3 * DAY);
  expect(days.map(({ allowed, failed }) => [allowed, failed])).toEqual([
    [5, 2],
    [0, 0],
    [1, 1],
  ]);
  expect(course({ ...timeline, step_seconds: 0 }, START + DAY)).toEqual([]);
});

test("whole days are asked for", () => {
  expect(since(START + 5 * DAY + 7, 3)).toBe(START + 3 * DAY);
});

test("one among thousands is still seen", () => {
  expect([barHeight(0, 0, 40), barHeight(1, 10_000, 40), barHeight(10, 10, 40)]).toEqual([
    0, 2, 40,
  ]);
});
