import { beforeEach, expect, it, vi } from "vitest";
import type { DataChanged, Event, EventQuery, Filter } from "$host/host";

const store = vi.hoisted(() => ({
  events: [] as Event[],
  asked: [] as EventQuery[],
  broken: false,
}));

vi.mock("$host", () => ({
  host: {
    events: (query: EventQuery) => {
      store.asked.push(query);
      if (store.broken)
        return Promise.reject({ code: "internal", message: "Disk I/O error.", details: null });
      const all = store.events.filter((event) => passes(event, query.filter));
      const from = query.before ? all.findIndex((event) => event.id === query.before) + 1 : 0;
      const events = all.slice(from, from + query.limit);
      return Promise.resolve({ events, more: from + query.limit < all.length });
    },
    countEvents: (filter: Filter) =>
      Promise.resolve({
        events: store.events.filter((event) => passes(event, filter)).length,
        exact: true,
      }),
    onDataChanged: (_: (changed: DataChanged) => void) => () => undefined,
  },
}));

const { EventLog } = await import("./log.svelte");

const all: Filter = { span: null, terms: [] };

const holding = (words: string): Filter => ({
  span: null,
  terms: [{ not: false, test: { kind: "text", words } }],
});

const passes = (event: Event, { terms = [] }: Filter = {}) =>
  terms.every(({ test }) => test.kind !== "text" || event.id.includes(test.words));

function started(seq: number): Event {
  return {
    id: `e:${seq}`,
    at: "2026-11-24T08:00:00Z",
    body: { type: "system", fact: "started", version: "1" },
  };
}

/** Writes events `from` up to `to` on top of the log. */
function write(from: number, to: number) {
  for (let seq = from; seq <= to; seq += 1) store.events.unshift(started(seq));
}

const settled = () => vi.advanceTimersByTimeAsync(1_000);

beforeEach(() => {
  vi.useFakeTimers();
  store.events = [];
  store.asked = [];
  store.broken = false;
});

it("fetches page after page, never more than 500 at once, and each event once", async () => {
  write(1, 1_234);
  const log = new EventLog();
  await log.load(all);
  await settled();
  expect(log.total).toBe(1_234);
  while (log.more) await Promise.all([log.loadMore(), log.loadMore()]);
  expect(log.rows.map((event) => event.id)).toEqual(store.events.map((event) => event.id));
  expect(Math.max(...store.asked.map((query) => query.limit))).toBe(500);
  expect(store.asked).toHaveLength(4);
});

it("shows new events at once at the top, and counts them", async () => {
  write(1, 3);
  const log = new EventLog();
  await log.load(all);
  await settled();
  write(4, 5);
  log.changed();
  await settled();
  expect(log.rows.map((event) => event.id)).toEqual(["e:5", "e:4", "e:3", "e:2", "e:1"]);
  expect(log.total).toBe(5);
});

it("holds new events back while the reader is further down", async () => {
  write(1, 3);
  const log = new EventLog();
  await log.load(all);
  await settled();
  log.atTop = false;
  write(4, 5);
  log.changed();
  await settled();
  write(6, 6);
  log.changed();
  await settled();
  expect(log.rows[0]?.id).toBe("e:3");
  expect(log.waiting.map((event) => event.id)).toEqual(["e:6", "e:5", "e:4"]);
  expect(log.total).toBe(6);
  log.atTop = true;
  expect(log.rows[0]?.id).toBe("e:6");
  expect(log.rows).toHaveLength(6);
  expect(log.waiting).toHaveLength(0);
});

it("begins anew when more arrived than a page holds", async () => {
  write(1, 3);
  const log = new EventLog();
  await log.load(all);
  await settled();
  log.atTop = false;
  write(4, 2_000);
  log.changed();
  await settled();
  expect(log.rows[0]?.id).toBe("e:3");
  expect(log.gap).toBe(true);
  expect(log.total).toBe(2_000);
  log.showNew();
  await settled();
  expect(log.gap).toBe(false);
  expect(log.rows[0]?.id).toBe("e:2000");
  expect(log.more).toBe(true);
});

it("follows a service restored from an older copy", async () => {
  write(1, 3);
  const log = new EventLog();
  await log.load(all);
  await settled();
  store.events = [started(1)].map((event) => ({ ...event, id: "f:1" }));
  log.changed();
  await settled();
  expect(log.rows.map((event) => event.id)).toEqual(["f:1"]);
  expect(log.total).toBe(1);
});

it("fetches a burst of changes together", async () => {
  write(1, 3);
  const log = new EventLog();
  await log.load(all);
  await settled();
  const before = store.asked.length;
  for (let seq = 4; seq < 54; seq += 1) {
    write(seq, seq);
    log.changed();
  }
  await settled();
  expect(log.rows).toHaveLength(53);
  expect(store.asked.length - before).toBeLessThanOrEqual(2);
});

it("drops the answer to an earlier filter", async () => {
  write(1, 30);
  const log = new EventLog();
  const first = log.load(all);
  const second = log.load(holding("30"));
  await Promise.all([first, second]);
  await settled();
  expect(log.rows.map((event) => event.id)).toEqual(["e:30"]);
  expect(log.total).toBe(1);
});

it("says what is wrong, and recovers", async () => {
  store.broken = true;
  const log = new EventLog();
  await log.load(all);
  expect(log.problem?.message).toBe("Disk I/O error.");
  expect(log.loading).toBe(false);
  store.broken = false;
  write(1, 2);
  log.changed();
  await settled();
  expect(log.problem).toBeUndefined();
  expect(log.rows).toHaveLength(2);
});
