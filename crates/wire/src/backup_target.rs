use crate::{BackupTargetId, Bytes, Time, wire};

wire! {
    /// A further place to which the repository of backups is copied.
    pub struct BackupTarget {
        pub id: BackupTargetId,
        pub place: TargetPlace,
        /// Whether a password or key is stored; it never leaves the service.
        pub has_secret: bool,
        /// How many bytes a second a copy may send; none for as many as go through.
        pub limit: Option<Bytes>,
        pub added_at: Time,
        /// When the last copy was begun, whatever came of it.
        pub tried_at: Option<Time>,
        /// When the last copy was begun that came to its end.
        pub copied_at: Option<Time>,
        /// When all that lies there was last read and compared with its name.
        pub proven_at: Option<Time>,
        /// Of the copy, as the last full one left it.
        pub size: Option<Bytes>,
        /// Why the last copy or proof didn't succeed.
        pub trouble: Option<TargetTrouble>,
        /// A newer snapshot waits for more than two days to be copied there.
        pub overdue: bool,
    }

    #[derive(Eq)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum TargetPlace {
        /// A folder of the server, on another disk.
        Folder { path: String },
        /// A REST server as restic's. The secret is the user's password.
        Rest { url: String, user: Option<String> },
        /// The secret is the user's password, or a private key as OpenSSH writes it, without a passphrase.
        Sftp {
            host: String,
            port: u16,
            user: String,
            path: String,
            /// `SHA256:…`; a test tells which key the host shows.
            host_key: Option<String>,
        },
        /// The secret is the secret key.
        S3 { endpoint: String, region: String, bucket: String, prefix: String, access_key: String },
    }

    /// `POST /v1/backups/targets`, `PUT /v1/backups/targets/{id}`
    pub struct BackupTargetChange {
        pub place: TargetPlace,
        /// None keeps the stored one, where host and user stay the same.
        #[serde(default)]
        pub secret: Option<String>,
        #[serde(default)]
        pub limit: Option<Bytes>,
    }

    /// `POST /v1/backups/targets/test`
    pub struct BackupTargetTest {
        /// Whose stored secret is used where none is given.
        #[serde(default)]
        pub id: Option<BackupTargetId>,
        pub target: BackupTargetChange,
    }

    /// What a test of a target found. Files can be written, read and removed there unless there is trouble.
    pub struct BackupTargetTested {
        /// It holds a copy of this repository already.
        pub is_copy: bool,
        pub trouble: Option<TargetTrouble>,
    }

    /// What is wrong with a target.
    pub struct TargetTrouble {
        pub what: TargetObstacle,
        pub message: String,
        /// The key that the SSH host shows, where it isn't the one that is known.
        pub host_key: Option<String>,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum TargetObstacle {
        /// No name server knows the host.
        Unresolved,
        /// Nobody listens there.
        Refused,
        TimedOut,
        /// No TLS that can be trusted came about.
        Untrusted,
        /// The SSH host shows another key than the one that is known, or none is known yet.
        HostKey,
        /// User, password or key are wrong.
        Login,
        NoBucket,
        /// The folder isn't there; it is not made, since its disk may not be mounted.
        NoFolder,
        NotWritable,
        Full,
        /// Another repository lies there.
        Foreign,
        /// The copy that was there is gone.
        Gone,
        /// The repository holds no snapshot any more; the copy still does.
        Emptied,
        /// Files of the repository itself are damaged and were not copied.
        Damaged,
        /// Anything else; the message says it.
        Other,
    }

    /// What became of copies, or of a proof of one.
    pub struct Copied {
        pub targets: Vec<TargetCopied>,
    }

    pub struct TargetCopied {
        pub target: BackupTargetId,
        /// As a person would name it.
        pub at: String,
        /// Sent now.
        pub files: u32,
        pub bytes: Bytes,
        /// What the repository no longer holds was removed.
        pub removed: u32,
        /// What the repository no longer holds and the target doesn't let go.
        pub kept: u32,
        /// Files that were read and compared, in a proof.
        pub read: u32,
        /// Damaged files that were found there, and replaced.
        pub mended: u32,
        pub trouble: Option<TargetTrouble>,
    }
}
