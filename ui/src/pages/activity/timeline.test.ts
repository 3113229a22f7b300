import { expect, it } from "vitest";
import { drawnSpan, steps } from "./timeline";

const at = (text: string) => Date.parse(text);

it("draws the time that was asked for, and a month where none was", () => {
  const now = at("2026-11-24T12:00:00Z");
  expect(drawnSpan({ kind: "last", minutes: 60 }, now)).toEqual({
    from: now - 3_600_000,
    until: now,
  });
  expect(drawnSpan(undefined, now).from).toBe(at("2026-10-25T12:00:00Z"));
  const until = "2026-11-01T00:00:00Z";
  expect(drawnSpan({ kind: "between", from: null, until }, now)).toEqual({
    from: at("2026-10-02T00:00:00Z"),
    until: at(until),
  });
});

it("adds up the protocols of a step and keeps empty steps", () => {
  const point = { protocol: "imap" as const, allowed: 1, failed: 2, refused: 3 };
  const all = steps(
    {
      from: "2026-11-24T10:00:00Z",
      step_seconds: 600,
      points: [
        { ...point, at: "2026-11-24T10:20:00Z" },
        { ...point, at: "2026-11-24T10:20:00Z", protocol: "pop3" },
        { ...point, at: "2026-11-24T12:00:00Z" },
      ],
    },
    at("2026-11-24T11:00:00Z"),
  );
  expect(all.map(({ failed }) => failed)).toEqual([0, 0, 4, 0, 0, 0]);
  expect(all.at(-1)?.until).toBe(at("2026-11-24T11:00:00Z"));
});
