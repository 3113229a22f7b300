/** Esc closes the innermost thing that is open: a stack of what can be closed. */
const open: (() => void)[] = [];

/** Puts `close` on top; the returned function takes it off again. */
export function onEscape(close: () => void): () => void {
  open.push(close);
  return () => {
    const index = open.lastIndexOf(close);
    if (index >= 0) open.splice(index, 1);
  };
}

/** Closes the innermost thing; false if nothing is open. */
export function closeInnermost(): boolean {
  const close = open.at(-1);
  close?.();
  return close !== undefined;
}

/** Makes Esc close the innermost thing; the returned function stops that. */
export function listenForEscape(target: Window): () => void {
  const onKeydown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && !event.isComposing && closeInnermost()) event.preventDefault();
  };
  target.addEventListener("keydown", onKeydown, true);
  return () => {
    target.removeEventListener("keydown", onKeydown, true);
  };
}
