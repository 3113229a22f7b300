//! Snapshots as the window reviews them, from this computer's mirror alone.

use crate::{AuditEntry, BackupFault, Bytes, Login, SnapshotId, Time, wire};

wire! {
    pub struct SnapshotList {
        /// The newest first.
        pub snapshots: Vec<SnapshotRow>,
        /// Snapshots that can't be read.
        pub damaged: Vec<BackupFault>,
    }

    pub struct SnapshotRow {
        pub id: SnapshotId,
        pub at: Time,
        pub host: String,
        /// All files, before deduplication and compression.
        pub bytes: Bytes,
        /// By how much the repository grew with it.
        pub stored: Bytes,
        pub files: u32,
        pub files_new: u32,
        pub files_changed: u32,
        /// What its manifest says; none where that isn't mirrored or can't be read.
        pub counts: Option<SnapshotCounts>,
    }

    pub struct SnapshotCounts {
        pub organization: Option<String>,
        /// The mailcupd that wrote it.
        pub version: String,
        /// Of mail.
        pub accounts: u32,
        pub messages: u32,
        pub mail_bytes: Bytes,
        /// When the mail was listed.
        pub mail_from: Option<Time>,
        pub mail_until: Option<Time>,
        pub left_out: u32,
        pub rules: u32,
        pub limits: u32,
        pub admins: u32,
        pub blocks: u32,
        pub alerts: u32,
        pub events: u32,
    }

    /// An account whose mail lies in a snapshot.
    pub struct Mailbox {
        pub login: Login,
        /// In the snapshot, below `mail/`: of all its folders.
        pub path: String,
        /// None where what says so isn't mirrored.
        pub messages: Option<u32>,
        pub bytes: Option<Bytes>,
    }

    pub struct MailFolder {
        /// As people read it: `INBOX`, `Sent`, `Projects/2026`.
        pub name: String,
        /// In the snapshot, below `mail/`: of its messages, without the folders below it.
        pub path: String,
        pub messages: u32,
        pub unread: u32,
    }

    pub struct MessageQuery {
        pub snapshot: SnapshotId,
        /// Of the folder.
        pub path: String,
        #[serde(default)]
        pub offset: u32,
        /// At most 200.
        pub limit: u32,
        #[serde(default)]
        pub order: MessageOrder,
        /// Conversations together, at the place of their newest message.
        #[serde(default)]
        pub threads: bool,
    }

    pub struct MessageList {
        pub messages: Vec<MessageRow>,
        pub total: u32,
        /// Whether it is in the order that was asked for: all but the time needs the full-text index.
        pub ordered: bool,
    }

    pub struct MessageRow {
        /// In the snapshot, below `mail/`.
        pub path: String,
        pub received_at: Time,
        pub from: String,
        pub subject: String,
        pub size: Bytes,
        pub flags: Vec<MailFlag>,
        pub attachments: bool,
        /// How deep it lies in its conversation.
        pub depth: u32,
        /// Why nothing can be said of what is in it; none where it could be read.
        pub unread_because: Option<String>,
    }

    pub struct MailAddress {
        pub name: String,
        pub address: String,
    }

    /// A message, safe to be shown.
    pub struct Message {
        pub path: String,
        pub received_at: Time,
        pub size: Bytes,
        pub flags: Vec<MailFlag>,
        pub subject: String,
        /// As its sender says.
        pub sent_at: Option<Time>,
        pub from: Vec<MailAddress>,
        pub to: Vec<MailAddress>,
        pub cc: Vec<MailAddress>,
        pub reply_to: Vec<MailAddress>,
        /// Sanitized: no script, no form, no style sheet of its own, and nothing that would be fetched.
        pub html: Option<String>,
        pub text: Option<String>,
        /// The body was longer than what is shown.
        pub cut: bool,
        /// Pictures and the like that would have been fetched from elsewhere.
        pub remote: u32,
        pub attachments: Vec<Attachment>,
        /// What mail servers said of the sender, as the topmost header says.
        pub authentication: Vec<AuthenticationResult>,
        /// The first five hundred, in their order.
        pub headers: Vec<HeaderField>,
        pub header_count: u32,
        /// Parts that were not looked into: nested too deep, or too many.
        pub parts_left_out: u32,
    }

    pub struct HeaderField {
        pub name: String,
        pub value: String,
    }

    pub struct Attachment {
        /// Its part of the message; what [`AttachmentRequest`] names it by.
        pub part: u32,
        pub name: String,
        pub media_type: String,
        pub size: Bytes,
        /// Opening it could run a program.
        pub dangerous: bool,
    }

    /// One method of an Authentication-Results header (RFC 8601).
    pub struct AuthenticationResult {
        /// `spf`, `dkim`, `dmarc`, `arc` …
        pub method: String,
        /// `pass`, `fail`, `none` …
        pub result: String,
        /// Of which domain or address.
        pub about: String,
        /// Which server says so.
        pub by: String,
    }

    pub struct MessageRequest {
        pub snapshot: SnapshotId,
        pub path: String,
    }

    /// The message as it lies in the snapshot.
    pub struct MessageSource {
        pub text: String,
        /// It is longer than what is shown.
        pub cut: bool,
    }

    pub struct AttachmentRequest {
        pub snapshot: SnapshotId,
        pub path: String,
        pub part: u32,
        /// Where it is to be saved.
        pub to: String,
    }

    pub struct StateQuery {
        pub snapshot: SnapshotId,
        pub part: StatePart,
        /// Of events, the day (`YYYY-MM-DD`, UTC); none for the newest.
        #[serde(default)]
        pub day: Option<String>,
        #[serde(default)]
        pub text: String,
        #[serde(default)]
        pub offset: u32,
        /// At most 500.
        pub limit: u32,
    }

    pub struct StateTable {
        pub records: Vec<StateRecord>,
        pub total: u32,
        /// Of events, the days that there are, the newest first.
        pub days: Vec<String>,
    }

    /// A record of the state as it was.
    pub struct StateRecord {
        /// What it is known by: a login, an id.
        pub key: String,
        /// Its fields in their order; nested ones with dots.
        pub fields: Vec<StateField>,
    }

    pub struct StateField {
        pub name: String,
        pub value: String,
    }

    /// Two snapshots of any order in time: what became of the first until the second.
    pub struct ComparisonQuery {
        pub from: SnapshotId,
        pub to: SnapshotId,
        /// Only what these changes say; all without any.
        #[serde(default)]
        pub changes: Vec<MessageChangeKind>,
        #[serde(default)]
        pub account: Option<Login>,
        #[serde(default)]
        pub offset: u32,
        /// At most 500.
        pub limit: u32,
    }

    pub struct SnapshotComparison {
        /// By account, those with the most changes first.
        pub accounts: Vec<AccountChanges>,
        pub added: u32,
        pub removed: u32,
        pub moved: u32,
        pub flagged: u32,
        pub changed: u32,
        /// That pass the query.
        pub total: u32,
        pub messages: Vec<MessageChange>,
        pub records: Vec<RecordChange>,
    }

    pub struct AccountChanges {
        pub login: Login,
        pub added: u32,
        pub removed: u32,
        pub moved: u32,
        pub flagged: u32,
        pub changed: u32,
    }

    pub struct MessageChange {
        pub change: MessageChangeKind,
        pub account: Login,
        /// Where it is; of one that was removed, where it was.
        pub folder: String,
        pub path: String,
        /// The snapshot in which that path is.
        pub snapshot: SnapshotId,
        /// Of one that was moved.
        pub from_folder: Option<String>,
        pub flags_added: Vec<MailFlag>,
        pub flags_removed: Vec<MailFlag>,
        pub received_at: Time,
        pub from: String,
        pub subject: String,
        pub size: Bytes,
    }

    pub struct RecordChange {
        pub part: StatePart,
        pub key: String,
        pub change: RecordChangeKind,
        pub fields: Vec<FieldChange>,
    }

    pub struct FieldChange {
        pub name: String,
        pub before: Option<String>,
        pub after: Option<String>,
    }

    pub struct MailSearch {
        pub text: String,
        #[serde(default)]
        pub account: Option<Login>,
        /// Only what the newest snapshot has no longer.
        #[serde(default)]
        pub gone: bool,
        #[serde(default)]
        pub offset: u32,
        /// At most 200.
        pub limit: u32,
    }

    pub struct MailHits {
        pub hits: Vec<MailHit>,
        pub total: u32,
        /// There are more than `total`, which takes longer to count.
        pub more: bool,
    }

    pub struct MailHit {
        /// The newest snapshot that holds it.
        pub snapshot: SnapshotId,
        pub snapshot_at: Time,
        pub path: String,
        pub account: Login,
        pub folder: String,
        pub received_at: Time,
        pub from: String,
        pub subject: String,
        /// Since which snapshot it is no longer there.
        pub gone_at: Option<Time>,
    }

    /// Asks for the words around what was found, in messages that are in sight.
    pub struct MailExcerpts {
        pub text: String,
        /// At most 100.
        pub messages: Vec<MessageRequest>,
    }

    /// Of which thing the history is wanted.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum HistoryOf {
        Message { snapshot: SnapshotId, path: String },
        Record { part: StatePart, key: String },
    }

    /// One thing in all snapshots, the newest first.
    pub struct ItemHistory {
        pub steps: Vec<HistoryStep>,
        /// Snapshots that couldn't be looked at.
        pub unread: u32,
    }

    pub struct HistoryStep {
        /// The snapshot that first shows it so.
        pub snapshot: SnapshotId,
        pub at: Time,
        /// The snapshot before, which showed it otherwise; it changed in between.
        pub after: Option<Time>,
        pub change: HistoryChange,
        /// What the audit log says of it between the two.
        pub audit: Vec<AuditEntry>,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum HistoryChange {
        /// It is in the oldest snapshot that there is.
        There { folder: Option<String> },
        Appeared { folder: Option<String> },
        Moved { from: String, to: String },
        Flagged { added: Vec<MailFlag>, removed: Vec<MailFlag> },
        Changed { fields: Vec<FieldChange> },
        Gone,
    }

    pub struct MailExport {
        pub snapshot: SnapshotId,
        /// Messages, folders or accounts, below `mail/`.
        pub paths: Vec<String>,
        pub format: MailFormat,
        /// A folder for `eml` and Maildir, a file for `mbox`.
        pub to: String,
    }

    pub struct MailExported {
        pub messages: u32,
        pub bytes: Bytes,
        /// What couldn't be read, and why; the first hundred.
        pub troubles: Vec<crate::LeftOutFile>,
        pub trouble_count: u32,
    }

    pub struct StateExport {
        pub snapshot: SnapshotId,
        pub part: StatePart,
        pub format: StateFormat,
        pub to: String,
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum MailFlag {
        Seen,
        Answered,
        Flagged,
        Draft,
        /// Marked for deletion.
        Deleted,
        /// Passed on.
        Passed,
    }

    #[derive(Copy, Eq, Hash, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum MessageOrder {
        #[default]
        Newest,
        Oldest,
        Largest,
        From,
        Subject,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum StatePart {
        Accounts,
        AccessRules,
        SendingLimits,
        KnownNetworks,
        Admins,
        Blocks,
        Alerts,
        Events,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum MessageChangeKind {
        Added,
        Removed,
        /// To another folder of the account.
        Moved,
        /// Other flags, in the same folder.
        Flagged,
        /// Other content under the same name, which no mail server makes.
        Changed,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum RecordChangeKind {
        Added,
        Removed,
        Changed,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum MailFormat {
        Eml,
        Mbox,
        Maildir,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum StateFormat {
        Json,
        Csv,
    }
}
