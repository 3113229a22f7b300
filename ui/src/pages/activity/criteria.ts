import type {
  EventKind,
  Filter,
  OutcomeFilter,
  Protocol,
  ReasonCode,
  Test,
  Term as WireTerm,
} from "$host/host";
import type { PageSpan } from "./span";

/** Which events the reader asks for; every term must hold. */
export interface Criteria {
  span: PageSpan | undefined;
  terms: readonly Term[];
}

export type Field = Test["kind"];

export interface Term extends WireTerm {
  not: boolean;
}

export const NO_CRITERIA: Criteria = { span: undefined, terms: [] };

/** The values that a field may take, where they are a closed list. */
export const closed = {
  kind: ["sign_in", "submission", "alert", "block", "account", "policy", "admin", "system"],
  protocol: ["web", "api", "imap", "pop3", "submission", "sieve"],
  outcome: ["allowed", "failed", "refused", "challenged", "abandoned"],
  reason: [
    "credentials",
    "app_password",
    "app_password_limited",
    "main_password_refused",
    "no_web_session",
    "factor_missing",
    "wrong_password",
    "wrong_code",
    "code_requested",
    "captcha_asked",
    "captcha_wrong",
    "risk",
    "stolen_password",
    "risk_would_refuse",
    "blocked_address",
    "blocked_network",
    "blocked_account",
    "sending_suspended",
    "rule_denied",
    "rule_not_allowed",
    "rule_would_deny",
    "rule_would_not_allow",
    "limit_reached",
    "limit_would_reach",
    "recovered",
    "nothing_against",
    "mail_server",
    "imported",
  ],
} as const satisfies {
  kind: readonly EventKind[];
  protocol: readonly Protocol[];
  outcome: readonly OutcomeFilter[];
  reason: readonly ReasonCode[];
};
export type ClosedField = keyof typeof closed;

export function isClosed(field: Field): field is ClosedField {
  return Object.hasOwn(closed, field);
}

/** What the core is asked for, as of `now`. */
export function filterOf({ span, terms }: Criteria, now: number): Filter {
  const asked = [...terms];
  switch (span?.kind) {
    case "last":
      return { span, terms: asked };
    case "between":
      return { span, terms: asked };
    case "today": {
      const from = new Date(new Date(now).setHours(0, 0, 0, 0)).toISOString();
      return { span: { kind: "between", from, until: null }, terms: asked };
    }
    case undefined:
      return { span: null, terms: asked };
  }
}

export function isFiltered({ span, terms }: Criteria): boolean {
  return span !== undefined || terms.length > 0;
}

/** The values of a term, any of which matches. */
export function valuesOf({ test }: Term): readonly string[] {
  return test.kind === "text" ? [test.words] : test.any;
}

/** A term of these values; undefined if there are none. Values of a closed list must be of it. */
export function termOf(field: Field, values: readonly string[], not = false): Term | undefined {
  const any = [...new Set(values)].filter((value) => value !== "");
  if (any.length === 0) return undefined;
  return { not, test: testOf(field, any) };
}

function testOf(kind: Field, any: string[]): Test {
  switch (kind) {
    case "text":
      return { kind, words: any.join(" ") };
    case "kind":
      return { kind, any: any as EventKind[] };
    case "protocol":
      return { kind, any: any as Protocol[] };
    case "outcome":
      return { kind, any: any as OutcomeFilter[] };
    case "reason":
      return { kind, any: any as ReasonCode[] };
    case "account":
    case "domain":
    case "network":
    case "device":
      return { kind, any };
  }
}

/** With more terms; one that stands there already is not said twice. */
export function withTerms(criteria: Criteria, added: readonly Term[]): Criteria {
  const terms = [...criteria.terms];
  for (const term of added)
    if (!terms.some((other) => JSON.stringify(other) === JSON.stringify(term))) terms.push(term);
  return { ...criteria, terms };
}

/** With the term at `index` changed, or taken away. */
export function withTerm(criteria: Criteria, index: number, term: Term | undefined): Criteria {
  return { ...criteria, terms: criteria.terms.toSpliced(index, 1, ...(term ? [term] : [])) };
}
