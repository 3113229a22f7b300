//! The boundary between a window and the desktop core. A window holds no state of its own that matters: it
//! draws the [`View`] that the core pushes, asks the local copy for pages, and calls commands.
//!
//! The console may be connected to several services. A window shows one of them and says with every command for
//! which one its page was drawn (the header [`SERVICE_HEADER`]); the command acts on that one, whatever is shown
//! by then. Only a window changes what is shown.
//!
//! Commands, one line each in the shell; all of them answer `Result<_, Problem>`:
//!
//! | command | arguments | answer |
//! | --- | --- | --- |
//! | `view` | | [`View`] |
//! | `start_embedded` | | `()` |
//! | `set_up` | [`SetUpRequest`] | [`crate::RecoveryCodes`] |
//! | `connect` | [`ConnectRequest`] | [`ConnectStep`] |
//! | `choose_passphrase` | `passphrase` | `()` |
//! | `sign_in` | [`Credentials`] | [`SignInStep`] |
//! | `answer_challenge` | [`crate::ChallengeAnswer`] | [`SignInStep`] |
//! | `resend_code` | | [`SignInStep`] |
//! | `sign_out` | | `()` |
//! | `switch_service` | `service` | `()` |
//! | `rename_service` | `service`, `name` (empty for the organization's) | `()` |
//! | `forget_service` | `service` | `()` |
//! | `trust_certificate` | `service`, `sha256` of what it shows now | `()` |
//! | `lock` | | `()` |
//! | `unlock` | `passphrase` | `()` |
//! | `set_passphrase` | [`PassphraseChange`] | `()` |
//! | `events` | [`EventQuery`] | [`EventList`] |
//! | `event` | `id` | `Option<Event>` |
//! | `count_events` | [`Filter`], `at_most` | [`Count`]; without `at_most` exact |
//! | `events_at` | [`Filter`], `offset` from the newest, `limit` | [`EventList`] |
//! | `event_position` | [`Filter`], `id` | `u32`: how many that pass are newer |
//! | `event_groups` | [`GroupQuery`] | [`GroupList`] |
//! | `event_timeline` | [`TimelineQuery`] | [`Timeline`] |
//! | `complete` | [`CompletionQuery`] | `Vec<Completion>`, the most frequent first |
//! | `export_path`, `choose_export_path` | [`ExportFormat`] | a proposed path; one chosen in the system's dialog |
//! | `export_events` | [`ExportRequest`] | [`crate::ExportId`] |
//! | `cancel_export` | `id` | `()` |
//! | `saved_views` | | `Vec<SavedView>` |
//! | `save_view` | [`SavedView`] | `()` |
//! | `rename_view` | `name`, `new_name` | `()` |
//! | `delete_view` | `name` | `()` |
//! | `alerts` | `states` | `Vec<Alert>` |
//! | `alert` | `id` | `Option<Alert>` |
//! | `all_alerts` | `states` | `Vec<ServiceAlert>`, of every service |
//! | `change_alert` | `id`, [`crate::AlertChange`] | [`crate::Alert`] |
//! | `blocks` | | `Vec<Block>` |
//! | `create_block` | [`crate::NewBlock`] | [`crate::Block`] |
//! | `lift_block` | `id` | [`crate::Block`] |
//! | `accounts` | `text` | `Vec<Account>` (at most 50, for completion) |
//! | `list_accounts` | [`AccountQuery`] | [`AccountList`] |
//! | `account` | `login` | `Option<AccountRow>` |
//! | `preview_import` | `text` | [`ImportPreview`] |
//! | `import_accounts` | `text` | [`ImportOutcome`] |
//! | `log_desk` | | [`LogDesk`] |
//! | `choose_logs` | | [`LogDesk`] |
//! | `clear_logs` | | [`LogDesk`] |
//! | `import_logs` | `time_zone` | [`LogDesk`] |
//! | `cancel_log_import` | | |
//! | `import_progress` | | `Option<ImportProgress>` |
//! | `cancel_import` | | `()` |
//! | `audit` | [`AuditQuery`] | [`AuditList`] |
//! | `audit_standing` |  | [`AuditStanding`] |
//! | `check_audit` |  | `()` |
//! | `trust_audit` |  | `()` |
//! | `admins` |  | `Vec<Admin>` |
//! | `admin_access` | `id` | [`crate::AdminAccess`] |
//! | `change_admin` | `id`, [`crate::AdminChange`], `version` | [`crate::Admin`] |
//! | `remove_admin` | `id` | `()` |
//! | `end_sessions` | `id`, `session` (none for all) | `()` |
//! | `invitations` |  | `Vec<Invitation>` |
//! | `invite` | [`crate::NewInvitation`] | [`crate::InvitationGrant`] |
//! | `resend_invitation` | `id` | [`crate::InvitationGrant`] |
//! | `revoke_invitation` | `id` | `()` |
//! | `accept_invitation` | [`crate::InvitationAnswer`] | [`SignInStep`] |
//! | `api_keys` |  | `Vec<ApiKey>` |
//! | `create_api_key` | [`crate::NewApiKey`] | [`crate::ApiKeyGrant`] |
//! | `revoke_api_key` | `id` | `()` |
//! | `app_passwords` | `login` | `Vec<AppPassword>` |
//! | `create_app_password` | `login`, [`crate::NewAppPassword`] | [`crate::AppPasswordGrant`] |
//! | `revoke_app_password` | `id` | `()` |
//! | `web_sessions` | `login` | `Vec<WebSession>` |
//! | `end_web_sessions` | `login`, `session` (none for all) | `()` |
//! | `account_devices` | `login` | `Vec<AccountDevice>` |
//! | `revoke_account_device` | `login`, `device` | `()` |
//! | `main_passwords` |  | [`crate::MainPasswords`] |
//! | `change_main_password` | [`crate::MainPasswordChange`] | [`crate::MainPasswords`] |
//! | `factor_policy` |  | [`crate::FactorPolicy`] |
//! | `change_factor_policy` | [`crate::FactorPolicyChange`] | [`crate::FactorPolicy`] |
//! | `factor_coverage` | [`CoverageQuery`] | [`crate::FactorCoverage`] |
//! | `remind_of_factors` |  | [`crate::FactorReminders`] |
//! | `unanswered_codes` |  | `Vec<UnansweredCode>` |
//! | `reset_factors` | `id` | `()` |
//! | `reset_account_factors` | `login` | `()` |
//! | `preferences`, `set_preferences` | [`Preferences`] | [`Preferences`] |
//! | `pause_notifications` | [`Pause`] | `()` |
//! | `dismiss_notice` | [`Notice`] | `()` |
//! | `open_resource` | [`Resource`] | [`Opened`]; from the local copy while the service is away |
//! | `save_edit` | [`Edit`], `began`: the [`Content`] that it began from | [`Saved`]; kept as a draft rather than lost |
//! | `drafts` | | `Vec<Draft>`, the newest first |
//! | `compare_draft` | [`Resource`] | [`Comparison`] |
//! | `apply_draft` | [`ApplyDraft`] | [`Applied`] |
//! | `discard_draft`, `restore_draft` | [`Resource`] | `()`; the one discarded last comes back |
//! | `send_test_mail` | `to` | [`crate::TestMailResult`] |
//! | `devices` | | `Vec<Device>`, of whoever is signed in |
//! | `rename_device` | `id`, `name`, `version` | [`crate::Device`] |
//! | `revoke_device` | `id` | `()` |
//! | `end_own_sessions` | `session` (none for all but this one) | `()` |
//! | `reauthenticate` | `password` | [`crate::Challenge`] |
//! | `send_reauthentication_code` | `id` | [`crate::Challenge`] |
//! | `answer_reauthentication` | `id`, [`crate::ChallengeAnswer`] | `()` |
//! | `factors` | | `Vec<Factor>` |
//! | `enrol_authenticator` | | [`AuthenticatorOffer`] |
//! | `confirm_authenticator` | [`crate::AuthenticatorConfirmation`] | `()` |
//! | `remove_factor` | `id` | `()` |
//! | `renew_recovery_codes` | | [`crate::RecoveryCodes`] |
//! | `change_password` | [`crate::PasswordChange`] | `()` |
//! | `mail_server_snippet` | `request` | [`crate::MailServerSnippet`] |
//! | `mail_servers` | | `Vec<MailServer>` |
//! | `service_health` | | [`crate::ServiceHealth`] |
//! | `policy` | | [`PolicyView`] |
//! | `save_policy` | [`crate::PolicyChange`] | [`PolicySaved`] |
//! | `keep_trial`, `return_trial` | | [`crate::Trial`] |
//! | `dry_run` | [`DryRunQuestion`] | [`DryRunOutcome`]; another one ends the one that runs |
//! | `dry_run_progress` | | `Option<DryRunProgress>` |
//! | `cancel_dry_run` | | `()` |
//! | `decide` | [`DecisionQuestion`] | [`DecisionAnswer`] |
//! | `learn` | [`LearnQuestion`] | [`LearnProposal`] |
//! | `sending_usage` | [`UsageQuestion`] | [`UsageList`] |
//! | `sending_networks` | `text`, `count` | `Vec<SendingNetworks>` |
//! | `read_networks` | `text` | [`ReadNetworks`] |
//! | `check_terms` | [`Terms`] | `Vec<FieldProblem>` |
//! | `preview_policy_import` | `text`, [`PolicyPart`] | [`PolicyImport`] |
//! | `policy_text` | [`PolicyExport`] | the file as a text |
//! | `choose_policy_path` | [`PolicyPart`], [`PolicyFormat`] | one chosen in the system's dialog |
//! | `write_policy` | `path`, [`PolicyExport`] | `()` |
//! | `where_from` | [`Filter`] | [`WhereFrom`] |
//! | `place_sources` | | `Vec<PlaceSource>` |
//! | `notice_settings` | | [`crate::NoticeSettings`] |
//! | `set_notice_settings` | [`crate::NoticeSettingsChange`], `version` | [`crate::NoticeSettings`] |
//! | `organization` | | [`crate::Organization`] |
//! | `set_organization` | [`crate::OrganizationChange`], `version` | [`crate::Organization`] |
//! | `risk_settings` | | [`crate::RiskSettings`] |
//! | `set_risk_settings` | [`crate::RiskSettings`] | [`crate::RiskSettings`] |
//! | `account_notices` | `login` | [`crate::AccountNotices`] |
//! | `set_account_notices` | `login`, [`crate::AccountNotices`] | [`crate::AccountNotices`] |
//! | `backups` |  | [`BackupsView`] |
//! | `begin_backup_job` | [`crate::NewBackupJob`] | [`crate::BackupJob`] |
//! | `cancel_backup_job` | `id` | `()` |
//! | `add_backup_target` | [`crate::BackupTargetChange`] | [`crate::BackupTarget`] |
//! | `change_backup_target` | `id`, [`crate::BackupTargetChange`] | [`crate::BackupTarget`] |
//! | `remove_backup_target` | `id` | `()` |
//! | `test_backup_target` | [`crate::BackupTargetTest`] | [`crate::BackupTargetTested`] |
//! | `begin_mirror` | [`MirrorSettings`] | `()` |
//! | `change_mirror` | [`MirrorSettings`] | `()` |
//! | `pause_mirror` |  | `()` |
//! | `resume_mirror` |  | `()` |
//! | `forget_mirror` |  | `()` |
//! | `begin_mail_index` |  | `()` |
//! | `cancel_mail_index` |  | `()` |
//! | `forget_mail_index` |  | `()` |
//! | `snapshots` |  | [`SnapshotList`] |
//! | `mailboxes` | `snapshot` | `Vec<Mailbox>` |
//! | `mail_folders` | `snapshot`, `path` | `Vec<MailFolder>` |
//! | `messages` | [`MessageQuery`] | [`MessageList`] |
//! | `message` | [`MessageRequest`] | [`Message`] |
//! | `message_source` | [`MessageRequest`] | [`MessageSource`] |
//! | `save_attachment` | [`AttachmentRequest`] | `()` |
//! | `snapshot_state` | [`StateQuery`] | [`StateTable`] |
//! | `compare_snapshots` | [`ComparisonQuery`] | [`SnapshotComparison`] |
//! | `search_mail` | [`MailSearch`] | [`MailHits`] |
//! | `count_mail` | [`MailSearch`] | `u32`: how many it finds |
//! | `mail_excerpts` | [`MailExcerpts`] | a text for each message; empty where it can't be read |
//! | `item_history` | [`HistoryOf`] | [`ItemHistory`] |
//! | `record_preview` | [`RecordRequest`] | [`RecordPreview`] |
//! | `put_back_record` | [`PutBack`] | [`RecordPutBack`] |
//! | `export_mail` | [`MailExport`] | [`MailExported`] |
//! | `mail_export_progress` |  | `Option<BackupProgress>` |
//! | `cancel_mail_export` |  | `()` |
//! | `export_state` | [`StateExport`] | `()` |
//! | `choose_mail_path`, `choose_attachment_path`, `choose_state_path` | [`MailFormat`]; `name`; [`StateFormat`] | one chosen in the system's dialog |
//!
//! Pushed: [`View`] whenever it changes, [`DataChanged`] when the local copy changed, [`Navigate`] when a
//! notification or the tray asks for a page, [`ExportProgress`] while an export is written.

mod account;
mod activity;
mod audit;
mod backup;
mod draft;
mod policy;
mod put_back;
mod review;

pub use account::*;
pub use activity::*;
pub use audit::*;
pub use backup::*;
pub use draft::*;
pub use policy::*;
pub use put_back::*;
pub use review::*;

use crate::{
    Admin, Alert, AlertKind, Bytes, Challenge, FactorId, ImportReport, NewOwner, ServiceId, Severity, Time,
    wire,
};

/// Names the service for which the calling page was drawn.
pub const SERVICE_HEADER: &str = "mailcup-service";

wire! {
    /// All that the frame around the pages shows.
    pub struct View {
        /// Of the service that is shown.
        pub phase: Phase,
        /// The one that is shown; what follows is about it.
        pub service: Option<ServiceView>,
        /// All of them, in their order.
        pub services: Vec<ServiceView>,
        /// The signed-in admin.
        pub admin: Option<Admin>,
        /// A change of the policy that returns by itself unless it is kept.
        pub trial: Option<crate::Trial>,
        pub open_alerts: u32,
        /// The gravest severity among open alerts.
        pub gravest: Option<Severity>,
        /// Alerts raised by the console itself, such as "service unreachable".
        pub own_alerts: Vec<Alert>,
        /// Events in the local copy.
        pub events: u32,
        /// Edits that are not in effect.
        pub drafts: u32,
        pub notices: Vec<Notice>,
        pub paused_until: Option<Time>,
        /// Whether a passphrase protects this console, so that it can be locked.
        pub can_lock: bool,
        pub version: String,
        pub data_folder: String,
    }

    /// What the window shows.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Phase {
        Starting,
        /// No service yet: one on this computer, or one elsewhere.
        FirstRun,
        /// There is no keyring that keeps the store's key; a passphrase must.
        ChoosePassphrase { why: String },
        /// Connected to a service that nobody has set up; its setup token is needed unless we started it.
        SetUp { needs_token: bool },
        SignIn { challenge: Option<Challenge> },
        Locked,
        Ready,
    }

    /// A service that this console is connected to.
    pub struct ServiceView {
        pub id: ServiceId,
        /// As the admin named it, else the organization's, else where it is.
        pub name: String,
        /// The name that the admin gave it.
        pub given_name: Option<String>,
        pub url: String,
        /// Whether it runs on this computer, started by the console.
        pub embedded: bool,
        pub link: Link,
        /// When the local copy last agreed with the service.
        pub fresh_at: Option<Time>,
        /// Whether somebody is signed in; a session that lapsed counts as well.
        pub signed_in: bool,
        pub open_alerts: u32,
        pub gravest: Option<Severity>,
        pub drafts: u32,
        /// The certificate that an admin trusts by hand.
        pub pinned: Option<Box<Certificate>>,
    }

    /// An alert and the service that it is of.
    pub struct ServiceAlert {
        pub service: ServiceId,
        pub service_name: String,
        pub alert: Alert,
    }

    /// How the stream from the service stands.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Link {
        Connecting,
        /// `behind`: events still to fetch, of `total` since it began.
        CatchingUp { behind: u32, total: u32 },
        Live,
        Offline { since: Time, why: String },
        /// The session ended; sign in again. The local copy stays readable.
        SignedOut,
        /// Access rules or blocks don't let this console in from here. It goes on trying. `returns_at`: when the
        /// change that did it returns by itself, if it was a trial that this console knows of.
        RefusedHere { since: Time, returns_at: Option<Time> },
        /// The service shows a certificate that is not trusted: another than the pinned one, or one that the
        /// system's roots no longer vouch for. Nothing is sent to it.
        CertificateChanged { pinned: Option<Box<Certificate>>, found: Box<Certificate> },
    }

    /// Something the admin should have read once; can be dismissed.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Notice {
        /// The local copy was damaged, set aside at `kept_at`, and filled again.
        StoreReplaced { kept_at: String },
        /// The service was restored from an older copy; `dropped` events of ours are not in it.
        ServiceRestored { dropped: u32, at: Time },
        /// The embedded service died and was started again.
        ServiceRestarted { at: Time },
    }

    pub struct SetUpRequest {
        /// None for the embedded service.
        #[serde(default)]
        pub token: Option<String>,
        pub organization: String,
        pub domains: Vec<String>,
        pub owner: NewOwner,
    }

    pub struct ConnectRequest {
        pub url: String,
        /// The SHA-256 of a certificate that an admin has looked at and trusts.
        #[serde(default)]
        pub trust: Option<String>,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum ConnectStep {
        Connected,
        /// Nobody vouches for the service's certificate: an admin must. Nothing was sent yet.
        Untrusted { certificate: Box<Certificate> },
    }

    /// A service's certificate.
    pub struct Certificate {
        pub subject: String,
        pub issuer: String,
        /// The names and addresses that it is made for.
        pub names: Vec<String>,
        pub not_before: Time,
        pub not_after: Time,
        pub self_signed: bool,
        /// Over the whole certificate, in hex with colons.
        pub sha256: String,
        /// Why the system's roots don't vouch for it; none if they do.
        pub faults: Vec<CertificateFault>,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum CertificateFault {
        UnknownIssuer,
        Expired,
        NotYetValid,
        /// It is made for another name than the address.
        OtherName,
        Refused { why: String },
    }

    pub struct Credentials {
        pub login: String,
        pub password: String,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum SignInStep {
        Challenge(Challenge),
        SignedIn,
    }

    /// Setting the first passphrase needs no `current`; removing it needs no `new`.
    pub struct PassphraseChange {
        #[serde(default)]
        pub current: Option<String>,
        #[serde(default)]
        pub new: Option<String>,
    }

    /// Of this console alone.
    pub struct Preferences {
        pub theme: Theme,
        #[serde(default)]
        pub language: Language,
        /// Alerts below this make no notification.
        pub notify_from: Severity,
        pub quiet_hours: Option<QuietHours>,
        /// Minutes without input after which the console locks itself.
        pub lock_after_minutes: Option<u32>,
        pub start_at_login: bool,
    }

    /// Local time, `HH:MM`; may pass midnight. Critical alerts come through.
    pub struct QuietHours {
        pub from: String,
        pub until: String,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Pause {
        ForMinutes { minutes: u32 },
        UntilTomorrow,
        Resume,
    }

    pub struct AuthenticatorOffer {
        pub id: FactorId,
        pub secret: String,
        pub uri: String,
        /// The URI as a QR code, an SVG document.
        pub qr_svg: String,
    }

    /// Which parts of the shown service's local copy changed.
    #[derive(Default)]
    pub struct DataChanged {
        pub events: bool,
        pub alerts: bool,
        pub blocks: bool,
        pub accounts: bool,
        pub policy: bool,
        pub settings: bool,
        pub drafts: bool,
        /// How backups stand, the mirror or its index.
        pub backups: bool,
        /// Alerts of a service that is not shown.
        pub other_alerts: bool,
    }

    /// Logs of mail servers that were dropped onto the window or chosen.
    pub struct LogDesk {
        /// In the order in which they were written last, which is that of rotation.
        pub files: Vec<LogFile>,
        /// Whether they are being imported.
        pub is_running: bool,
        /// Why what was dropped last was not taken.
        pub refused: Option<String>,
    }

    pub struct LogFile {
        pub name: String,
        /// As it lies on the disk.
        pub size: Bytes,
        /// Of its bytes, those that are on their way or there.
        pub sent: Bytes,
        pub standing: LogStanding,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum LogStanding {
        Waiting,
        Sending,
        Done { report: Box<ImportReport> },
        /// The service refused it, or it could not be read.
        Failed { message: String },
    }

    /// An address inside the window, such as `/alerts/ID`, and the service that it is of.
    pub struct Navigate {
        pub to: String,
        pub service: Option<ServiceId>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Theme {
        System,
        Light,
        Dark,
    }

    /// In which the window speaks.
    #[derive(Copy, Eq, Hash, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum Language {
        /// The first of the system's languages that we have, else English.
        #[default]
        System,
        En,
        De,
        Uk,
    }

    /// What the tray icon says.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum TrayState {
        Well,
        Attention,
        Critical,
        Offline,
        Locked,
    }
}

/// A notification as the core asks the shell to show it; `key` names the one to update in place.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    pub key: String,
    pub title: String,
    pub body: String,
    pub severity: Severity,
    pub actions: Vec<NotificationAction>,
    pub kind: Option<AlertKind>,
}

/// What a notification's button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationAction {
    Open,
    BlockAddress,
    ItsFine,
    /// Of an alert about one account: it was its owner.
    ItWasThem,
}
