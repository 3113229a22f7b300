import type * as t from "../host";
import * as seed from "./seed";

const DAY = 86_400_000;
const HOUR = 3_600_000;

const by = (now: number, days: number) => ({
  mode_since: seed.iso(now - days * DAY),
  created_at: seed.iso(now - (days + 12) * DAY),
  created_by_login: "admin@example.org",
  changed_at: seed.iso(now - days * DAY),
  changed_by_login: "admin@example.org",
  deleted_at: null,
  version: 2,
});

const terms = (given: Partial<t.AccessTerms> & Pick<t.AccessTerms, "scope" | "action">) => ({
  protocols: [],
  networks: [],
  countries: [],
  schedule: null,
  expires_at: null,
  note: "",
  enabled: true,
  mode: "enforced" as const,
  ...given,
});

const account = (name: string): t.PolicyScope => ({
  kind: "account",
  login: `${name}@example.org`,
});

export function rules(now: number): t.AccessRule[] {
  return [
    {
      ...by(now, 30),
      id: "r1",
      terms: terms({
        scope: account("anna"),
        action: "allow",
        protocols: ["imap", "pop3"],
        networks: ["203.0.113.0/24", "198.51.100.7", "2001:db8:4:17::/64"],
        schedule: {
          days: ["monday", "tuesday", "wednesday", "thursday", "friday"],
          from: "08:00",
          until: "18:00",
          zone: "Europe/Berlin",
        },
        note: "Office, home and the train",
      }),
    },
    {
      ...by(now, 60),
      id: "r2",
      terms: terms({
        scope: { kind: "organization" },
        action: "deny",
        protocols: ["imap", "pop3", "submission"],
        countries: ["KP", "RU", "IR"],
        note: "Nobody of us is there",
      }),
    },
    {
      ...by(now, 9),
      id: "r3",
      terms: terms({
        scope: { kind: "domain", domain: "example.org" },
        action: "allow",
        protocols: ["submission"],
        networks: ["203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "2001:db8:4::/48"],
        mode: "report_only",
        note: "Learned from 30 days",
      }),
    },
    {
      ...by(now, 2),
      id: "r4",
      terms: terms({
        scope: account("office"),
        action: "allow",
        networks: ["203.0.113.0/24"],
        expires_at: seed.iso(now + 4 * DAY),
      }),
    },
    {
      ...by(now, 80),
      id: "r5",
      terms: terms({
        scope: account("billing"),
        action: "deny",
        protocols: ["pop3"],
        enabled: false,
        note: "While they moved to IMAP",
      }),
    },
    {
      ...by(now, 3),
      id: "r6",
      terms: terms({
        scope: account("chiara"),
        action: "allow",
        protocols: ["imap"],
        networks: ["192.0.2.128/25"],
      }),
    },
    {
      ...by(now, 3),
      id: "r7",
      terms: terms({
        scope: account("chiara"),
        action: "deny",
        networks: ["192.0.2.0/24"],
        note: "The hotel that was hacked",
      }),
    },
  ];
}

export function worstRules(now: number): t.AccessRule[] {
  return seed.worstLogins.map((login, index) => ({
    ...by(now, index),
    id: `w${index}`,
    terms: terms({
      scope: { kind: "account", login },
      action: index % 2 === 0 ? "allow" : "deny",
      protocols: ["web", "api", "imap", "pop3", "submission", "sieve"],
      networks: Array.from({ length: index * 40 }, (_, at) => `2001:db8:${at.toString(16)}::/48`),
      countries: ["BA", "VC", "GS"],
      schedule: {
        days: ["monday", "wednesday", "thursday", "sunday"],
        from: "22:15",
        until: "06:45",
        zone: "America/Argentina/ComodRivadavia",
      },
      expires_at: seed.iso(now + index * DAY),
      note: "A note that somebody wrote late at night, with every detail of what they had seen. ".repeat(
        2,
      ),
    }),
  }));
}

export const findings: t.RuleFinding[] = [
  { rule: "r4", kind: "expires_soon", other: null, networks: [] },
  { rule: "r6", kind: "swallowed", other: "r7", networks: ["192.0.2.128/25"] },
];

export function ruleEffects(now: number): t.RuleEffect[] {
  return [
    { rule: "r1", refused: 14, would_refuse: 0, last_at: seed.iso(now - 3 * HOUR) },
    { rule: "r2", refused: 2318, would_refuse: 0, last_at: seed.iso(now - 60_000) },
    { rule: "r3", refused: 0, would_refuse: 0, last_at: null },
    { rule: "r7", refused: 3, would_refuse: 0, last_at: seed.iso(now - 2 * DAY) },
  ];
}

const limit = (given: Partial<t.LimitTerms> & Pick<t.LimitTerms, "scope" | "measure">) => ({
  per: "account" as const,
  known: 200,
  others: 10,
  burst: null,
  action: "reject" as const,
  text: null,
  note: "",
  enabled: true,
  mode: "enforced" as const,
  ...given,
});

export function limits(now: number): t.SendingLimit[] {
  return [
    {
      ...by(now, 40),
      id: "l1",
      terms: limit({
        scope: { kind: "organization" },
        measure: { kind: "recipients", window: "hour" },
      }),
    },
    {
      ...by(now, 12),
      id: "l2",
      terms: limit({
        scope: account("billing"),
        measure: { kind: "recipients", window: "day" },
        known: 2000,
        others: 0,
        burst: { count: 100, seconds: 60 },
        action: "defer",
        text: "Too many at once; the rest goes out later today.",
        note: "Invoices on the first of the month",
      }),
    },
    {
      ...by(now, 5),
      id: "l3",
      terms: limit({
        scope: { kind: "organization" },
        measure: { kind: "recipients_per_message" },
        known: 50,
        others: 50,
        action: "hold",
        mode: "report_only",
      }),
    },
  ];
}

export function worstLimits(now: number): t.SendingLimit[] {
  return seed.worstLogins.map((login, index) => ({
    ...by(now, index),
    id: `wl${index}`,
    terms: limit({
      scope: { kind: "account", login },
      measure: { kind: "recipients", window: "day" },
      per: "account_and_address",
      known: 1_000_000,
      others: index,
      note: "Averylongwordwithoutanyspacesinitsothatitmustbebrokensomewhere".repeat(3),
    }),
  }));
}

export function limitEffects(now: number): t.LimitEffect[] {
  return [
    { limit: "l1", stopped: 31, would_stop: 0, last_at: seed.iso(now - 50 * 60_000) },
    { limit: "l3", stopped: 0, would_stop: 6, last_at: seed.iso(now - 7 * HOUR) },
  ];
}

export function knownNetworks(now: number): t.KnownNetworks[] {
  const base = {
    changed_at: seed.iso(now - 20 * DAY),
    changed_by_login: "admin@example.org",
    version: 1,
  };
  return [
    { ...base, scope: { kind: "organization" }, networks: ["203.0.113.0/24"] },
    { ...base, scope: account("anna"), networks: ["198.51.100.7", "2001:db8:4:17::/64"] },
  ];
}

/** Where the addresses of the mock are. */
export function placeOf(address: string): t.Place | null {
  const found = places.find(([prefix]) => address.startsWith(prefix));
  return found ? found[1] : null;
}

const place = (country: string, asn: number, network: string): t.Place => ({
  country,
  asn,
  network,
});

const places: [prefix: string, place: t.Place][] = [
  ["203.0.113.", place("DE", 64_496, "Deutsche Beispiel AG")],
  ["198.51.100.7", place("AT", 64_497, "Muster Mobilfunk GmbH")],
  ["198.51.100.", place("NL", 64_510, "Cheap Servers B.V.")],
  ["192.0.2.", place("FR", 64_498, "Exemple Télécom SA")],
  ["2001:db8:4:17:", place("DE", 64_499, "Kabel Beispiel GmbH")],
];

/** Where failed sign-ins come from, besides. */
export const strangers: [country: string, failed: number, refused: number][] = [
  ["RU", 310, 1402],
  ["CN", 884, 12],
  ["US", 240, 61],
  ["BR", 133, 4],
  ["IN", 97, 0],
  ["VN", 71, 3],
  ["KP", 0, 44],
];

export const sources: t.PlaceSource[] = [
  {
    name: "DB-IP Lite",
    license: "CC BY 4.0",
    url: "https://db-ip.com",
    own: false,
  },
];

/** The /24 or /64 of an address. */
export function networkOf(address: string | null): string | null {
  if (address === null) return null;
  return address.includes(":")
    ? `${address.split(":").slice(0, 4).join(":")}::/64`
    : `${address.split(".").slice(0, 3).join(".")}.0/24`;
}
