use crate::{DeviceName, RecoveryCodes, SessionGrant, wire};

wire! {
    /// `GET /v1/service`: what anybody may know.
    pub struct ServiceInfo {
        pub version: String,
        pub api: String,
        pub setup_needed: bool,
        /// Hex HMAC-SHA256 of the `challenge` query parameter under the launch token; only for a service that
        /// a console started, which so knows it as its own.
        #[serde(default)]
        pub proof: Option<String>,
    }

    /// `POST /v1/setup`
    pub struct Setup {
        pub token: String,
        pub organization: String,
        pub domains: Vec<String>,
        pub owner: NewOwner,
        pub device: DeviceName,
    }

    pub struct NewOwner {
        pub login: String,
        pub name: String,
        pub email: String,
        pub password: String,
    }

    /// The owner is signed in on the device that did the setup.
    pub struct SetupDone {
        pub grant: SessionGrant,
        pub recovery_codes: RecoveryCodes,
    }
}
