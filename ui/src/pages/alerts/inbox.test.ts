import { expect, it } from "vitest";
import type { Alert, AlertState, Severity } from "$host/host";
import { boxes, boxOf, inInboxOrder, withOwn } from "./inbox";

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

it("adds the console's own alerts once, and only to a box that they belong to", () => {
  const own = alert("own", "open", "attention", 5);
  const [todo, , , resolved] = boxes;
  expect(withOwn([], [own], todo).map(({ id }) => id)).toEqual(["own"]);
  expect(withOwn([own], [own], todo)).toHaveLength(1);
  expect(withOwn([], [own], resolved)).toEqual([]);
});

it("falls back to what is to do", () => {
  expect(boxOf(new URLSearchParams("show=nonsense")).value).toBe("todo");
});
