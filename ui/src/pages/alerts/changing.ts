import { host } from "$host";
import type { Alert, AlertState } from "$host/host";
import { asProblem } from "$lib/problem";
import { complain, say } from "$lib/toasts.svelte";

const done: Record<AlertState, string> = {
  open: "Opened again",
  acknowledged: "Acknowledged",
  resolved: "Resolved",
};

/** Changes an alert's state at once and offers to undo it; false if it did not work. */
export async function change(alert: Alert, state: AlertState, note?: string): Promise<boolean> {
  try {
    await host.changeAlert(alert.id, { state, note: note?.trim() || null });
  } catch (thrown) {
    complain(asProblem(thrown).message);
    return false;
  }
  say(`${done[state]}: ${alert.title}`, () => void back(alert));
  return true;
}

async function back(alert: Alert) {
  try {
    await host.changeAlert(alert.id, { state: alert.state, note: null });
  } catch (thrown) {
    complain(asProblem(thrown).message);
  }
}
