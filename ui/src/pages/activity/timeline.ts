import type { Timeline } from "$host/host";
import { bounds, type PageSpan } from "./span";

const DAY = 86_400_000;
/** What is drawn where the reader asks for no time. */
const USUAL = 30 * DAY;
export const STEPS_WANTED = 120;

/** The time that the drawing covers at `now`, in milliseconds. */
export function drawnSpan(
  span: PageSpan | undefined,
  now: number,
): { from: number; until: number } {
  const { from, until } = bounds(span, now);
  const end = until ?? now;
  return { from: from ?? end - USUAL, until: end };
}

export interface Step {
  from: number;
  until: number;
  allowed: number;
  failed: number;
  refused: number;
}

/** Every step of the time drawn, those in which nothing happened, too. */
export function steps(timeline: Timeline, until: number): Step[] {
  const width = timeline.step_seconds * 1000;
  const begin = Date.parse(timeline.from);
  const count = Math.min(400, Math.max(1, Math.ceil((until - begin) / width)));
  const all = Array.from({ length: count }, (_, index) => ({
    from: begin + index * width,
    until: begin + (index + 1) * width,
    allowed: 0,
    failed: 0,
    refused: 0,
  }));
  for (const point of timeline.points) {
    const step = all[Math.floor((Date.parse(point.at) - begin) / width)];
    if (!step) continue;
    step.allowed += point.allowed;
    step.failed += point.failed;
    step.refused += point.refused;
  }
  return all;
}
