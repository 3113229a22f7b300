import { host } from "$host";
import type { FactorCounts, FactorPerson, Problem } from "$host/host";
import { asProblem } from "$lib/problem";
import type { Asked } from "./query";

/** People as the service tells of them, a page after the other. */
export class People {
  rows = $state.raw<readonly FactorPerson[]>([]);
  counts = $state.raw<FactorCounts>();
  problem = $state.raw<Problem>();
  /** Where the next page begins. */
  next = $state.raw<string | null>(null);
  #asked: Asked = { text: "", missing: false };
  /** Grows with every question; an answer to an older one is dropped. */
  #question = 0;
  #reading = false;

  /** Asks anew; what was found before stays in sight until the answer is there. */
  async ask(asked: Asked) {
    this.#asked = asked;
    await this.#read(null);
  }

  again = () => this.#read(null);

  more = async () => {
    if (this.next !== null && !this.#reading) await this.#read(this.next);
  };

  async #read(cursor: string | null) {
    this.#question += 1;
    const question = this.#question;
    this.#reading = true;
    try {
      const { counts, people, next } = await host.factorCoverage({ ...this.#asked, cursor });
      if (question !== this.#question) return;
      this.rows = cursor === null ? people : [...this.rows, ...people];
      this.counts = counts;
      this.next = next;
      this.problem = undefined;
    } catch (thrown) {
      if (question === this.#question) this.problem = asProblem(thrown);
    } finally {
      if (question === this.#question) this.#reading = false;
    }
  }
}
