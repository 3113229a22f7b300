import { m } from "$messages";
import type { Alert, AlertKind, AlertState, Severity } from "$host/host";
import { count } from "../format";
import { locale } from "../language.svelte";
import { mark, type Mark, named } from "./mark";

export const severityMark: Record<Severity, Mark> = {
  notice: mark(m.words_severity_notice, "info", "notice"),
  attention: mark(m.words_severity_attention, "alert", "warning"),
  critical: mark(m.words_severity_critical, "error", "critical"),
};

export const alertStateMark: Record<AlertState, Mark> = {
  open: mark(m.words_state_open, "dot", "notice"),
  acknowledged: mark(m.words_state_acknowledged, "eye", "neutral"),
  resolved: mark(m.words_state_resolved, "check", "good"),
};

export const alertKindName = named<AlertKind>({
  repeated_failures: m.words_alert_kind_repeated_failures,
  network_failures: m.words_alert_kind_network_failures,
  success_after_failures: m.words_alert_kind_success_after_failures,
  admin_new_device: m.words_alert_kind_admin_new_device,
  outbox_stuck: m.words_alert_kind_outbox_stuck,
  limit_reached: m.words_alert_kind_limit_reached,
  not_me: m.words_alert_kind_not_me,
  code_not_given: m.words_alert_kind_code_not_given,
  stolen_password: m.words_alert_kind_stolen_password,
  policy_returned: m.words_alert_kind_policy_returned,
  admin_recovered: m.words_alert_kind_admin_recovered,
  backup_missed: m.words_alert_kind_backup_missed,
  backup_failed: m.words_alert_kind_backup_failed,
  mass_deletion: m.words_alert_kind_mass_deletion,
  backup_growth: m.words_alert_kind_backup_growth,
  backup_damaged: m.words_alert_kind_backup_damaged,
  drill_failed: m.words_alert_kind_drill_failed,
  copy_missed: m.words_alert_kind_copy_missed,
  service_unreachable: m.words_alert_kind_service_unreachable,
  audit_broken: m.words_alert_kind_audit_broken,
  certificate_changed: m.words_alert_kind_certificate_changed,
});

/** What an admin does about an alert of this kind. */
export const alertAdvice = named<AlertKind>({
  repeated_failures: m.words_alert_advice_repeated_failures,
  network_failures: m.words_alert_advice_network_failures,
  success_after_failures: m.words_alert_advice_success_after_failures,
  admin_new_device: m.words_alert_advice_admin_new_device,
  outbox_stuck: m.words_alert_advice_outbox_stuck,
  limit_reached: m.words_alert_advice_limit_reached,
  not_me: m.words_alert_advice_not_me,
  code_not_given: m.words_alert_advice_code_not_given,
  stolen_password: m.words_alert_advice_stolen_password,
  policy_returned: m.words_alert_advice_policy_returned,
  admin_recovered: m.words_alert_advice_admin_recovered,
  backup_missed: m.words_alert_advice_backup_missed,
  backup_failed: m.words_alert_advice_backup_failed,
  mass_deletion: m.words_alert_advice_mass_deletion,
  backup_growth: m.words_alert_advice_backup_growth,
  backup_damaged: m.words_alert_advice_backup_damaged,
  drill_failed: m.words_alert_advice_drill_failed,
  copy_missed: m.words_alert_advice_copy_missed,
  service_unreachable: m.words_alert_advice_service_unreachable,
  audit_broken: m.words_alert_advice_audit_broken,
  certificate_changed: m.words_alert_advice_certificate_changed,
});

/** An alert in one line. The service speaks English; elsewhere its data are put into words here. */
export function alertTitle(alert: Alert): string {
  const { login, network, count } = alert;
  if (locale() === "en") return alert.title;
  switch (alert.kind) {
    case "repeated_failures":
      return login ? m.words_alert_title_repeated_failures({ login, count }) : alert.title;
    case "network_failures":
      return network
        ? m.words_alert_title_network_failures({
            network: bare(network),
            count: alert.accounts_total,
          })
        : alert.title;
    case "success_after_failures":
      return login
        ? m.words_alert_title_success_after_failures({ login, count: Math.max(0, count - 1) })
        : alert.title;
    case "admin_new_device":
      return login ? m.words_alert_title_admin_new_device({ login }) : alert.title;
    case "outbox_stuck":
      return m.words_alert_title_outbox_stuck();
    case "limit_reached": {
      const who = login ?? network;
      return who ? m.words_alert_title_limit_reached({ who }) : alert.title;
    }
    case "not_me":
      return login ? m.words_alert_title_not_me({ login }) : alert.title;
    case "code_not_given":
      return login ? m.words_alert_title_code_not_given({ login }) : alert.title;
    case "stolen_password":
      return login ? m.words_alert_title_stolen_password({ login }) : alert.title;
    case "policy_returned":
      return m.words_alert_title_policy_returned();
    case "admin_recovered":
      return login ? m.words_alert_title_admin_recovered({ login }) : alert.title;
    case "backup_missed":
      return m.words_alert_title_backup_missed();
    case "backup_failed":
      return m.words_alert_title_backup_failed();
    case "mass_deletion":
      return m.words_alert_title_mass_deletion();
    case "backup_growth":
      return m.words_alert_title_backup_growth();
    case "backup_damaged":
      return m.words_alert_title_backup_damaged();
    case "drill_failed":
      return m.words_alert_title_drill_failed();
    case "copy_missed":
      return m.words_alert_title_copy_missed();
    case "service_unreachable":
      return m.words_alert_title_service_unreachable();
    case "audit_broken":
      return m.words_alert_title_audit_broken();
    case "certificate_changed":
      return m.words_alert_title_certificate_changed();
  }
}

/** What happened and what it means. */
export function alertText(alert: Alert): string {
  const { login, count } = alert;
  const network = alert.network ?? alert.addresses[0];
  if (locale() === "en") return alert.text;
  switch (alert.kind) {
    case "repeated_failures":
      return login
        ? m.words_alert_text_repeated_failures({ login, count: alert.addresses_total })
        : alert.text;
    case "network_failures":
      return network
        ? m.words_alert_text_network_failures({ network: bare(network), count })
        : alert.text;
    case "success_after_failures":
      return login && network
        ? m.words_alert_text_success_after_failures({ login, network: bare(network) })
        : alert.text;
    case "admin_new_device":
      return m.words_alert_text_admin_new_device();
    case "outbox_stuck":
      return m.words_alert_text_outbox_stuck();
    case "limit_reached":
      return m.words_alert_text_limit_reached();
    case "not_me":
      return login ? m.words_alert_text_not_me({ login }) : alert.text;
    case "code_not_given":
      return m.words_alert_text_code_not_given();
    case "stolen_password":
      return m.words_alert_text_stolen_password();
    case "policy_returned":
      return m.words_alert_text_policy_returned();
    case "admin_recovered":
      return m.words_alert_text_admin_recovered();
    case "backup_missed":
      return m.words_alert_text_backup_missed();
    case "backup_failed":
      return m.words_alert_text_backup_failed();
    case "mass_deletion":
      return m.words_alert_text_mass_deletion();
    case "backup_growth":
      return m.words_alert_text_backup_growth();
    case "backup_damaged":
      return m.words_alert_text_backup_damaged();
    case "drill_failed":
      return m.words_alert_text_drill_failed();
    case "copy_missed":
      return m.words_alert_text_copy_missed();
    case "service_unreachable":
      return m.words_alert_text_service_unreachable();
    case "audit_broken":
      return alert.text;
    case "certificate_changed":
      return m.words_alert_text_certificate_changed();
  }
}

/** A network of one is named by its address. */
const bare = (network: string) => network.replace(network.includes(":") ? /\/128$/ : /\/32$/, "");

/** The sentence at the top of the inbox. */
export function alertsSentence(open: readonly Alert[]): string {
  if (open.length === 0) return m.words_alerts_none();
  const critical = open.filter((alert) => alert.severity === "critical").length;
  return critical === 0
    ? m.words_alerts_none_critical({ count: open.length })
    : m.words_alerts_critical({ count: open.length, critical: count(critical) });
}
