import type { AccessTerms, Schedule } from "$host/host";
import { fieldTime } from "$lib/format";
import { scopeForm, scopeOf, type ScopeForm } from "../../parts/policy/scope";

/** A rule as its form holds it; its networks stand in a field of their own. */
export interface RuleDraft {
  scope: ScopeForm;
  action: AccessTerms["action"];
  protocols: NonNullable<AccessTerms["protocols"]>;
  countries: string[];
  schedule: Schedule | null;
  /** As a `datetime-local` field holds it; empty: never. */
  expires: string;
  note: string;
  enabled: boolean;
  mode: AccessTerms["mode"];
}

/** Fields of a rule beside which a fault is shown. */
export const SHOWN_FIELDS = [
  "scope",
  "protocols",
  "networks",
  "countries",
  "schedule",
  "expires_at",
  "note",
];

export function draftOf(terms: AccessTerms): RuleDraft {
  return {
    scope: scopeForm(terms.scope),
    action: terms.action,
    protocols: [...(terms.protocols ?? [])],
    countries: [...(terms.countries ?? [])],
    schedule: terms.schedule ? { ...terms.schedule } : null,
    expires: terms.expires_at ? fieldTime(Date.parse(terms.expires_at)) : "",
    note: terms.note ?? "",
    enabled: terms.enabled,
    mode: terms.mode,
  };
}

export function termsOf(draft: RuleDraft, networks: readonly string[]): AccessTerms {
  return {
    scope: scopeOf(draft.scope),
    action: draft.action,
    protocols: draft.protocols,
    networks: [...networks],
    countries: draft.countries,
    schedule: draft.schedule,
    expires_at: draft.expires ? new Date(draft.expires).toISOString() : null,
    note: draft.note.trim(),
    enabled: draft.enabled,
    mode: draft.mode,
  };
}
