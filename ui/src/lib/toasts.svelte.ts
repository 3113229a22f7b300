/** Short messages at the edge of the window; what can be undone carries its undo. */
export interface Toast {
  id: number;
  text: string;
  tone: "good" | "critical";
  undo?: () => void;
}

const visible = $state<Toast[]>([]);
const timers = new Map<number, ReturnType<typeof setTimeout>>();
let last = 0;

const SHOWN_FOR_MS = 5_000;
const SHOWN_WITH_UNDO_FOR_MS = 12_000;

export function toasts(): readonly Toast[] {
  return visible;
}

function show(toast: Omit<Toast, "id">): number {
  last += 1;
  visible.push({ ...toast, id: last });
  resume(last);
  return last;
}

export function say(text: string, undo?: () => void): number {
  return show({ text, tone: "good", ...(undo ? { undo } : {}) });
}

export function complain(text: string): number {
  return show({ text, tone: "critical" });
}

export function dismiss(id: number) {
  pause(id);
  const index = visible.findIndex((toast) => toast.id === id);
  if (index >= 0) visible.splice(index, 1);
}

export function dismissUndoable() {
  for (const { id, undo } of [...visible]) if (undo) dismiss(id);
}

/** Holds a toast for as long as someone points at it. */
export function pause(id: number) {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

export function resume(id: number) {
  const toast = visible.find((candidate) => candidate.id === id);
  if (!toast) return;
  pause(id);
  const shownFor = toast.undo || toast.tone === "critical" ? SHOWN_WITH_UNDO_FOR_MS : SHOWN_FOR_MS;
  timers.set(
    id,
    setTimeout(() => {
      dismiss(id);
    }, shownFor),
  );
}
