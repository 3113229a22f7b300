type Axis = "horizontal" | "vertical" | "both";

/**
 * Moves the focus among what `selector` finds, by arrow keys, Home and End: one stop for the Tab
 * key, arrows within. In a right-to-left text, left leads on.
 */
export function byArrows(
  selector: string,
  axis: Axis = "both",
  onarrive?: (element: HTMLElement) => void,
): (event: KeyboardEvent & { currentTarget: HTMLElement }) => void {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const list = event.currentTarget;
    const stops = [...list.querySelectorAll<HTMLElement>(selector)].filter(
      (element) => !element.matches(":disabled"),
    );
    const at = stops.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    const to = target(event.key, axis, at, stops.length, getComputedStyle(list).direction);
    const stop = to === undefined ? undefined : stops[(to + stops.length) % stops.length];
    if (!stop) return;
    event.preventDefault();
    event.stopPropagation();
    stop.focus();
    onarrive?.(stop);
  };
}

function target(
  key: string,
  axis: Axis,
  at: number,
  length: number,
  direction: string,
): number | undefined {
  const onward = direction === "rtl" ? -1 : 1;
  if (key === "Home") return 0;
  if (key === "End") return length - 1;
  if (axis !== "horizontal" && key === "ArrowDown") return at + 1;
  if (axis !== "horizontal" && key === "ArrowUp") return at - 1;
  if (axis !== "vertical" && key === "ArrowRight") return at + onward;
  if (axis !== "vertical" && key === "ArrowLeft") return at - onward;
  return undefined;
}
