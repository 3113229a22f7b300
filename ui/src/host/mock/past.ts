import type * as t from "../host";
import { attacked, fresh, now, scenario } from "./scenario";
import * as seed from "./seed";
import { boxes, mixed } from "./mail";

/** The state of a mocked service over time. */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const field = (name: string, value: string): t.StateField => ({ name, value });

interface Known extends t.StateRecord {
  since: number;
  until: number;
}

const always = (key: string, fields: t.StateField[]): Known => ({
  key,
  fields,
  since: 0,
  until: Infinity,
});

/** Somebody opened it to the whole world for a day and a half. */
const opened = now - 36 * HOUR;

function rules(time: number): Known[] {
  const wide = attacked && time > opened;
  return [
    always("rule-1", [
      field("id", "rule-1"),
      field("scope", "organization"),
      field("effect", "allow"),
      field("protocols", "imap, submission"),
      field("networks", wide ? "0.0.0.0/0" : "192.0.2.0/24, 203.0.113.0/24"),
      field("enforced", wide ? "false" : "true"),
      field("note", wide ? "" : "Office and home"),
      field("version", wide ? "8" : "7"),
    ]),
    always("rule-2", [
      field("id", "rule-2"),
      field("scope", "domain:example.org"),
      field("effect", "deny"),
      field("protocols", "pop3"),
      field("networks", "0.0.0.0/0, ::/0"),
      field("enforced", "true"),
      field("note", scenario === "worst" ? "A note that goes on and on. ".repeat(20) : ""),
      field("version", "2"),
    ]),
    {
      ...always("rule-3", [
        field("id", "rule-3"),
        field("scope", "account:anna@example.org"),
        field("effect", "deny"),
        field("protocols", "imap"),
        field("networks", "198.51.100.0/24"),
        field("enforced", "true"),
        field("note", "After the phishing in spring"),
        field("version", "1"),
      ]),
      until: attacked ? opened : Infinity,
    },
  ];
}

function accounts(time: number): Known[] {
  return boxes.map((box) => ({
    ...always(box.login, [
      field("login", box.login),
      field("state", "active"),
      field("discovered", "false"),
      field("note.owner", box.login.split("@")[0] ?? ""),
      field("note.contact", box.index % 3 === 0 ? "+49 30 1234567" : ""),
      field(
        "second_factor",
        attacked && box.login.startsWith("anna@") && time > opened ? "none" : "authenticator",
      ),
      field("created_at", seed.iso(now - 300 * DAY)),
    ]),
    since: box.login.startsWith("jonas@") ? now - 5 * DAY : 0,
  }));
}

function events(day: string): t.StateRecord[] {
  const start = Date.parse(`${day}T00:00:00Z`);
  return seed.events(240, start + DAY, Math.floor(start / DAY) % 1_000, false).map((event) => ({
    key: event.id,
    fields: [
      field("at", event.at),
      field("type", event.body.type),
      ...Object.entries(event.body)
        .filter(([name, value]) => name !== "type" && ["string", "number"].includes(typeof value))
        .slice(0, 6)
        .map(([name, value]) => field(name, String(value))),
    ],
  }));
}

function others(part: t.StatePart): Known[] {
  switch (part) {
    case "sending_limits":
      return [
        always("limit-1", [
          field("id", "limit-1"),
          field("scope", "organization"),
          field("recipients", "500"),
          field("window", "1 h"),
          field("action", "defer"),
          field("enforced", "true"),
        ]),
      ];
    case "known_networks":
      return [
        always("203.0.113.0/24", [
          field("network", "203.0.113.0/24"),
          field("name", "Office"),
          field("trusted", "true"),
        ]),
      ];
    case "admins":
      return [
        always("admin@example.org", [
          field("login", "admin@example.org"),
          field("name", "Maria Keller"),
          field("role", "owner"),
          field("factors", "authenticator, recovery_code"),
        ]),
        always("anna@example.org", [
          field("login", "anna@example.org"),
          field("name", "Anna Berger"),
          field("role", "admin"),
          field("factors", "email"),
        ]),
      ];
    case "blocks":
      return [
        {
          ...always("block-1", [
            field("id", "block-1"),
            field("target", "198.51.100.0/24"),
            field("created_by", "admin@example.org"),
            field("expires_at", seed.iso(now + 3 * DAY)),
          ]),
          since: now - 4 * DAY,
        },
      ];
    default:
      return [];
  }
}

/** The records of a part at a time, without those of events, which are kept by day. */
export function recordsAt(part: t.StatePart, time: number): t.StateRecord[] {
  if (fresh) return [];
  const all =
    part === "accounts" ? accounts(time) : part === "access_rules" ? rules(time) : others(part);
  return all
    .filter(({ since, until }) => since <= time && time < until)
    .map(({ key, fields }) => ({ key, fields }));
}

export const parts: readonly t.StatePart[] = [
  "accounts",
  "access_rules",
  "sending_limits",
  "known_networks",
  "admins",
  "blocks",
  "alerts",
];

export function daysUntil(time: number): string[] {
  return Array.from({ length: 30 }, (_, index) => seed.iso(time - index * DAY).slice(0, 10));
}

export function eventsOf(day: string): t.StateRecord[] {
  return events(day);
}

export function fieldChanges(
  before: t.StateRecord | undefined,
  after: t.StateRecord | undefined,
): t.FieldChange[] {
  const value = (record: t.StateRecord | undefined, name: string) =>
    record?.fields.find((known) => known.name === name)?.value ?? null;
  const names = new Set([...(before?.fields ?? []), ...(after?.fields ?? [])].map((it) => it.name));
  return [...names]
    .map((name) => ({ name, before: value(before, name), after: value(after, name) }))
    .filter((change) => change.before !== change.after);
}

/** What the audit log says of a record or a mailbox between two times. */
export function audited(target: string, from: number, until: number): t.AuditEntry[] {
  const at = opened - HOUR / 2;
  const entry = (seq: number, time: number, action: string, about: string): t.AuditEntry => ({
    seq,
    at: seed.iso(time),
    admin: "adm2",
    login: "anna@example.org",
    action,
    target: about,
    details: '{"address":"198.51.100.201"}',
    hash: mixed(seq, 4).toString(16).padStart(64, "0"),
  });
  const known = attacked
    ? [
        entry(109, at, "session.begin", "Firefox on an unknown computer"),
        entry(110, at + 240_000, "policy.change", target),
      ]
    : [];
  return known.filter((it) => Date.parse(it.at) > from && Date.parse(it.at) <= until);
}
