use crate::{AdminId, Login, Time, wire};

wire! {
    /// One entry of the hash-chained audit log.
    pub struct AuditEntry {
        /// Counts from 1 without gaps.
        #[cfg_attr(feature = "specta", specta(type = u32))]
        pub seq: u64,
        pub at: Time,
        /// None when the service or a key did it.
        pub admin: Option<AdminId>,
        pub login: Option<Login>,
        pub action: String,
        pub target: String,
        /// More, as JSON, without secrets.
        pub details: String,
        /// Hex SHA-256 over the previous entry's hash and this entry's other fields.
        pub hash: String,
    }

    pub struct AuditPage {
        pub entries: Vec<AuditEntry>,
        /// The newest entry's hash, for a console to remember.
        pub head: Option<String>,
        pub more: bool,
    }
}
