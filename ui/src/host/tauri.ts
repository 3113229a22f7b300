import { commands, events } from "../generated/bindings";
import { askingAgain } from "./again.svelte";
import type { Host } from "./host";
import { aimAt, drawFor } from "./invoke";

/** The real host: the desktop core over Tauri. */
export const host: Host = {
  ...askingAgain(commands),
  onView: (take) => follow(events.view, take),
  onDataChanged: (take) => follow(events.dataChanged, take),
  onExportProgress: (take) => follow(events.exportProgress, take),
  onNavigate: (take) => follow(events.navigate, take),
  drawFor,
  at,
};

function at(service: string): typeof commands {
  const aimed = Object.entries(commands).map(([name, command]) => [
    name,
    (...args: unknown[]) =>
      aimAt(service, () => (command as (...args: unknown[]) => unknown)(...args)),
  ]);
  return askingAgain(Object.fromEntries(aimed) as typeof commands);
}

interface Pushed<T> {
  listen: (take: (event: { payload: T }) => void) => Promise<() => void>;
}

/** Listens until told to stop, also when that comes before listening began. */
function follow<T>(pushed: Pushed<T>, take: (payload: T) => void): () => void {
  const listening = pushed.listen(({ payload }) => {
    take(payload);
  });
  return () =>
    void listening.then((stop) => {
      stop();
    });
}
