import type { Problem } from "$host/host";
import { asProblem } from "./problem";

/** Something that only the service knows: its value, or why there is none. */
export class Asked<T> {
  value = $state.raw<T>();
  problem = $state.raw<Problem>();
  #ask: () => Promise<T>;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  load = async () => {
    try {
      this.value = await this.#ask();
      this.problem = undefined;
    } catch (thrown) {
      this.problem = asProblem(thrown);
    }
  };
}

/** Something that is done at the service: whether it is under way, and why it failed. */
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
