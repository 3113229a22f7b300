/** How times, counts and durations read. */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "now", "12 s ago", "3 min ago", "5 h ago", then the day: "Mon 14:02", "3 Nov". */
export function relativeTime(at: number, now: number): string {
  const ago = now - at;
  if (ago < -MINUTE) return absoluteTime(at);
  if (ago < 5_000) return "now";
  if (ago < MINUTE) return `${Math.floor(ago / 1000)} s ago`;
  if (ago < HOUR) return `${Math.floor(ago / MINUTE)} min ago`;
  if (ago < DAY) return `${Math.floor(ago / HOUR)} h ago`;
  if (ago < 7 * DAY) return weekday.format(at);
  if (new Date(at).getFullYear() === new Date(now).getFullYear()) return dayOfYear.format(at);
  return day.format(at);
}

/** The same within a sentence: "just now". */
export function ago(at: number, now: number): string {
  const time = relativeTime(at, now);
  return time === "now" ? "just now" : time;
}

/** "in 45 min", "in 23 h", "in 30 days"; "over" once it has passed. */
export function timeLeft(until: number, now: number): string {
  const left = until - now;
  if (left <= 0) return "over";
  if (left < MINUTE) return "in less than a minute";
  if (left < HOUR) return `in ${Math.round(left / MINUTE)} min`;
  if (left < 2 * DAY) return `in ${Math.round(left / HOUR)} h`;
  return `in ${Math.round(left / DAY)} days`;
}

const locale = "en-GB";
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const dayOfYear = new Intl.DateTimeFormat(locale, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const weekday = new Intl.DateTimeFormat(locale, {
  weekday: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const clock = new Intl.DateTimeFormat(locale, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const shortClock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const absolute = new Intl.DateTimeFormat(locale, {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});

/** In the reader's zone, to the second. */
export function absoluteTime(at: number): string {
  return absolute.format(at);
}

/** The time of day, with the day before it unless it is today. */
export function clockTime(at: number, now: number): string {
  const time = clock.format(at);
  return new Date(at).toDateString() === new Date(now).toDateString()
    ? time
    : `${new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" }).format(at)}, ${time}`;
}

export function shortTime(at: number, now: number): string {
  const time = shortClock.format(at);
  return new Date(at).toDateString() === new Date(now).toDateString()
    ? time
    : `${new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" }).format(at)}, ${time}`;
}

const integers = new Intl.NumberFormat(locale);

export function count(value: number): string {
  return integers.format(value);
}

/** "1 alert", "12 alerts", "1,204 alerts". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const UTC_TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z(?!\w)/g;

/** A sentence of the service with its UTC times in the reader's zone. */
export function inOwnTime(sentence: string): string {
  return sentence.replace(UTC_TIME, (time) => absoluteTime(Date.parse(time)));
}
