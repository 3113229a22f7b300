import type { AccessAction, AccessRule, AccessTerms } from "$host/host";
import { address } from "$lib/router.svelte";
import { ruleSentence } from "$lib/policyWords";
import {
  askedQuery,
  type AskedOf,
  modes,
  oneOf,
  passesTerms,
  readAsked,
} from "../../parts/policy/asked";
import { scopeAsked } from "../../parts/policy/scope";

/** Which rules the list shows. */
export type Asked = AskedOf<AccessAction, RuleState>;

export const ruleStates = ["on", "off", "odd"] as const;
export type RuleState = (typeof ruleStates)[number];

export const actions: readonly AccessAction[] = ["allow", "deny"];

export function readQuery(query: URLSearchParams): Asked {
  return readAsked(query, actions, ruleStates);
}

/** The address of the list, or of one rule beside it. */
export function rulesAddress(asked: Asked, id?: string): string {
  return address(["rules", ...(id ? [id] : [])], askedQuery(asked));
}

/** Whether a rule is one that was asked for. `odd`: the rules about which something was found. */
export function passes(
  { id, terms }: AccessRule,
  asked: Asked,
  odd: ReadonlySet<string>,
  now: number,
): boolean {
  const said = [ruleSentence(terms, now), terms.note, ...(terms.networks ?? [])].join("\n");
  return (
    passesTerms(terms, said, asked) &&
    (asked.state === null ||
      (asked.state === "odd" ? odd.has(id) : terms.enabled === (asked.state === "on")))
  );
}

/** A new rule as an address asks for it: `#/rules/new?account=…&network=…&action=deny`. */
export function termsAsked(query: URLSearchParams): AccessTerms {
  const network = query.get("network");
  return {
    scope: scopeAsked(query),
    action: oneOf(actions, query.get("action")) ?? "allow",
    protocols: [],
    networks: network ? network.split(",") : [],
    countries: [],
    schedule: null,
    expires_at: null,
    note: "",
    enabled: true,
    mode: oneOf(modes, query.get("mode")) ?? "enforced",
  };
}

const WEEK_MS = 7 * 86_400_000;

/** Whether a report-only rule has gone long without a surprise, so that it can be enforced. */
export function isRipe(
  { terms, mode_since }: AccessRule,
  wouldRefuse: number,
  now: number,
): boolean {
  return (
    terms.enabled &&
    terms.mode === "report_only" &&
    wouldRefuse === 0 &&
    now - Date.parse(mode_since) > WEEK_MS
  );
}
