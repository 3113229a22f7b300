import type {
  KnownNetworks,
  LimitAction,
  LimitMeasure,
  LimitPer,
  LimitTerms,
  LimitWindow,
  PolicyScope,
} from "$host/host";
import { scopeAsked, type ScopeForm, scopeForm, scopeOf } from "../../parts/policy/scope";

export const measures = ["recipients", "messages", "recipients_per_message"] as const;
export const windows: readonly LimitWindow[] = ["minute", "hour", "day"];
export const pers: readonly LimitPer[] = [
  "account",
  "account_and_address",
  "address",
  "organization",
];
export const limitActions: readonly LimitAction[] = ["reject", "defer", "hold"];

/** A limit as its form holds it; an empty figure is no limit. */
export interface LimitDraft {
  scope: ScopeForm;
  measure: LimitMeasure["kind"];
  window: LimitWindow;
  per: LimitPer;
  known: string;
  others: string;
  burst: boolean;
  burstCount: string;
  burstSeconds: string;
  action: LimitAction;
  text: string;
  note: string;
  enabled: boolean;
  mode: LimitTerms["mode"];
}

/** Fields of a limit beside which a fault is shown. */
export const SHOWN_FIELDS = ["scope", "known", "others", "burst", "text", "note"];

export function draftOf(terms: LimitTerms): LimitDraft {
  const figure = (value: number | null) => (value === null ? "" : String(value));
  return {
    scope: scopeForm(terms.scope),
    measure: terms.measure.kind,
    window: terms.measure.kind === "recipients_per_message" ? "hour" : terms.measure.window,
    per: terms.per,
    known: figure(terms.known),
    others: figure(terms.others),
    burst: Boolean(terms.burst),
    burstCount: String(terms.burst?.count ?? 20),
    burstSeconds: String(terms.burst?.seconds ?? 60),
    action: terms.action,
    text: terms.text ?? "",
    note: terms.note ?? "",
    enabled: terms.enabled,
    mode: terms.mode,
  };
}

export function termsOf(draft: LimitDraft): LimitTerms {
  const perMessage = draft.measure === "recipients_per_message";
  return {
    scope: scopeOf(draft.scope),
    measure:
      draft.measure === "recipients_per_message"
        ? { kind: draft.measure }
        : { kind: draft.measure, window: draft.window },
    per: draft.per,
    known: figureOf(draft.known),
    others: figureOf(draft.others),
    burst:
      draft.burst && !perMessage
        ? {
            count: figureOf(draft.burstCount) ?? 1,
            seconds: figureOf(draft.burstSeconds) ?? 60,
          }
        : null,
    action: draft.action,
    text: draft.action === "hold" ? null : draft.text.trim() || null,
    note: draft.note.trim(),
    enabled: draft.enabled,
    mode: draft.mode,
  };
}

/** What was typed as a figure: whole and not below zero; null for none. */
export function figureOf(text: string | number | null | undefined): number | null {
  const typed = String(text ?? "").trim();
  return /^\d+$/.test(typed) ? Number(typed) : null;
}

/** A new limit as an address asks for it: `#/limits/new?account=…`. */
export function termsAsked(query: URLSearchParams): LimitTerms {
  return {
    scope: scopeAsked(query),
    measure: { kind: "recipients", window: "hour" },
    per: "account",
    known: 200,
    others: 10,
    burst: null,
    action: "reject",
    text: null,
    note: "",
    enabled: true,
    mode: "enforced",
  };
}

export function sameScope(a: PolicyScope, b: PolicyScope): boolean {
  return JSON.stringify(scopeForm(a)) === JSON.stringify(scopeForm(b));
}

/** What makes these networks the known ones of a scope, besides those that are. */
export function knownEdit(
  all: readonly KnownNetworks[],
  scope: PolicyScope,
  networks: readonly string[],
) {
  const before = all.find((one) => sameScope(one.scope, scope));
  return { scope, version: before?.version ?? 0, networks: [...networks] };
}

export function knownOf(all: readonly KnownNetworks[], scope: PolicyScope): readonly string[] {
  return all.find((one) => sameScope(one.scope, scope))?.networks ?? [];
}
