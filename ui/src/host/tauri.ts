import { commands, events } from "../generated/bindings";
import type { Host } from "./host";

/** The real host: the desktop core over Tauri. */
export const host: Host = {
  ...commands,
  onView: (take) => follow(events.view, take),
  onDataChanged: (take) => follow(events.dataChanged, take),
  onExportProgress: (take) => follow(events.exportProgress, take),
  onNavigate: (take) =>
    follow(events.navigate, ({ to }) => {
      take(to);
    }),
};

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
