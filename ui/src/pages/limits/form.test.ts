import { expect, it } from "vitest";
import type { KnownNetworks, LimitTerms } from "$host/host";
import { draftOf, figureOf, knownEdit, termsAsked, termsOf } from "./form";

const terms: LimitTerms = {
  scope: { kind: "domain", domain: "example.org" },
  measure: { kind: "messages", window: "day" },
  per: "account_and_address",
  known: null,
  others: 0,
  burst: { count: 5, seconds: 10 },
  action: "defer",
  text: "Later, please.",
  note: "",
  enabled: true,
  mode: "report_only",
};

it("a form holds all that a limit says", () => {
  expect(termsOf(draftOf(terms))).toEqual(terms);
});

it("recipients per message know no window and no burst, and what is held is told nothing", () => {
  const draft = { ...draftOf(terms), measure: "recipients_per_message" as const };
  expect(termsOf(draft)).toMatchObject({
    measure: { kind: "recipients_per_message" },
    burst: null,
  });
  expect(termsOf({ ...draftOf(terms), action: "hold" }).text).toBeNull();
});

it.each([
  ["0", 0],
  [" 12 ", 12],
  ["", null],
  ["-1", null],
  ["1.5", null],
  ["many", null],
])("reads the figure %o", (text, figure) => {
  expect(figureOf(text)).toBe(figure);
});

it("begins a limit for the account of the address", () => {
  expect(termsAsked(new URLSearchParams("account=anna@example.org")).scope).toEqual({
    kind: "account",
    login: "anna@example.org",
  });
});

it("edits the known networks of a scope from the version that is there", () => {
  const scope = { kind: "account", login: "anna@example.org" } as const;
  const known: KnownNetworks[] = [
    { scope, networks: ["192.0.2.0/24"], changed_at: "", changed_by_login: null, version: 4 },
  ];
  expect(knownEdit(known, scope, ["203.0.113.0/24"])).toEqual({
    scope,
    version: 4,
    networks: ["203.0.113.0/24"],
  });
  expect(knownEdit(known, { kind: "organization" }, []).version).toBe(0);
});
