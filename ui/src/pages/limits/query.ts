import type { LimitAction, PolicyMode, PolicyScope, SendingLimit } from "$host/host";
import { limitSentence } from "$lib/policyWords";
import { address } from "$lib/router.svelte";
import { limitActions } from "./form";

/** Which limits the list shows. */
export interface Asked {
  text: string;
  scope: PolicyScope["kind"] | null;
  action: LimitAction | null;
  mode: PolicyMode | null;
  state: "on" | "off" | null;
}

const oneOf = <T extends string>(known: readonly T[], text: string | null): T | null =>
  known.find((value) => value === text) ?? null;

export function readQuery(query: URLSearchParams): Asked {
  return {
    text: query.get("text") ?? "",
    scope: oneOf(["organization", "domain", "account"], query.get("scope")),
    action: oneOf(limitActions, query.get("action")),
    mode: oneOf(["enforced", "report_only"], query.get("mode")),
    state: oneOf(["on", "off"], query.get("state")),
  };
}

/** The address of the list, or of one limit beside it. */
export function limitsAddress(asked: Asked, id?: string): string {
  return address(["limits", ...(id ? [id] : [])], {
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

export function passes({ terms }: SendingLimit, asked: Asked): boolean {
  const text = asked.text.trim().toLocaleLowerCase();
  const said = `${limitSentence(terms)}\n${terms.note ?? ""}`.toLocaleLowerCase();
  return (
    said.includes(text) &&
    (asked.scope === null || terms.scope.kind === asked.scope) &&
    (asked.action === null || terms.action === asked.action) &&
    (asked.mode === null || terms.mode === asked.mode) &&
    (asked.state === null || terms.enabled === (asked.state === "on"))
  );
}
