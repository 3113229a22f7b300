import type { Alert, AlertState, Severity } from "$host/host";

const gravity: Record<Severity, number> = { notice: 0, attention: 1, critical: 2 };
const order: Record<AlertState, number> = { open: 0, acknowledged: 1, resolved: 2 };

/** What wants a person first: open before the rest, then the gravest, then the newest. */
export function inInboxOrder(alerts: readonly Alert[]): Alert[] {
  return alerts.toSorted(
    (a, b) =>
      order[a.state] - order[b.state] ||
      (a.state === "open" ? gravity[b.severity] - gravity[a.severity] : 0) ||
      Date.parse(b.last_at) - Date.parse(a.last_at),
  );
}

export const boxes = [
  { value: "todo", label: "To do", states: ["open", "acknowledged"] },
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
export function withOwn(alerts: readonly Alert[], own: readonly Alert[], box: Box): Alert[] {
  const known = new Set(alerts.map(({ id }) => id));
  const states: readonly AlertState[] = box.states;
  return [
    ...alerts,
    ...own.filter((alert) => !known.has(alert.id) && states.includes(alert.state)),
  ];
}

/** Whether an admin can change its state; the console's own end by themselves. */
export function isChangeable(alert: Alert): boolean {
  return alert.kind !== "service_unreachable";
}
