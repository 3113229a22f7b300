import { host } from "$host";
import type { LockOut, PolicyChange } from "$host/host";
import { m } from "$messages";
import { asProblem } from "$lib/problem";
import { complain, say } from "$lib/toasts.svelte";

/** Whom something would lock out. */
export interface WouldLockOut {
  lockOut: LockOut;
  minutes: number;
}

/** What is done although it locks somebody out, after a yes. */
export interface Confirmed {
  busy: boolean;
  problem: string | undefined;
  stale: boolean;
  locking: WouldLockOut | undefined;
  confirm: () => Promise<boolean>;
}

/** A change that would lock somebody out, and waits for a yes. */
export interface Locking extends WouldLockOut {
  change: PolicyChange;
  said: string;
}

/** Changes rules and limits: at once, with an undo; what locks somebody out is asked about first. */
export class Saving {
  busy = $state(false);
  /** Why nothing was saved, in words. */
  problem = $state<string>();
  /** Somebody else changed it meanwhile. */
  stale = $state(false);
  locking = $state.raw<Locking>();

  /** Whether it is in effect. `said` tells what was done. */
  async save(change: PolicyChange, said: string): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = undefined;
    this.stale = false;
    try {
      const saved = await host.savePolicy(change);
      if (saved.kind === "stale") this.stale = true;
      else if (saved.kind === "locks_out")
        this.locking = { lockOut: saved.lock_out, minutes: saved.minutes, change, said };
      else {
        this.locking = undefined;
        if (saved.trial) say(said);
        else say(said, () => void takeBack(saved.undo));
        return true;
      }
    } catch (thrown) {
      this.problem = asProblem(thrown).message;
    } finally {
      this.busy = false;
    }
    return false;
  }

  /** Does what waits for a yes. */
  confirm(): Promise<boolean> {
    const { locking } = this;
    if (!locking) return Promise.resolve(false);
    return this.save({ ...locking.change, confirm_lock_out: true }, locking.said);
  }
}

/** Saves from where no form stands: says as a toast what keeps it from being done. */
export async function saveAtOnce(saving: Saving, change: PolicyChange, said: string) {
  const done = await saving.save(change, said);
  if (saving.stale) complain(m.policy_stale());
  if (saving.problem) complain(saving.problem);
  saving.stale = false;
  saving.problem = undefined;
  return done;
}

/** Does what takes a change back, and says so. */
export async function takeBack(change: PolicyChange) {
  try {
    const saved = await host.savePolicy(change);
    if (saved.kind === "done") say(m.policy_undone());
    else if (saved.kind === "stale") complain(m.policy_stale());
    else complain(m.policy_undo_locks_out());
  } catch (thrown) {
    complain(asProblem(thrown).message);
  }
}
