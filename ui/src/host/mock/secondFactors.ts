import type * as t from "../host";
import { fresh, now, scenario } from "./scenario";
import * as seed from "./seed";

interface Needs {
  ask: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string, details?: t.Details | null) => t.Problem;
  changed: (...parts: (keyof t.DataChanged)[]) => void;
  mustBeFresh: () => void;
}

const DAY = 86_400_000;
const PAGE = 200;
const worst = scenario === "worst";
const at = (days: number) => seed.iso(now + days * DAY);

const one = (login: string, wanted: Partial<t.FactorPerson> = {}): t.FactorPerson => ({
  who: { kind: "account" },
  login,
  name: "",
  factors: ["email"],
  code_to: login,
  own_mailbox: true,
  last_used_at: null,
  ask: "code",
  lacks: null,
  decided_by: null,
  reminded_at: null,
  ...wanted,
});

const admin = (id: string, role: t.Role, login: string, wanted: Partial<t.FactorPerson>) =>
  one(login, { who: { kind: "admin", id, role }, own_mailbox: false, ...wanted });

const outside = (since: number, until: number): t.FactorLack => ({
  what: "outside_address",
  since: at(since),
  until: at(until),
});
const authenticator = (since: number, until: number): t.FactorLack => ({
  what: "authenticator",
  since: at(since),
  until: at(until),
});
const roleOf = (role: t.Role): t.FactorScope => ({ kind: "role", role });

let people: t.FactorPerson[] = [
  admin("adm1", "owner", "admin@example.org", {
    name: "Maria Keller",
    factors: ["email", "authenticator", "recovery_code"],
    code_to: "maria@example.org",
    last_used_at: seed.iso(now - 3_600_000),
    ask: fresh ? "code" : "strong",
    decided_by: fresh ? null : roleOf("owner"),
  }),
  ...(fresh
    ? []
    : [
        admin("adm2", "admin", "anna@example.org", {
          name: "Anna Berger",
          code_to: "anna@example.org",
          own_mailbox: true,
          last_used_at: seed.iso(now - 26 * 3_600_000),
          lacks: authenticator(-3, 4),
          decided_by: roleOf("admin"),
        }),
        admin("adm3", "auditor", "jonas@example.org", {
          name: "Jonas Weiß",
          code_to: "jonas@example.net",
          ask: "refuse",
          lacks: authenticator(-20, -6),
          decided_by: roleOf("auditor"),
          reminded_at: seed.iso(now - 3 * 3_600_000),
        }),
        ...seed.accounts(now).map(({ login, name }, index) =>
          one(login, {
            name,
            decided_by: { kind: "organization" },
            ...(index % 5 === 2
              ? {
                  factors: ["passkey", "recovery_code"],
                  own_mailbox: false,
                  last_used_at: seed.iso(now - (index + 1) * 3_600_000),
                }
              : index % 3 === 0
                ? {
                    own_mailbox: false,
                    code_to: `${login.split("@")[0]}@example.net`,
                    last_used_at: seed.iso(now - (index + 1) * 7_200_000),
                  }
                : { lacks: outside(2, 16) }),
          }),
        ),
        one("scanner@office.example.org", {
          own_mailbox: false,
          ask: "nothing",
          decided_by: { kind: "account", login: "scanner@office.example.org" },
        }),
      ]),
];
if (worst)
  people = [
    ...people,
    ...Array.from({ length: 600 }, (_, index) =>
      one(seed.worstLogins[index % seed.worstLogins.length] + (index < 7 ? "" : String(index)), {
        name: "Very Long Name ".repeat(8).trim(),
        ask: index % 2 ? "refuse" : "code",
        lacks: index % 3 ? outside(-400, index % 2 ? -300 : 3) : null,
      }),
    ),
  ];

let scopes: t.FactorScopeRule[] = fresh
  ? []
  : [
      said(
        { kind: "organization" },
        {
          require: "required",
          from: at(2),
          grace_days: 14,
          before: "code",
          outside_address: true,
        },
      ),
      said({ kind: "account", login: "scanner@office.example.org" }, { require: "off" }),
      said(roleOf("owner"), { require: "required", from: at(-30), grace_days: 7 }),
      said(roleOf("admin"), { require: "required", from: at(-3), grace_days: 7 }),
      said(roleOf("auditor"), { require: "required", from: at(-20), grace_days: 14 }),
      ...(worst
        ? seed.worstLogins.map((login) => said({ kind: "account", login }, { require: "optional" }))
        : []),
    ];

function said(scope: t.FactorScope, rule: t.FactorRule): t.FactorScopeRule {
  return { scope, rule, changed_at: at(-3), changed_by_login: "admin@example.org" };
}

const unanswered: t.UnansweredCode[] = (
  worst ? seed.worstLogins : fresh || scenario === "well" ? [] : ["anna@example.org"]
).map((login, index) => ({
  login,
  protocol: index % 2 ? "api" : "web",
  address: worst
    ? (seed.worstAddresses[index % seed.worstAddresses.length] ?? null)
    : "203.0.113.7",
  client: "Firefox on Linux",
  count: worst ? 1_284_023 : 2,
  first_at: seed.iso(now - DAY),
  last_at: seed.iso(now - (index + 1) * 5_000_000),
}));

const DAY_OLD = (reminded: string | null) =>
  reminded === null || Date.now() - Date.parse(reminded) >= DAY;

function countsOf(found: number): t.FactorCounts {
  const number = (is: (person: t.FactorPerson) => boolean) => people.filter(is).length;
  return {
    people: people.length,
    missing: number(({ lacks }) => lacks !== null),
    refused: number(({ ask }) => ask === "refuse"),
    own_mailbox: number(({ own_mailbox }) => own_mailbox),
    to_remind: number(({ lacks, reminded_at }) => lacks !== null && DAY_OLD(reminded_at)),
    found,
  };
}

export function factorCommands({ ask, write, problem, changed, mustBeFresh }: Needs) {
  return {
    factorPolicy: (): Promise<t.FactorPolicy> => ask(() => ({ scopes })),
    changeFactorPolicy: (change: t.FactorPolicyChange): Promise<t.FactorPolicy> =>
      write(() => {
        mustBeFresh();
        const { scope, rule, confirm } = change;
        const invalid = (field: string, message: string) =>
          problem("invalid", message, { kind: "fields", fields: [{ field, message }] });
        if (scope.kind === "domain" && !scope.domain)
          throw invalid("scope.domain", "Name a domain, such as example.org.");
        if (rule?.require === "required" && !(rule.grace_days >= 1 && rule.grace_days <= 90))
          throw invalid("rule.grace_days", "The grace is 1 to 90 days.");
        if (rule?.require === "required" && Date.parse(rule.from) < now - 60 * DAY && !confirm)
          throw invalid(
            "confirm",
            "8 people lack what it requires and could not sign in any more. Take a later day or more days of grace, or set confirm to do it all the same.",
          );
        const same = (other: t.FactorScope) => JSON.stringify(other) === JSON.stringify(scope);
        scopes = scopes.filter((known) => !same(known.scope));
        if (rule) scopes = [...scopes, { ...said(scope, rule), changed_at: seed.iso(Date.now()) }];
        changed("settings");
        return { scopes };
      }),
    factorCoverage: ({ text = "", missing, cursor }: t.CoverageQuery): Promise<t.FactorCoverage> =>
      ask(() => {
        const has = (part: string | null) => part?.toLowerCase().includes(text.toLowerCase());
        const found = people.filter(
          ({ login, name, code_to, lacks }) =>
            (has(login) || has(name) || has(code_to)) && (!missing || lacks !== null),
        );
        const from = Number(cursor ?? 0);
        const next = from + PAGE < found.length ? String(from + PAGE) : null;
        return { counts: countsOf(found.length), people: found.slice(from, from + PAGE), next };
      }),
    remindOfFactors: (): Promise<t.FactorReminders> =>
      write(() => {
        const { to_remind } = countsOf(0);
        people = people.map((person) =>
          person.lacks ? { ...person, reminded_at: seed.iso(Date.now()) } : person,
        );
        return { sent: to_remind, told_lately: 1, unreachable: 0, left: 0 };
      }),
    unansweredCodes: (): Promise<t.UnansweredCode[]> => ask(() => unanswered),
    resetFactors: (id: string) =>
      write(() => {
        mustBeFresh();
        people = people.map((person) =>
          person.who.kind === "admin" && person.who.id === id
            ? { ...person, factors: ["email"], ask: "code", lacks: authenticator(-20, 7) }
            : person,
        );
        changed("settings");
        return null;
      }),
    resetAccountFactors: (login: string) =>
      write(() => {
        mustBeFresh();
        people = people.map((person) =>
          person.who.kind === "account" && person.login === login
            ? { ...person, factors: person.code_to ? ["email"] : [] }
            : person,
        );
        changed("settings");
        return null;
      }),
  };
}
