import { invoke } from "@tauri-apps/api/core";
import { type EventCallback, listen } from "@tauri-apps/api/event";
import type { DataChanged, Host, Navigate, View } from "./host";

/** The real host: the commands and events of the desktop core over Tauri. */
export const host: Host = {
  view: () => invoke("view"),

  startEmbedded: () => invoke("start_embedded"),
  setUp: (request) => invoke("set_up", { request }),
  connect: (request) => invoke("connect", { request }),
  choosePassphrase: (passphrase) => invoke("choose_passphrase", { passphrase }),

  signIn: (credentials) => invoke("sign_in", { credentials }),
  answerChallenge: (answer) => invoke("answer_challenge", { answer }),
  resendCode: () => invoke("resend_code"),
  signOut: () => invoke("sign_out"),
  forgetService: () => invoke("forget_service"),

  lock: () => invoke("lock"),
  unlock: (passphrase) => invoke("unlock", { passphrase }),
  setPassphrase: (change) => invoke("set_passphrase", { change }),

  events: (query) => invoke("events", { query }),
  event: (id) => invoke("event", { id }),
  countEvents: (filter) => invoke("count_events", { filter }),
  alerts: (states) => invoke("alerts", { states }),
  alert: (id) => invoke("alert", { id }),
  changeAlert: (id, change) => invoke("change_alert", { id, change }),
  blocks: () => invoke("blocks"),
  createBlock: (block) => invoke("create_block", { block }),
  liftBlock: (id) => invoke("lift_block", { id }),
  accounts: (text) => invoke("accounts", { text }),

  preferences: () => invoke("preferences"),
  setPreferences: (preferences) => invoke("set_preferences", { preferences }),
  pauseNotifications: (pause) => invoke("pause_notifications", { pause }),

  mailSettings: () => invoke("mail_settings"),
  setMailSettings: (change, version) => invoke("set_mail_settings", { change, version }),
  sendTestMail: (to) => invoke("send_test_mail", { to }),
  alertSettings: () => invoke("alert_settings"),
  setAlertSettings: (settings) => invoke("set_alert_settings", { settings }),

  factors: () => invoke("factors"),
  enrolAuthenticator: () => invoke("enrol_authenticator"),
  confirmAuthenticator: (confirmation) => invoke("confirm_authenticator", { confirmation }),
  removeFactor: (id) => invoke("remove_factor", { id }),
  renewRecoveryCodes: () => invoke("renew_recovery_codes"),
  changePassword: (change) => invoke("change_password", { change }),

  mailServerSnippet: (server) => invoke("mail_server_snippet", { server }),
  mailServers: () => invoke("mail_servers"),

  onView: (take) => follow<View>("view", take),
  onDataChanged: (take) => follow<DataChanged>("data-changed", take),
  onNavigate: (take) => follow<Navigate>("navigate", ({ to }) => take(to)),
};

/** Listens until told to stop, also when that comes before listening began. */
function follow<T>(name: string, take: (payload: T) => void): () => void {
  const onEvent: EventCallback<T> = ({ payload }) => {
    take(payload);
  };
  const listening = listen(name, onEvent);
  return () => void listening.then((stop) => stop());
}
