import { expect, test } from "vitest";
import type { Timeline } from "$host/host";
import { protocolOf, rangeOf, totals } from "./course";

const timeline: Timeline = {
  from: "2026-11-24T10:00:00Z",
  step_seconds: 900,
  points: [
    { at: "2026-11-24T10:00:00Z", protocol: "imap", allowed: 3, failed: 1, refused: 0 },
    { at: "2026-11-24T10:00:00Z", protocol: "pop3", allowed: 1, failed: 0, refused: 0 },
    { at: "2026-11-24T10:45:00Z", protocol: "pop3", allowed: 0, failed: 0, refused: 7 },
  ],
};

test("adds up by protocol, the busiest first", () => {
  expect(totals(timeline)).toEqual([
    { protocol: undefined, counts: { allowed: 4, failed: 1, refused: 7 } },
    { protocol: "pop3", counts: { allowed: 1, failed: 0, refused: 7 } },
    { protocol: "imap", counts: { allowed: 3, failed: 1, refused: 0 } },
  ]);
});

test("reads range and protocol from the address, whatever stands there", () => {
  const query = (text: string) => new URLSearchParams(text);
  expect(rangeOf(query("range=30d")).value).toBe("30d");
  expect(rangeOf(query("range=1y")).value).toBe("24h");
  expect(protocolOf(query("protocol=imap"))).toBe("imap");
  expect(protocolOf(query("protocol=gopher"))).toBeUndefined();
});
