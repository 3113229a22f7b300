import type { AccessAction, AccessRule, AccessTerms, PolicyMode, PolicyScope } from "$host/host";
import { address } from "$lib/router.svelte";
import { ruleSentence } from "$lib/policyWords";
import { scopeAsked } from "../../parts/policy/scope";

/** Which rules the list shows. */
export interface Asked {
  text: string;
  scope: PolicyScope["kind"] | null;
  action: AccessAction | null;
  mode: PolicyMode | null;
  state: RuleState | null;
}

export const ruleStates = ["on", "off", "odd"] as const;
export type RuleState = (typeof ruleStates)[number];

const oneOf = <T extends string>(known: readonly T[], text: string | null): T | null =>
  known.find((value) => value === text) ?? null;

export const actions: readonly AccessAction[] = ["allow", "deny"];
export const modes: readonly PolicyMode[] = ["enforced", "report_only"];

export function readQuery(query: URLSearchParams): Asked {
  return {
    text: query.get("text") ?? "",
    scope: oneOf(["organization", "domain", "account"], query.get("scope")),
    action: oneOf(actions, query.get("action")),
    mode: oneOf(modes, query.get("mode")),
    state: oneOf(ruleStates, query.get("state")),
  };
}

/** The address of the list, or of one rule beside it. */
export function rulesAddress(asked: Asked, id?: string): string {
  return address(["rules", ...(id ? [id] : [])], {
    text: asked.text,
    scope: asked.scope ?? undefined,
    action: asked.action ?? undefined,
    mode: asked.mode ?? undefined,
    state: asked.state ?? undefined,
  });
}

export function isFiltered({ text, scope, action, mode, state }: Asked): boolean {
  return Boolean(text) || [scope, action, mode, state].some((value) => value !== null);
}

/** Whether a rule is one that was asked for. `odd`: the rules about which something was found. */
export function passes(
  { id, terms }: AccessRule,
  asked: Asked,
  odd: ReadonlySet<string>,
  now: number,
): boolean {
  const text = asked.text.trim().toLocaleLowerCase();
  const said = [ruleSentence(terms, now), terms.note, ...(terms.networks ?? [])].join("\n");
  return (
    said.toLocaleLowerCase().includes(text) &&
    (asked.scope === null || terms.scope.kind === asked.scope) &&
    (asked.action === null || terms.action === asked.action) &&
    (asked.mode === null || terms.mode === asked.mode) &&
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
