import { beforeEach, expect, it, vi } from "vitest";
import type { DataChanged, Event, Filter } from "$host/host";

const store = vi.hoisted(() => ({
  events: [] as Event[],
  asked: [] as { offset: number; limit: number }[],
  broken: false,
  /** Runs before an answer is made, as other tasks of the core do. */
  before: undefined as (() => void) | undefined,
}));

vi.mock("$host", () => {
  const all = (filter: Filter) =>
    filter.terms?.length ? store.events.filter((event) => passes(event, filter)) : store.events;
  const seq = (id: string) => Number(id.split(":")[1]);
  const answer = <T>(make: () => T): Promise<T> => {
    const before = store.before;
    store.before = undefined;
    before?.();
    return store.broken
      ? Promise.reject({ code: "internal", message: "Disk I/O error.", details: null })
      : Promise.resolve(make());
  };
  return {
    host: {
      eventsAt: (filter: Filter, offset: number, limit: number) => {
        store.asked.push({ offset, limit });
        return answer(() => ({
          events: all(filter).slice(offset, offset + limit),
          more: offset + limit < all(filter).length,
        }));
      },
      eventPosition: (filter: Filter, id: string) =>
        answer(() => all(filter).filter((event) => seq(event.id) > seq(id)).length),
      countEvents: async (filter: Filter, atMost: number | null) => {
        const counted = await answer(() => {
          const events = all(filter).length;
          return atMost !== null && events > atMost
            ? { events: atMost, exact: false }
            : { events, exact: true };
        });
        // To count all takes its time, and lacks what arrives meanwhile.
        if (atMost === null) await new Promise((resolve) => setTimeout(resolve, 300));
        return counted;
      },
      onDataChanged: (_: (changed: DataChanged) => void) => () => undefined,
    },
  };
});

const { EventLog } = await import("./log.svelte");

const all: Filter = { span: null, terms: [] };
const only = (words: string): Filter => ({
  span: null,
  terms: [{ not: false, test: { kind: "text", words } }],
});

function passes(event: Event, filter: Filter): boolean {
  return (filter.terms ?? []).every(
    ({ test }) => test.kind === "text" && event.id.includes(test.words),
  );
}

function started(seq: number): Event {
  return {
    id: `e:${seq}`,
    at: "2026-11-24T08:00:00Z",
    body: { type: "system", fact: "started", version: "1" },
  };
}

/** Writes events `from` up to `to` on top of the log. */
function write(from: number, to: number) {
  const fresh = Array.from({ length: to - from + 1 }, (_, index) => started(to - index));
  store.events = [...fresh, ...store.events];
}

const settled = () => vi.advanceTimersByTimeAsync(1_000);

async function opened(filter = all) {
  const log = new EventLog();
  await log.load(filter);
  log.want(0, 20);
  await settled();
  return log;
}

const ids = (log: InstanceType<typeof EventLog>, from = 0, until = log.total) =>
  Array.from({ length: until - from }, (_, index) => log.rowAt(from + index)?.id);

beforeEach(() => {
  vi.useFakeTimers();
  store.events = [];
  store.asked = [];
  store.broken = false;
  store.before = undefined;
});

it("knows its length at once as far as it is counted, and then exactly", async () => {
  write(1, 25_000);
  const log = new EventLog();
  const loading = log.load(all);
  expect(log.count).toBeUndefined();
  await loading;
  await vi.advanceTimersByTimeAsync(10);
  expect(log.count).toEqual({ events: 10_000, exact: false });
  await settled();
  expect(log.count).toEqual({ events: 25_000, exact: true });
  expect(log.total).toBe(25_000);
});

it("fetches what is in sight anywhere in the list, and what lies beside it", async () => {
  write(1, 100_000);
  const log = await opened();
  store.asked = [];
  log.want(70_010, 70_040);
  await settled();
  expect(ids(log, 70_010, 70_040)).toEqual(
    store.events.slice(70_010, 70_040).map((event) => event.id),
  );
  expect(store.asked.map(({ offset }) => offset)).toEqual([70_000, 70_200, 69_800]);
  log.want(99_990, 100_000);
  await settled();
  expect(log.rowAt(99_999)?.id).toBe("e:1");
  expect(log.total).toBe(100_000);
});

it("keeps no more than it must, and fetches again what it dropped", async () => {
  write(1, 100_000);
  const log = await opened();
  for (let row = 0; row < 100_000; row += 400) {
    log.want(row, row + 30);
    await settled();
  }
  expect(log.rowAt(0)).toBeUndefined();
  log.want(0, 30);
  await settled();
  expect(log.rowAt(0)?.id).toBe("e:100000");
});

it("asks only for where the reader stopped, not for all they passed", async () => {
  write(1, 100_000);
  const log = await opened();
  store.asked = [];
  for (let row = 0; row < 90_000; row += 900) log.want(row, row + 30);
  await settled();
  expect(store.asked.length).toBeLessThan(8);
  expect(log.rowAt(89_110)?.id).toBe("e:10890");
});

it("shows new events at once at the top, and counts them", async () => {
  write(1, 3);
  const log = await opened();
  write(4, 5);
  log.changed();
  await settled();
  expect(ids(log)).toEqual(["e:5", "e:4", "e:3", "e:2", "e:1"]);
  expect(log.count).toEqual({ events: 5, exact: true });
  expect(log.shift).toBe(2);
});

it.each(["before", "while"])(
  "counts each event once that arrives %s all are counted",
  async (when) => {
    write(1, 25_000);
    const log = new EventLog();
    await log.load(all);
    log.want(0, 20);
    if (when === "while") await vi.advanceTimersByTimeAsync(100);
    write(25_001, 25_050);
    await settled();
    log.changed();
    await settled();
    expect(log.count).toEqual({ events: 25_050, exact: true });
    expect(log.total).toBe(25_050);
  },
);

it("holds new events back while the reader is further down", async () => {
  write(1, 3);
  const log = await opened();
  log.follows = false;
  write(4, 5);
  log.changed();
  await settled();
  write(6, 6);
  log.changed();
  await settled();
  expect(ids(log)).toEqual(["e:3", "e:2", "e:1"]);
  expect(log.waiting).toBe(3);
  expect(log.count?.events).toBe(6);
  log.follows = true;
  expect(ids(log)).toEqual(["e:6", "e:5", "e:4", "e:3", "e:2", "e:1"]);
  expect(log.waiting).toBe(0);
});

it("keeps every row in its place while thousands arrive", async () => {
  write(1, 5_000);
  const log = await opened();
  log.follows = false;
  log.want(3_000, 3_030);
  await settled();
  write(5_001, 9_000);
  log.changed();
  await settled();
  expect(log.waiting).toBe(4_000);
  log.want(4_000, 4_030);
  await settled();
  expect(ids(log, 4_000, 4_003)).toEqual(["e:1000", "e:999", "e:998"]);
  log.showNew();
  log.want(0, 30);
  await settled();
  expect(ids(log, 0, 3)).toEqual(["e:9000", "e:8999", "e:8998"]);
  for (const row of [90, 250, 3_950, 4_100]) {
    log.want(row, row + 100);
    await settled();
    expect(ids(log, row, row + 100)).toEqual(
      store.events.slice(row, row + 100).map((event) => event.id),
    );
  }
  expect(log.total).toBe(9_000);
});

it("is not misled by events that arrive between question and answer", async () => {
  write(1, 5_000);
  const log = await opened();
  log.follows = false;
  store.before = () => {
    write(5_001, 5_007);
  };
  log.want(2_000, 2_030);
  await settled();
  log.changed();
  await settled();
  expect(log.waiting).toBe(7);
  expect(ids(log, 2_000, 2_030)).toEqual(store.events.slice(2_007, 2_037).map((event) => event.id));
});

it("follows a service restored from an older copy", async () => {
  write(1, 3);
  const log = await opened();
  store.events = [started(1)].map((event) => ({ ...event, id: "f:1" }));
  log.changed();
  await settled();
  expect(ids(log)).toEqual(["f:1"]);
  expect(log.count).toEqual({ events: 1, exact: true });
});

it("fetches a burst of changes together", async () => {
  write(1, 3);
  const log = await opened();
  const before = store.asked.length;
  for (let seq = 4; seq < 54; seq += 1) {
    write(seq, seq);
    log.changed();
  }
  await settled();
  expect(log.total).toBe(53);
  expect(store.asked.length - before).toBeLessThanOrEqual(3);
});

it("drops the answer to an earlier filter, and shows the former rows until the new ones come", async () => {
  write(1, 30);
  const log = await opened();
  const first = log.load(only("2"));
  expect(log.total).toBe(30);
  const second = log.load(only("30"));
  await Promise.all([first, second]);
  await settled();
  expect(ids(log)).toEqual(["e:30"]);
  expect(log.count).toEqual({ events: 1, exact: true });
});

it("finds an event that was not fetched, and none that doesn't pass", async () => {
  write(1, 5_000);
  const log = await opened();
  expect(await log.find("e:1000")).toBe(4_000);
  expect(log.rowOf("e:1000")).toBe(4_000);
  expect(await log.find("e:9999")).toBeUndefined();
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
  expect(log.total).toBe(2);
});

it("says that rows further down could not be read, and reads them on request", async () => {
  write(1, 5_000);
  const log = await opened();
  store.broken = true;
  log.want(3_000, 3_030);
  await settled();
  expect(log.problem?.message).toBe("Disk I/O error.");
  store.broken = false;
  log.retry();
  await settled();
  expect(log.problem).toBeUndefined();
  expect(log.rowAt(3_000)?.id).toBe("e:2000");
});

it("is not drawn anew for each part of a burst", async () => {
  write(1, 100);
  const log = await opened();
  const drawnIn = async (ms: number, arriving: number) => {
    let drawn = 0;
    for (let passed = 0; passed < ms; passed += 50) {
      const newest = store.events.length;
      write(newest + 1, newest + arriving);
      const before = log.rowAt(0);
      log.changed();
      await vi.advanceTimersByTimeAsync(50);
      if (log.rowAt(0) !== before) drawn += 1;
    }
    return drawn;
  };
  const few = await drawnIn(2_000, 1);
  expect(few).toBeGreaterThanOrEqual(9);
  await drawnIn(200, 8);
  const many = await drawnIn(2_000, 8);
  expect(many).toBeLessThanOrEqual(5);
  await settled();
  expect(log.rowAt(0)?.id).toBe(store.events[0]?.id);
  await drawnIn(1_000, 1);
  expect(await drawnIn(2_000, 1)).toBeGreaterThanOrEqual(9);
});
