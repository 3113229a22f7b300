import { count } from "$lib/format";
import type { Alert, AlertState, Severity } from "$host/host";

const gravity: Record<Severity, number> = { notice: 0, attention: 1, critical: 2 };
const order: Record<AlertState, number> = { open: 0, acknowledged: 1, resolved: 2 };

/**
 * What wants a person first: open before the rest, then the gravest, then the newest. Open alerts
 * keep their places while they go on: the newest is the one raised last.
 */
export function inInboxOrder(alerts: readonly Alert[]): Alert[] {
  return alerts.toSorted(
    (a, b) =>
      order[a.state] - order[b.state] ||
      (a.state === "open" ? gravity[b.severity] - gravity[a.severity] : 0) ||
      Date.parse(when(b)) - Date.parse(when(a)),
  );
}

const when = (alert: Alert) => (alert.state === "open" ? alert.first_at : alert.last_at);

export const boxes = [
  { value: "open", label: "Open", states: ["open"] },
  { value: "acknowledged", label: "Acknowledged", states: ["acknowledged"] },
  { value: "resolved", label: "Resolved", states: ["resolved"] },
  { value: "all", label: "All", states: ["open", "acknowledged", "resolved"] },
] as const satisfies readonly { value: string; label: string; states: AlertState[] }[];

export type Box = (typeof boxes)[number];

export function boxOf(query: URLSearchParams): Box {
  return boxes.find(({ value }) => value === query.get("show")) ?? boxes[0];
}

/** The service's alerts with the console's own, which the service does not know. */
export function withOwn(alerts: readonly Alert[], own: readonly Alert[]): Alert[] {
  const known = new Set(alerts.map(({ id }) => id));
  return [...alerts, ...own.filter((alert) => !known.has(alert.id))];
}

export function inBox(alerts: readonly Alert[], box: Box): Alert[] {
  const states: readonly AlertState[] = box.states;
  return alerts.filter((alert) => states.includes(alert.state));
}

/** Where it came from, in as few words as a row has room for. */
export function origin(alert: Alert): string {
  if (alert.network && !/\/(32|128)$/.test(alert.network)) return alert.network;
  if (alert.addresses_total > 1) return `${count(alert.addresses_total)} addresses`;
  return alert.addresses[0] ?? alert.network?.replace(/\/(32|128)$/, "") ?? "";
}

/** Whether an admin can change its state; the console's own end by themselves. */
export function isChangeable(alert: Alert): boolean {
  return alert.kind !== "service_unreachable";
}
