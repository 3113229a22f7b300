import { untrack } from "svelte";

/** Keys of the current page. Pages and the shell register theirs; the `?` dialog lists them all. */
export interface Shortcut {
  /**
   * `KeyboardEvent.key`, lowercased; two keys one after the other with a space between: `g a`. With
   * `ctrl+` before it, it works while one types, too.
   */
  key: string;
  /** Another key for the same. */
  also?: string;
  does: Words;
  run: () => void;
}

/** Asked for when they are shown: the language may change while a page is open. */
type Words = () => string;

interface Group {
  name: Words;
  shortcuts: Shortcut[];
  everywhere: boolean;
}

let groups = $state.raw<Group[]>([]);

/**
 * Registers a group for as long as the calling component lives. What holds everywhere comes after
 * what holds on a page.
 */
export function useShortcuts(name: Words, shortcuts: Shortcut[], { everywhere = false } = {}) {
  const group = { name, shortcuts, everywhere };
  $effect(() => {
    untrack(() => {
      groups = [group, ...groups].toSorted((a, b) => Number(a.everywhere) - Number(b.everywhere));
    });
    return () => {
      groups = groups.filter((other) => other !== group);
    };
  });
}

/** Every key that does something now, the innermost first. */
export function shortcutGroups() {
  return groups.map(({ name, shortcuts }) => ({
    name: name(),
    shortcuts: shortcuts.map(({ key, also, does }) => ({ key, also, does: does() })),
  }));
}

const takesText =
  "textarea, select, [contenteditable], input:not([type='checkbox'], [type='radio'], [type='button'])";

/** Runs the shortcut of a key press, unless someone is typing or a dialog is open. */
export function runShortcut(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]"))
    return false;
  // Of a key like "?" the Shift is a part.
  if (event.key === "Shift") return false;
  if (event.ctrlKey || event.metaKey) {
    begin(undefined);
    return run(find(`ctrl+${event.key.toLowerCase()}`), event);
  }
  if (event.target instanceof Element && event.target.closest(takesText)) return false;
  const key = event.key.toLowerCase();
  const after = begun;
  begin(undefined);
  const shortcut = (after ? find(`${after} ${key}`) : undefined) ?? find(key);
  if (!shortcut && all().some((candidate) => candidate.key.startsWith(`${key} `))) {
    event.preventDefault();
    begin(key);
  }
  return run(shortcut, event);
}

function run(shortcut: Shortcut | undefined, event: KeyboardEvent): boolean {
  if (!shortcut) return false;
  event.preventDefault();
  shortcut.run();
  return true;
}

/** The first of two keys, while the second is awaited. */
let begun: string | undefined;
let forgetting: ReturnType<typeof setTimeout> | undefined;
const AWAITED_FOR_MS = 1_500;

function begin(key: string | undefined) {
  clearTimeout(forgetting);
  begun = key;
  if (key !== undefined) forgetting = setTimeout(() => (begun = undefined), AWAITED_FOR_MS);
}

function all(): Shortcut[] {
  return groups.flatMap(({ shortcuts }) => shortcuts);
}

function find(key: string): Shortcut | undefined {
  return all().find((candidate) => candidate.key === key || candidate.also === key);
}
