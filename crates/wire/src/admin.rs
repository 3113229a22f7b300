use crate::{AdminId, FactorId, Login, Time, wire};

wire! {
    /// A person who signs in to the console.
    pub struct Admin {
        pub id: AdminId,
        pub login: Login,
        pub name: String,
        /// Where one-time codes go.
        pub email: String,
        pub role: Role,
        /// Whether they may read the mail in snapshots, and so hold a copy of everyone's.
        #[serde(default)]
        pub reads_mail: bool,
        pub created_at: Time,
        pub last_sign_in_at: Option<Time>,
        pub version: u32,
    }

    /// `POST /v1/admins`
    pub struct NewAdmin {
        pub login: Login,
        pub name: String,
        pub email: String,
        pub role: Role,
        pub password: String,
    }

    /// `PATCH /v1/admins/{id}`
    pub struct AdminChange {
        #[serde(default)]
        pub name: Option<String>,
        #[serde(default)]
        pub email: Option<String>,
        #[serde(default)]
        pub role: Option<Role>,
        #[serde(default)]
        pub reads_mail: Option<bool>,
    }

    /// `PUT /v1/me/password`
    pub struct PasswordChange {
        pub current: String,
        pub new: String,
    }

    /// A second factor of the admin who asks.
    pub struct Factor {
        pub id: FactorId,
        pub kind: FactorKind,
        pub name: String,
        pub created_at: Time,
        pub last_used_at: Option<Time>,
        /// Recovery codes not yet used.
        pub left: Option<u32>,
    }

    /// `POST /v1/me/factors/authenticator`: shown once; of use only after its confirmation.
    pub struct AuthenticatorEnrolment {
        pub id: FactorId,
        /// Base32, RFC 4648 without padding.
        pub secret: String,
        /// `otpauth://totp/…`
        pub uri: String,
    }

    /// `POST /v1/me/factors/authenticator/confirm`
    pub struct AuthenticatorConfirmation {
        pub id: FactorId,
        pub code: String,
    }

    /// Shown once. Each code works once.
    pub struct RecoveryCodes {
        pub codes: Vec<String>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum Role {
        /// Reads only.
        Auditor,
        /// Everything but admins, keys and the organization.
        Admin,
        Owner,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum FactorKind {
        /// A one-time code by e-mail.
        Email,
        /// TOTP, RFC 6238.
        Authenticator,
        RecoveryCode,
        /// A key that a device keeps (Web Authentication); of accounts alone.
        Passkey,
    }
}
