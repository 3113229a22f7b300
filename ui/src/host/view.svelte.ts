import { m } from "$messages";
import { host } from "$host";
import { go } from "$lib/router.svelte";
import { dismissUndoable } from "$lib/toasts.svelte";
import type { ServiceView, View } from "./host";

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
  return mayChange() ? unreachable() : m.words_obstacle_role();
}

/** The same for what only owners of the service change. */
export function ownersObstacle(): string | undefined {
  return obstacle() ?? (current?.admin?.role === "owner" ? undefined : m.words_obstacle_owners());
}

/** Why the service can't be asked for anything now, in words; undefined if it can. */
export function unreachable(): string | undefined {
  switch (current?.service?.link.kind) {
    case "offline":
      return m.words_obstacle_offline();
    case "connecting":
      return m.words_obstacle_connecting();
    case "refused_here":
      return m.words_obstacle_refused_here();
    case "signed_out":
      return m.words_obstacle_signed_out();
    case "certificate_changed":
      return m.services_obstacle_certificate();
    case "live":
    case "catching_up":
    case undefined:
      return undefined;
  }
}

/** All services of this console. */
export function services(): readonly ServiceView[] {
  return current?.services ?? [];
}

/** Whether names of services tell something. */
export function hasSeveral(): boolean {
  return services().length > 1;
}

/** Shows a service, at a page of its own. */
export async function show(service: string, to?: string) {
  if (current?.service?.id !== service) {
    await host.switchService(service);
    take(await host.view());
  }
  if (to !== undefined) go(`#${to.startsWith("/") ? to : `/${to}`}`);
}

function take(pushed: View) {
  // What can still be undone was done at another service.
  if (current?.service && current.service.id !== pushed.service?.id) dismissUndoable();
  host.drawFor(pushed.service?.id ?? null);
  current = pushed;
}

/** Follows the core's state; the returned function stops that. */
export function followView(): () => void {
  const stop = host.onView(take);
  void host.view().then((asked) => {
    if (current === undefined) take(asked);
  });
  return stop;
}
