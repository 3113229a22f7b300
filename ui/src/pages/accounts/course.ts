import type { Timeline } from "$host/host";

/** What an account did in one day, over all protocols. */
export interface Day {
  /** When it begins, in milliseconds. */
  at: number;
  allowed: number;
  failed: number;
  refused: number;
}

const DAY = 86_400_000;

/** One entry a step from the first to `until`, also where nothing happened. */
export function course(timeline: Timeline, until: number): Day[] {
  const from = Date.parse(timeline.from);
  const step = timeline.step_seconds * 1000;
  if (!(step > 0) || !(until > from)) return [];
  const days: Day[] = [];
  for (let at = from; at < until && days.length < 400; at += step)
    days.push({ at, allowed: 0, failed: 0, refused: 0 });
  for (const point of timeline.points) {
    const day = days[Math.floor((Date.parse(point.at) - from) / step)];
    if (!day) continue;
    day.allowed += point.allowed;
    day.failed += point.failed;
    day.refused += point.refused;
  }
  return days;
}

/** Days from which a course over `days` days is asked for: whole ones, in UTC as the steps are. */
export function since(now: number, days: number): number {
  return Math.floor(now / DAY) * DAY - (days - 1) * DAY;
}

/** How high a bar is in a picture of this height; what is there is seen. */
export function barHeight(value: number, highest: number, height: number): number {
  return value === 0 || highest === 0 ? 0 : Math.max(2, Math.round((value / highest) * height));
}
