import { expect, test } from "vitest";
import type { Timeline } from "$host/host";
import { course, protocolOf, rangeOf, totals } from "./course";

const timeline: Timeline = {
  from: "2026-11-24T10:00:00Z",
  step_seconds: 900,
  points: [
    { at: "2026-11-24T10:00:00Z", protocol: "imap", allowed: 3, failed: 1, refused: 0 },
    { at: "2026-11-24T10:00:00Z", protocol: "pop3", allowed: 1, failed: 0, refused: 0 },
    { at: "2026-11-24T10:45:00Z", protocol: "pop3", allowed: 0, failed: 0, refused: 7 },
  ],
};
const until = Date.parse("2026-11-24T11:05:00Z");

test("fills in the steps in which nothing happened, up to the end", () => {
  const { starts, step, steps } = course(timeline, until, undefined);
  expect(step).toBe(900_000);
  expect(starts.map((at) => new Date(at).toISOString().slice(11, 16))).toEqual([
    "10:00",
    "10:15",
    "10:30",
    "10:45",
    "11:00",
  ]);
  expect(steps).toEqual([
    { allowed: 4, failed: 1, refused: 0 },
    { allowed: 0, failed: 0, refused: 0 },
    { allowed: 0, failed: 0, refused: 0 },
    { allowed: 0, failed: 0, refused: 7 },
    { allowed: 0, failed: 0, refused: 0 },
  ]);
  expect(course(timeline, until, "pop3").steps[0]).toEqual({ allowed: 1, failed: 0, refused: 0 });
});

test("adds up by protocol, the busiest first", () => {
  expect(totals(timeline)).toEqual([
    { protocol: undefined, counts: { allowed: 4, failed: 1, refused: 7 } },
    { protocol: "pop3", counts: { allowed: 1, failed: 0, refused: 7 } },
    { protocol: "imap", counts: { allowed: 3, failed: 1, refused: 0 } },
  ]);
});

test("draws a step and nothing in it where there is no event at all", () => {
  const empty = { ...timeline, points: [] };
  expect(course(empty, Date.parse(empty.from), undefined).steps).toHaveLength(1);
});

test("reads range and protocol from the address, whatever stands there", () => {
  const query = (text: string) => new URLSearchParams(text);
  expect(rangeOf(query("range=30d")).value).toBe("30d");
  expect(rangeOf(query("range=1y")).value).toBe("24h");
  expect(protocolOf(query("protocol=imap"))).toBe("imap");
  expect(protocolOf(query("protocol=gopher"))).toBeUndefined();
});
