import type { commands, DataChanged, ExportProgress, View } from "../generated/bindings";

export type * from "../generated/bindings";

/**
 * What the desktop core does for a window: its commands, each of which rejects with a `Problem`,
 * and what it pushes. Only this folder knows how the core is reached.
 */
export type Host = typeof commands & {
  /** The frame's state, whenever it changes. The returned function stops listening. */
  onView: (take: (view: View) => void) => () => void;
  /** Which parts of the local copy changed. */
  onDataChanged: (take: (changed: DataChanged) => void) => () => void;
  /** How far an export is. */
  onExportProgress: (take: (progress: ExportProgress) => void) => () => void;
  /** A notification or the tray asks for a page. */
  onNavigate: (take: (to: string) => void) => () => void;
};
