import { expect, test } from "vitest";
import { snoozeChoices, snoozeFault } from "./snooze";

const local = (text: string) => new Date(text).getTime();
const offered = (now: string) =>
  Object.fromEntries(
    snoozeChoices(local(now)).map(({ choice, at }) => [
      choice,
      new Date(at).toString().slice(0, 21),
    ]),
  );

test("offers an hour, this evening, tomorrow and next week in the reader's zone", () => {
  expect(offered("2026-11-24T10:20")).toEqual({
    hour: "Tue Nov 24 2026 11:20",
    evening: "Tue Nov 24 2026 18:00",
    tomorrow: "Wed Nov 25 2026 09:00",
    week: "Mon Nov 30 2026 09:00",
  });
});

test("offers no evening that is over or about to begin, and a next Monday on Monday and Sunday", () => {
  expect(offered("2026-11-24T17:40")).not.toHaveProperty("evening");
  expect(offered("2026-11-24T23:00")).not.toHaveProperty("evening");
  expect(offered("2026-11-23T08:00").week).toBe("Mon Nov 30 2026 09:00");
  expect(offered("2026-11-29T08:00").week).toBe("Mon Nov 30 2026 09:00");
});

test("offers nothing that lies in the past, at any hour of a year", () => {
  for (let hour = 0; hour < 366 * 24; hour += 1) {
    const now = local("2026-01-01T00:00") + hour * 3_600_000;
    for (const { at } of snoozeChoices(now)) expect(snoozeFault(at, now)).toBeUndefined();
  }
});

test("refuses no time, a time that is over, and one beyond a year", () => {
  const now = local("2026-11-24T10:00");
  expect(snoozeFault(Number.NaN, now)).toBe("none");
  expect(snoozeFault(now, now)).toBe("past");
  expect(snoozeFault(local("2027-12-24T10:00"), now)).toBe("far");
});
