import { expect, it } from "vitest";
import type { Timeline } from "$host/host";
import { steps } from "./timeline";

const timeline: Timeline = {
  from: "2026-11-24T10:00:00Z",
  step_seconds: 900,
  points: [
    { at: "2026-11-24T10:00:00Z", protocol: "imap", allowed: 3, failed: 1, refused: 0 },
    { at: "2026-11-24T10:00:00Z", protocol: "pop3", allowed: 1, failed: 0, refused: 0 },
    { at: "2026-11-24T10:45:00Z", protocol: "pop3", allowed: 0, failed: 0, refused: 7 },
    { at: "2026-11-24T12:00:00Z", protocol: "pop3", allowed: 9, failed: 9, refused: 9 },
  ],
};
const until = Date.parse("2026-11-24T11:05:00Z");

it("adds up the protocols of a step and keeps the steps in which nothing happened", () => {
  const all = steps(timeline, until);
  expect(all.map(({ from }) => new Date(from).toISOString().slice(11, 16))).toEqual([
    "10:00",
    "10:15",
    "10:30",
    "10:45",
    "11:00",
  ]);
  expect(all.map(({ allowed, failed, refused }) => [allowed, failed, refused])).toEqual([
    [4, 1, 0],
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 7],
    [0, 0, 0],
  ]);
  expect(all.at(-1)?.until).toBe(Date.parse("2026-11-24T11:15:00Z"));
});

it("tells one protocol alone", () => {
  expect(steps(timeline, until, "pop3")[0]).toMatchObject({ allowed: 1, failed: 0, refused: 0 });
});

it("draws a step and nothing in it where there is no event at all, and nothing without a width", () => {
  expect(steps({ ...timeline, points: [] }, Date.parse(timeline.from))).toHaveLength(1);
  expect(steps({ ...timeline, step_seconds: 0 }, until)).toEqual([]);
});
