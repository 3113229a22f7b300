import { m } from "$messages";

/** What somebody did, by the stable name that the service gives it in the audit log. */
export const actionNames: Readonly<Record<string, () => string>> = {
  "account.change": m.words_action_account_change,
  "account.create": m.words_action_account_create,
  "account.import": m.words_action_account_import,
  "account.notices": m.words_action_account_notices,
  "account_device.rename": m.words_action_account_device_rename,
  "account_device.revoke": m.words_action_account_device_revoke,
  "account_factor.add": m.words_action_account_factor_add,
  "account_factor.copied": m.words_action_account_factor_copied,
  "account_factor.remove": m.words_action_account_factor_remove,
  "account_factor.rename": m.words_action_account_factor_rename,
  "account_factor.renew": m.words_action_account_factor_renew,
  "account_factor.reset": m.words_action_account_factor_reset,
  "admin.change": m.words_action_admin_change,
  "admin.create": m.words_action_admin_create,
  "admin.recover": m.words_action_admin_recover,
  "admin.remove": m.words_action_admin_remove,
  "alert.acknowledge": m.words_action_alert_acknowledge,
  "alert.note": m.words_action_alert_note,
  "alert.reopen": m.words_action_alert_reopen,
  "alert.resolve": m.words_action_alert_resolve,
  "alert.snooze": m.words_action_alert_snooze,
  "alert.wake": m.words_action_alert_wake,
  "alert.was_owner": m.words_action_alert_was_owner,
  "api_key.create": m.words_action_api_key_create,
  "api_key.revoke": m.words_action_api_key_revoke,
  "app_password.create": m.words_action_app_password_create,
  "app_password.revoke": m.words_action_app_password_revoke,
  "backup.begin": m.words_action_backup_begin,
  "backup.cancel": m.words_action_backup_cancel,
  "backup.mirror": m.words_action_backup_mirror,
  "backup.restored": m.words_action_backup_restored,
  "backup.target_add": m.words_action_backup_target_add,
  "backup.target_change": m.words_action_backup_target_change,
  "backup.target_remove": m.words_action_backup_target_remove,
  "backup.target_test": m.words_action_backup_target_test,
  "block.change": m.words_action_block_change,
  "block.create": m.words_action_block_create,
  "block.lift": m.words_action_block_lift,
  "device.rename": m.words_action_device_rename,
  "device.revoke": m.words_action_device_revoke,
  "factor.add": m.words_action_factor_add,
  "factor.remove": m.words_action_factor_remove,
  "factor.renew": m.words_action_factor_renew,
  "factor.reset": m.words_action_factor_reset,
  "invitation.accept": m.words_action_invitation_accept,
  "invitation.create": m.words_action_invitation_create,
  "invitation.resend": m.words_action_invitation_resend,
  "invitation.revoke": m.words_action_invitation_revoke,
  "log.import": m.words_action_log_import,
  "mail.read": m.words_action_mail_read,
  "main_password.change": m.words_action_main_password_change,
  "notice.not_me": m.words_action_notice_not_me,
  "organization.change": m.words_action_organization_change,
  "password.change": m.words_action_password_change,
  "policy.change": m.words_action_policy_change,
  "policy.trial.keep": m.words_action_policy_trial_keep,
  "policy.trial.return": m.words_action_policy_trial_return,
  "second_factor.policy": m.words_action_second_factor_policy,
  "second_factor.remind": m.words_action_second_factor_remind,
  "service.set_up": m.words_action_service_set_up,
  "session.begin": m.words_action_session_begin,
  "session.end": m.words_action_session_end,
  "session.end_all": m.words_action_session_end_all,
  "session.end_others": m.words_action_session_end_others,
  "session.reauthenticate": m.words_action_session_reauthenticate,
  "settings.alerts": m.words_action_settings_alerts,
  "settings.mail": m.words_action_settings_mail,
  "settings.mail_test": m.words_action_settings_mail_test,
  "settings.notices": m.words_action_settings_notices,
  "settings.retention": m.words_action_settings_retention,
  "settings.risk": m.words_action_settings_risk,
  "web_session.end": m.words_action_web_session_end,
};

/** Actions whose target says no more than they do. */
const plain = [
  "backup.mirror",
  "second_factor.remind",
  "settings.alerts",
  "settings.mail",
  "settings.notices",
  "settings.retention",
  "settings.risk",
];

/** An action as people read it; of one that this console does not know, its name. */
export function actionWord(action: string): string {
  const known = Object.hasOwn(actionNames, action) ? actionNames[action]?.() : undefined;
  const words = action.replaceAll(/[._]/g, " ");
  return known ?? words.charAt(0).toUpperCase() + words.slice(1);
}

export function actionSentence(action: string, target: string): string {
  const did = actionWord(action);
  return target && !plain.includes(action) ? m.words_action_on({ action: did, target }) : did;
}
