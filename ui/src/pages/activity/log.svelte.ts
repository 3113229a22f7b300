import { host } from "$host";
import type { Event as LogEvent, EventFilter, Problem } from "$host/host";
import { asProblem } from "$lib/problem";

const PAGE = 200;
/** Beyond so many new events at once the list begins anew instead of growing on top. */
const CATCH_UP_PAGES = 5;

/** The events that match a filter, newest first, as far as they were read from the local copy. */
export class EventLog {
  rows = $state.raw<LogEvent[]>([]);
  more = $state(false);
  /** Before the first answer for this filter. */
  loading = $state(true);
  problem = $state.raw<Problem>();
  /** How many match in all; undefined until counted. */
  matching = $state<number>();

  #filter: () => EventFilter;
  /** Grows with every filter, so that a late answer to an older one is dropped. */
  #turn = 0;
  #reading = false;
  #again = false;

  constructor(filter: () => EventFilter) {
    this.#filter = filter;
  }

  /** Begins anew: for another filter, or after a failure. */
  async begin() {
    this.#turn += 1;
    this.loading = true;
    this.problem = undefined;
    this.matching = undefined;
    await this.#read(async (turn) => {
      const page = await this.#page(null);
      if (turn !== this.#turn) return undefined;
      return () => {
        this.rows = page.events;
        this.more = page.more;
        this.loading = false;
      };
    });
    void this.#count();
  }

  /** Reads further back. */
  async older() {
    const last = this.rows.at(-1);
    if (!last || !this.more || this.#reading) return;
    await this.#read(async (turn) => {
      const page = await this.#page(last.id);
      if (turn !== this.#turn) return undefined;
      return () => {
        this.rows = [...this.rows, ...page.events];
        this.more = page.more;
      };
    });
  }

  /** Puts what is new on top. Calls during a call make one more. */
  async refresh() {
    if (this.loading) return;
    if (this.#reading) {
      this.#again = true;
      return;
    }
    await this.#read(async (turn) => {
      const known = new Set(this.rows.slice(0, PAGE).map(({ id }) => id));
      const found: LogEvent[] = [];
      let before: string | null = null;
      for (let pages = 0; pages < CATCH_UP_PAGES; pages += 1) {
        const page = await this.#page(before);
        if (turn !== this.#turn) return undefined;
        const meets = page.events.findIndex(({ id }) => known.has(id));
        found.push(...(meets < 0 ? page.events : page.events.slice(0, meets)));
        if (meets >= 0)
          return () => {
            if (found.length > 0) this.rows = [...found, ...this.rows];
          };
        if (!page.more) break;
        before = page.events.at(-1)?.id ?? null;
      }
      // Nothing in common: a burst, or another history after a restore.
      return () => {
        this.rows = found;
        this.more = found.length >= PAGE;
      };
    });
    void this.#count();
  }

  #page(before: string | null) {
    return host.events({ filter: this.#filter(), before, limit: PAGE });
  }

  async #count() {
    const turn = this.#turn;
    try {
      const matching = await host.countEvents(this.#filter());
      if (turn === this.#turn) this.matching = matching;
    } catch {
      // The list itself says what is wrong.
    }
  }

  /** Reads, then shows: what is shown may ask for more at once, so reading is over by then. */
  async #read(action: (turn: number) => Promise<(() => void) | undefined>) {
    const turn = this.#turn;
    this.#reading = true;
    try {
      const show = await action(turn);
      this.#reading = false;
      if (turn === this.#turn) this.problem = undefined;
      show?.();
    } catch (thrown) {
      this.#reading = false;
      if (turn !== this.#turn) return;
      this.problem = asProblem(thrown);
      this.loading = false;
    }
    if (this.#again) {
      this.#again = false;
      await this.refresh();
    }
  }
}
