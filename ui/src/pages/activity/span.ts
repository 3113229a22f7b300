/** The time that the reader asks for, as the address and the filter bar write it. */
export type PageSpan =
  | { kind: "last"; minutes: number }
  | { kind: "today" }
  /** RFC 3339; the end is exclusive. */
  | { kind: "between"; from: string | null; until: string | null };

const MINUTES: Record<string, number> = { m: 1, min: 1, h: 60, d: 1_440, w: 10_080 };
/** As many minutes as the core takes. */
const LONGEST = 4_294_967_295;

/** The relative times on offer. */
export const offered = ["15m", "1h", "today", "24h", "7d", "30d"] as const;

/** Reads `15m`, `24h`, `7d` or `today`; undefined if it is none of these. */
export function readRelative(text: string): PageSpan | undefined {
  const lower = text.trim().toLowerCase();
  if (lower === "today") return { kind: "today" };
  const [, number, unit] = /^(\d{1,7})\s*(m|min|h|d|w)$/.exec(lower) ?? [];
  const minutes = Number(number) * (MINUTES[unit ?? ""] ?? 0);
  return minutes > 0 && minutes <= LONGEST ? { kind: "last", minutes } : undefined;
}

/** Writes what `readRelative` reads; undefined for an absolute time. */
export function writeRelative(span: PageSpan): string | undefined {
  if (span.kind === "today") return "today";
  if (span.kind === "between") return undefined;
  const { minutes } = span;
  if (minutes > 1_440 && minutes % 1_440 === 0) return `${minutes / 1_440}d`;
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}

/**
 * Reads a date or a moment (`2026-11-24`, `2026-11-24T09:30`, RFC 3339), in the reader's zone where
 * it names none; undefined if it is no time.
 */
export function readMoment(text: string): string | undefined {
  const trimmed = text.trim().replace(/^(\d{4}-\d\d-\d\d) (?=\d)/, "$1T");
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/i.test(trimmed))
    return undefined;
  // A date alone would be read as midnight in UTC.
  const at = Date.parse(trimmed.length === 10 ? `${trimmed}T00:00` : trimmed);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** The bounds of a span at `now`, in milliseconds; undefined where it is open. */
export function bounds(
  span: PageSpan | undefined,
  now: number,
): { from: number | undefined; until: number | undefined } {
  switch (span?.kind) {
    case "last":
      return { from: now - span.minutes * 60_000, until: undefined };
    case "today":
      return { from: new Date(now).setHours(0, 0, 0, 0), until: undefined };
    case "between":
      return {
        from: span.from === null ? undefined : Date.parse(span.from),
        until: span.until === null ? undefined : Date.parse(span.until),
      };
    case undefined:
      return { from: undefined, until: undefined };
  }
}

/** Whether a span ends before it begins. */
export function isBackward(from: string | null, until: string | null): boolean {
  return from !== null && until !== null && Date.parse(from) >= Date.parse(until);
}
