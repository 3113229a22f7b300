import { untrack } from "svelte";
import { revision } from "$host/changes.svelte";
import { Asked, Doing } from "$lib/asked.svelte";
import { asProblem } from "$lib/problem";

interface Versioned {
  version: number;
}

/**
 * Settings in a form. What somebody types stays while they change elsewhere, and can be saved over
 * what is there by then.
 */
export class SettingsForm<T extends Versioned, F extends object> {
  written = $state<F>();
  readonly asked: Asked<T>;
  readonly saving = new Doing();
  readonly isDirty = $derived.by(
    () =>
      this.#began !== undefined &&
      JSON.stringify(this.written) !== JSON.stringify(this.#writtenFrom(this.#began)),
  );
  #ask: () => Promise<T>;
  #writtenFrom: (from: T) => F;
  /** What is written over: the form was filled from it, or it came between. */
  #began = $state.raw<T>();

  constructor(ask: () => Promise<T>, writtenFrom: (from: T) => F) {
    this.#ask = ask;
    this.asked = new Asked(ask);
    this.#writtenFrom = writtenFrom;
  }

  /** Reads them, again whenever settings change. */
  follow() {
    revision("settings");
    untrack(() => void this.load());
  }

  load = async () => {
    await this.asked.load();
    const { value, problem } = this.asked;
    if (value && !problem && !this.isDirty) this.#fill(value);
  };

  /** Whether it succeeded. */
  save = (change: (written: F, version: number) => Promise<T>): Promise<boolean> =>
    this.saving.do(async () => {
      if (!this.written || !this.#began) return;
      try {
        const saved = await change($state.snapshot(this.written) as F, this.#began.version);
        this.asked.value = saved;
        this.#fill(saved);
      } catch (thrown) {
        if (asProblem(thrown).code === "stale")
          this.#began = await this.#ask().catch(() => this.#began);
        throw thrown;
      }
    });

  #fill(from: T) {
    this.#began = from;
    this.written = this.#writtenFrom(from);
  }
}
