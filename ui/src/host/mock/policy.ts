import type * as t from "../host";
import type { Host } from "../host";
import { after, isKnown, judge, misses, type Policy, undoOf } from "./deciding";
import { matches } from "./matches";
import { boundsOf, replay } from "./replay";
import * as data from "./policySeed";
import { policyTexts } from "./policyTexts";
import { fresh, now, parameters, scenario } from "./scenario";
import * as seed from "./seed";
import { sendingCommands } from "./sending";

type Commands = Pick<
  Host,
  | "policy"
  | "savePolicy"
  | "keepTrial"
  | "returnTrial"
  | "dryRun"
  | "dryRunProgress"
  | "cancelDryRun"
  | "decide"
  | "learn"
  | "checkTerms"
  | "whereFrom"
  | "placeSources"
  | "noticeSettings"
  | "setNoticeSettings"
  | "organization"
  | "setOrganization"
  | "riskSettings"
  | "setRiskSettings"
  | "accountNotices"
  | "setAccountNotices"
> &
  ReturnType<typeof policyTexts> &
  ReturnType<typeof sendingCommands>;

interface Needs {
  view: () => t.View;
  log: () => t.Event[];
  blocks: () => t.Block[];
  read: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string, details?: t.Details | null) => t.Problem;
  changed: (...parts: (keyof t.DataChanged)[]) => void;
  push: (change: Partial<t.View>) => void;
  record: (body: t.EventBody) => void;
}

const ME = { login: "admin@example.org", protocol: "api", address: "203.0.113.24" } as const;
const MINUTES = 10;
const DAY = 86_400_000;
/** A dry run takes so long, or for ever with `&dry-run=slow`. */
const DRY_RUN_MS = 600;

const worst = scenario === "worst";
let policy: Policy = fresh
  ? { rules: [], limits: [], known: [] }
  : worst
    ? { rules: data.worstRules(now), limits: data.worstLimits(now), known: [] }
    : { rules: data.rules(now), limits: data.limits(now), known: data.knownNetworks(now) };

/** What a trial takes back. */
let former: Policy = policy;

let organization: t.Organization = {
  name: worst ? "Gesellschaft für Nachrichten und Zustellung ".repeat(2).trim() : "Example",
  domains: worst ? ["example.org", "a-very-long-name-of-a-domain.example.net"] : ["example.org"],
  accent: worst ? "#ffd400" : null,
  version: 1,
};

let notices: t.NoticeSettings = {
  mode: "every",
  window_hours: 24,
  zone: "Europe/Berlin",
  version: 1,
};
let risk: t.RiskSettings = {
  level: worst ? { custom: { delay: 35, challenge: 30, refuse: 200 } } : "balanced",
  enforced: !fresh,
  version: 1,
};
const own = new Map<string, t.AccountNotices>();

function trial(lockOut: t.LockOut, at: number): t.Trial {
  return {
    id: "t1",
    admin: "adm1",
    login: ME.login,
    change: "Access rule added: Signing in refused from 203.0.113.0/24",
    lock_out: lockOut,
    began_at: seed.iso(at),
    ends_at: seed.iso(at + MINUTES * 60_000),
    state: "running",
    ended_at: null,
    ended_by_login: null,
  };
}

/** What runs when the page opens. */
export const firstTrial: t.Trial | null =
  scenario === "trial"
    ? trial({ yourself: false, address: null, owners: ["berta@example.org"], reasons: [] }, now)
    : null;

/** Rules and limits at the mocked service, and what the console works out from its copy. */
export function policyCommands(needs: Needs): Commands {
  const { read, write, problem, changed, push } = needs;

  function set(wanted: Policy) {
    policy = wanted;
    changed("policy", "events");
  }

  /** Whom a change locks out; undefined if nobody. */
  function lockOutOf(wanted: Policy): t.LockOut | undefined {
    const rules = wanted.rules.filter(({ deleted_at }) => deleted_at === null);
    const { refused, denied, list } = judge(rules, { ...ME, at: Date.now() });
    if (!refused) return undefined;
    const rule = denied ?? list[0];
    return {
      yourself: true,
      address: ME.address,
      owners: [],
      reasons: [
        {
          code: denied ? "rule_denied" : "rule_not_allowed",
          text: denied
            ? "The new deny rule refuses you"
            : "No access rule of the list allows it from here",
          block: null,
          rule: policy.rules.some(({ id }) => id === rule?.id) ? (rule?.id ?? null) : null,
        },
      ],
    };
  }

  function endTrial(state: t.TrialState): t.Trial {
    const running = needs.view().trial;
    if (!running) throw problem("not_found", "No trial runs.");
    const ended = {
      ...running,
      state,
      ended_at: seed.iso(Date.now()),
      ended_by_login: ME.login,
    };
    needs.record({ type: "policy", item: "trial", ...ended });
    if (state === "returned") policy = former;
    const { service } = needs.view();
    push({ trial: null, service: service && { ...service, link: { kind: "live" } } });
    changed("policy", "events");
    return ended;
  }

  // What page tests do in the clock's place.
  Object.assign(window, { endTrial: () => endTrial("returned") });

  return {
    policy: () =>
      read(() => ({
        rules: policy.rules.filter(({ deleted_at }) => deleted_at === null),
        limits: policy.limits.filter(({ deleted_at }) => deleted_at === null),
        known_networks: policy.known,
        findings: fresh || worst ? [] : data.findings.filter(({ rule }) => stands(rule)),
        rule_effects: fresh || worst ? [] : data.ruleEffects(now),
        limit_effects: fresh || worst ? [] : data.limitEffects(now),
        trial: needs.view().trial,
      })),
    savePolicy: (change) =>
      write((): t.PolicySaved => {
        const wanted = after(policy, change, ME.login);
        const noted = [...(change.rules ?? []), ...(change.limits ?? [])].some(
          (edit) => "terms" in edit && edit.terms.note === "stale",
        );
        if (!wanted || noted) return { kind: "stale" };
        const lockOut = lockOutOf(wanted);
        if (lockOut && !change.confirm_lock_out)
          return { kind: "locks_out", lock_out: lockOut, minutes: MINUTES };
        former = policy;
        const undo = undoOf(change, policy, wanted);
        set(wanted);
        if (!lockOut) return { kind: "done", undo, trial: null };
        const running = trial(lockOut, Date.now());
        const { service } = needs.view();
        push({
          trial: running,
          service: service && {
            ...service,
            link: {
              kind: "refused_here",
              since: running.began_at,
              returns_at: running.ends_at,
            },
          },
        });
        return { kind: "done", undo, trial: running };
      }),
    keepTrial: () => write(() => endTrial("kept")),
    returnTrial: () => write(() => endTrial("returned")),

    ...dryRuns(needs),
    decide: (question) => read(() => decided(question, needs)),
    learn: (question) => read(() => learned(question, needs.log())),
    checkTerms: ({ kind, terms }) => read(() => (kind === "access" ? wrongs(terms) : [])),

    whereFrom: (filter) =>
      read(() => {
        const passing = needs.log().filter((event) => matches(event, filter));
        return whereFrom(passing, (filter.terms ?? []).length === 0);
      }),
    placeSources: () => read(() => data.sources),

    noticeSettings: () => read(() => notices),
    setNoticeSettings: (change, version) =>
      write(() => {
        if (version !== notices.version)
          throw problem("stale", "Somebody changed it meanwhile.", {
            kind: "current",
            etag: `"${notices.version}"`,
            value: notices,
          });
        notices = { ...change, version: version + 1 };
        changed("settings");
        return notices;
      }),
    organization: () => read(() => organization),
    setOrganization: (change, version) =>
      write(() => {
        if (version !== organization.version)
          throw problem("stale", "Somebody changed it meanwhile.", {
            kind: "current",
            etag: `"${organization.version}"`,
            value: organization,
          });
        const accent = change.accent ?? null;
        if (accent !== null && !/^#[0-9a-f]{6}$/i.test(accent))
          throw problem("invalid", "A color is # and six digits or letters from a to f.", {
            kind: "fields",
            fields: [
              { field: "accent", message: "A color is # and six digits or letters from a to f." },
            ],
          });
        organization = { ...change, accent, version: version + 1 };
        changed("settings");
        return organization;
      }),
    riskSettings: () => read(() => risk),
    setRiskSettings: (settings) =>
      write(() => {
        if (settings.version !== risk.version)
          throw problem("stale", "Somebody changed it meanwhile.", {
            kind: "current",
            etag: `"${risk.version}"`,
            value: risk,
          });
        risk = { ...settings, version: risk.version + 1 };
        changed("settings");
        return risk;
      }),
    accountNotices: (login) =>
      read(() => own.get(login) ?? { mode: null, zone: null, address: null, version: 0 }),
    setAccountNotices: (login, wanted) =>
      write(() => {
        const kept = { ...wanted, version: (wanted.version ?? 0) + 1 };
        own.set(login, kept);
        return kept;
      }),

    ...policyTexts({ read, problem, policy: () => policy }),
    ...sendingCommands({ read, log: needs.log, policy: () => policy }),
  };

  function dryRuns({ log }: Needs): Pick<Host, "dryRun" | "dryRunProgress" | "cancelDryRun"> {
    let running: { began: number; cancelled: boolean } | undefined;
    return {
      async dryRun({ change, span }) {
        const run = { began: Date.now(), cancelled: false };
        running = run;
        const slow = parameters.get("dry-run") === "slow";
        while (slow || Date.now() - run.began < DRY_RUN_MS) {
          await new Promise((resolve) => setTimeout(resolve, 40));
          if (run.cancelled) return { kind: "cancelled" };
        }
        running = undefined;
        const wanted = after(policy, change, ME.login) ?? policy;
        return read(() => ({
          kind: "done" as const,
          dry_run: replay(log(), policy, wanted, boundsOf(span, Date.now())),
        }));
      },
      dryRunProgress: () => {
        const total = log().length;
        return Promise.resolve(
          running
            ? {
                done: Math.min(
                  total,
                  Math.round((total * (Date.now() - running.began)) / DRY_RUN_MS / 2),
                ),
                total,
              }
            : null,
        );
      },
      cancelDryRun: () => {
        if (running) running.cancelled = true;
        running = undefined;
        return Promise.resolve(null);
      },
    };
  }
}

const stands = (id: string) =>
  policy.rules.some((rule) => rule.id === id && rule.deleted_at === null && rule.terms.enabled);

function wrongs(terms: t.AccessTerms): t.FieldProblem[] {
  const { scope, countries = [], networks = [] } = terms;
  const found: t.FieldProblem[] = [];
  if (scope.kind === "account" && !scope.login.trim())
    found.push({ field: "scope.login", message: "Say for which account." });
  if (scope.kind === "domain" && !scope.domain.trim())
    found.push({ field: "scope.domain", message: "Say for which domain." });
  if (terms.action === "deny" && networks.length === 0 && countries.length === 0)
    found.push({
      field: "networks",
      message: "A rule that denies needs networks or countries.",
    });
  if (terms.expires_at && Date.parse(terms.expires_at) <= Date.now())
    found.push({ field: "expires_at", message: "This time has passed." });
  return found;
}

function decided(question: t.DecisionQuestion, needs: Needs): t.DecisionAnswer {
  const at = question.at ? Date.parse(question.at) : Date.now();
  const wanted = question.change ? (after(policy, question.change, ME.login) ?? policy) : policy;
  const rules = wanted.rules.filter(({ deleted_at }) => deleted_at === null);
  const attempt = { ...question, at };
  const { denied, scope, matched, refused } = judge(rules, attempt);
  const refusing = needs
    .blocks()
    .filter(
      ({ target }) =>
        (target.kind === "account" && target.login === question.login) ||
        (target.kind === "address" && target.address === question.address),
    );
  const known = isKnown(wanted.known, question.login, question.address);
  const steps: t.DecisionStep[] = [
    { kind: "blocks", refusing },
    ...rules
      .filter(({ terms }) => appliesTo(terms.scope, question.login))
      .map((rule) => ({ kind: "rule" as const, rule, misses: misses(rule, attempt) })),
    { kind: "denied", by: denied?.id ?? null },
    { kind: "list", scope, matched: matched?.id ?? null },
    ...limitSteps(wanted, question, known),
  ];
  const reached = steps.find(
    (step) => step.kind === "limit" && step.reached && step.limit.terms.mode === "enforced",
  );
  const verdict: t.DecisionVerdict =
    refusing.length > 0 || refused
      ? "refuse"
      : reached?.kind === "limit"
        ? reached.limit.terms.action
        : "allow";
  const place = question.address === null ? null : data.placeOf(question.address);
  return { verdict, place, at: seed.iso(at), steps };
}

const appliesTo = (scope: t.PolicyScope, login: string) =>
  scope.kind === "organization" ||
  (scope.kind === "account" ? scope.login === login : login.endsWith(`@${scope.domain}`));

function limitSteps(
  { limits }: Policy,
  { login, protocol, recipients }: t.DecisionQuestion,
  known: boolean,
): t.DecisionStep[] {
  if (protocol !== "submission") return [];
  return limits
    .filter(
      ({ terms, deleted_at }) =>
        deleted_at === null && terms.enabled && appliesTo(terms.scope, login),
    )
    .map((limit) => {
      const of = known ? limit.terms.known : limit.terms.others;
      const used = limit.terms.measure.kind === "recipients_per_message" ? 0 : 4;
      const reached = of !== null && used + (recipients ?? 1) > of;
      return { kind: "limit", limit, known, used, of, reached };
    });
}

function learned(
  { scope, protocols = [], days, min_days }: t.LearnQuestion,
  log: readonly t.Event[],
): t.LearnProposal {
  const from = Date.now() - days * DAY;
  const found = new Map<string, t.LearnedNetwork & { logins: Set<string>; dates: Set<string> }>();
  const logins = new Set<string>();
  let total = 0;
  for (const { body, at } of log) {
    if (body.type !== "sign_in" || body.outcome !== "succeeded" || Date.parse(at) < from) continue;
    if (!appliesTo(scope, body.login)) continue;
    if (protocols.length > 0 && !protocols.includes(body.protocol)) continue;
    const network = data.networkOf(body.address);
    if (network === null) continue;
    total += 1;
    logins.add(body.login);
    const one = found.get(network) ?? {
      network,
      place: data.placeOf(body.address ?? ""),
      sign_ins: 0,
      accounts: 0,
      days: 0,
      first_at: at,
      last_at: at,
      logins: new Set<string>(),
      dates: new Set<string>(),
    };
    one.sign_ins += 1;
    one.first_at = at;
    one.accounts = one.logins.add(body.login).size;
    one.days = one.dates.add(at.slice(0, 10)).size;
    found.set(network, one);
  }
  const networks = [...found.values()]
    .sort((a, b) => b.sign_ins - a.sign_ins)
    .map(({ logins: _logins, dates: _dates, ...network }) => network);
  const kept = networks.filter((network) => network.days >= min_days);
  return {
    from: seed.iso(from),
    until: seed.iso(Date.now()),
    networks: kept,
    left_out: networks.filter((network) => network.days < min_days),
    sign_ins: total,
    covered: kept.reduce((sum, { sign_ins }) => sum + sign_ins, 0),
    accounts: logins.size,
    terms: {
      scope,
      action: "allow",
      protocols,
      networks: kept.map(({ network }) => network),
      countries: [],
      schedule: null,
      expires_at: null,
      note: "",
      enabled: true,
      mode: "report_only",
    },
  };
}

function whereFrom(log: readonly t.Event[], withStrangers: boolean): t.WhereFrom {
  const countries = new Map<string, t.CountryCount>();
  const networks = new Map<string, t.NetworkCount>();
  let unknown = 0;
  for (const { body, at } of log) {
    if (body.type !== "sign_in") continue;
    const place = body.address === null ? null : data.placeOf(body.address);
    if (!place?.country) {
      unknown += 1;
      continue;
    }
    const outcome =
      body.outcome === "failed" || body.outcome === "refused" ? body.outcome : "allowed";
    const country = countries.get(place.country) ?? {
      country: place.country,
      allowed: 0,
      failed: 0,
      refused: 0,
      accounts: 4,
      last_at: at,
    };
    country[outcome] += 1;
    countries.set(place.country, country);
    const name = place.network ?? "";
    const network = networks.get(name) ?? {
      asn: place.asn ?? null,
      name,
      allowed: 0,
      failed: 0,
      refused: 0,
      accounts: 4,
    };
    network[outcome] += 1;
    networks.set(name, network);
  }
  if (countries.size > 0 && withStrangers && !worst)
    for (const [country, failed, refused] of data.strangers)
      countries.set(country, {
        country,
        allowed: 0,
        failed,
        refused,
        accounts: 9,
        last_at: seed.iso(now - failed * 1000),
      });
  const all = (one: { allowed: number; failed: number; refused: number }) =>
    one.allowed + one.failed + one.refused;
  return {
    countries: [...countries.values()].sort((a, b) => all(b) - all(a)),
    networks: [...networks.values()].sort((a, b) => all(b) - all(a)),
    unknown,
  };
}
