import { host } from "$host";
import type { Event, Filter, Problem } from "$host/host";
import { asProblem } from "$lib/problem";

const FIRST_PAGE = 100;
const PAGE = 500;
/** Bursts of changes are fetched together: at most one fetch in this time. */
const REFRESH_EVERY_MS = 200;

/**
 * The events that pass a filter, newest first, as far as they were fetched. What arrives while the
 * reader is further down waits, so that nothing moves under their eyes.
 */
export class EventLog {
  rows = $state.raw<readonly Event[]>([]);
  /** Newer than the first row, held back until the reader wants them. */
  waiting = $state.raw<readonly Event[]>([]);
  /** More arrived than one page holds: the first rows and the newest events don't meet. */
  gap = $state(false);
  /** There are older events than the last row. */
  more = $state(false);
  /** Nothing was fetched yet for this filter. */
  loading = $state(true);
  problem = $state.raw<Problem>();
  /** How many events pass the filter; undefined until counted. */
  total = $state<number>();

  #filter: Filter | undefined;
  /** Grows with every filter: answers to an earlier one are dropped. */
  #turn = 0;
  #atTop = true;
  #fetchingMore = false;
  #refreshing = false;
  #stale = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refreshedAt = 0;

  /** Begins anew with a filter. */
  async load(filter: Filter): Promise<void> {
    this.#filter = filter;
    this.#turn += 1;
    const turn = this.#turn;
    this.loading = true;
    this.problem = undefined;
    this.total = undefined;
    this.#fetchingMore = false;
    this.#stale = false;
    void this.#count(turn);
    try {
      const page = await host.events({ filter, before: null, limit: FIRST_PAGE });
      if (turn !== this.#turn) return;
      this.#begin(page.events, page.more);
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.#begin([], false);
      this.problem = asProblem(thrown);
    }
    this.loading = false;
    if (this.#stale) this.changed();
  }

  /** Fetches the page after the last row. */
  async loadMore(): Promise<void> {
    const last = this.rows.at(-1);
    if (!this.#filter || !this.more || this.#fetchingMore || this.loading || !last) return;
    this.#fetchingMore = true;
    const turn = this.#turn;
    try {
      const page = await host.events({ filter: this.#filter, before: last.id, limit: PAGE });
      if (turn !== this.#turn) return;
      this.rows = [...this.rows, ...page.events];
      this.more = page.more;
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.more = false;
      this.problem = asProblem(thrown);
    }
    this.#fetchingMore = false;
  }

  /** The local copy has other events than before. */
  changed(): void {
    this.#stale = true;
    if (this.#refreshing || this.#timer !== undefined || this.loading) return;
    const wait = Math.max(0, this.#refreshedAt + REFRESH_EVERY_MS - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#refresh();
    }, wait);
  }

  /** Whether the reader sees the first row: then new ones show at once. */
  set atTop(atTop: boolean) {
    this.#atTop = atTop;
    if (atTop && (this.waiting.length > 0 || this.gap)) this.showNew();
  }

  /** Puts what waits on top. */
  showNew(): void {
    if (this.gap) {
      this.#atTop = true;
      if (this.#filter) void this.load(this.#filter);
      return;
    }
    this.rows = [...this.waiting, ...this.rows];
    this.waiting = [];
  }

  stop(): void {
    this.#turn += 1;
    this.#stale = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #begin(rows: readonly Event[], more: boolean) {
    this.rows = rows;
    this.more = more;
    this.waiting = [];
    this.gap = false;
  }

  async #count(turn: number) {
    if (!this.#filter) return;
    try {
      const { events } = await host.countEvents(this.#filter, null);
      if (turn === this.#turn) this.total = events;
    } catch {
      // The page itself says what is wrong; without a count it stands, too.
    }
  }

  async #refresh() {
    if (!this.#filter || this.#refreshing) return;
    this.#refreshing = true;
    this.#stale = false;
    this.#refreshedAt = Date.now();
    const turn = this.#turn;
    try {
      await this.#fetchNew(this.#filter, turn);
    } catch (thrown) {
      if (turn === this.#turn) this.problem = asProblem(thrown);
    }
    this.#refreshing = false;
    if (this.#stale) this.changed();
  }

  async #fetchNew(filter: Filter, turn: number) {
    const known = () => this.waiting[0] ?? this.rows[0];
    for (const limit of [FIRST_PAGE, PAGE]) {
      const page = await host.events({ filter, before: null, limit });
      if (turn !== this.#turn) return;
      this.problem = undefined;
      const top = known();
      if (!top) {
        this.#begin(page.events, page.more);
        await this.#count(turn);
        return;
      }
      const index = page.events.findIndex((event) => event.id === top.id);
      if (index >= 0) {
        this.#add(page.events.slice(0, index));
        return;
      }
      if (page.more && limit !== PAGE) continue;
      await this.#count(turn);
      if (turn !== this.#turn) return;
      if (this.#atTop) this.#begin(page.events, page.more);
      else this.gap = true;
      return;
    }
  }

  #add(fresh: readonly Event[]) {
    if (fresh.length === 0) return;
    if (this.total !== undefined) this.total += fresh.length;
    if (this.#atTop) this.rows = [...fresh, ...this.rows];
    else this.waiting = [...fresh, ...this.waiting];
  }
}
