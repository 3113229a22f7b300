const FOCUSABLE =
  "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex='0']";

/**
 * Keeps the focus on the page: when what has it goes or can't have it any more (a row was lifted, a
 * message dismissed, a button disabled), the nearest thing that stays gets it. Without this, keys
 * would go nowhere and the next Tab begin anew. The returned function stops that.
 */
export function keepFocus(): () => void {
  /** What last had the focus, and what it lay in, from the inside out. */
  let trail: HTMLElement[] = [];
  let frame = 0;

  const remember = (event: FocusEvent) => {
    trail = [];
    for (let at = event.target as Element | null; at; at = at.parentElement)
      if (at instanceof HTMLElement) trail.push(at);
  };
  const look = () => {
    frame = 0;
    const last = trail[0];
    // Who clicked beside everything wanted no focus.
    if (!last || !isLost() || (last.isConnected && !last.matches(":disabled"))) return;
    nearest(trail)?.focus();
  };
  const observer = new MutationObserver(() => {
    // What removed it may itself say where the focus goes; so this waits for a frame.
    if (frame === 0 && isLost()) frame = requestAnimationFrame(look);
  });

  document.addEventListener("focusin", remember);
  observer.observe(document.body, {
    childList: true,
    subtree: true,
    attributeFilter: ["disabled", "hidden"],
  });
  return () => {
    document.removeEventListener("focusin", remember);
    observer.disconnect();
    cancelAnimationFrame(frame);
  };
}

/** Whether nothing has the focus. */
function isLost(): boolean {
  const active = document.activeElement;
  return active === null || active === document.body || active.matches(":disabled");
}

function nearest(trail: readonly HTMLElement[]): HTMLElement | null {
  const dialog = [...document.querySelectorAll<HTMLElement>("dialog[open]")].at(-1);
  for (const around of trail) {
    if (!around.isConnected || around.matches("main, body, dialog")) continue;
    if (dialog && !dialog.contains(around)) continue;
    // The page's frame is too far away to be near.
    if (around.querySelector("main")) break;
    const found = around.querySelector<HTMLElement>(FOCUSABLE);
    if (found) return found;
  }
  return dialog?.querySelector<HTMLElement>(FOCUSABLE) ?? titleOfPage();
}

/** Puts the focus on the title of the page, unless something on the page has it already. */
export function focusPage() {
  const active = document.activeElement;
  if (active?.closest("main, dialog") && !active.matches("main")) return;
  titleOfPage()?.focus();
}

function titleOfPage(): HTMLElement | null {
  return (
    document.querySelector<HTMLElement>("main h1[tabindex]") ??
    document.querySelector<HTMLElement>("main[tabindex]")
  );
}

/** Keeps the Tab key within a dialog; for `onkeydown` of what holds everything in it. */
export function keepTabWithin(event: KeyboardEvent & { currentTarget: HTMLElement }) {
  if (event.key !== "Tab" || event.ctrlKey || event.altKey || event.metaKey) return;
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>(FOCUSABLE)].filter(
    (stop) => stop.tabIndex >= 0 && stop.getClientRects().length > 0,
  );
  const first = stops[0];
  const last = stops.at(-1);
  const active = document.activeElement;
  if (event.shiftKey ? active === first : active === last) {
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}
