import type { LimitAction, SendingLimit } from "$host/host";
import { limitSentence } from "$lib/policyWords";
import { address } from "$lib/router.svelte";
import { askedQuery, type AskedOf, passesTerms, readAsked } from "../../parts/policy/asked";
import { limitActions } from "./form";

/** Which limits the list shows. */
export type Asked = AskedOf<LimitAction, LimitState>;

export const limitStates = ["on", "off"] as const;
export type LimitState = (typeof limitStates)[number];

export function readQuery(query: URLSearchParams): Asked {
  return readAsked(query, limitActions, limitStates);
}

/** The address of the list, or of one limit beside it. */
export function limitsAddress(asked: Asked, id?: string): string {
  return address(["limits", ...(id ? [id] : [])], askedQuery(asked));
}

export function passes({ terms }: SendingLimit, asked: Asked): boolean {
  return (
    passesTerms(terms, `${limitSentence(terms)}\n${terms.note ?? ""}`, asked) &&
    (asked.state === null || terms.enabled === (asked.state === "on"))
  );
}
