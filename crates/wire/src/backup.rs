use crate::{
    BackupJobId, BackupTarget, BackupTargetId, Bytes, Copied, Login, Problem, SnapshotId, Time, wire,
};

wire! {
    /// `GET /v1/backups`: how the backups of the service stand.
    pub struct Backups {
        pub standing: BackupStanding,
        /// Where the repository is, as the service's configuration names it.
        pub repository: Option<String>,
        /// Of all files of the repository; none while there is no repository.
        pub size: Option<Bytes>,
        pub schedule: Option<BackupSchedule>,
        /// What is under way.
        pub running: Option<BackupJob>,
        /// What came to an end, the newest first, at most 100.
        pub jobs: Vec<BackupJob>,
        /// The newest proof of each kind, whatever it found.
        pub proofs: Vec<BackupJob>,
        /// Further places to which the repository is copied, in the order in which they were added.
        #[serde(default)]
        pub targets: Vec<BackupTarget>,
        /// Whether whoever asks may read the mail in snapshots, and so mirror the repository.
        pub may_read_mail: bool,
    }

    pub struct BackupSchedule {
        /// Of each day, `HH:MM` in the service's time zone; it begins up to half an hour later.
        pub time: String,
        pub next_at: Time,
        pub keep: KeepRules,
        /// Within how many days all data are read.
        pub data_read_days: u32,
    }

    /// The newest snapshot of each of the last so many days, weeks, months and years stays.
    pub struct KeepRules {
        pub daily: u32,
        pub weekly: u32,
        pub monthly: u32,
        pub yearly: u32,
    }

    /// A piece of long work on the repository; one at a time.
    pub struct BackupJob {
        pub id: BackupJobId,
        pub work: BackupWork,
        pub begun_at: Time,
        /// Who asked for it; none if the service began by itself.
        pub by: Option<Login>,
        /// How far it is, or was at its end.
        pub progress: BackupProgress,
        pub ended_at: Option<Time>,
        /// None while it runs.
        pub outcome: Option<BackupOutcome>,
    }

    /// How far long work has come; a total is 0 while it isn't known.
    #[derive(Copy, Default)]
    pub struct BackupProgress {
        pub bytes: Bytes,
        pub total_bytes: Bytes,
        pub files: u32,
        pub total_files: u32,
    }

    /// How a [`BackupJob`] ended.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum BackupOutcome {
        BackedUp(BackedUp),
        Proven(Proven),
        Drilled(DrillReport),
        Restored(MailRestored),
        Copied(Copied),
        Cancelled,
        Failed { problem: Problem },
    }

    /// A snapshot that was written.
    pub struct BackedUp {
        pub snapshot: SnapshotId,
        /// When the database was copied.
        pub at: Time,
        pub accounts: u32,
        pub messages: u32,
        pub bytes: Bytes,
        /// By how much the repository grew.
        pub stored: Bytes,
        /// What was to be in it and isn't: files that couldn't be read, and formats that aren't backed up yet.
        pub left_out: Vec<LeftOutFile>,
        pub left_out_count: u32,
        /// Older snapshots that the rules of keeping took away.
        pub forgotten: u32,
        /// Why older snapshots couldn't be thinned; the new one is whole.
        pub not_thinned: Option<String>,
    }

    pub struct LeftOutFile {
        pub path: String,
        pub why: String,
    }

    /// What a proof looked at and found.
    pub struct Proven {
        /// Files of the repository that were looked at.
        pub files: u32,
        /// Bytes that were read.
        pub bytes: Bytes,
        pub snapshots: u32,
        /// Of how many days' worth the data were read: 1 of `data_read_days`, or all of them.
        pub share: Option<DataShare>,
        /// The first hundred.
        pub faults: Vec<BackupFault>,
        pub fault_count: u32,
    }

    pub struct DataShare {
        pub part: u32,
        pub of: u32,
    }

    /// A file of the repository that is damaged or missing.
    pub struct BackupFault {
        /// `config`, `key`, `snapshot`, `index` or `pack`.
        pub file_kind: String,
        pub file: String,
        pub what: String,
    }

    /// A rehearsal: the newest snapshot was restored into an empty place, and a service was started on it.
    pub struct DrillReport {
        pub snapshot: SnapshotId,
        /// What would have been lost: how old the snapshot was (RPO).
        pub snapshot_at: Time,
        /// From the beginning to a service that answers (RTO).
        pub seconds: f64,
        pub checks: Vec<DrillCheck>,
    }

    pub struct DrillCheck {
        pub check: DrillCheckKind,
        pub passed: bool,
        /// How many things were looked at.
        pub looked_at: u32,
        /// What was compared; of a failed check, on what it failed and what to do.
        pub message: String,
    }

    /// `POST /v1/backups/jobs`
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum NewBackupJob {
        BackUp,
        ProveNames,
        ProveStructure,
        /// The share of this day, or all of it.
        ProveData { all: bool },
        Drill,
        Restore(MailRestore),
        /// To one target, or to all of them.
        Copy { target: Option<BackupTargetId> },
        /// Reads all that lies at a target, compares it with its names, and replaces what is damaged.
        ProveCopy { target: BackupTargetId },
    }

    /// Messages and folders of a snapshot to be put back into mailboxes.
    pub struct MailRestore {
        pub snapshot: SnapshotId,
        /// Paths in the snapshot, below `mail/`: messages, folders, or a whole account.
        pub paths: Vec<String>,
        pub to: RestoreTo,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum RestoreTo {
        /// Each into the folder that it lay in.
        Original,
        /// A folder of the same account, such as `Restored 2026-11-24`, made where it isn't.
        Folder { name: String },
        /// A folder of another account.
        Account { login: Login, folder: String },
    }

    /// What became of a restore. A message whose very content lies in the folder already is left as it is; nothing is
    /// ever written over.
    pub struct MailRestored {
        pub restored: u32,
        /// Already there, by content.
        pub there: u32,
        pub bytes: Bytes,
        /// The first hundred.
        pub troubles: Vec<LeftOutFile>,
        pub trouble_count: u32,
        /// Into which folders, as the mail server names them.
        pub folders: Vec<String>,
    }

    /// `POST /v1/backups/mirror`: what a console needs to mirror and read the repository. Holding it is holding
    /// everyone's mail.
    pub struct MirrorGrant {
        /// The repository's master key, base64.
        pub master_key: String,
        /// Names the repository, so that a mirror is never filled from another one.
        pub repository: String,
    }

    /// `POST /v1/backups/reads`: mail that was read from a mirror. The service writes it into its audit log.
    pub struct MailReads {
        pub reads: Vec<MailRead>,
    }

    pub struct MailRead {
        /// Drawn by the console, so that one told twice is written once.
        pub id: String,
        pub at: Time,
        pub snapshot: SnapshotId,
        pub account: Login,
        pub what: MailReadKind,
        pub messages: u32,
        /// The folder that they lay in.
        pub folder: String,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum BackupStanding {
        /// The configuration names no repository.
        NotConfigured,
        /// It does, and `mailcupd backup init` was not run yet.
        NotSetUp,
        Ready,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum BackupWork {
        BackUp,
        /// Each file is what its name says (SHA-256).
        ProveNames,
        /// From each snapshot down to the packs, all is there.
        ProveStructure,
        /// The content was read and unsealed.
        ProveData,
        Drill,
        Restore,
        Copy,
        /// What lies at a target is what its names say, or was replaced.
        ProveCopy,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum DrillCheckKind {
        /// Everything in the snapshot was brought back.
        Restored,
        /// A service started on it and answered.
        Started,
        /// It counts what the manifest counts.
        Counted,
        /// Messages picked at random are the same, byte for byte.
        Messages,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum MailReadKind {
        Read,
        SavedAttachment,
        Exported,
    }
}

/// The header of a request that puts back what a snapshot holds: the audit log says so with what was done.
pub const RESTORED_FROM: &str = "mailcup-restored-from";

/// From which snapshot something was put back: the value of [`RESTORED_FROM`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredFrom {
    pub snapshot: SnapshotId,
    /// When it was taken.
    pub at: Time,
}

impl std::fmt::Display for RestoredFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.snapshot.0, self.at)
    }
}

impl std::str::FromStr for RestoredFrom {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (snapshot, at) = text.split_once(' ').ok_or(())?;
        let is_name =
            snapshot.len() == 64 && snapshot.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let at = at.parse().map(Time).map_err(|_| ())?;
        is_name.then(|| Self { snapshot: SnapshotId(snapshot.to_owned()), at }).ok_or(())
    }
}
