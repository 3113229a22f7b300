import type { ServiceView } from "$host/host";
import { m } from "$messages";
import type { Mark } from "$lib/words";

/** How a service stands, in a few words. */
export function stateOf(service: ServiceView): Mark {
  if (!service.signed_in && service.link.kind !== "offline")
    return { word: m.services_state_signed_out(), icon: "lock", tone: "warning" };
  switch (service.link.kind) {
    case "live":
      return { word: m.services_state_live(), icon: "checkCircle", tone: "good" };
    case "connecting":
      return { word: m.services_state_connecting(), icon: "refresh", tone: "neutral" };
    case "catching_up":
      return { word: m.services_state_catching_up(), icon: "refresh", tone: "neutral" };
    case "offline":
      return { word: m.services_state_offline(), icon: "alert", tone: "warning" };
    case "signed_out":
      return { word: m.services_state_signed_out(), icon: "lock", tone: "warning" };
  }
}
