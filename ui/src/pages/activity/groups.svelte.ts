import { host } from "$host";
import type { Filter, Group, GroupBy, GroupOrder, Problem } from "$host/host";
import { asProblem } from "$lib/problem";

const PAGE = 100;
const AT_MOST = 500;
/** To group a long log takes its time: not with every event. */
const REFRESH_EVERY_MS = 2_000;

interface Asked {
  filter: () => Filter;
  by: GroupBy;
  order: GroupOrder;
}

/** The events that pass a filter, counted by account, network or hour. */
export class EventGroups {
  rows = $state.raw<readonly Group[]>([]);
  more = $state(false);
  loading = $state(true);
  problem = $state.raw<Problem>();

  #asked: Asked | undefined;
  #turn = 0;
  #fetching = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fetchedAt = 0;

  async load(asked: Asked): Promise<void> {
    if (this.#asked?.by !== asked.by) this.rows = [];
    this.#asked = asked;
    this.#turn += 1;
    this.loading = true;
    await this.#fetch(PAGE);
    this.loading = false;
  }

  async loadMore(): Promise<void> {
    const asked = this.#asked;
    if (!asked || !this.more || this.#fetching || this.loading) return;
    this.#fetching = true;
    const turn = this.#turn;
    try {
      const { filter, by, order } = asked;
      const page = await host.eventGroups({
        filter: filter(),
        by,
        order,
        limit: PAGE,
        offset: this.rows.length,
      });
      if (turn === this.#turn) {
        const known = new Set(this.rows.map(({ key }) => key));
        this.rows = [...this.rows, ...page.groups.filter(({ key }) => !known.has(key))];
        this.more = page.more;
      }
    } catch (thrown) {
      if (turn === this.#turn) this.problem = asProblem(thrown);
    }
    this.#fetching = false;
  }

  /** The local copy has other events than before. */
  changed(): void {
    if (!this.#asked || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        void this.#fetch(Math.min(AT_MOST, Math.max(PAGE, this.rows.length)));
      },
      Math.max(0, this.#fetchedAt + REFRESH_EVERY_MS - Date.now()),
    );
  }

  stop(): void {
    this.#turn += 1;
    this.#asked = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #fetch(limit: number) {
    const asked = this.#asked;
    if (!asked) return;
    const turn = this.#turn;
    this.#fetchedAt = Date.now();
    try {
      const { filter, by, order } = asked;
      const page = await host.eventGroups({ filter: filter(), by, order, limit, offset: 0 });
      if (turn !== this.#turn) return;
      this.rows = page.groups;
      this.more = page.more;
      this.problem = undefined;
    } catch (thrown) {
      if (turn === this.#turn) this.problem = asProblem(thrown);
    }
  }
}
