import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { absoluteTime, count, inOwnTime, later, relativeTime, timeLeft } from "./format";

import { beginToSpeak, speak } from "./language.svelte";

const now = Date.parse("2026-11-24T12:00:00Z");
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("relativeTime", () => {
  it.each([
    [now, "now"],
    [now - 4 * SECOND, "now"],
    [now - 59 * SECOND, "59 s ago"],
    [now - MINUTE, "1 min ago"],
    [now - 59 * MINUTE, "59 min ago"],
    [now - 23 * HOUR, "23 h ago"],
    [now - 400 * DAY, "20 Oct 2025"],
  ])("of %i reads %s", (at, text) => {
    expect(relativeTime(at, now)).toBe(text);
  });

  it("names the weekday within a week and the day within the year", () => {
    expect(relativeTime(now - 3 * DAY, now)).toMatch(/^Sat,? \d\d:\d\d$/);
    expect(relativeTime(now - 30 * DAY, now)).toMatch(/^25 Oct,? \d\d:\d\d$/);
  });

  it("shows a time ahead of our clock as it is", () => {
    expect(relativeTime(now + HOUR, now)).toMatch(/24 Nov 2026/);
  });
});

describe("later", () => {
  it.each([
    [0, "at once"],
    [999, "at once"],
    [12 * SECOND, "12 s later"],
    [59 * MINUTE, "59 min later"],
    [47 * HOUR, "47 h later"],
    [48 * HOUR, "2 days later"],
  ])("of %i reads %s", (gap, text) => {
    expect(later(gap)).toBe(text);
  });
});

describe("timeLeft", () => {
  it.each([
    [-1, "over"],
    [30 * SECOND, "in less than a minute"],
    [45 * MINUTE, "in 45 min"],
    [24 * HOUR, "in 24 h"],
    [30 * DAY, "in 30 days"],
  ])("of %i ms reads %s", (left, text) => {
    expect(timeLeft(now + left, now)).toBe(text);
  });
});

it("puts the times in a sentence of the service into the reader's zone", () => {
  const at = absoluteTime(Date.parse("2026-11-25T08:13:46.120Z"));
  expect(inOwnTime("The address is blocked until 2026-11-25T08:13:46.120Z.")).toBe(
    `The address is blocked until ${at}.`,
  );
  expect(inOwnTime("anna-2026-11-25T0 is no time")).toBe("anna-2026-11-25T0 is no time");
});

describe("in other languages", () => {
  beforeAll(beginToSpeak);
  afterEach(() => {
    speak("system");
  });

  it("German", () => {
    speak("de");
    expect(relativeTime(now - 3 * MINUTE, now)).toBe("vor 3 Min.");
    expect(relativeTime(now - 400 * DAY, now)).toBe("20. Okt. 2025");
    expect(timeLeft(now + 30 * DAY, now)).toBe("in 30 Tagen");
    expect(count(1_204)).toBe("1.204");
  });

  it("Ukrainian, with its plural forms", () => {
    speak("uk");
    expect(relativeTime(now - 3 * MINUTE, now)).toBe("3 хв тому");
    expect(timeLeft(now + 21 * DAY, now)).toBe("через 21 день");
    expect(timeLeft(now + 22 * DAY, now)).toBe("через 22 дні");
    expect(timeLeft(now + 25 * DAY, now)).toBe("через 25 днів");
    expect(count(1_204).replaceAll("\u00a0", " ")).toBe("1 204");
  });
});
