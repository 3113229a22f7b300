import { m } from "$messages";
import type { AccessAction, PolicyMode, PolicyScope } from "$host/host";
import type { Mark } from "$lib/words/mark";

export function scopeKindName(kind: PolicyScope["kind"]): string {
  switch (kind) {
    case "organization":
      return m.policy_everybody();
    case "domain":
      return m.policy_scope_domain();
    case "account":
      return m.policy_scope_account();
  }
}

export function actionName(action: AccessAction): string {
  switch (action) {
    case "allow":
      return m.policy_action_allow();
    case "deny":
      return m.policy_action_deny();
  }
}

export function modeName(mode: PolicyMode): string {
  switch (mode) {
    case "enforced":
      return m.policy_mode_enforced();
    case "report_only":
      return m.policy_mode_report_only();
  }
}

/** Whether a rule or limit decides anything. */
export function standing({ enabled, mode }: { enabled: boolean; mode: PolicyMode }): Mark {
  if (!enabled) return { word: m.policy_state_off(), icon: "pause", tone: "neutral" };
  return mode === "enforced"
    ? { word: modeName(mode), icon: "shield", tone: "good" }
    : { word: modeName(mode), icon: "eye", tone: "notice" };
}
