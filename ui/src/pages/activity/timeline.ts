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
