import type { Alert, AlertKind, Severity } from "$host/host";
import { m } from "$messages";
import { alertText, alertTitle } from "$lib/words/alerts";
import { snoozedUntil, waits } from "../../parts/alerting";

export const boxes = ["open", "snoozed", "acknowledged", "resolved", "all"] as const;
export type Box = (typeof boxes)[number];

const severities: readonly Severity[] = ["critical", "attention", "notice"];
const kinds: readonly AlertKind[] = [
  "repeated_failures",
  "network_failures",
  "success_after_failures",
  "admin_new_device",
  "outbox_stuck",
  "backup_missed",
  "backup_failed",
  "mass_deletion",
  "backup_growth",
  "backup_damaged",
  "drill_failed",
  "copy_missed",
  "service_unreachable",
  "audit_broken",
  "certificate_changed",
];

/** What the address asks for. */
export interface Wanted {
  box: Box;
  severities: Severity[];
  kinds: AlertKind[];
  account: string | undefined;
  text: string | undefined;
}

export function readWanted(query: URLSearchParams): Wanted {
  const several = <T extends string>(name: string, known: readonly T[]) => {
    const named = query.get(name)?.split(",") ?? [];
    return known.filter((value) => named.includes(value));
  };
  return {
    box: boxes.find((box) => box === query.get("show")) ?? "open",
    severities: several("severity", severities),
    kinds: several("kind", kinds),
    account: query.get("account") ?? undefined,
    text: query.get("text") ?? undefined,
  };
}

export function writeWanted(wanted: Wanted): Record<string, string | undefined> {
  return {
    show: wanted.box === "open" ? undefined : wanted.box,
    severity: wanted.severities.join(","),
    kind: wanted.kinds.join(","),
    account: wanted.account,
    text: wanted.text,
  };
}

export function isFiltered({ severities, kinds, account, text }: Wanted): boolean {
  return severities.length > 0 || kinds.length > 0 || account !== undefined || text !== undefined;
}

export function inBox(alerts: readonly Alert[], box: Box, now: number): Alert[] {
  return alerts.filter((alert) => {
    switch (box) {
      case "open":
        return waits(alert, now);
      case "snoozed":
        return snoozedUntil(alert, now) !== undefined;
      case "acknowledged":
      case "resolved":
        return alert.state === box;
      case "all":
        return true;
    }
  });
}

/** The alerts that pass the filters, whatever their box. */
export function passing(alerts: readonly Alert[], wanted: Wanted): Alert[] {
  const words = wanted.text?.toLowerCase().split(/\s+/).filter(Boolean) ?? [];
  const account = wanted.account?.toLowerCase();
  return alerts.filter((alert) => {
    if (wanted.severities.length > 0 && !wanted.severities.includes(alert.severity)) return false;
    if (wanted.kinds.length > 0 && !wanted.kinds.includes(alert.kind)) return false;
    const logins = [alert.login ?? "", ...alert.accounts];
    if (account && !logins.some((login) => login.toLowerCase().includes(account))) return false;
    if (words.length === 0) return true;
    const notes = alert.history.flatMap(({ note, login }) => [note ?? "", login ?? ""]);
    const all = [alertTitle(alert), alertText(alert), alert.network ?? "", ...logins]
      .concat(alert.addresses, notes)
      .join(" ")
      .toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

/** Where it came from, in as few words as a row has room for. */
export function origin(alert: Alert): string {
  if (alert.network && !/\/(32|128)$/.test(alert.network)) return alert.network;
  if (alert.addresses_total > 1) return m.alerts_addresses({ count: alert.addresses_total });
  return alert.addresses[0] ?? alert.network?.replace(/\/(32|128)$/, "") ?? "";
}
