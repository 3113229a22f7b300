import { m } from "$messages";
import type { Group, GroupBy, GroupOrder } from "$host/host";
import { type Criteria, termOf, withTerms } from "./criteria";

const HOUR = 3_600_000;

export function groupName(by: GroupBy): string {
  switch (by) {
    case "account":
      return m.activity_group_account();
    case "network":
      return m.activity_group_network();
    case "hour":
      return m.activity_group_hour();
  }
}

export function orderName(order: GroupOrder): string {
  switch (order) {
    case "newest":
      return m.activity_order_newest();
    case "most":
      return m.activity_order_most();
    case "refused":
      return m.activity_order_refused();
  }
}

/** The filter that leaves just the events of a group. */
export function within(criteria: Criteria, by: GroupBy, { key }: Pick<Group, "key">): Criteria {
  if (by === "hour") {
    const from = Date.parse(key);
    const span = {
      kind: "between" as const,
      from: new Date(from).toISOString(),
      until: new Date(from + HOUR).toISOString(),
    };
    return { ...criteria, span };
  }
  const term = termOf(by, [key]);
  return term ? withTerms(criteria, [term]) : criteria;
}
