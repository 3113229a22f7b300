import { m } from "$messages";
import type { OutcomeFilter, Reason, ReasonCode } from "$host/host";
import { inOwnTime } from "../format";
import { locale } from "../language.svelte";
import { named } from "./mark";

export const outcomeName = named<OutcomeFilter>({
  allowed: m.words_outcome_allowed,
  failed: m.words_outcome_failed,
  refused: m.words_outcome_refused,
  challenged: m.words_outcome_challenged,
  abandoned: m.words_outcome_abandoned,
});

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
