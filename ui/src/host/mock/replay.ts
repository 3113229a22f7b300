import type * as t from "../host";
import { isKnown, judge, type Policy } from "./deciding";
import { networkOf, placeOf } from "./policySeed";

const MINUTE = 60_000;
const STEPS = 30;

export function boundsOf(span: t.Span, now: number): [from: number, until: number] {
  if (span.kind === "last") return [now - span.minutes * MINUTE, now];
  return [
    span.from ? Date.parse(span.from) : now - 30 * 24 * 60 * MINUTE,
    span.until ? Date.parse(span.until) : now,
  ];
}

interface Tally {
  refused: number;
  of: number;
  networks: Set<string>;
  accounts: Set<string>;
  last: string;
}

const empty = (): Tally => ({
  refused: 0,
  of: 0,
  networks: new Set(),
  accounts: new Set(),
  last: "",
});

/** What the log's sign-ins and submissions would have come to. */
export function replay(
  log: readonly t.Event[],
  before: Policy,
  after: Policy,
  [from, until]: [number, number],
): t.DryRun {
  const events = log.filter(({ at }) => Date.parse(at) >= from && Date.parse(at) < until);
  const step = Math.max(1, Math.ceil((until - from) / STEPS / 1000));
  const stepAt = (at: string) =>
    new Date(from + Math.floor((Date.parse(at) - from) / 1000 / step) * step * 1000).toISOString();
  const signIns = ofSignIns(events, before, after, stepAt);
  const touches =
    before.limits !== after.limits || JSON.stringify(before.known) !== JSON.stringify(after.known);
  return {
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
    copy_from: null,
    sign_ins: { ...signIns, step_seconds: step },
    submissions: touches ? { ...ofSubmissions(events, after, stepAt), step_seconds: step } : null,
    took_ms: 184,
  };
}

function ofSignIns(
  events: readonly t.Event[],
  before: Policy,
  after: Policy,
  stepAt: (at: string) => string,
): Omit<t.SignInEffect, "step_seconds"> {
  const accounts = new Map<string, Tally>();
  const networks = new Map<string, Tally>();
  const steps = new Map<string, t.EffectStep>();
  const result = { looked_at: 0, refused: 0, failed_refused: 0, let_in: 0 };
  const samples: string[] = [];
  for (const event of events) {
    const { body, at } = event;
    if (body.type !== "sign_in") continue;
    result.looked_at += 1;
    const attempt = { ...body, at: Date.parse(at) };
    const was = judge(before.rules, attempt).refused;
    const would = judge(touched(after, before), attempt).refused;
    const account = tallyOf(accounts, body.login);
    if (body.outcome === "succeeded") account.of += 1;
    if (was === would) continue;
    if (was) {
      result.let_in += 1;
      continue;
    }
    if (body.outcome !== "succeeded") {
      result.failed_refused += 1;
      continue;
    }
    result.refused += 1;
    const network = networkOf(body.address) ?? "";
    for (const tally of [account, tallyOf(networks, network)]) {
      tally.refused += 1;
      tally.networks.add(network);
      tally.accounts.add(body.login);
      tally.last ||= at;
    }
    const moment = stepAt(at);
    const point = steps.get(moment) ?? { at: moment, refused: 0, let_in: 0 };
    point.refused += 1;
    steps.set(moment, point);
    if (samples.length < 20) samples.push(event.id);
  }
  const hit = [...networks].sort(([, a], [, b]) => b.refused - a.refused);
  return {
    ...result,
    ...accountsOf(accounts),
    networks: hit.map(([network, tally]) => ({
      network: network || null,
      place: network ? placeOf(network.replace(/0\/24$/, "24")) : null,
      refused: tally.refused,
      accounts: tally.accounts.size,
      last_at: tally.last,
    })),
    networks_total: hit.length,
    steps: [...steps.values()].reverse(),
    samples,
  };
}

/** Rules that the change touches count as if they were enforced. */
function touched(after: Policy, before: Policy): t.AccessRule[] {
  return after.rules
    .filter(({ deleted_at }) => deleted_at === null)
    .map((rule) =>
      before.rules.includes(rule)
        ? rule
        : { ...rule, terms: { ...rule.terms, mode: "enforced" as const } },
    );
}

function ofSubmissions(
  events: readonly t.Event[],
  after: Policy,
  stepAt: (at: string) => string,
): Omit<t.SubmissionEffect, "step_seconds"> {
  const accounts = new Map<string, Tally>();
  const steps = new Map<string, t.EffectStep>();
  const result = { looked_at: 0, rejected: 0, deferred: 0, held: 0, recipients: 0, let_out: 0 };
  const samples: string[] = [];
  for (const event of events) {
    const { body, at } = event;
    if (body.type !== "submission" || !body.login) continue;
    const { login } = body;
    result.looked_at += 1;
    const account = tallyOf(accounts, login);
    account.of += 1;
    const limit = after.limits.find(({ terms, deleted_at }) => {
      const figure = isKnown(after.known, login, body.address) ? terms.known : terms.others;
      return terms.enabled && deleted_at === null && figure !== null && body.recipients > figure;
    });
    if (!limit) continue;
    result[
      ({ reject: "rejected", defer: "deferred", hold: "held" } as const)[limit.terms.action]
    ] += 1;
    result.recipients += body.recipients;
    account.refused += 1;
    account.networks.add(networkOf(body.address) ?? "");
    account.last ||= at;
    const moment = stepAt(at);
    const point = steps.get(moment) ?? { at: moment, refused: 0, let_in: 0 };
    point.refused += 1;
    steps.set(moment, point);
    if (samples.length < 20) samples.push(event.id);
  }
  return { ...result, ...accountsOf(accounts), steps: [...steps.values()].reverse(), samples };
}

function tallyOf(tallies: Map<string, Tally>, key: string): Tally {
  const tally = tallies.get(key) ?? empty();
  tallies.set(key, tally);
  return tally;
}

function accountsOf(tallies: Map<string, Tally>): {
  accounts: t.AccountEffect[];
  accounts_total: number;
} {
  const hit = [...tallies].filter(([, { refused }]) => refused > 0);
  return {
    accounts: hit
      .sort(([, a], [, b]) => b.refused - a.refused)
      .slice(0, 100)
      .map(([login, { refused, of, networks, last }]) => ({
        login,
        refused,
        of,
        networks: networks.size,
        last_at: last,
      })),
    accounts_total: hit.length,
  };
}
