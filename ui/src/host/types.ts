/** What crosses the boundary to the desktop core, as crates/wire declares it. Times are RFC 3339. */
export type Time = string;
export type Protocol = "web" | "api" | "imap" | "pop3" | "submission" | "sieve";
export type Outcome = "succeeded" | "failed" | "refused" | "challenged";
export type SubmissionOutcome = "accepted" | "deferred" | "held" | "rejected" | "abandoned";
export type OutcomeFilter = "allowed" | "failed" | "refused" | "challenged" | "abandoned";
export type EventKind =
  "sign_in" | "submission" | "alert" | "block" | "account" | "admin" | "system";
export type Severity = "notice" | "attention" | "critical";
export type AlertState = "open" | "acknowledged" | "resolved";
export type AlertKind =
  | "repeated_failures"
  | "network_failures"
  | "success_after_failures"
  | "admin_new_device"
  | "outbox_stuck"
  | "service_unreachable";
export type ReasonCode =
  | "credentials"
  | "wrong_password"
  | "wrong_code"
  | "code_requested"
  | "blocked_address"
  | "blocked_network"
  | "blocked_account"
  | "nothing_against"
  | "mail_server";
export type Role = "auditor" | "admin" | "owner";
export type FactorKind = "email" | "authenticator" | "recovery_code";
export type MailServerKind = "dovecot" | "postfix";
export type RelaySecurity = "tls" | "start_tls" | "none";
export type Theme = "system" | "light" | "dark";
export type AccountOrigin = "by_hand" | "imported" | "discovered";

export interface Reason {
  code: ReasonCode;
  text: string;
  block: string | null;
}
export interface SignIn {
  login: string;
  protocol: Protocol;
  address: string | null;
  outcome: Outcome;
  reasons: Reason[];
  server: string | null;
  client: string | null;
  tls: boolean;
}
export interface Submission {
  login: string | null;
  address: string | null;
  sender: string | null;
  recipients: number;
  outcome: SubmissionOutcome;
  reasons: Reason[];
  size: number;
}
export interface AlertStep {
  at: Time;
  state: AlertState;
  admin: string | null;
  login: string | null;
  note: string | null;
}
export interface Alert {
  id: string;
  kind: AlertKind;
  severity: Severity;
  state: AlertState;
  title: string;
  text: string;
  login: string | null;
  network: string | null;
  accounts: string[];
  accounts_total: number;
  addresses: string[];
  addresses_total: number;
  count: number;
  first_at: Time;
  last_at: Time;
  evidence: string[];
  history: AlertStep[];
  version: number;
}
export interface AlertChange {
  state: AlertState;
  note: string | null;
}
export type BlockTarget =
  | { kind: "address"; address: string }
  | { kind: "network"; network: string }
  | { kind: "account"; login: string };
export interface Block {
  id: string;
  target: BlockTarget;
  note: string;
  created_at: Time;
  created_by: string | null;
  created_by_login: string | null;
  expires_at: Time | null;
  lifted_at: Time | null;
  lifted_by_login: string | null;
  version: number;
}
export interface NewBlock {
  target: BlockTarget;
  expires_at: Time | null;
  note: string;
  confirm_self: boolean;
}
export interface Account {
  login: string;
  name: string;
  origin: AccountOrigin;
  created_at: Time;
  note: string;
  version: number;
}
export interface AdminAction {
  admin: string;
  login: string;
  action: string;
  target: string;
  address: string | null;
}
export type SystemFact =
  | { fact: "started"; version: string }
  | { fact: "stopped" }
  | { fact: "set_up"; organization: string }
  | { fact: "mail_server_seen"; server: MailServerKind; name: string }
  | { fact: "outbox_stuck"; waiting: number }
  | { fact: "outbox_flows" }
  | { fact: "clock_jumped"; seconds: number }
  | { fact: "events_expired"; count: number };
export type EventBody =
  | ({ type: "sign_in" } & SignIn)
  | ({ type: "submission" } & Submission)
  | ({ type: "alert" } & Alert)
  | ({ type: "block" } & Block)
  | ({ type: "account" } & Account)
  | ({ type: "admin" } & AdminAction)
  | ({ type: "system" } & SystemFact);
export interface Event {
  id: string;
  at: Time;
  body: EventBody;
}
export interface EventFilter {
  from: Time | null;
  until: Time | null;
  account: string | null;
  network: string | null;
  protocols: Protocol[];
  outcomes: OutcomeFilter[];
  kinds: EventKind[];
  text: string | null;
}
export interface EventQuery {
  filter: EventFilter;
  before: string | null;
  limit: number;
}
export interface EventList {
  events: Event[];
  more: boolean;
}
export interface Admin {
  id: string;
  login: string;
  name: string;
  email: string;
  role: Role;
  created_at: Time;
  last_sign_in_at: Time | null;
  version: number;
}
export interface Factor {
  id: string;
  kind: FactorKind;
  name: string;
  created_at: Time;
  last_used_at: Time | null;
  left: number | null;
}
export interface RecoveryCodes {
  codes: string[];
}
export interface PasswordChange {
  current: string;
  new: string;
}
export interface AuthenticatorConfirmation {
  id: string;
  code: string;
}
export interface Challenge {
  id: string;
  factors: FactorKind[];
  sent_to: string | null;
  outbox_folder: string | null;
  expires_at: Time;
  tries_left: number;
}
export interface ChallengeAnswer {
  factor: FactorKind;
  code: string;
}
export interface MailSettings {
  from: string;
  transport: MailTransport;
  version: number;
}
export type MailTransport = { kind: "local"; folder: string } | ({ kind: "relay" } & Relay);
export interface Relay {
  host: string;
  port: number;
  security: RelaySecurity;
  username: string | null;
  has_password: boolean;
}
export interface MailSettingsChange {
  from: string;
  relay: RelayChange | null;
}
export interface RelayChange {
  host: string;
  port: number;
  security: RelaySecurity;
  username: string | null;
  password: string | null;
}
export interface TestMailResult {
  accepted: boolean;
  answer: string;
}
export interface AlertSettings {
  account_failures: number;
  network_accounts: number;
  window_minutes: number;
  version: number;
}
export interface MailServerSnippet {
  server: MailServerKind;
  path: string;
  text: string;
  reload: string;
  key: string | null;
}
export interface MailServer {
  server: MailServerKind;
  name: string;
  first_request_at: Time;
  last_request_at: Time;
  requests: number;
}
export interface NewOwner {
  login: string;
  name: string;
  email: string;
  password: string;
}

export interface View {
  phase: Phase;
  service: ServiceView | null;
  admin: Admin | null;
  open_alerts: number;
  gravest: Severity | null;
  own_alerts: Alert[];
  events: number;
  notices: Notice[];
  paused_until: Time | null;
  can_lock: boolean;
  version: string;
  data_folder: string;
}
export type Phase =
  | { kind: "starting" }
  | { kind: "first_run" }
  | { kind: "choose_passphrase"; why: string }
  | { kind: "set_up"; needs_token: boolean }
  | { kind: "sign_in"; challenge: Challenge | null }
  | { kind: "locked" }
  | { kind: "ready" };
export interface ServiceView {
  name: string;
  url: string;
  embedded: boolean;
  link: Link;
  fresh_at: Time | null;
}
export type Link =
  | { kind: "connecting" }
  | { kind: "catching_up"; behind: number }
  | { kind: "live" }
  | { kind: "offline"; since: Time; why: string }
  | { kind: "signed_out" };
export type Notice =
  | { kind: "store_replaced"; kept_at: string }
  | { kind: "service_restored"; dropped: number; at: Time }
  | { kind: "service_restarted"; at: Time };
export interface SetUpRequest {
  token: string | null;
  organization: string;
  domains: string[];
  owner: NewOwner;
}
export interface ConnectRequest {
  url: string;
}
export interface Credentials {
  login: string;
  password: string;
}
export type SignInStep = ({ kind: "challenge" } & Challenge) | { kind: "signed_in" };
export interface PassphraseChange {
  current: string | null;
  new: string | null;
}
export interface Preferences {
  theme: Theme;
  notify_from: Severity;
  quiet_hours: QuietHours | null;
  lock_after_minutes: number | null;
  start_at_login: boolean;
}
export interface QuietHours {
  from: string;
  until: string;
}
export type Pause =
  { kind: "for_minutes"; minutes: number } | { kind: "until_tomorrow" } | { kind: "resume" };
export interface AuthenticatorOffer {
  id: string;
  secret: string;
  uri: string;
  qr_svg: string;
}
export interface DataChanged {
  events: boolean;
  alerts: boolean;
  blocks: boolean;
  accounts: boolean;
  settings: boolean;
}
export interface Navigate {
  to: string;
}

export type Code =
  | "bad_request"
  | "invalid"
  | "too_large"
  | "not_found"
  | "unknown_version"
  | "unauthenticated"
  | "forbidden"
  | "foreign_origin"
  | "sign_in_refused"
  | "wrong_code"
  | "challenge_over"
  | "too_many"
  | "setup_needed"
  | "setup_done"
  | "setup_token"
  | "precondition_required"
  | "stale"
  | "conflict"
  | "epoch_diverged"
  | "storage_full"
  | "unavailable"
  | "mail_failed"
  | "unreachable"
  | "locked"
  | "wrong_passphrase"
  | "no_keyring"
  | "internal";
export interface Problem {
  code: Code;
  message: string;
  details: Details | null;
}
export interface FieldProblem {
  field: string;
  message: string;
}
export type Details =
  | { kind: "fields"; fields: FieldProblem[] }
  | { kind: "tries_left"; tries: number }
  | { kind: "retry_after"; seconds: number }
  | { kind: "current"; etag: string; value: unknown }
  | { kind: "lineage"; lineage: { epoch: string; first_seq: number }[] };
