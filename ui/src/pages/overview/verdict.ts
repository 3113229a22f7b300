import type { Alert, Link, MailServer, OutboxStatus, Severity } from "$host/host";

/** What the overview knows, as far as it is known yet. */
export interface Standing {
  now: number;
  /** Alerts that wait for somebody now, the console's own among them. */
  waiting: readonly Alert[];
  link: Link | undefined;
  /** Undefined where the service did not say. */
  servers: readonly MailServer[] | undefined;
  outbox: OutboxStatus | undefined;
}

/** The one thing that wants the reader most. */
export type Verdict =
  | { kind: "critical"; alert: Alert; more: number }
  | { kind: "offline"; since: string }
  | { kind: "signed_out" }
  | { kind: "not_connected" }
  | { kind: "silent"; server: MailServer }
  | { kind: "outbox"; waiting: number; since: string }
  | { kind: "attention"; alert: Alert; more: number }
  | { kind: "notice"; alert: Alert; more: number }
  | { kind: "well" };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Longer than a relay that is restarted keeps mail waiting. */
const OUTBOX_PATIENCE = 15 * MINUTE;

/** So many of its usual pauses, within bounds, and a mail server that said nothing is silent. */
const PAUSES = 200;
const SHORTEST_SILENCE = HOUR;
const LONGEST_SILENCE = 72 * HOUR;

export function verdict(standing: Standing): Verdict {
  const { now, waiting, link, servers, outbox } = standing;
  const critical = foremost(waiting, "critical");
  if (critical) return { kind: "critical", ...critical };
  if (link?.kind === "offline") return { kind: "offline", since: link.since };
  if (link?.kind === "signed_out") return { kind: "signed_out" };
  if (servers?.length === 0) return { kind: "not_connected" };
  const quiet = servers
    ?.filter((server) => isSilent(server, now))
    .toSorted((a, b) => Date.parse(b.last_request_at) - Date.parse(a.last_request_at))[0];
  if (quiet) return { kind: "silent", server: quiet };
  if (
    outbox?.oldest_at &&
    outbox.waiting > 0 &&
    now - Date.parse(outbox.oldest_at) >= OUTBOX_PATIENCE
  )
    return { kind: "outbox", waiting: outbox.waiting, since: outbox.oldest_at };
  const attention = foremost(waiting, "attention");
  if (attention) return { kind: "attention", ...attention };
  const notice = foremost(waiting, "notice");
  if (notice) return { kind: "notice", ...notice };
  return { kind: "well" };
}

/** Whether a mail server has asked nothing for much longer than it usually pauses. */
export function isSilent(server: MailServer, now: number): boolean {
  const last = Date.parse(server.last_request_at);
  const pause = (last - Date.parse(server.first_request_at)) / Math.max(1, server.requests - 1);
  const patience = Math.min(LONGEST_SILENCE, Math.max(SHORTEST_SILENCE, PAUSES * pause));
  return now - last > patience;
}

/** The newest alert of a severity, and how many more there are of it. */
function foremost(alerts: readonly Alert[], severity: Severity) {
  const found = alerts
    .filter((alert) => alert.severity === severity)
    .toSorted((a, b) => Date.parse(b.last_at) - Date.parse(a.last_at));
  const [alert] = found;
  return alert && { alert, more: found.length - 1 };
}
