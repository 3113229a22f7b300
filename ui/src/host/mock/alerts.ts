import type * as t from "../host";
import { iso } from "./seed";

/** An alert after a change, as the service makes it; a `Problem` where it refuses. */
export function changedAlert(
  before: t.Alert,
  { state, snooze, note, was_owner }: t.AlertChange,
  login: string | null,
): t.Alert {
  const refuse = (code: t.Code, message: string): never => {
    const problem: t.Problem = { code, message, details: null };
    throw problem;
  };
  const now = Date.now();
  if (!state && !snooze && !note?.trim()) refuse("invalid", "Say what to do.");
  if (snooze?.kind === "until" && before.state === "resolved")
    refuse("conflict", "A resolved alert waits for nobody; open it again before you put it off.");
  if (snooze?.kind === "until" && Date.parse(snooze.at) <= now)
    refuse("invalid", "An alert is put off to a moment that is still to come.");
  const deed: t.AlertDeed = state
    ? { kind: was_owner ? "was_owner" : "state" }
    : snooze?.kind === "until"
      ? { kind: "snoozed", until: snooze.at }
      : { kind: snooze ? "woken" : "noted" };
  const after = state ?? (snooze?.kind === "until" ? "open" : before.state);
  return withStep(
    {
      ...before,
      state: after,
      snoozed_until:
        snooze?.kind === "until"
          ? snooze.at
          : state || snooze
            ? null
            : (before.snoozed_until ?? null),
    },
    { at: iso(now), deed, state: after, admin: "adm1", login, note: note?.trim() || null },
  );
}

/** An alert that a block answers. */
export function answeredWith(before: t.Alert, block: t.Block, login: string | null): t.Alert {
  return withStep(before, {
    at: iso(Date.now()),
    deed: { kind: "blocked", block: block.id, target: block.target },
    state: before.state,
    admin: "adm1",
    login,
    note: null,
  });
}

/** Whether an alert waits for a person now. */
export function waits({ state, snoozed_until }: t.Alert): boolean {
  return state === "open" && (!snoozed_until || Date.parse(snoozed_until) <= Date.now());
}

function withStep(alert: t.Alert, step: t.AlertStep): t.Alert {
  return { ...alert, version: alert.version + 1, history: [...alert.history, step] };
}
