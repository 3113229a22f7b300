import { m } from "$messages";

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
