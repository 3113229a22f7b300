import { host } from "$host";
import type {
  Alert,
  AlertChange,
  AlertKind,
  AlertState,
  Host,
  Problem,
  Severity,
} from "$host/host";
import { m } from "$messages";
import { shortTime } from "$lib/format";
import { asProblem } from "$lib/problem";
import { complain, say } from "$lib/toasts.svelte";
import { alertTitle } from "$lib/words/alerts";

/** Whether an alert waits for a person: open, and not put off to later. */
export function waits({ state, snoozed_until }: Alert, now: number): boolean {
  return state === "open" && (!snoozed_until || Date.parse(snoozed_until) <= now);
}

/** Until when an open alert is put off; undefined if it is not. */
export function snoozedUntil({ state, snoozed_until }: Alert, now: number): number | undefined {
  if (state !== "open" || !snoozed_until) return undefined;
  const until = Date.parse(snoozed_until);
  return until > now ? until : undefined;
}

const own: readonly AlertKind[] = ["service_unreachable", "audit_broken", "certificate_changed"];

/** Whether an admin can do something about it; the console's own end by themselves. */
export function isChangeable(alert: Alert): boolean {
  return !own.includes(alert.kind);
}

/** Addresses beyond which an alert is about no single person; the service refuses as well. */
const OWNERS_ADDRESSES = 5;

/** Whether it can be said of an alert that it was the account's owner. */
export function mayBeOwner({ kind, login, addresses_total, state }: Alert): boolean {
  const kinds: readonly AlertKind[] = [
    "repeated_failures",
    "success_after_failures",
    "code_not_given",
    "stolen_password",
  ];
  const ofOne = addresses_total >= 1 && addresses_total <= OWNERS_ADDRESSES;
  return state !== "resolved" && login !== null && ofOne && kinds.includes(kind);
}

/** Where the cause of an alert is mended, if it is mended in this window. */
export function remedy({ kind }: Alert): { label: string; href: string } | undefined {
  switch (kind) {
    case "outbox_stuck":
      return { label: m.alerts_open_mail_settings(), href: "#/settings/mail" };
    case "audit_broken":
      return { label: m.alerts_open_audit(), href: "#/audit" };
    case "certificate_changed":
      return { label: m.services_compare(), href: "#/settings/services" };
    case "backup_missed":
    case "backup_failed":
    case "mass_deletion":
    case "backup_growth":
    case "backup_damaged":
    case "drill_failed":
      return { label: m.alerts_open_backups(), href: "#/backups" };
    case "copy_missed":
      return { label: m.alerts_open_backups(), href: "#/backups/targets" };
    case "repeated_failures":
    case "network_failures":
    case "success_after_failures":
    case "admin_new_device":
    case "service_unreachable":
      return undefined;
  }
}

/** The service's alerts with the console's own, which the service does not know. */
export function withOwn(alerts: readonly Alert[], own: readonly Alert[]): Alert[] {
  const known = new Set(alerts.map(({ id }) => id));
  return [...alerts, ...own.filter((alert) => !known.has(alert.id))];
}

const gravity: Record<Severity, number> = { notice: 0, attention: 1, critical: 2 };
const order: Record<AlertState, number> = { open: 0, acknowledged: 1, resolved: 2 };
const raisedOrChanged = (alert: Alert) => (alert.state === "open" ? alert.first_at : alert.last_at);

/**
 * What wants a person first: open before the rest, then the gravest, then the newest. Open alerts
 * keep their places while they go on: the newest is the one raised last.
 */
export function inInboxOrder(alerts: readonly Alert[]): Alert[] {
  return alerts.toSorted(
    (a, b) =>
      order[a.state] - order[b.state] ||
      (a.state === "open" ? gravity[b.severity] - gravity[a.severity] : 0) ||
      Date.parse(raisedOrChanged(b)) - Date.parse(raisedOrChanged(a)),
  );
}

/** What was done, as a toast says it. */
function done(alert: Alert, { state, snooze, was_owner }: AlertChange): string {
  const title = alertTitle(alert);
  if (was_owner) return m.alerts_did_was_owner({ login: alert.login ?? "" });
  if (snooze?.kind === "until")
    return m.alerts_did_snooze({ title, time: shortTime(Date.parse(snooze.at), Date.now()) });
  if (snooze) return m.alerts_did_wake({ title });
  switch (state) {
    case "open":
      return m.alerts_did_open({ title });
    case "acknowledged":
      return m.alerts_did_acknowledge({ title });
    case "resolved":
      return m.alerts_did_resolve({ title });
    default:
      return m.alerts_did_note({ title });
  }
}

/** Where alerts are changed: at the service that is shown, or at another one. */
type Service = Pick<Host, "changeAlert">;

/** Does something about an alert at once and offers to undo it; false if it did not work. */
export async function change(
  alert: Alert,
  wanted: AlertChange,
  at: Service = host,
): Promise<boolean> {
  const note = wanted.note?.trim() || null;
  try {
    await at.changeAlert(alert.id, { ...wanted, note });
  } catch (thrown) {
    complain(asProblem(thrown).message);
    return false;
  }
  // What the owner is known for is not forgotten by opening the alert again.
  const undoable = wanted.was_owner ? undefined : (wanted.state ?? wanted.snooze);
  say(done(alert, wanted), undoable ? () => void putBack([alert], at) : undefined);
  return true;
}

/** One that was not changed, and why. */
export interface Failure {
  alert: Alert;
  problem: Problem;
}

/** How far something with many alerts has come. */
export interface Progress {
  done: number;
  total: number;
}

/** Does the same about many alerts, one after the other. */
export async function changeMany(
  alerts: readonly Alert[],
  wanted: AlertChange,
  onprogress: (progress: Progress) => void,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  const changed: Alert[] = [];
  for (const [index, alert] of alerts.entries()) {
    onprogress({ done: index, total: alerts.length });
    try {
      await host.changeAlert(alert.id, wanted);
      changed.push(alert);
    } catch (thrown) {
      failures.push({ alert, problem: asProblem(thrown) });
    }
  }
  const [only] = changed;
  if (only)
    say(changed.length === 1 ? done(only, wanted) : doneMany(changed.length, wanted), () => {
      void putBack(changed);
    });
  return failures;
}

function doneMany(count: number, { state, snooze }: AlertChange): string {
  if (snooze) return m.alerts_did_snooze_many({ count });
  return state === "resolved"
    ? m.alerts_did_resolve_many({ count })
    : m.alerts_did_acknowledge_many({ count });
}

/** Makes alerts stand as they stood. */
async function putBack(before: readonly Alert[], at: Service = host) {
  const failed: string[] = [];
  for (const alert of before) {
    const until = snoozedUntil(alert, Date.now());
    const wanted: AlertChange =
      until === undefined
        ? { state: alert.state }
        : { snooze: { kind: "until", at: new Date(until).toISOString() } };
    try {
      await at.changeAlert(alert.id, wanted);
    } catch (thrown) {
      failed.push(`${alertTitle(alert)}: ${asProblem(thrown).message}`);
    }
  }
  const [first] = failed;
  if (first !== undefined) complain(first);
}
