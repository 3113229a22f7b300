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
  /** Who points needs no focus, and may mind where it goes. */
  let points = false;

  const remember = (event: FocusEvent) => {
    trail = [];
    for (let at = event.target as Element | null; at; at = at.parentElement)
      if (at instanceof HTMLElement) trail.push(at);
  };
  // At once: a key that is pressed meanwhile must not be lost. Whoever removed it may yet say better.
  const observer = new MutationObserver((records) => {
    const last = trail[0];
    if (!last || points || !isLost()) return;
    if (!last.isConnected || last.matches(":disabled")) nearest(trail)?.focus();
    // What only changed its place gets it back. Else it is there, and who clicked beside wanted none.
    else if (records.some(({ addedNodes }) => has(addedNodes, last))) last.focus();
  });

  const onPoint = () => (points = true);
  const onKey = () => {
    points = false;
    // Who begins to use keys sees where they are.
    const active = document.activeElement;
    if (active instanceof HTMLElement && active.matches("h1:focus:not(:focus-visible)")) {
      active.blur();
      active.focus({ focusVisible: true });
    }
  };

  document.addEventListener("focusin", remember);
  window.addEventListener("pointerdown", onPoint, { capture: true });
  window.addEventListener("keydown", onKey, { capture: true });
  observer.observe(document.body, {
    childList: true,
    subtree: true,
    attributeFilter: ["disabled", "hidden"],
  });
  return () => {
    document.removeEventListener("focusin", remember);
    window.removeEventListener("pointerdown", onPoint, { capture: true });
    window.removeEventListener("keydown", onKey, { capture: true });
    observer.disconnect();
  };
}

function has(nodes: NodeList, element: Element): boolean {
  return [...nodes].some((node) => node.contains(element));
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
export function focusPage(options?: FocusOptions) {
  const active = document.activeElement;
  if (active?.closest("main, dialog") && !active.matches("main")) return;
  titleOfPage()?.focus(options);
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
