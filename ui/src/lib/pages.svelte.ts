import type { Problem } from "$host/host";
import { asProblem } from "./problem";

const PAGE = 100;

/** How long nobody asked for anything else before a long list is counted. */
const PAUSE_MS = 150;

/** A part of a list, and how long the list is. */
export interface Part<Row> {
  rows: readonly Row[];
  total: number;
  /** The list is longer than `total`. */
  more?: boolean;
}

/** A list of any length, of which only what is in sight is fetched. */
export class Pages<Row, Question> {
  total = $state<number>();
  /** The list is longer than `total`, which is being counted. */
  more = $state(false);
  problem = $state.raw<Problem>();
  #pages = $state.raw<ReadonlyMap<number, readonly Row[]>>(new Map());
  #asked: Question | undefined;
  readonly #read: (asked: Question, offset: number, limit: number) => Promise<Part<Row>>;
  readonly #count: ((asked: Question) => Promise<number>) | undefined;
  #counting: ReturnType<typeof setTimeout> | undefined;
  /** Grows with every question; an answer to an older one is dropped. */
  #question = 0;
  #underWay = new Set<number>();
  #sight = { from: 0, until: PAGE };

  constructor(
    read: (asked: Question, offset: number, limit: number) => Promise<Part<Row>>,
    count?: (asked: Question) => Promise<number>,
  ) {
    this.#read = read;
    this.#count = count;
  }

  rowAt = (index: number): Row | undefined =>
    this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];

  /** Where a row stands, if it is among what was fetched. */
  indexOf(is: (row: Row) => boolean): number | undefined {
    for (const [page, rows] of this.#pages) {
      const index = rows.findIndex(is);
      if (index >= 0) return page * PAGE + index;
    }
    return undefined;
  }

  /**
   * Asks anew; what was found before stays in sight until the answer is there. Whether that was shown: nothing else
   * was asked meanwhile, and it could be answered.
   */
  async ask(asked: Question): Promise<boolean> {
    this.#asked = asked;
    this.#question += 1;
    this.#underWay.clear();
    clearTimeout(this.#counting);
    const { from, until } = this.#sight;
    const wanted = pagesOf(from, until);
    return this.#fetch(wanted, true);
  }

  /** These rows are in sight or about to be. */
  want = (from: number, until: number) => {
    this.#sight = { from, until };
    const missing = pagesOf(from, until).filter(
      (page) => !this.#pages.has(page) && !this.#underWay.has(page),
    );
    if (this.#asked !== undefined && this.total !== undefined && missing.length > 0)
      void this.#fetch(missing, false);
  };

  async #fetch(pages: readonly number[], anew: boolean): Promise<boolean> {
    const question = this.#question;
    const asked = this.#asked;
    if (asked === undefined) return false;
    for (const page of pages) this.#underWay.add(page);
    try {
      const lists = await Promise.all(pages.map((page) => this.#read(asked, page * PAGE, PAGE)));
      if (question !== this.#question) return false;
      const known = new Map(anew ? [] : this.#pages);
      lists.forEach((list, index) => known.set(pages[index] ?? 0, list.rows));
      this.#pages = known;
      this.problem = undefined;
      const { total = 0, more = false } = lists[0] ?? {};
      // What was counted since stays.
      if (more && !anew) return true;
      this.total = total;
      this.more = more;
      if (more) this.#counting = setTimeout(() => void this.#countAll(asked), PAUSE_MS);
      return true;
    } catch (thrown) {
      if (question === this.#question) this.problem = asProblem(thrown);
      return false;
    } finally {
      if (question === this.#question) for (const page of pages) this.#underWay.delete(page);
    }
  }

  async #countAll(asked: Question) {
    const question = this.#question;
    // Uncounted, it still says that there are more.
    const total = await this.#count?.(asked).catch(() => undefined);
    if (total === undefined || question !== this.#question) return;
    this.total = total;
    this.more = false;
  }
}

function pagesOf(from: number, until: number): number[] {
  const first = Math.floor(Math.max(0, from) / PAGE);
  const last = Math.floor(Math.max(from, until - 1) / PAGE);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
