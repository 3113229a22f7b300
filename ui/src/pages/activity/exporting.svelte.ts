import { m } from "$messages";
import { host } from "$host";
import type { ExportProgress, ExportRequest } from "$host/host";
import { complain, say } from "$lib/toasts.svelte";

/** The export under way; it goes on when the reader leaves the page. */
let current = $state.raw<ExportProgress>();
let cancelling = $state(false);
let stop: (() => void) | undefined;

export function exportUnderWay(): ExportProgress | undefined {
  return current;
}

export function isCancelling(): boolean {
  return cancelling;
}

/** Begins an export; rejects with a problem if it can't begin. */
export async function startExport(request: ExportRequest): Promise<void> {
  let id: string | undefined;
  // It may tell how far it is before its name is known here.
  const early: ExportProgress[] = [];
  const unlisten = host.onExportProgress((progress) => {
    if (id === undefined) early.push(progress);
    else if (progress.id === id) take(progress);
  });
  try {
    id = await host.exportEvents(request);
  } catch (thrown) {
    unlisten();
    throw thrown;
  }
  stop = unlisten;
  cancelling = false;
  current = { id, written: 0, total: 0, state: { kind: "running" } };
  for (const progress of early) if (progress.id === id) take(progress);
}

export function cancelExport() {
  if (!current) return;
  cancelling = true;
  host.cancelExport(current.id).catch(() => (cancelling = false));
}

function take(progress: ExportProgress) {
  const { state } = progress;
  if (state.kind === "running") {
    current = progress;
    return;
  }
  current = undefined;
  cancelling = false;
  stop?.();
  stop = undefined;
  if (state.kind === "done") say(m.activity_export_done({ path: state.path }));
  else if (state.kind === "cancelled") say(m.activity_export_cancelled());
  else complain(m.activity_export_failed({ why: state.problem.message }));
}
