import type { ServiceView } from "$host/host";
import { m } from "$messages";
import type { Mark } from "$lib/words/mark";

/** How a service stands, in a few words. */
export function stateOf(service: ServiceView): Mark {
  switch (service.link.kind) {
    case "certificate_changed":
      return { word: m.services_state_certificate(), icon: "error", tone: "critical" };
    case "offline":
      return { word: m.services_state_offline(), icon: "alert", tone: "warning" };
    case "signed_out":
      return signedOut();
    case "refused_here":
      return { word: m.services_state_refused_here(), icon: "block", tone: "warning" };
    case "live":
      return service.signed_in
        ? { word: m.services_state_live(), icon: "checkCircle", tone: "good" }
        : signedOut();
    case "connecting":
      return service.signed_in
        ? { word: m.services_state_connecting(), icon: "refresh", tone: "neutral" }
        : signedOut();
    case "catching_up":
      return { word: m.services_state_catching_up(), icon: "refresh", tone: "neutral" };
  }
}

/** Whether a service can't be watched now. */
export function troubled({ link, signed_in }: ServiceView): boolean {
  return (
    link.kind === "offline" ||
    link.kind === "signed_out" ||
    link.kind === "refused_here" ||
    link.kind === "certificate_changed" ||
    !signed_in
  );
}

/** What is wrong with a service, and what that means. `fresh`: as of when its alerts are known. */
export function sentenceOf(service: ServiceView, fresh: string | undefined): string {
  const { name, link } = service;
  const asOf = fresh === undefined ? "" : ` ${m.services_as_of({ fresh })}`;
  switch (link.kind) {
    case "certificate_changed":
      return link.pinned
        ? m.services_certificate_changed({ name })
        : m.services_certificate_untrusted({ name });
    case "offline":
      return m.services_unreachable({ name, why: link.why }) + asOf;
    case "refused_here":
      return m.services_refused_here({ name }) + asOf;
    case "signed_out":
    case "live":
    case "connecting":
    case "catching_up":
      return m.services_signed_out({ name }) + asOf;
  }
}

function signedOut(): Mark {
  return { word: m.services_state_signed_out(), icon: "lock", tone: "warning" };
}
