import { m } from "$messages";
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

/** Why nothing can be changed now, in words; undefined if it can. */
export function obstacle(): string | undefined {
  if (!mayChange()) return m.words_obstacle_role();
  switch (current?.service?.link.kind) {
    case "offline":
      return m.words_obstacle_offline();
    case "connecting":
      return m.words_obstacle_connecting();
    case "signed_out":
      return m.words_obstacle_signed_out();
    case "live":
    case "catching_up":
    case undefined:
      return undefined;
  }
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
