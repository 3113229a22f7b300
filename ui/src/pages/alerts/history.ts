import type { Alert, AlertStep } from "$host/host";
import { m } from "$messages";
import { shortTime } from "$lib/format";
import { address } from "$lib/router.svelte";
import { alertStateMark } from "$lib/words/alerts";
import { targetText } from "$lib/words/blocks";
import type { Moment } from "$components/Timeline.svelte";
import { isChangeable } from "../../parts/alerting";

/** Who did what when about an alert, oldest first; it begins with its being raised. */
export function history(alert: Alert, now: number): Moment[] {
  const service = isChangeable(alert) ? m.alerts_by_service() : m.alerts_by_console();
  const steps = alert.history.filter((step, index) => !(index === 0 && isRaising(step)));
  return [
    {
      id: "raised",
      at: Date.parse(alert.history.find(isRaising)?.at ?? alert.first_at),
      icon: "bell",
      text: m.alerts_step_raised({ who: service }),
    },
    ...steps.map((step, index) => ({
      id: `${step.at} ${index}`,
      at: Date.parse(step.at),
      detail: step.note ?? undefined,
      ...said(step, step.login ?? service, now),
    })),
  ];
}

const isRaising = ({ state, admin, deed }: AlertStep) =>
  state === "open" && admin === null && (deed === undefined || deed.kind === "state");

function said(step: AlertStep, who: string, now: number): Omit<Moment, "id" | "at" | "detail"> {
  const { deed } = step;
  switch (deed?.kind) {
    case "noted":
      return { icon: "info", text: m.alerts_step_noted({ who }) };
    case "snoozed":
      return {
        icon: "clock",
        text: m.alerts_step_snoozed({ who, time: shortTime(Date.parse(deed.until), now) }),
      };
    case "woken":
      return step.admin === null
        ? { icon: "alert", tone: "warning", text: m.alerts_step_graver() }
        : { icon: "undo", text: m.alerts_step_woken({ who }) };
    case "blocked":
      return {
        icon: "block",
        text: m.alerts_step_blocked({ who, target: targetText(deed.target) }),
        href: address(["blocks", deed.block]),
      };
    case "was_owner":
      return { icon: "user", tone: "good", text: m.alerts_step_was_owner({ who }) };
    case "state":
    case undefined: {
      const { icon, tone } = alertStateMark[step.state];
      const text = {
        open: m.alerts_step_opened,
        acknowledged: m.alerts_step_acknowledged,
        resolved: m.alerts_step_resolved,
      }[step.state]({ who });
      return { icon, tone, text };
    }
  }
}
