use crate::{Address, Admin, ChallengeId, DeviceId, FactorKind, Place, SessionId, Time, wire};

wire! {
    /// `POST /v1/sign-in`
    pub struct SignInRequest {
        pub login: String,
        pub password: String,
        pub device: DeviceName,
    }

    /// The device that asks, as it names itself. `id` is random, made once and kept by the device; of a session it
    /// is the [`DeviceId`].
    pub struct DeviceName {
        pub id: String,
        pub name: String,
    }

    /// Password right; now one of `factors`.
    pub struct Challenge {
        pub id: ChallengeId,
        pub factors: Vec<FactorKind>,
        /// Where the e-mailed code went, masked; none if it was not asked for yet.
        pub sent_to: Option<String>,
        /// Set when codes go only into a folder on the service's own disk, for want of a relay.
        pub outbox_folder: Option<String>,
        pub expires_at: Time,
        pub tries_left: u32,
        /// The policy requires an authenticator, and there is none: without one no sign-in gets in from then on.
        #[serde(default)]
        pub enrol_by: Option<Time>,
    }

    /// `POST /v1/sign-in/{challenge}/answer`
    pub struct ChallengeAnswer {
        pub factor: FactorKind,
        pub code: String,
    }

    /// `POST /v1/me/reauthentication`
    pub struct Reauthentication {
        pub password: String,
    }

    /// What signing in gives: the bearer token, shown once.
    pub struct SessionGrant {
        pub token: String,
        pub session: Session,
        pub admin: Admin,
    }

    /// A signed-in device.
    pub struct Session {
        pub id: SessionId,
        pub device: DeviceName,
        pub address: Option<Address>,
        pub created_at: Time,
        pub last_seen_at: Time,
        pub expires_at: Time,
        /// Whether it is the session that asks.
        pub current: bool,
    }

    /// A console install or browser from which an admin signed in.
    pub struct Device {
        pub id: DeviceId,
        /// As it named itself, or as the admin did.
        pub name: String,
        pub first_seen_at: Time,
        pub last_seen_at: Time,
        /// From where it signed in last.
        pub address: Option<Address>,
        pub place: Place,
        /// When a second factor was first given from it; none: never.
        pub verified_at: Option<Time>,
        /// Whether it is the device that asks.
        pub current: bool,
        pub version: u32,
        /// Newest first.
        pub sessions: Vec<Session>,
    }

    /// `PATCH /v1/me/devices/{id}`
    pub struct DeviceChange {
        pub name: String,
    }

    /// A browser in which an account is signed in through the hosted pages.
    pub struct WebSession {
        pub id: SessionId,
        /// From where it began.
        pub address: Option<Address>,
        /// The browser, as far as it tells.
        pub client: Option<String>,
        pub created_at: Time,
        pub last_seen_at: Time,
        pub expires_at: Time,
    }

    /// A browser in which an account signed in through the hosted pages, known by its signed cookie.
    pub struct AccountDevice {
        pub id: DeviceId,
        /// What its owner calls it, or what it calls itself.
        pub name: String,
        pub first_at: Time,
        pub last_at: Time,
        /// From where the account signed in with it last.
        pub address: Option<Address>,
        /// When a second factor was first given from it.
        pub verified_at: Option<Time>,
    }

    /// `GET /v1/session`
    pub struct WhoAmI {
        pub admin: Admin,
        pub session: Session,
    }
}
