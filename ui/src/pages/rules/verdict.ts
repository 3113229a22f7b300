import { m } from "$messages";
import type { DecisionVerdict, RuleMiss } from "$host/host";
import type { Mark } from "$lib/words/mark";

export function verdictMark(verdict: DecisionVerdict): Mark {
  switch (verdict) {
    case "allow":
      return { word: m.rules_verdict_allow(), icon: "check", tone: "good" };
    case "refuse":
      return { word: m.rules_verdict_refuse(), icon: "block", tone: "critical" };
    case "defer":
      return { word: m.rules_verdict_defer(), icon: "clock", tone: "warning" };
    case "hold":
      return { word: m.rules_verdict_hold(), icon: "pause", tone: "warning" };
    case "reject":
      return { word: m.rules_verdict_reject(), icon: "block", tone: "critical" };
  }
}

/** Why a rule says nothing about an attempt. */
export function missWords(miss: RuleMiss): string {
  switch (miss) {
    case "switched_off":
      return m.rules_miss_switched_off();
    case "other_protocol":
      return m.rules_miss_other_protocol();
    case "no_address":
      return m.rules_miss_no_address();
    case "other_network":
      return m.rules_miss_other_network();
    case "other_country":
      return m.rules_miss_other_country();
    case "unknown_country":
      return m.rules_miss_unknown_country();
    case "outside_schedule":
      return m.rules_miss_outside_schedule();
    case "expired":
      return m.rules_miss_expired();
  }
}
