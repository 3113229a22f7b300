import { host } from "$host";
import type { BackupJob, BackupsView, SnapshotList } from "$host/host";
import { Asked } from "$lib/asked.svelte";
import { Calm } from "$lib/calm.svelte";

const PAUSE_MS = 200;

/** How the backups stand, and which snapshots this computer holds. */
export class Standing {
  readonly view = new Calm<BackupsView>(() => host.backups(), PAUSE_MS);
  readonly list = new Asked<SnapshotList>(() => host.snapshots());

  /** Changes when there may be other snapshots here. */
  readonly listKey = $derived.by(() => {
    const mirror = this.view.value?.mirror;
    return mirror && `${mirror.state.kind === "off"} ${mirror.snapshots} ${mirror.complete_at}`;
  });

  get service() {
    return this.view.value?.service ?? undefined;
  }

  get mirrors(): boolean {
    const kind = this.view.value?.mirror.state.kind;
    return kind !== undefined && kind !== "off";
  }

  get indexes(): boolean {
    const kind = this.view.value?.index.state.kind;
    return kind !== undefined && kind !== "off";
  }

  /** A piece of work, running or over. */
  job(id: string | undefined): BackupJob | undefined {
    const { running, jobs = [], proofs = [] } = this.service ?? {};
    return [running, ...jobs, ...proofs].find((job) => job?.id === id) ?? undefined;
  }
}
