import { describe, expect, it } from "vitest";
import type { AccessTerms, LimitTerms } from "$host/host";
import {
  daysWords,
  figureWords,
  limitSentence,
  placeWords,
  ruleSentence,
  scheduleWords,
} from "./policyWords";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const rule = (given: Partial<AccessTerms>): AccessTerms => ({
  scope: { kind: "organization" },
  action: "allow",
  enabled: true,
  mode: "enforced",
  ...given,
});
const limit = (given: Partial<LimitTerms>): LimitTerms => ({
  scope: { kind: "organization" },
  measure: { kind: "recipients", window: "hour" },
  per: "account",
  known: 200,
  others: 10,
  action: "reject",
  enabled: true,
  mode: "enforced",
  ...given,
});

describe("a rule in one sentence", () => {
  it.each<[Partial<AccessTerms>, string]>([
    [{ networks: ["203.0.113.0/24"] }, "Everybody: Signing in only from 203.0.113.0/24"],
    [
      {
        scope: { kind: "account", login: "anna@example.org" },
        protocols: ["imap", "pop3"],
        networks: ["203.0.113.0/24", "198.51.100.7", "2001:db8::/48"],
        schedule: {
          days: ["monday", "tuesday", "wednesday", "thursday", "friday"],
          from: "08:00",
          until: "18:00",
          zone: "Europe/Berlin",
        },
      },
      "anna@example.org: IMAP and POP3 only from 3 networks, Mon–Fri 08:00–18:00 Europe/Berlin",
    ],
    [
      { scope: { kind: "domain", domain: "example.org" }, action: "deny", countries: ["DE", "FR"] },
      "@example.org: Signing in refused from Germany and France",
    ],
    [{ action: "deny", protocols: ["pop3"] }, "Everybody: POP3 refused from everywhere"],
    [
      { networks: ["203.0.113.0/24"], countries: ["DE"] },
      "Everybody: Signing in only from 203.0.113.0/24 (in Germany)",
    ],
    [
      { networks: ["203.0.113.7"], expires_at: "2026-12-03T12:00:00Z" },
      "Everybody: Signing in only from 203.0.113.7, until 3 Dec 2026",
    ],
    [
      { networks: ["203.0.113.7"], expires_at: "2026-11-03T12:00:00Z" },
      "Everybody: Signing in only from 203.0.113.7, expired 3 Nov 2026",
    ],
  ])("%o", (terms, sentence) => {
    expect(ruleSentence(rule(terms), NOW)).toBe(sentence);
  });
});

describe("a limit in one sentence", () => {
  it.each<[Partial<LimitTerms>, string]>([
    [
      {},
      "Everybody: at most 200 recipients an hour from known networks, 10 from all others, more is refused",
    ],
    [
      { others: 0 },
      "Everybody: at most 200 recipients an hour, and only from known networks, more is refused",
    ],
    [{ known: null, others: 0 }, "Everybody: only from known networks, more is refused"],
    [
      { known: 50, others: 50, measure: { kind: "recipients_per_message" }, action: "hold" },
      "Everybody: at most 50 recipients per message, more is held",
    ],
    [
      { others: null, per: "address", action: "defer" },
      "Everybody: at most 200 recipients an hour from known networks, no limit elsewhere, for each address, more has to wait",
    ],
    [
      { known: null, others: 1, measure: { kind: "messages", window: "day" } },
      "Everybody: at most 1 message a day from networks that are not known, more is refused",
    ],
  ])("%o", (terms, sentence) => {
    expect(limitSentence(limit(terms))).toBe(sentence);
  });
});

it("names days as runs", () => {
  expect(daysWords([])).toBe("daily");
  expect(daysWords(["monday", "wednesday", "thursday", "friday"])).toBe("Mon, Wed–Fri");
  expect(daysWords(["saturday", "sunday"])).toBe("Sat, Sun");
});

it("says when a schedule is round the clock", () => {
  expect(scheduleWords({ days: [], from: "00:00", until: "00:00", zone: "UTC" })).toBe(
    "daily around the clock UTC",
  );
});

it("names one of a thing", () => {
  expect(figureWords({ kind: "recipients", window: "minute" }, 1)).toBe("1 recipient a minute");
});

it("says where an address is, as far as it is known", () => {
  expect(placeWords({ country: "DE", asn: 64_496, network: "Beispiel AG" })).toBe(
    "Germany (DE), Beispiel AG",
  );
  expect(placeWords({ country: null, asn: 64_496, network: null })).toBe("AS64496");
  expect(placeWords({})).toBeUndefined();
  expect(placeWords(null)).toBeUndefined();
});
