import { untrack } from "svelte";

/** Keys of the current page. Pages and the shell register theirs; the `?` dialog lists them all. */
export interface Shortcut {
  /** `KeyboardEvent.key`, lowercased; shown in capitals where it is a letter. */
  key: string;
  does: string;
  run: () => void;
}

interface Group {
  name: string;
  shortcuts: Shortcut[];
}

let groups = $state.raw<Group[]>([]);

/** Registers a group for as long as the calling component lives. */
export function useShortcuts(name: string, shortcuts: Shortcut[]) {
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

export function shortcutGroups(): readonly Group[] {
  return groups;
}

const takesText = "input, textarea, select, [contenteditable]";

/** Runs the shortcut of a key press, unless someone is typing or a dialog is open. */
export function runShortcut(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.target instanceof Element && event.target.closest(takesText)) return false;
  if (document.querySelector("dialog[open]")) return false;
  const key = event.key.toLowerCase();
  for (const group of groups.toReversed()) {
    const shortcut = group.shortcuts.find((candidate) => candidate.key === key);
    if (!shortcut) continue;
    event.preventDefault();
    shortcut.run();
    return true;
  }
  return false;
}
