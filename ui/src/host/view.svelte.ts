import { host } from "$host";
import type { View } from "./host";

let current = $state.raw<View>();

/** The frame's state as the core last pushed it; undefined before the first. */
export function view(): View | undefined {
  return current;
}

/** Whether the signed-in admin may change anything. */
export function mayChange(): boolean {
  return current?.admin !== null && current?.admin?.role !== "auditor";
}

/** Follows the core's state; the returned function stops that. */
export function followView(): () => void {
  const stop = host.onView((pushed) => {
    current = pushed;
  });
  void host.view().then((asked) => {
    current ??= asked;
  });
  return stop;
}
