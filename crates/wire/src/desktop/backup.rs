//! Backups as the window shows them: how the service's stand, and this computer's mirror of the repository.

use crate::{BackupProgress, Backups, Bytes, Login, Time, wire};

wire! {
    pub struct BackupsView {
        /// As the service told of them last; none if it never did.
        pub service: Option<Backups>,
        pub read_at: Option<Time>,
        /// Why this is the copy of `read_at`; none if the service told of it just now.
        pub away: Option<String>,
        pub mirror: Mirror,
        pub index: MailIndex,
    }

    /// This computer's copy of the repository.
    pub struct Mirror {
        pub state: MirrorState,
        /// None while nothing is mirrored.
        pub settings: Option<MirrorSettings>,
        /// Of the copy.
        pub here: Bytes,
        /// Of what is to be here, as last seen; none while that isn't known.
        pub total: Option<Bytes>,
        pub snapshots: u32,
        /// When the copy was last complete.
        pub complete_at: Option<Time>,
        /// Reads of mail that the service doesn't know of yet.
        pub untold_reads: u32,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum MirrorState {
        /// Nothing is mirrored.
        Off,
        /// Waits for the service.
        Waiting { why: String },
        Running { part: MirrorPart, progress: BackupProgress },
        /// All that is wanted is here.
        Complete,
        Paused,
        Failed { why: String },
    }

    pub struct MirrorSettings {
        pub scope: MirrorScope,
        /// KiB a second; none for as fast as it goes.
        pub limit: Option<u32>,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum MirrorScope {
        Whole,
        /// Snapshots, index and folders: what there was, not what stands in it.
        Folders,
        /// The state of the service, and the mail of these accounts.
        Accounts { logins: Vec<Login> },
    }

    /// The full-text search over the mail in all snapshots.
    pub struct MailIndex {
        pub state: MailIndexState,
        /// Messages in it, each once whatever the number of snapshots that hold it.
        pub messages: u32,
        pub bytes: Bytes,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum MailIndexState {
        Off,
        Running { done: u32, total: u32 },
        /// All snapshots that are here are in it.
        Complete,
        /// There are snapshots that it doesn't know yet.
        Behind,
        Failed { why: String },
    }
}

wire! {
    /// In which order a mirror is filled.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum MirrorPart {
        Listing,
        Snapshots,
        Index,
        /// From here on, all folders can be opened.
        Folders,
        Data,
    }
}
