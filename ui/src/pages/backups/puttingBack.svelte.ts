import { host } from "$host";
import type { PutBackUndo, RecordPreview, RecordRequest, StatePart } from "$host/host";
import { m } from "$messages";
import { asProblem } from "$lib/problem";
import { complain, say } from "$lib/toasts.svelte";
import { Asked } from "$lib/asked.svelte";
import { takeBack, type Confirmed, type WouldLockOut } from "../../parts/policy/saving.svelte";

/** What has an interface to be written; of admins there are secrets, the others are what happened. */
export const partsPutBack: readonly StatePart[] = [
  "accounts",
  "access_rules",
  "sending_limits",
  "known_networks",
  "blocks",
];

/** One record that is put back: previewed, confirmed, and taken back if need be. */
export class PuttingBack implements Confirmed {
  busy = $state(false);
  problem = $state<string>();
  stale = $state(false);
  locking = $state.raw<WouldLockOut>();
  readonly preview: Asked<RecordPreview>;
  readonly #record: RecordRequest;

  constructor(record: RecordRequest) {
    this.#record = record;
    this.preview = new Asked(() => host.recordPreview(record));
  }

  /** Whether it is in effect. */
  async put(confirmed = false): Promise<boolean> {
    const shown = this.preview.value;
    if (this.busy || !shown) return false;
    this.busy = true;
    this.problem = undefined;
    this.stale = false;
    try {
      const { version } = shown;
      const record = this.#record;
      const done = await host.putBackRecord({ record, version, confirm_lock_out: confirmed });
      this.locking = undefined;
      if (done.kind === "locks_out")
        this.locking = { lockOut: done.lock_out, minutes: done.minutes };
      else if (done.kind === "stale") {
        await this.preview.load();
        this.stale = true;
      } else {
        const { undo } = done;
        say(m.review_put_back_done(), undo ? () => void undone(undo) : undefined);
        return true;
      }
    } catch (thrown) {
      this.problem = asProblem(thrown).message;
    } finally {
      this.busy = false;
    }
    return false;
  }

  confirm = () => this.put(true);
}

async function undone(undo: PutBackUndo) {
  if (undo.kind === "policy") {
    await takeBack(undo.change);
    return;
  }
  try {
    await host.liftBlock(undo.id);
    say(m.policy_undone());
  } catch (thrown) {
    complain(asProblem(thrown).message);
  }
}
