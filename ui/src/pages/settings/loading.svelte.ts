import type { Problem } from "$host/host";
import { asProblem } from "$lib/problem";

/** Something that a section reads: its value, or why there is none. */
export class Loaded<T> {
  value = $state.raw<T>();
  problem = $state.raw<Problem>();
  #read: () => Promise<T>;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  async load() {
    try {
      this.value = await this.#read();
      this.problem = undefined;
    } catch (thrown) {
      this.problem = asProblem(thrown);
    }
  }
}

/** Something that a section does: whether it is under way, and why it failed. */
export class Doing {
  busy = $state(false);
  problem = $state.raw<Problem>();

  /** Whether it succeeded. */
  async do(action: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = undefined;
    try {
      await action();
      return true;
    } catch (thrown) {
      this.problem = asProblem(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
