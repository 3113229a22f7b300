interface Placement {
  /** Which edges stand above one another. */
  align?: "start" | "end";
  /** As wide as the anchor, at least. */
  sameWidth?: boolean;
}

const GAP = 4;
const EDGE = 8;

/**
 * Puts an element into the top layer: under its anchor, or above it where there is more room, and
 * always inside the window. The returned function stops following.
 */
export function place(
  element: HTMLElement,
  anchor: HTMLElement | undefined,
  { align = "start", sameWidth = false }: Placement = {},
): () => void {
  element.popover = "manual";
  // jsdom knows no top layer.
  if ("showPopover" in element) element.showPopover();
  const move = () => {
    const from = anchor?.getBoundingClientRect();
    if (!from) return;
    if (sameWidth) element.style.minWidth = `${Math.min(from.width, innerWidth - 2 * EDGE)}px`;
    const below = innerHeight - from.bottom;
    const isBelow = element.scrollHeight + GAP + EDGE <= below || from.top < below;
    // It scrolls by itself rather than cover its anchor, if there is room to speak of.
    const room = Math.max(isBelow ? below : from.top, innerHeight / 3) - GAP - EDGE;
    element.style.maxHeight = `${room}px`;
    const { width, height } = element.getBoundingClientRect();
    const left = align === "start" ? from.left : from.right - width;
    const top = isBelow ? from.bottom + GAP : from.top - GAP - height;
    element.style.top = `${Math.max(EDGE, Math.min(top, innerHeight - height - EDGE))}px`;
    element.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - width - EDGE))}px`;
  };
  move();
  window.addEventListener("resize", move);
  window.addEventListener("scroll", move, { capture: true, passive: true });
  // jsdom measures nothing.
  const growth = "ResizeObserver" in window ? new ResizeObserver(move) : undefined;
  growth?.observe(element);
  return () => {
    growth?.disconnect();
    window.removeEventListener("resize", move);
    window.removeEventListener("scroll", move, { capture: true });
  };
}
