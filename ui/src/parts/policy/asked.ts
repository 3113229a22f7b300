import type { PolicyMode, PolicyScope } from "$host/host";
import { scopeKinds } from "./scope";

export const modes: readonly PolicyMode[] = ["enforced", "report_only"];

/** Which rules or limits a list shows. */
export interface AskedOf<Action extends string, State extends string> {
  text: string;
  scope: PolicyScope["kind"] | null;
  action: Action | null;
  mode: PolicyMode | null;
  state: State | null;
}

/** One of the words that are known; null for any other. */
export function oneOf<T extends string>(known: readonly T[], text: string | null): T | null {
  return known.find((value) => value === text) ?? null;
}

/** What an address asks for. */
export function readAsked<Action extends string, State extends string>(
  query: URLSearchParams,
  actions: readonly Action[],
  states: readonly State[],
): AskedOf<Action, State> {
  return {
    text: query.get("text") ?? "",
    scope: oneOf(scopeKinds, query.get("scope")),
    action: oneOf(actions, query.get("action")),
    mode: oneOf(modes, query.get("mode")),
    state: oneOf(states, query.get("state")),
  };
}

/** The same as the query of an address. */
export function askedQuery(asked: AskedOf<string, string>) {
  return {
    text: asked.text,
    scope: asked.scope ?? undefined,
    action: asked.action ?? undefined,
    mode: asked.mode ?? undefined,
    state: asked.state ?? undefined,
  };
}

export function isFiltered({ text, scope, action, mode, state }: AskedOf<string, string>): boolean {
  return Boolean(text) || [scope, action, mode, state].some((value) => value !== null);
}

/** Whether terms, and what is said of them, are asked for; their state is judged by whoever knows it. */
export function passesTerms(
  terms: { scope: PolicyScope; action: string; mode: PolicyMode },
  said: string,
  asked: AskedOf<string, string>,
): boolean {
  return (
    said.toLocaleLowerCase().includes(asked.text.trim().toLocaleLowerCase()) &&
    (asked.scope === null || terms.scope.kind === asked.scope) &&
    (asked.action === null || terms.action === asked.action) &&
    (asked.mode === null || terms.mode === asked.mode)
  );
}
