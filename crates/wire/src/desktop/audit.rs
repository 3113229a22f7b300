//! The audit log as the console keeps and checks it.

use crate::{AuditEntry, Time, wire};

wire! {
    /// How the service's audit log stands against what this console has seen of it.
    #[derive(Default)]
    pub struct AuditStanding {
        /// Entries that were seen and checked.
        pub entries: u32,
        /// Since when this console has seen the log unbroken.
        pub since: Option<Time>,
        pub checked_at: Option<Time>,
        pub finding: Option<AuditFinding>,
        /// The log went back with its service to an older copy.
        pub restored: Option<AuditRestored>,
    }

    /// What is wrong with the log.
    pub struct AuditFinding {
        pub found_at: Time,
        pub fault: AuditFault,
        /// The first entry that is not as it was.
        pub seq: u32,
        /// That entry as this console has seen it.
        pub seen: Option<AuditEntry>,
        /// As the service tells it now.
        pub told: Option<AuditEntry>,
    }

    pub struct AuditRestored {
        pub at: Time,
        /// Entries that this console had seen and that the older copy does not have.
        pub lost: u32,
    }

    pub struct AuditQuery {
        /// Words that all occur in who, action, target or details.
        #[serde(default)]
        pub text: String,
        #[serde(default)]
        pub from: Option<Time>,
        /// Exclusive.
        #[serde(default)]
        pub until: Option<Time>,
        #[serde(default)]
        pub offset: u32,
        /// At most 500.
        pub limit: u32,
    }

    /// Newest first.
    pub struct AuditList {
        pub entries: Vec<AuditEntry>,
        pub total: u32,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum AuditFault {
        /// An entry's words are not those that its hash was made from.
        Altered,
        /// An entry's words and hash are others than those that were seen, or don't continue them.
        Rewritten,
        /// An entry is missing in the middle.
        Missing,
        /// The log ends before what was seen.
        Truncated,
    }
}
