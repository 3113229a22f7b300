import { expect, it } from "vitest";
import type { Alert, AlertState, Severity } from "$host/host";
import { boxes, boxOf, inBox, inInboxOrder, origin, withOwn } from "./inbox";

const alert = (id: string, state: AlertState, severity: Severity, last: number): Alert => ({
  id,
  kind: "repeated_failures",
  severity,
  state,
  title: "",
  text: "",
  login: null,
  network: null,
  accounts: [],
  accounts_total: 0,
  addresses: [],
  addresses_total: 0,
  count: 1,
  first_at: new Date(last).toISOString(),
  last_at: new Date(last).toISOString(),
  evidence: [],
  history: [],
  version: 1,
});

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
  const sizes = boxes.map((box) => [box.value, inBox(all, box).length]);
  expect(sizes).toEqual([
    ["open", 1],
    ["acknowledged", 0],
    ["resolved", 1],
    ["all", 2],
  ]);
});

it("falls back to what is open", () => {
  expect(boxOf(new URLSearchParams("show=nonsense")).value).toBe("open");
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
