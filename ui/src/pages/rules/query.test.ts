import { describe, expect, it } from "vitest";
import type { AccessRule, AccessTerms } from "$host/host";
import { draftOf, termsOf } from "./form";
import { isRipe, passes, readQuery, rulesAddress, termsAsked } from "./query";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const DAY = 86_400_000;
const terms: AccessTerms = {
  scope: { kind: "account", login: "anna@example.org" },
  action: "allow",
  protocols: ["imap"],
  networks: ["203.0.113.0/24"],
  countries: ["DE"],
  schedule: { days: ["monday"], from: "08:00", until: "18:00", zone: "Europe/Berlin" },
  expires_at: "2026-12-03T12:00:00.000Z",
  note: "Office",
  enabled: true,
  mode: "report_only",
};
const rule = (given: Partial<AccessTerms> = {}, since = NOW - 8 * DAY): AccessRule => ({
  id: "r1",
  terms: { ...terms, ...given },
  mode_since: new Date(since).toISOString(),
  created_at: "2026-10-01T00:00:00Z",
  created_by_login: null,
  changed_at: "2026-10-01T00:00:00Z",
  changed_by_login: null,
  deleted_at: null,
  version: 1,
});
const asked = (text: string) => readQuery(new URLSearchParams(text));
const shows = (text: string, odd: string[] = []) => passes(rule(), asked(text), new Set(odd), NOW);

describe("which rules are shown", () => {
  it("finds by sentence, note and network", () => {
    expect(shows("text=ANNA")).toBe(true);
    expect(shows("text=office")).toBe(true);
    expect(shows("text=203.0.113")).toBe(true);
    expect(shows("text=bernd")).toBe(false);
  });

  it("filters by scope, action, mode and state", () => {
    expect(shows("scope=account&action=allow&mode=report_only&state=on")).toBe(true);
    expect(shows("scope=domain")).toBe(false);
    expect(shows("action=deny")).toBe(false);
    expect(shows("mode=enforced")).toBe(false);
    expect(shows("state=off")).toBe(false);
    expect(shows("state=odd")).toBe(false);
    expect(shows("state=odd", ["r1"])).toBe(true);
  });

  it("passes over what an address can't mean", () => {
    expect(asked("scope=moon&action=maybe")).toEqual(asked(""));
  });

  it("keeps the filters in the address of a rule", () => {
    expect(rulesAddress(asked("text=a&action=deny"), "r1")).toBe("#/rules/r1?text=a&action=deny");
  });
});

it("begins a rule as the address asks", () => {
  const query = new URLSearchParams("account=Anna@Example.org&network=203.0.113.0/24&action=deny");
  expect(termsAsked(query)).toMatchObject({
    scope: { kind: "account", login: "anna@example.org" },
    networks: ["203.0.113.0/24"],
    action: "deny",
    mode: "enforced",
  });
});

it("a form holds all that a rule says", () => {
  expect(termsOf(draftOf(terms), terms.networks ?? [])).toEqual(terms);
});

describe("a report-only rule offers to be enforced", () => {
  it("after a week without a surprise", () => {
    expect(isRipe(rule(), 0, NOW)).toBe(true);
  });
  it.each<[string, AccessRule, number]>([
    ["a surprise", rule(), 1],
    ["too young", rule({}, NOW - 6 * DAY), 0],
    ["switched off", rule({ enabled: false }), 0],
    ["enforced already", rule({ mode: "enforced" }), 0],
  ])("not with %s", (_, one, would) => {
    expect(isRipe(one, would, NOW)).toBe(false);
  });
});
