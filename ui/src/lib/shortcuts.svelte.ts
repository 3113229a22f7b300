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

const groups = $state<Group[]>([]);

/** Registers a group for as long as the calling component lives. */
export function useShortcuts(name: string, shortcuts: Shortcut[]) {
  $effect(() => {
    const group = { name, shortcuts };
    groups.push(group);
    return () => {
      const index = groups.findIndex((candidate) => candidate.name === name);
      if (index >= 0) groups.splice(index, 1);
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
