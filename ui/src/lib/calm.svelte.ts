import type { Problem } from "$host/host";
import { asProblem } from "./problem";

/**
 * Something that is read again whenever it may have changed, but not more often than every
 * `pause` milliseconds: a busy service changes many times a second. What was read last stays until
 * the next is there, so that nothing jumps.
 */
export class Calm<T> {
  value = $state.raw<T>();
  problem = $state.raw<Problem>();
  readonly #read: () => Promise<T>;
  readonly #pause: number;
  #turn = 0;
  #readAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;
  /** It changed while it was read. */
  #isStale = false;

  constructor(read: () => Promise<T>, pause: number) {
    this.#read = read;
    this.#pause = pause;
  }

  /** Reads now: something else is asked for. */
  now = () => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#go();
  };

  /** Reads soon: something may have changed. */
  soon = () => {
    if (this.#isReading) this.#isStale = true;
    if (this.#isReading || this.#timer !== undefined) return;
    const wait = Math.max(0, this.#readAt + this.#pause - Date.now());
    this.#timer = setTimeout(this.now, wait);
  };

  stop = () => {
    clearTimeout(this.#timer);
    this.#turn += 1;
    this.#isStale = false;
  };

  async #go() {
    this.#turn += 1;
    const mine = this.#turn;
    this.#readAt = Date.now();
    this.#isReading = true;
    this.#isStale = false;
    try {
      const value = await this.#read();
      if (mine !== this.#turn) return;
      this.value = value;
      this.problem = undefined;
    } catch (thrown) {
      if (mine === this.#turn) this.problem = asProblem(thrown);
    } finally {
      if (mine === this.#turn) {
        this.#isReading = false;
        if (this.#isStale) this.soon();
      }
    }
  }
}
