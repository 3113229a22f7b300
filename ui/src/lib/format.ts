import { m } from "$messages";
import { type Locale, locale } from "./language.svelte";

/** How times, counts and durations read. */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Younger than this is now. */
const NOW = 5_000;

/** "now", "12 s ago", "3 min ago", "5 h ago", then the day: "Mon 14:02", "3 Nov". */
export function relativeTime(at: number, now: number): string {
  const ago = now - at;
  if (ago < -MINUTE) return absoluteTime(at);
  if (ago < NOW) return m.words_time_now();
  if (ago < MINUTE) return m.words_time_seconds_ago({ value: Math.floor(ago / 1000) });
  if (ago < HOUR) return m.words_time_minutes_ago({ value: Math.floor(ago / MINUTE) });
  if (ago < DAY) return m.words_time_hours_ago({ value: Math.floor(ago / HOUR) });
  if (ago < 7 * DAY) return dates("weekday").format(at);
  if (new Date(at).getFullYear() === new Date(now).getFullYear())
    return dates("dayOfYear").format(at);
  return dates("day").format(at);
}

/** The same within a sentence: "just now". */
export function ago(at: number, now: number): string {
  const past = now - at;
  return past >= -MINUTE && past < NOW ? m.words_time_just_now() : relativeTime(at, now);
}

/** "in 45 min", "in 23 h", "in 30 days"; "over" once it has passed. */
export function timeLeft(until: number, now: number): string {
  const left = until - now;
  if (left <= 0) return m.words_time_over();
  if (left < MINUTE) return m.words_time_under_a_minute();
  if (left < HOUR) return m.words_time_in_minutes({ value: Math.round(left / MINUTE) });
  if (left < 2 * DAY) return m.words_time_in_hours({ value: Math.round(left / HOUR) });
  return m.words_time_in_days({ count: Math.round(left / DAY) });
}

/** How long after something else: "at once", "12 s later", "3 min later", "5 h later", "2 days later". */
export function later(gap: number): string {
  if (gap < 1000) return m.words_time_at_once();
  if (gap < MINUTE) return m.words_time_seconds_later({ value: Math.floor(gap / 1000) });
  if (gap < HOUR) return m.words_time_minutes_later({ value: Math.floor(gap / MINUTE) });
  if (gap < 2 * DAY) return m.words_time_hours_later({ value: Math.floor(gap / HOUR) });
  return m.words_time_days_later({ count: Math.floor(gap / DAY) });
}

/** In which country's form a language writes dates and numbers. */
const forms: Record<Locale, string> = { en: "en-GB", de: "de-DE", uk: "uk-UA" };

const minute = { hour: "2-digit", minute: "2-digit" } as const;
const second = { ...minute, second: "2-digit" } as const;
const date = { day: "numeric", month: "short" } as const;
const styles = {
  day: { ...date, year: "numeric" },
  date,
  dayOfYear: { ...date, ...minute },
  weekday: { weekday: "short", ...minute },
  shortWeekday: { weekday: "short" },
  clock: second,
  shortClock: minute,
  whole: { weekday: "short", ...date, year: "numeric", ...minute },
  absolute: { weekday: "short", ...date, year: "numeric", ...second, timeZoneName: "short" },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** Formatters are dear to make: one of each style and language. */
const made = new Map<string, Intl.DateTimeFormat>();

function dates(style: keyof typeof styles): Intl.DateTimeFormat {
  const form = forms[locale()];
  const key = `${form} ${style}`;
  const format = made.get(key) ?? new Intl.DateTimeFormat(form, styles[style]);
  made.set(key, format);
  return format;
}

/** In the reader's zone, to the second. */
export function absoluteTime(at: number): string {
  return dates("absolute").format(at);
}

/** In the reader's zone, to the minute: "Tue, 3 Nov 2026, 02:13". */
export function wholeTime(at: number): string {
  return dates("whole").format(at);
}

/** A day alone: "3 Nov". */
export function dayName(at: number): string {
  return dates("date").format(at);
}

/** A day with its year: "3 Nov 2026". */
export function dayAndYear(at: number): string {
  return dates("day").format(at);
}

/** A weekday in short: 0 is Monday. */
export function shortWeekday(index: number): string {
  // The first of January 2024 was a Monday.
  return dates("shortWeekday").format(new Date(2024, 0, 1 + index));
}

/** "IMAP, POP3 and Sieve". */
export function listOf(parts: readonly string[]): string {
  const form = forms[locale()];
  const format = lists.get(form) ?? new Intl.ListFormat(form, { type: "conjunction" });
  lists.set(form, format);
  return format.format(parts);
}

const lists = new Map<string, Intl.ListFormat>();

/** The time of day, with the day before it unless it is today. */
export function clockTime(at: number, now: number): string {
  return withDay(dates("clock").format(at), at, now);
}

export function shortTime(at: number, now: number): string {
  return withDay(dates("shortClock").format(at), at, now);
}

function withDay(time: string, at: number, now: number): string {
  return new Date(at).toDateString() === new Date(now).toDateString()
    ? time
    : `${dates("date").format(at)}, ${time}`;
}

const numbers = new Map<string, Intl.NumberFormat>();

export function count(value: number): string {
  const form = forms[locale()];
  const format = numbers.get(form) ?? new Intl.NumberFormat(form);
  numbers.set(form, format);
  return format.format(value);
}

/** A number as a message takes it: which form it wants, and how it reads. */
export function plural(value: number) {
  return { count: value, shown: count(value) };
}

/** A time as a `datetime-local` field holds it, in the reader's zone. */
export function fieldTime(at: number): string {
  const offset = new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - offset).toISOString().slice(0, 16);
}

const UTC_TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z(?!\w)/g;

/** A sentence of the service with its UTC times in the reader's zone. */
export function inOwnTime(sentence: string): string {
  return sentence.replace(UTC_TIME, (time) => absoluteTime(Date.parse(time)));
}
