import { holds } from "../../lib/network";
import type * as t from "../host";
import { placeOf } from "./policySeed";

/** The policy as the mock holds it. */
export interface Policy {
  rules: t.AccessRule[];
  limits: t.SendingLimit[];
  known: t.KnownNetworks[];
}

export interface Attempt {
  login: string;
  protocol: t.Protocol;
  address: string | null;
  at: number;
}

const weekdays: t.Weekday[] = [
  "sunday",
  "monday",
  "tuesday",
  "wednesday",
  "thursday",
  "friday",
  "saturday",
];

export function concerns(scope: t.PolicyScope, login: string): boolean {
  if (scope.kind === "organization") return true;
  return scope.kind === "account" ? scope.login === login : login.endsWith(`@${scope.domain}`);
}

/** Why a rule does not match; nothing if it does. */
export function misses({ terms }: t.AccessRule, attempt: Attempt): t.RuleMiss[] {
  const { protocols = [], networks = [], countries = [], schedule } = terms;
  const { address, protocol, at } = attempt;
  const found: t.RuleMiss[] = [];
  if (!terms.enabled) found.push("switched_off");
  if (protocols.length > 0 && !protocols.includes(protocol)) found.push("other_protocol");
  if (networks.length > 0 && address === null) found.push("no_address");
  else if (networks.length > 0 && !networks.some((network) => holds(network, address ?? "")))
    found.push("other_network");
  const country = address === null ? null : placeOf(address)?.country;
  if (countries.length > 0 && !country) found.push("unknown_country");
  else if (countries.length > 0 && !countries.includes(country ?? "")) found.push("other_country");
  if (schedule && !isInTime(schedule, at)) found.push("outside_schedule");
  if (terms.expires_at && Date.parse(terms.expires_at) <= at) found.push("expired");
  return found;
}

function isInTime({ days = [], from, until, zone }: t.Schedule, at: number): boolean {
  const local = new Date(new Date(at).toLocaleString("en-US", { timeZone: zone }));
  const time = local.toTimeString().slice(0, 5);
  const day = weekdays[local.getDay()] ?? "sunday";
  const listed = days.length === 0 || days.includes(day);
  return listed && (from < until ? time >= from && time < until : time >= from || time < until);
}

const order: t.PolicyScope["kind"][] = ["account", "domain", "organization"];

export interface Judgement {
  denied: t.AccessRule | undefined;
  scope: t.PolicyScope | null;
  list: t.AccessRule[];
  matched: t.AccessRule | undefined;
  refused: boolean;
}

export function judge(rules: readonly t.AccessRule[], attempt: Attempt): Judgement {
  const counting = rules.filter(
    ({ terms }) =>
      terms.enabled && terms.mode === "enforced" && concerns(terms.scope, attempt.login),
  );
  const denied = counting.find(
    (rule) => rule.terms.action === "deny" && misses(rule, attempt).length === 0,
  );
  const forProtocol = counting.filter(({ terms }) => {
    const { protocols = [] } = terms;
    return (
      terms.action === "allow" && (protocols.length === 0 || protocols.includes(attempt.protocol))
    );
  });
  const kind = order.find((kind) => forProtocol.some(({ terms }) => terms.scope.kind === kind));
  const list = forProtocol.filter(({ terms }) => terms.scope.kind === kind);
  const matched = list.find((rule) => misses(rule, attempt).length === 0);
  return {
    denied,
    scope: list[0]?.terms.scope ?? null,
    list,
    matched,
    refused: denied !== undefined || (list.length > 0 && matched === undefined),
  };
}

export function isKnown(known: readonly t.KnownNetworks[], login: string, address: string | null) {
  return (
    address !== null &&
    known.some(
      ({ scope, networks }) =>
        concerns(scope, login) && networks.some((network) => holds(network, address)),
    )
  );
}

/** The policy after a change; undefined if somebody else was faster. */
export function after(policy: Policy, change: t.PolicyChange, login: string): Policy | undefined {
  let fresh = true;
  const made = { at: new Date().toISOString(), login };
  const rules = (change.rules ?? []).reduce((list, edit) => {
    const result = edited(list, edit, made);
    fresh &&= result !== undefined;
    return result ?? list;
  }, policy.rules);
  const limits = (change.limits ?? []).reduce((list, edit) => {
    const result = edited(list, edit, made);
    fresh &&= result !== undefined;
    return result ?? list;
  }, policy.limits);
  const known = (change.known_networks ?? []).reduce((list, edit) => {
    const before = list.find(({ scope }) => isSame(scope, edit.scope));
    fresh &&= (before?.version ?? 0) === edit.version;
    const others = list.filter((other) => other !== before);
    return [
      ...others,
      {
        scope: edit.scope,
        networks: edit.networks,
        changed_at: made.at,
        changed_by_login: login,
        version: edit.version + 1,
      },
    ];
  }, policy.known);
  return fresh ? { rules, limits, known } : undefined;
}

export const isSame = (a: t.PolicyScope, b: t.PolicyScope) =>
  JSON.stringify(a) === JSON.stringify(b);

interface Kept<Terms> {
  id: string;
  terms: Terms;
  mode_since: string;
  created_at: string;
  created_by_login: string | null;
  changed_at: string;
  changed_by_login: string | null;
  deleted_at: string | null;
  version: number;
}
type Edit<Terms> =
  | { kind: "create"; terms: Terms }
  | { kind: "update"; id: string; version: number; terms: Terms }
  | { kind: "delete" | "restore"; id: string; version: number };

let made = 0;

function edited<Terms extends { mode: t.PolicyMode }>(
  list: Kept<Terms>[],
  edit: Edit<Terms>,
  { at, login }: { at: string; login: string },
): Kept<Terms>[] | undefined {
  if (edit.kind === "create") {
    made += 1;
    const created = {
      id: `n${made}`,
      terms: edit.terms,
      mode_since: at,
      created_at: at,
      created_by_login: login,
      changed_at: at,
      changed_by_login: login,
      deleted_at: null,
      version: 1,
    };
    return [created, ...list];
  }
  const before = list.find(({ id }) => id === edit.id);
  if (before?.version !== edit.version) return undefined;
  const changed = {
    ...before,
    changed_at: at,
    changed_by_login: login,
    version: before.version + 1,
    ...(edit.kind === "update"
      ? {
          terms: edit.terms,
          mode_since: edit.terms.mode === before.terms.mode ? before.mode_since : at,
        }
      : { deleted_at: edit.kind === "delete" ? at : null }),
  };
  return list.map((one) => (one === before ? changed : one));
}

/** What takes a change back, once it was made. */
export function undoOf(change: t.PolicyChange, before: Policy, now: Policy): t.PolicyChange {
  return {
    rules: inverse(change.rules ?? [], before.rules, now.rules),
    limits: inverse(change.limits ?? [], before.limits, now.limits),
    known_networks: (change.known_networks ?? []).map((edit) => ({
      scope: edit.scope,
      version: edit.version + 1,
      networks: before.known.find(({ scope }) => isSame(scope, edit.scope))?.networks ?? [],
    })),
    confirm_lock_out: false,
  };
}

function inverse<Terms>(
  edits: readonly Edit<Terms>[],
  before: readonly Kept<Terms>[],
  now: readonly Kept<Terms>[],
): Edit<Terms>[] {
  const created = now.filter(({ id }) => !before.some((one) => one.id === id));
  return edits.flatMap((edit): Edit<Terms>[] => {
    if (edit.kind === "create") {
      const one = created.pop();
      return one ? [{ kind: "delete", id: one.id, version: one.version }] : [];
    }
    const version = edit.version + 1;
    const { id } = edit;
    if (edit.kind === "delete") return [{ kind: "restore", id, version }];
    if (edit.kind === "restore") return [{ kind: "delete", id, version }];
    const one = before.find((kept) => kept.id === id);
    return one ? [{ kind: "update", id, version, terms: one.terms }] : [];
  });
}
