import { untrack } from "svelte";

/** Keys of the current page. Pages and the shell register theirs; the `?` dialog lists them all. */
export interface Shortcut {
  /** `KeyboardEvent.key`, lowercased; two keys one after the other with a space between: `g a`. */
  key: string;
  /** Another key for the same. */
  also?: string;
  does: Words;
  run: () => void;
}

/** Of what stays open while the language changes, words are asked for when they are shown. */
type Words = string | (() => string);

interface Group {
  name: Words;
  shortcuts: Shortcut[];
}

let groups = $state.raw<Group[]>([]);

/** Registers a group for as long as the calling component lives. */
export function useShortcuts(name: Words, shortcuts: Shortcut[]) {
  const group = { name, shortcuts };
  $effect(() => {
    untrack(() => {
      groups = [...groups, group];
    });
    return () => {
      groups = groups.filter((other) => other !== group);
    };
  });
}

export function shortcutGroups() {
  return groups.map(({ name, shortcuts }) => ({
    name: said(name),
    shortcuts: shortcuts.map((shortcut) => ({ ...shortcut, does: said(shortcut.does) })),
  }));
}

const said = (words: Words) => (typeof words === "string" ? words : words());

const takesText = "input, textarea, select, [contenteditable]";

/** Runs the shortcut of a key press, unless someone is typing or a dialog is open. */
export function runShortcut(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.target instanceof Element && event.target.closest(takesText)) return false;
  if (document.querySelector("dialog[open]")) return false;
  // Of a key like "?" the Shift is a part.
  if (event.key === "Shift") return false;
  const key = event.key.toLowerCase();
  const after = begun;
  begin(undefined);
  const shortcut = (after && find(`${after} ${key}`)) ?? find(key);
  if (shortcut) {
    event.preventDefault();
    shortcut.run();
  } else if (all().some((candidate) => candidate.key.startsWith(`${key} `))) {
    event.preventDefault();
    begin(key);
  }
  return shortcut !== undefined;
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

/** What was registered last comes first: a page's keys before the shell's. */
function all(): Shortcut[] {
  return groups.toReversed().flatMap(({ shortcuts }) => shortcuts);
}

function find(key: string): Shortcut | undefined {
  return all().find((candidate) => candidate.key === key || candidate.also === key);
}
