import { m } from "$messages";
import { host } from "$host";
import type { BackupJob, BackupsView, NewBackupJob, SnapshotList } from "$host/host";
import { Asked, Doing } from "$lib/asked.svelte";
import { Calm } from "$lib/calm.svelte";
import { complain, say } from "$lib/toasts.svelte";
import { workName, workObstacle } from "./words";

const PAUSE_MS = 200;

/** How the backups stand, and which snapshots this computer holds. */
export class Standing {
  readonly view = new Calm<BackupsView>(() => host.backups(), PAUSE_MS);
  readonly list = new Asked<SnapshotList>(() => host.snapshots());
  readonly beginning = new Doing();

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

  /** Why no work can be begun now, in words. */
  get obstacle(): string | undefined {
    return workObstacle(this.view.value);
  }

  /** Begins work at the service, or says why that can't be. */
  async begin(job: NewBackupJob) {
    if (this.obstacle) {
      complain(this.obstacle);
      return;
    }
    const begun = await this.beginning.do(async () => {
      const { work } = await host.beginBackupJob(job);
      say(m.backups_begun({ work: workName(work) }));
      this.view.now();
    });
    if (!begun && this.beginning.problem) complain(this.beginning.problem.message);
  }
}
