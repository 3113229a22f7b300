import { expect, it } from "vitest";
import type { Alert, AlertState, Severity } from "$host/host";
import { inInboxOrder, snoozedUntil, waits, withOwn } from "../../parts/alerting";
import { sampleAlert } from "../../test-samples";
import { boxes, inBox, origin, passing, readWanted, writeWanted } from "./inbox";

const alert = (id: string, state: AlertState, severity: Severity, last: number): Alert => {
  const at = new Date(last).toISOString();
  return { ...sampleAlert, id, severity, state, first_at: at, last_at: at };
};

it("shows open before the rest, the gravest open first, then the newest", () => {
  const alerts = [
    alert("resolved", "resolved", "critical", 9),
    alert("old notice", "open", "notice", 1),
    alert("new notice", "open", "notice", 8),
    alert("critical", "open", "critical", 2),
    alert("seen", "acknowledged", "critical", 7),
  ];
  expect(inInboxOrder(alerts).map(({ id }) => id)).toEqual([
    "critical",
    "new notice",
    "old notice",
    "seen",
    "resolved",
  ]);
});

it("keeps the places of open alerts that go on", () => {
  const older = { ...alert("older", "open", "attention", 1), last_at: "2026-11-24T08:00:00Z" };
  const newer = alert("newer", "open", "attention", 2);
  expect(inInboxOrder([older, newer]).map(({ id }) => id)).toEqual(["newer", "older"]);
});

it("adds the console's own alerts once, and each alert to the boxes of its state", () => {
  const own = alert("own", "open", "attention", 5);
  const done = alert("done", "resolved", "attention", 4);
  expect(withOwn([own], [own])).toHaveLength(1);
  const all = withOwn([done], [own]);
  const sizes = boxes.map((box) => [box, inBox(all, box, 0).length]);
  expect(sizes).toEqual([
    ["open", 1],
    ["snoozed", 0],
    ["acknowledged", 0],
    ["resolved", 1],
    ["all", 2],
  ]);
});

it("keeps a snoozed alert out of the open ones until its time", () => {
  const snoozed = { ...alert("a", "open", "attention", 1), snoozed_until: "1970-01-01T00:01:00Z" };
  const where = (now: number) => boxes.filter((box) => inBox([snoozed], box, now).length > 0);
  expect(where(59_999)).toEqual(["snoozed", "all"]);
  expect(where(60_000)).toEqual(["open", "all"]);
  expect([waits(snoozed, 59_999), waits(snoozed, 60_000)]).toEqual([false, true]);
  expect(snoozedUntil({ ...snoozed, state: "resolved" }, 0)).toBeUndefined();
});

it("filters by severity, kind, account and words, and keeps all of it in the address", () => {
  const one = {
    ...alert("one", "open", "critical", 1),
    title: "5 failed sign-ins for anna@example.org",
    accounts: ["anna@example.org"],
    addresses: ["203.0.113.7"],
  };
  const two = { ...alert("two", "open", "notice", 2), kind: "outbox_stuck" as const };
  const found = (text: string) =>
    passing([one, two], readWanted(new URLSearchParams(text))).map(({ id }) => id);
  expect(found("")).toEqual(["one", "two"]);
  expect(found("severity=critical,notice")).toEqual(["one", "two"]);
  expect(found("severity=critical")).toEqual(["one"]);
  expect(found("kind=outbox_stuck")).toEqual(["two"]);
  expect(found("account=ANNA@")).toEqual(["one"]);
  expect(found("text=failed%20203.0.113")).toEqual(["one"]);
  expect(found("text=nothing%20failed")).toEqual([]);
  const all = "show=snoozed&severity=critical&kind=outbox_stuck&account=a%40x&text=b";
  const written = writeWanted(readWanted(new URLSearchParams(all)));
  expect(new URLSearchParams(written as Record<string, string>).toString()).toBe(all);
  expect(readWanted(new URLSearchParams("show=nonsense&severity=huge"))).toMatchObject({
    box: "open",
    severities: [],
  });
});

it.each([
  [
    { network: "198.51.100.0/24", addresses: ["198.51.100.7"], addresses_total: 1 },
    "198.51.100.0/24",
  ],
  [{ network: "203.0.113.7/32", addresses: ["203.0.113.7"], addresses_total: 1 }, "203.0.113.7"],
  [{ network: null, addresses: ["203.0.113.7"], addresses_total: 12_044 }, "12,044 addresses"],
  [{ network: "2001:db8::1/128", addresses: [], addresses_total: 0 }, "2001:db8::1"],
  [{ network: null, addresses: [], addresses_total: 0 }, ""],
])("says where it came from: %j", (from, words) => {
  expect(origin({ ...alert("a", "open", "notice", 1), ...from })).toBe(words);
});
