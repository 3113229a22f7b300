import { expect, it } from "vitest";
import { drawnSpan } from "./timeline";

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
