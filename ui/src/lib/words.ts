import { m } from "$messages";
import type { IconName } from "$components/icons";
import type { Tone } from "$components/tone";
import type {
  Alert,
  AlertKind,
  AlertState,
  Block,
  BlockTarget,
  Event,
  EventKind,
  MailServerKind,
  Outcome,
  OutcomeFilter,
  PolicyItem,
  Protocol,
  Reason,
  ReasonCode,
  Role,
  Severity,
  SubmissionOutcome,
  SystemFact,
  TrialState,
} from "$host/host";
import { count, inOwnTime, shortTime } from "./format";
import { locale } from "./language.svelte";
import { knownSentence, limitSentence, ruleSentence } from "./policyWords";

/** A word with the icon and colour that stand with it. */
export interface Mark {
  readonly word: string;
  icon: IconName;
  tone: Tone;
}

/** Words by their key, each asked for when it is read, since the language may change. */
function named<K extends string>(messages: Record<K, () => string>): Readonly<Record<K, string>> {
  const properties = Object.entries<() => string>(messages).map(([key, get]) => [
    key,
    { get, enumerable: true },
  ]);
  return Object.defineProperties({}, Object.fromEntries(properties)) as Record<K, string>;
}

const mark = (word: () => string, icon: IconName, tone: Tone): Mark => ({
  get word() {
    return word();
  },
  icon,
  tone,
});

export const protocolName = named<Protocol>({
  web: m.words_protocol_web,
  api: () => "API",
  imap: () => "IMAP",
  pop3: () => "POP3",
  submission: m.words_protocol_submission,
  sieve: () => "Sieve",
});

export const kindName = named<EventKind>({
  sign_in: m.words_kind_sign_in,
  submission: m.words_kind_submission,
  alert: m.words_kind_alert,
  block: m.words_kind_block,
  account: m.words_kind_account,
  policy: m.words_kind_policy,
  admin: m.words_kind_admin,
  system: m.words_kind_system,
});

export const outcomeName = named<OutcomeFilter>({
  allowed: m.words_outcome_allowed,
  failed: m.words_outcome_failed,
  refused: m.words_outcome_refused,
  challenged: m.words_outcome_challenged,
  abandoned: m.words_outcome_abandoned,
});

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

const reasonName = named<ReasonCode>({
  credentials: m.words_reason_credentials,
  app_password: m.words_reason_app_password,
  app_password_limited: m.words_reason_app_password_limited,
  main_password_refused: m.words_reason_main_password_refused,
  no_web_session: m.words_reason_no_web_session,
  factor_missing: m.words_reason_factor_missing,
  wrong_password: m.words_reason_wrong_password,
  wrong_code: m.words_reason_wrong_code,
  code_requested: m.words_reason_code_requested,
  captcha_asked: m.words_reason_captcha_asked,
  captcha_wrong: m.words_reason_captcha_wrong,
  risk: m.words_reason_risk,
  stolen_password: m.words_reason_stolen_password,
  risk_would_refuse: m.words_reason_risk_would_refuse,
  blocked_address: m.words_reason_blocked_address,
  blocked_network: m.words_reason_blocked_network,
  blocked_account: m.words_reason_blocked_account,
  sending_suspended: m.words_reason_sending_suspended,
  rule_denied: m.words_reason_rule_denied,
  rule_not_allowed: m.words_reason_rule_not_allowed,
  rule_would_deny: m.words_reason_rule_would_deny,
  rule_would_not_allow: m.words_reason_rule_would_not_allow,
  limit_reached: m.words_reason_limit_reached,
  limit_would_reach: m.words_reason_limit_would_reach,
  recovered: m.words_reason_recovered,
  nothing_against: m.words_reason_nothing_against,
  mail_server: m.words_reason_mail_server,
  imported: m.words_reason_imported,
});

/** Why it was decided so: in English the service's own sentence, which may say more. */
export function reasonText(reason: Reason): string {
  return locale() === "en" ? inOwnTime(reason.text) : reasonName[reason.code];
}

export const roleName = named<Role>({
  owner: m.words_role_owner,
  admin: m.words_role_admin,
  auditor: m.words_role_auditor,
});

export const serverName: Record<MailServerKind, string> = {
  dovecot: "Dovecot",
  postfix: "Postfix",
};

const signInMark: Record<Outcome, Mark> = {
  succeeded: mark(m.words_outcome_succeeded, "check", "good"),
  failed: mark(m.words_outcome_failed, "close", "warning"),
  refused: mark(m.words_outcome_refused, "block", "critical"),
  challenged: mark(m.words_outcome_challenged, "key", "notice"),
};

const submissionMark: Record<SubmissionOutcome, Mark> = {
  accepted: mark(m.words_outcome_accepted, "send", "good"),
  deferred: mark(m.words_outcome_deferred, "clock", "warning"),
  held: mark(m.words_outcome_held, "pause", "warning"),
  rejected: mark(m.words_outcome_rejected, "block", "critical"),
  abandoned: mark(m.words_outcome_abandoned, "minus", "neutral"),
};

const alertEventWord = named<AlertState>({
  open: m.words_alert_open,
  acknowledged: m.words_alert_acknowledged,
  resolved: m.words_alert_resolved,
});

/** How an event reads in one row. */
export interface EventLine {
  mark: Mark;
  /** The account, admin or thing it is about. */
  who: string;
  address: string | null;
  /** The protocol, or what kind of event it is. */
  where: string;
  /** Why it went so, or what was done. */
  what: string;
}

export function eventLine(event: Event): EventLine {
  const { body } = event;
  switch (body.type) {
    case "sign_in":
      return {
        mark: signInMark[body.outcome],
        who: body.login,
        address: body.address,
        where: protocolName[body.protocol],
        what: body.reasons[0] ? reasonText(body.reasons[0]) : "",
      };
    case "submission":
      return {
        mark: submissionMark[body.outcome],
        who: body.login ?? body.sender ?? m.words_unknown_sender(),
        address: body.address,
        where: m.words_message(),
        what: submissionSentence(body.recipients, body.reasons[0]),
      };
    case "alert":
      return {
        mark: {
          ...severityMark[body.severity],
          word: alertEventWord[body.state],
        },
        who: body.login ?? body.network ?? "",
        address: body.addresses_total === 1 ? (body.addresses[0] ?? null) : null,
        where: m.words_alert_open(),
        what: alertTitle(body),
      };
    case "block":
      return {
        mark: body.lifted_at
          ? mark(m.words_block_lifted, "unlock", "neutral")
          : mark(m.words_blocked, "block", "critical"),
        who: body.lifted_by_login ?? body.created_by_login ?? m.words_the_service(),
        address: body.target.kind === "address" ? body.target.address : null,
        where: m.words_block(),
        what: blockSentence(body),
      };
    case "account":
      return {
        mark: mark(m.words_account, "user", "neutral"),
        who: body.login,
        address: null,
        where: m.words_account(),
        what:
          body.origin === "discovered"
            ? m.words_account_discovered()
            : body.name || m.words_account_changed(),
      };
    case "policy":
      return policyLine(body, Date.parse(event.at));
    case "admin":
      return {
        mark: mark(m.words_admin, "user", "neutral"),
        who: body.login,
        address: body.address,
        where: m.words_admin(),
        what: actionSentence(body.action, body.target),
      };
    case "system":
      return {
        mark: systemMark(body),
        who: "",
        address: null,
        where: m.words_service(),
        what: factSentence(body),
      };
  }
}

/** A changed rule, limit, list of known networks or trial in one row. */
export function policyLine(item: PolicyItem, at: number): EventLine {
  switch (item.item) {
    case "access_rule":
      return {
        ...changeOf(item.changed_by_login, item.version, item.deleted_at),
        where: m.words_policy_rule(),
        what: ruleSentence(item.terms, at),
      };
    case "sending_limit":
      return {
        ...changeOf(item.changed_by_login, item.version, item.deleted_at),
        where: m.words_policy_limit(),
        what: limitSentence(item.terms),
      };
    case "known_networks":
      return {
        ...changeOf(item.changed_by_login, item.version, null),
        where: m.words_policy_known(),
        what: knownSentence(item),
      };
    case "trial":
      return {
        mark: trialMark[item.state],
        who: item.ended_by_login ?? item.login ?? m.words_the_service(),
        address: null,
        where: m.words_policy_trial(),
        what: item.change,
      };
  }
}

function changeOf(
  login: string | null,
  version: number,
  deleted: string | null,
): Pick<EventLine, "mark" | "who" | "address"> {
  const word = deleted
    ? m.words_policy_deleted
    : version <= 1
      ? m.words_policy_created
      : m.words_policy_changed;
  return {
    mark: mark(word, "shield", "neutral"),
    who: login ?? m.words_the_service(),
    address: null,
  };
}

const trialMark: Record<TrialState, Mark> = {
  running: mark(m.words_policy_running, "hourglass", "warning"),
  kept: mark(m.words_policy_kept, "check", "neutral"),
  returned: mark(m.words_policy_returned, "undo", "notice"),
};

function submissionSentence(count: number, reason: Reason | undefined): string {
  const recipients = m.words_recipients({ count });
  return reason
    ? m.words_recipients_and_reason({ recipients, reason: reasonText(reason) })
    : recipients;
}

/** What an admin did, by the stable name that the service gives it. */
const actionNames: Record<string, () => string> = {
  "account.change": m.words_action_account_change,
  "account.create": m.words_action_account_create,
  "account.import": m.words_action_account_import,
  "admin.change": m.words_action_admin_change,
  "admin.create": m.words_action_admin_create,
  "admin.recover": m.words_action_admin_recover,
  "admin.remove": m.words_action_admin_remove,
  "alert.acknowledge": m.words_action_alert_acknowledge,
  "alert.reopen": m.words_action_alert_reopen,
  "alert.resolve": m.words_action_alert_resolve,
  "api_key.create": m.words_action_api_key_create,
  "api_key.revoke": m.words_action_api_key_revoke,
  "backup.begin": m.words_action_backup_begin,
  "backup.cancel": m.words_action_backup_cancel,
  "backup.mirror": m.words_action_backup_mirror,
  "backup.restored": m.words_action_backup_restored,
  "mail.read": m.words_action_mail_read,
  "block.change": m.words_action_block_change,
  "block.create": m.words_action_block_create,
  "block.lift": m.words_action_block_lift,
  "factor.add": m.words_action_factor_add,
  "factor.remove": m.words_action_factor_remove,
  "factor.renew": m.words_action_factor_renew,
  "organization.change": m.words_action_organization_change,
  "password.change": m.words_action_password_change,
  "policy.change": m.words_action_policy_change,
  "service.set_up": m.words_action_service_set_up,
  "session.begin": m.words_action_session_begin,
  "session.end": m.words_action_session_end,
  "session.end_all": m.words_action_session_end_all,
  "session.end_others": m.words_action_session_end_others,
  "settings.alerts": m.words_action_settings_alerts,
  "settings.mail": m.words_action_settings_mail,
  "settings.mail_test": m.words_action_settings_mail_test,
  "settings.notices": m.words_action_settings_notices,
  "settings.retention": m.words_action_settings_retention,
};

/** Targets that say no more than the action does. */
const plainTargets = ["alerts", "mail", "retention"];

export function actionSentence(action: string, target: string): string {
  const known = Object.hasOwn(actionNames, action) ? actionNames[action]?.() : undefined;
  const words = action.replaceAll(/[._]/g, " ");
  const did = known ?? words.charAt(0).toUpperCase() + words.slice(1);
  return target && !plainTargets.includes(target)
    ? m.words_action_on({ action: did, target })
    : did;
}

function systemMark(fact: SystemFact): Mark {
  switch (fact.fact) {
    case "outbox_stuck":
    case "clock_jumped":
      return mark(m.words_service, "alert", "warning");
    case "started":
    case "stopped":
    case "set_up":
    case "mail_server_seen":
    case "outbox_flows":
    case "events_expired":
      return mark(m.words_service, "server", "neutral");
  }
}

export function factSentence(fact: SystemFact): string {
  switch (fact.fact) {
    case "started":
      return m.words_fact_started({ version: fact.version });
    case "stopped":
      return m.words_fact_stopped();
    case "set_up":
      return m.words_fact_set_up({ organization: fact.organization });
    case "mail_server_seen":
      return m.words_fact_mail_server_seen({ server: serverName[fact.server], name: fact.name });
    case "outbox_stuck":
      return m.words_fact_outbox_stuck({ count: fact.waiting });
    case "outbox_flows":
      return m.words_fact_outbox_flows();
    case "clock_jumped":
      return m.words_fact_clock_jumped({ seconds: count(fact.seconds) });
    case "events_expired":
      return m.words_fact_events_expired({ count: fact.count });
  }
}

export function targetText(target: BlockTarget): string {
  switch (target.kind) {
    case "address":
      return target.address;
    case "network":
      return target.network;
    case "account":
      return target.login;
    case "account_network":
      return m.words_target_account_from({ login: target.login, network: target.network });
    case "sending":
      return m.words_target_sending_of({ login: target.login });
  }
}

/** The same beside its kind. */
export function targetBesideKind(target: BlockTarget): string {
  return target.kind === "sending" ? target.login : targetText(target);
}

export const targetName = named<BlockTarget["kind"]>({
  address: m.words_target_address,
  network: m.words_target_network,
  account: m.words_target_account,
  account_network: m.words_target_account_network,
  sending: m.words_target_sending,
});

function blockSentence(block: Block): string {
  const kind = targetName[block.target.kind];
  const target = targetBesideKind(block.target);
  if (block.lifted_at && block.target.kind === "sending")
    return m.words_block_may_send_again({ login: block.target.login });
  if (block.lifted_at) return m.words_block_may_again({ kind, target });
  if (!block.expires_at) return m.words_block_until_lifted({ kind, target });
  const time = shortTime(Date.parse(block.expires_at), Date.now());
  return m.words_block_until({ kind, target, time });
}

/** The sentence at the top of the inbox. */
export function alertsSentence(open: readonly Alert[]): string {
  if (open.length === 0) return m.words_alerts_none();
  const critical = open.filter((alert) => alert.severity === "critical").length;
  return critical === 0
    ? m.words_alerts_none_critical({ count: open.length })
    : m.words_alerts_critical({ count: open.length, critical: count(critical) });
}
