import { host } from "$host";
import type { Count, Event, Filter, Problem } from "$host/host";
import { asProblem } from "$lib/problem";

/** Rows are fetched in pieces of so many. */
const PIECE = 200;
const FIRST_PIECE = 100;
const AT_MOST_KEPT = 60;
const AT_ONCE = 2;
/** So many can be counted while one waits; what is more is counted meanwhile. */
const COUNTED_AT_ONCE = 10_000;
/** Bursts of changes are fetched together: at most one fetch in this time. */
const REFRESH_EVERY_MS = 200;
/** So many at a time nobody reads: then the next wait longer, and the window has time for everything else. */
const BURST = 20;
const BURST_EVERY_MS = 500;
const RECOUNT_EVERY_MS = 10_000;

/**
 * The events that pass a filter, newest first, by their place: pieces of the list are fetched where the
 * reader is. What arrives while they are further down waits, so that nothing moves under their eyes.
 *
 * An event keeps its slot for as long as the list stands: 0 for the first row at the beginning, -1, -2…
 * for what arrived since. Its row is `slot + shift`, its place at the core `slot + shift + waiting`.
 */
export class EventLog {
  /** How many events arrived on top and are shown. */
  shift = $state(0);
  /** How many are newer than the first row, held back until the reader wants them. */
  waiting = $state(0);
  /** Nothing was fetched yet for this filter. */
  loading = $state(true);
  problem = $state.raw<Problem>();
  /** How many events pass the filter; undefined until known, not exact until all are counted. */
  count = $state.raw<Count>();

  /** How many are known to be there, with those that wait. */
  #length = $state(0);
  /** Grows whenever rows were fetched. */
  #version = $state(0);

  readonly #rows = new Map<number, Event>();
  readonly #slots = new Map<string, number>();
  /** Pieces that were fetched, by number, the one last wanted at the end; with when they were asked for. */
  readonly #pieces = new Map<number, number>();
  readonly #asking = new Set<number>();
  #wanted = { from: 0, until: 0 };
  #filter: Filter | undefined;
  #newest: string | undefined;
  /** Grows with every filter: answers to an earlier one are dropped. */
  #turn = 0;
  /** Grows with every question. */
  #questions = 0;
  /** The question that last told which event is the newest. */
  #confirmed = 0;
  /** How many events ever arrived: pieces asked for before an arrival may be off. */
  #arrived = 0;
  #follows = true;
  #refreshing = false;
  #stale = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refreshedAt = 0;
  #pause = REFRESH_EVERY_MS;
  #counting = false;
  #recount: ReturnType<typeof setTimeout> | undefined;

  /** How many rows the list has, fetched or not. */
  get total(): number {
    return this.#length - this.waiting;
  }

  /** The event at a row; undefined while it is not fetched. */
  rowAt(row: number): Event | undefined {
    void this.#version;
    return this.#rows.get(row - this.shift);
  }

  /** The row of an event; undefined if it is not among what was fetched, or held back. */
  rowOf(id: string): number | undefined {
    void this.#version;
    const slot = this.#slots.get(id);
    if (slot === undefined) return undefined;
    const row = slot + this.shift;
    return row >= 0 ? row : undefined;
  }

  /** Begins anew with a filter. */
  async load(filter: Filter): Promise<void> {
    this.#filter = filter;
    this.#turn += 1;
    const turn = this.#turn;
    this.loading = true;
    this.problem = undefined;
    this.count = undefined;
    this.#stale = false;
    this.#pause = REFRESH_EVERY_MS;
    try {
      const question = this.#ask();
      const page = await host.eventsAt(filter, 0, FIRST_PIECE);
      if (turn !== this.#turn) return;
      this.#begin(page.events, page.more, question);
      void this.#countAll(turn);
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.#clear();
      this.problem = asProblem(thrown);
    }
    this.loading = false;
    if (this.#stale) this.changed();
    this.#fetchWanted();
  }

  /** These rows are in sight. */
  want(from: number, until: number) {
    this.#wanted = { from, until };
    this.#fetchWanted();
  }

  /** The local copy has other events than before. */
  changed(): void {
    this.#stale = true;
    if (this.#refreshing || this.#timer !== undefined || this.loading) return;
    const wait = Math.max(0, this.#refreshedAt + this.#pause - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#refresh();
    }, wait);
  }

  /** Whether new events show at once. */
  set follows(follows: boolean) {
    this.#follows = follows;
    if (follows) this.showNew();
  }

  /** Puts what waits on top. */
  showNew(): void {
    this.shift += this.waiting;
    this.waiting = 0;
  }

  /** Finds an event in the list; undefined if it does not pass the filter. */
  async find(id: string): Promise<number | undefined> {
    const known = this.rowOf(id);
    if (known !== undefined || !this.#filter) return known;
    const turn = this.#turn;
    const place = await this.#placeOf(this.#filter, id).catch(() => undefined);
    if (place === undefined || turn !== this.#turn || place < this.waiting) return undefined;
    const row = place - this.waiting;
    this.#learnLength(place + 1);
    this.#slots.set(id, row - this.shift);
    this.#version += 1;
    return row;
  }

  stop(): void {
    this.#turn += 1;
    this.#stale = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#recount);
    this.#timer = undefined;
    this.#recount = undefined;
  }

  #clear() {
    this.#rows.clear();
    this.#slots.clear();
    this.#pieces.clear();
    this.#asking.clear();
    this.#wanted = { from: 0, until: 0 };
    this.#newest = undefined;
    this.#length = 0;
    this.shift = 0;
    this.waiting = 0;
    this.#version += 1;
  }

  #begin(events: readonly Event[], more: boolean, question: number) {
    this.#clear();
    this.#newest = events[0]?.id;
    this.#confirmed = question;
    this.#keep(0, events);
    if (!more) this.#pieces.set(0, question);
    this.#learnLength(events.length + (more ? 1 : 0), !more);
    if (this.count) this.#learnLength(this.count.events);
  }

  #ask(): number {
    this.#questions += 1;
    return this.#questions;
  }

  /** Of all events, so many are known to be there; `exactly` where the end was seen. */
  #learnLength(length: number, exactly = false) {
    if (!exactly) {
      this.#length = Math.max(this.#length, length);
      return;
    }
    this.#length = length;
    if (this.count?.exact) this.count = { events: length, exact: true };
  }

  #keep(slot: number, events: readonly Event[]) {
    for (const [index, event] of events.entries()) {
      const before = this.#rows.get(slot + index);
      if (before && before.id !== event.id) this.#slots.delete(before.id);
      this.#rows.set(slot + index, event);
      this.#slots.set(event.id, slot + index);
    }
    this.#version += 1;
  }

  /** Asks for the pieces in sight, then for those beside them. */
  #fetchWanted() {
    if (!this.#filter || this.loading) return;
    const first = Math.floor((this.#wanted.from - this.shift) / PIECE);
    const last = Math.floor(
      (Math.max(this.#wanted.from + 1, this.#wanted.until) - 1 - this.shift) / PIECE,
    );
    const inSight = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    for (const piece of [...inSight, last + 1, first - 1]) {
      if (this.#asking.size >= AT_ONCE) return;
      if (this.#isMissing(piece)) void this.#fetchPiece(piece, this.#filter);
    }
  }

  #isMissing(piece: number): boolean {
    if (this.#asking.has(piece)) return false;
    const asked = this.#pieces.get(piece);
    if (asked !== undefined) {
      // It was wanted again: it goes last.
      this.#pieces.delete(piece);
      this.#pieces.set(piece, asked);
      return false;
    }
    return (
      this.#offset(piece * PIECE + PIECE - 1) >= 0 && this.#offset(piece * PIECE) < this.#length
    );
  }

  /** Where the core has what stands in a slot. */
  #offset(slot: number): number {
    return slot + this.shift + this.waiting;
  }

  async #fetchPiece(piece: number, filter: Filter) {
    const turn = this.#turn;
    const arrived = this.#arrived;
    const question = this.#ask();
    const from = Math.max(0, this.#offset(piece * PIECE));
    const slot = from - this.#offset(0);
    const limit = (piece + 1) * PIECE - slot;
    this.#asking.add(piece);
    try {
      const page = await host.eventsAt(filter, from, limit);
      if (turn !== this.#turn) return;
      this.problem = undefined;
      this.#asking.delete(piece);
      // What arrived meanwhile has moved the places: ask again.
      if (arrived === this.#arrived) {
        this.#keep(slot, page.events);
        this.#pieces.set(piece, question);
        if (!page.more) this.#learnLength(from + page.events.length, true);
        else this.#learnLength(from + page.events.length + 1);
        this.#forget();
      }
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.#asking.delete(piece);
      this.problem = asProblem(thrown);
      return;
    }
    this.#fetchWanted();
  }

  /** Drops the pieces that were wanted longest ago. */
  #forget() {
    for (const [piece] of this.#pieces) {
      if (this.#pieces.size <= AT_MOST_KEPT) return;
      this.#pieces.delete(piece);
      for (let slot = piece * PIECE; slot < (piece + 1) * PIECE; slot += 1) {
        const event = this.#rows.get(slot);
        if (event) this.#slots.delete(event.id);
        this.#rows.delete(slot);
      }
    }
  }

  /** Asks again for what could not be fetched. */
  retry() {
    this.problem = undefined;
    this.#fetchWanted();
  }

  async #countAll(turn: number) {
    const filter = this.#filter;
    if (!filter) return;
    this.#counting = true;
    const [newest, arrived] = [this.#newest, this.#arrived];
    const newer = async () => (newest === undefined ? 0 : host.eventPosition(filter, newest));
    let isSettled = true;
    try {
      // What the core has and has not told of yet is not to be counted twice.
      let untold = await newer();
      // The first answer comes soon, the exact one when it comes.
      const soon = this.count ? undefined : await host.countEvents(filter, COUNTED_AT_ONCE);
      if (turn !== this.#turn) return;
      if (soon && !soon.exact) this.#take(soon, arrived);
      if (!soon?.exact) untold = await newer();
      const all = soon?.exact ? soon : await host.countEvents(filter, null);
      isSettled = untold === (await newer());
      if (turn !== this.#turn) return;
      this.#take({ events: all.events - untold, exact: true }, arrived);
    } catch {
      // The list itself says what is wrong; without a count it stands, too.
    }
    if (turn !== this.#turn) return;
    this.#counting = false;
    if (!isSettled) this.#countLater();
  }

  /** `arrived`: how many had arrived when the count was asked for; it lacks what came since. */
  #take({ events, exact }: Count, arrived: number) {
    const length = events + this.#arrived - arrived;
    this.count = { events: length, exact };
    if (exact && !this.loading) this.#length = length;
    else this.#learnLength(length);
  }

  /** What was counted while events arrived, or of a time that moves on, is counted once more. */
  #countLater() {
    if (this.#recount !== undefined || this.#counting) return;
    const turn = this.#turn;
    this.#recount = setTimeout(() => {
      this.#recount = undefined;
      if (turn === this.#turn) void this.#countAll(turn);
    }, RECOUNT_EVERY_MS);
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
    const question = this.#ask();
    const page = await host.eventsAt(filter, 0, FIRST_PIECE);
    if (turn !== this.#turn) return;
    this.problem = undefined;
    const newest = this.#newest;
    const first = page.events[0];
    if (newest === undefined || first === undefined) {
      this.#begin(page.events, page.more, question);
      void this.#countAll(turn);
      return;
    }
    const index = page.events.findIndex((event) => event.id === newest);
    const arrived =
      index >= 0 ? index : await this.#distance(filter, { from: first.id, to: newest });
    if (turn !== this.#turn) return;
    if (arrived === undefined) {
      // The log is another one than before, as after a restored copy.
      this.#begin(page.events, page.more, question);
      void this.#countAll(turn);
      return;
    }
    this.#pause = arrived < BURST ? REFRESH_EVERY_MS : BURST_EVERY_MS;
    if (arrived > 0) this.#add(arrived, page.events.slice(0, arrived), question);
    this.#confirmed = question;
    this.#newest = first.id;
    if (filter.span?.kind === "last") this.#countLater();
    this.#fetchWanted();
  }

  /** Where an event stands, counted from the newest; undefined if it does not pass. */
  async #placeOf(filter: Filter, id: string): Promise<number | undefined> {
    const place = await host.eventPosition(filter, id);
    const { events } = await host.eventsAt(filter, place, 1);
    return events[0]?.id === id ? place : undefined;
  }

  /** How many events lie between two; undefined if one is not there. */
  async #distance(filter: Filter, { from, to }: { from: string; to: string }) {
    for (let tries = 0; tries < 3; tries += 1) {
      const place = await this.#placeOf(filter, to);
      const top = await host.eventPosition(filter, from);
      // Nothing arrived between the answers.
      if (place !== undefined && place === (await host.eventPosition(filter, to)))
        return place - top;
    }
    return undefined;
  }

  #add(arrived: number, fresh: readonly Event[], question: number) {
    this.#arrived += arrived;
    const top = -this.#offset(0);
    for (const [piece, asked] of this.#pieces) {
      // Asked for after the last look at the top: perhaps already moved.
      const isOff = asked > this.#confirmed && asked !== question;
      // Between what is known on top and what was there before, events are missing.
      const hasHole = fresh.length < arrived && piece === Math.floor((top - 1) / PIECE);
      if (isOff || hasHole) this.#pieces.delete(piece);
    }
    this.#length += arrived;
    if (this.count) this.count = { ...this.count, events: this.count.events + arrived };
    this.#keep(top - arrived, fresh);
    if (this.#follows) this.shift += arrived;
    else this.waiting += arrived;
  }
}
