import { m } from "$messages";
import type { SavedView } from "$host/host";
import { type Place, placeAddress, usualOrder } from "./place";
import { parse } from "./text";

/** What many ask for, ready made. */
export function readyMade(): SavedView[] {
  return [
    view(m.activity_view_refused_today(), "time:today outcome:refused"),
    view(m.activity_view_failures_network(), "time:24h outcome:failed,refused", "network"),
    view(m.activity_view_failures_account(), "time:7d outcome:failed,refused", "account"),
    // The service writes alerts in English.
    view(m.activity_view_new_devices(), 'time:30d kind:alert "new device"'),
    view(m.activity_view_blocks(), "time:7d kind:block,alert"),
    view(m.activity_view_admins(), "time:30d kind:admin"),
    view(m.activity_view_hours(), "time:24h", "hour"),
  ];
}

function view(name: string, text: string, by?: Place["by"]): SavedView {
  return {
    name,
    address: viewAddress({ criteria: parse(text), by, order: usualOrder(by), columns: undefined }),
  };
}

/** How a place is kept under a name: without the event in the drawer. */
export function viewAddress(place: Place): string {
  return placeAddress(place).replace(/^#/, "");
}
