/** The scroll of a list that may be taller than a browser's elements can be. */

/**
 * Browsers keep lengths in 1/64 px within 32 bits, and positions on screen in floats with 24 bits: what
 * is taller than this would end early or tremble. Beyond it the scrollbar is scaled.
 */
export const TALLEST = 4_000_000;

export interface Extent {
  /** Of all rows, in px. */
  content: number;
  /** Of the part in sight, in px. */
  view: number;
}

/** How tall the element is that the browser scrolls. */
export function canvasHeight({ content }: Extent): number {
  return Math.min(content, TALLEST);
}

export function isScaled({ content }: Extent): boolean {
  return content > TALLEST;
}

/** The furthest that the content can be scrolled. */
export function furthest({ content, view }: Extent): number {
  return Math.max(0, content - view);
}

/** Where in the content the browser's scroll position stands. */
export function contentTop(scrollTop: number, extent: Extent): number {
  if (!isScaled(extent)) return Math.max(0, scrollTop);
  const share = scrollTop / (canvasHeight(extent) - extent.view);
  return Math.round(Math.min(1, Math.max(0, share)) * furthest(extent));
}

/** The browser's scroll position for a place in the content. */
export function scrollTopFor(top: number, extent: Extent): number {
  if (!isScaled(extent)) return top;
  return Math.round((top / furthest(extent)) * (canvasHeight(extent) - extent.view));
}

/** How far a turn of the wheel goes, in px. */
export function wheelStep(
  event: Pick<WheelEvent, "deltaY" | "deltaMode">,
  row: number,
  view: number,
) {
  const unit = [1, row, view][event.deltaMode] ?? 1;
  return event.deltaY * unit;
}
