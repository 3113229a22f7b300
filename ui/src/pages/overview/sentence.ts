import { m } from "$messages";
import type { IconName } from "$components/icons";
import type { Tone } from "$components/tone";
import type { Alert } from "$host/host";
import { ago, shortTime } from "$lib/format";
import { address } from "$lib/router.svelte";
import { alertTitle } from "$lib/words/alerts";
import { serverName } from "$lib/words/names";
import { remedy } from "../../parts/alerting";
import type { Verdict } from "./verdict";

/** The sentence that says whether all is well, and what to do next. */
export interface Sentence {
  tone: Tone;
  icon: IconName;
  text: string;
  action?: { label: string; href: string };
}

export function sentence(verdict: Verdict, now: number): Sentence {
  const since = (time: string) => ago(Date.parse(time), now);
  switch (verdict.kind) {
    case "critical":
      return about(verdict, "critical", "error", now);
    case "attention":
      return about(verdict, "warning", "alert", now);
    case "notice":
      return about(verdict, "notice", "info", now);
    case "offline":
      return {
        tone: "warning",
        icon: "alert",
        text: m.overview_offline({ time: since(verdict.since) }),
        action: { label: m.overview_offline_do(), href: "#/alerts" },
      };
    case "signed_out":
      return {
        tone: "warning",
        icon: "lock",
        text: m.overview_signed_out(),
        action: { label: m.overview_signed_out_do(), href: "#/sign-in" },
      };
    case "not_connected":
      return {
        tone: "warning",
        icon: "server",
        text: m.overview_not_connected(),
        action: { label: m.overview_not_connected_do(), href: "#/settings/servers" },
      };
    case "silent":
      return {
        tone: "warning",
        icon: "alert",
        text: m.overview_silent({
          name: verdict.server.name || serverName[verdict.server.server],
          time: since(verdict.server.last_request_at),
        }),
        action: { label: m.overview_silent_do(), href: "#/settings/servers" },
      };
    case "outbox":
      return {
        tone: "warning",
        icon: "mail",
        text: m.overview_outbox_stuck({
          count: verdict.waiting,
          time: shortTime(Date.parse(verdict.since), now),
        }),
        action: { label: m.overview_outbox_do(), href: "#/settings/mail" },
      };
    case "well":
      return { tone: "good", icon: "checkCircle", text: m.overview_well() };
  }
}

function about(
  { alert, more }: { alert: Alert; more: number },
  tone: Tone,
  icon: IconName,
  now: number,
): Sentence {
  const what = told(alert, now);
  return {
    tone,
    icon,
    text: more > 0 ? m.overview_and_more({ what, count: more }) : what,
    action: remedy(alert) ?? { label: m.overview_look(), href: address(["alerts", alert.id]) },
  };
}

/** "12 sign-ins failed for anna since 09:14, from 3 addresses." */
function told(alert: Alert, now: number): string {
  const time = shortTime(Date.parse(alert.first_at), now);
  const { login, network } = alert;
  const addresses = alert.addresses_total;
  if (alert.kind === "repeated_failures" && login)
    return m.overview_told_failures({
      login,
      time,
      count: alert.count,
      from: m.overview_from_addresses({ count: addresses }),
    });
  if (alert.kind === "network_failures" && network)
    return m.overview_told_network({
      network: network.replace(/\/(32|128)$/, ""),
      time,
      count: alert.count,
      accounts: m.overview_on_accounts({
        count: alert.accounts_total,
      }),
    });
  return m.overview_told({ title: alertTitle(alert), time: ago(Date.parse(alert.last_at), now) });
}
