/** When an alert can come back, one after the other; in the reader's zone. */
export type SnoozeChoice = "hour" | "evening" | "tomorrow" | "week";

const EVENING = 18;
const MORNING = 9;
/** So close to the evening that "this evening" would mean nothing. */
const HALF_AN_HOUR = 30 * 60_000;
const YEAR = 365 * 86_400_000;

export function snoozeChoices(now: number): { choice: SnoozeChoice; at: number }[] {
  const evening = new Date(now).setHours(EVENING, 0, 0, 0);
  const day = (days: number) => {
    const date = new Date(now);
    date.setDate(date.getDate() + days);
    return date.setHours(MORNING, 0, 0, 0);
  };
  // Sunday is 0: the week after begins in a day.
  const toMonday = (8 - new Date(now).getDay()) % 7 || 7;
  return [
    { choice: "hour", at: now + 3_600_000 },
    ...(evening - now > HALF_AN_HOUR ? [{ choice: "evening" as const, at: evening }] : []),
    { choice: "tomorrow", at: day(1) },
    { choice: "week", at: day(toMonday) },
  ];
}

/** What is wrong with a time of the reader's own. */
export function snoozeFault(at: number, now: number): "none" | "past" | "far" | undefined {
  if (Number.isNaN(at)) return "none";
  if (at <= now) return "past";
  return at - now > YEAR ? "far" : undefined;
}
