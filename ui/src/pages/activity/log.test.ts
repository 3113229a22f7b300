import { beforeEach, expect, it, vi } from "vitest";
import type { Event as LogEvent, EventFilter, EventQuery } from "$host/host";
import { EventLog } from "./log.svelte";

const core = vi.hoisted(() => ({ events: vi.fn(), countEvents: vi.fn() }));
vi.mock("$host", () => ({ host: core }));

const everything: EventFilter = {
  from: null,
  until: null,
  account: null,
  network: null,
  protocols: [],
  outcomes: [],
  kinds: [],
  text: null,
};

const event = (seq: number, epoch = "e"): LogEvent => ({
  id: `${epoch}:${seq}`,
  at: "2026-11-24T12:00:00Z",
  body: { type: "system", fact: "stopped" },
});

/** The local copy, newest first. */
let copy: LogEvent[];

beforeEach(() => {
  copy = Array.from({ length: 450 }, (_, index) => event(450 - index));
  core.events.mockImplementation(({ before, limit }: EventQuery) => {
    const from = before === null ? 0 : copy.findIndex(({ id }) => id === before) + 1;
    return Promise.resolve({
      events: copy.slice(from, from + limit),
      more: from + limit < copy.length,
    });
  });
  core.countEvents.mockImplementation(() => Promise.resolve(copy.length));
});

const seqs = (log: EventLog) => log.rows.map(({ id }) => Number(id.split(":")[1]));
const unbroken = (log: EventLog) =>
  seqs(log).every((seq, index) => seq === (seqs(log)[0] ?? 0) - index);

it("reads page after page to the end, without gap or repetition", async () => {
  const log = new EventLog(() => everything);
  await log.begin();
  expect(log.rows).toHaveLength(200);
  await log.older();
  await log.older();
  expect(log.rows).toHaveLength(450);
  expect(log.more).toBe(false);
  expect(unbroken(log)).toBe(true);
  await log.older();
  expect(log.rows).toHaveLength(450);
});

it("puts what is new on top, also when it is more than a page", async () => {
  const log = new EventLog(() => everything);
  await log.begin();
  copy = [...Array.from({ length: 330 }, (_, index) => event(780 - index)), ...copy];
  await log.refresh();
  expect(log.rows).toHaveLength(530);
  expect(seqs(log)[0]).toBe(780);
  expect(unbroken(log)).toBe(true);
});

it("begins anew after a burst that it can't catch up with, and after a restore", async () => {
  const log = new EventLog(() => everything);
  await log.begin();
  copy = [...Array.from({ length: 5_000 }, (_, index) => event(5_450 - index)), ...copy];
  await log.refresh();
  expect(unbroken(log)).toBe(true);
  expect(log.more).toBe(true);
  copy = [event(3, "f"), event(2, "f"), event(1, "f")];
  await log.refresh();
  expect(log.rows.map(({ id }) => id)).toEqual(["f:3", "f:2", "f:1"]);
});

it("makes one more round for changes during a round, and loses none", async () => {
  const log = new EventLog(() => everything);
  await log.begin();
  copy = [event(451), ...copy];
  const first = log.refresh();
  copy = [event(452), ...copy];
  void log.refresh();
  void log.refresh();
  await first;
  expect(seqs(log)[0]).toBe(452);
  expect(core.events).toHaveBeenCalledTimes(3);
});

it("drops a late answer to an older filter", async () => {
  let answerLate: (() => void) | undefined;
  core.events.mockImplementationOnce(
    () =>
      new Promise((resolve) => {
        answerLate = () => {
          resolve({ events: [event(1, "late")], more: false });
        };
      }),
  );
  const log = new EventLog(() => everything);
  const first = log.begin();
  await log.begin();
  answerLate?.();
  await first;
  expect(log.rows[0]?.id).toBe("e:450");
});

it("keeps what it shows when reading fails, and says why", async () => {
  const log = new EventLog(() => everything);
  await log.begin();
  core.events.mockRejectedValueOnce({ code: "internal", message: "disk I/O error", details: null });
  await log.refresh();
  expect(log.rows).toHaveLength(200);
  expect(log.problem?.message).toBe("disk I/O error");
  await log.refresh();
  expect(log.problem).toBeUndefined();
});
