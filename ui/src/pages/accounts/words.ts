import type { AccountOrder, AccountOrigin, AccountRow, AccountState } from "$host/host";
import type { Mark } from "$lib/words/mark";
import { plural } from "$lib/format";
import { m } from "$messages";

export function stateName(state: AccountState): string {
  switch (state) {
    case "blocked":
      return m.accounts_state_blocked();
    case "alert":
      return m.accounts_state_alert();
    case "dormant":
      return m.accounts_state_dormant();
  }
}

export function orderName(order: AccountOrder): string {
  switch (order) {
    case "login":
      return m.accounts_column_account();
    case "name":
      return m.accounts_order_name();
    case "last_sign_in":
      return m.accounts_column_last();
    case "networks":
      return m.accounts_column_networks();
    case "failed":
      return m.accounts_order_failed();
    case "refused":
      return m.accounts_order_refused();
  }
}

export function originName(origin: AccountOrigin): string {
  switch (origin) {
    case "by_hand":
      return m.accounts_origin_by_hand();
    case "imported":
      return m.accounts_origin_imported();
    case "discovered":
      return m.accounts_origin_discovered();
  }
}

/** How an account stands: all that wants to be known at a glance. */
export function standing(row: AccountRow): Mark[] {
  return [
    ...(row.blocked
      ? [{ word: m.accounts_state_blocked(), icon: "block", tone: "critical" } as const]
      : []),
    ...(row.open_alerts > 0
      ? [
          {
            word: m.accounts_open_alerts(plural(row.open_alerts)),
            icon: "bell",
            tone: "warning",
          } as const,
        ]
      : []),
    ...(row.dormant
      ? [{ word: m.accounts_state_dormant(), icon: "clock", tone: "neutral" } as const]
      : []),
  ];
}
