import type { commands, DataChanged, ExportProgress, Navigate, View } from "../generated/bindings";

export type * from "../generated/bindings";
export { riskThresholds } from "../generated/bindings";

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
  onNavigate: (take: (page: Navigate) => void) => () => void;
  /** The service that commands act on: the one that the pages are drawn for. */
  drawFor: (service: string | null) => void;
  /** The commands at a service, whichever the pages are drawn for. */
  at: (service: string) => typeof commands;
};
