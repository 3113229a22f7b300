use serde::{Deserialize, Serialize};

use crate::{MailServer, OutboxStatus, Time, wire};

wire! {
    /// `GET /v1/service/health`: how the service and what it works with stand.
    pub struct ServiceHealth {
        pub version: String,
        /// The service's clock now.
        pub at: Time,
        pub started_at: Time,
        pub database: Bytes,
        /// Of the disk that holds the data folder; none where the system does not tell.
        pub disk: Option<Disk>,
        pub mail_servers: Vec<MailServer>,
        pub outbox: OutboxStatus,
    }

    pub struct Disk {
        pub free: Bytes,
        pub size: Bytes,
    }
}

/// A number of bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bytes(pub u64);

// A window reads it as a number, which is exact up to 8 PiB.
#[cfg(feature = "specta")]
impl specta::Type for Bytes {
    fn definition(types: &mut specta::Types) -> specta::datatype::DataType {
        <u32 as specta::Type>::definition(types)
    }
}
