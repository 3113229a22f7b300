use crate::{Address, AppPasswordId, Login, Network, PolicyScope, Protocol, Time, wire};

wire! {
    /// A password for the mail clients of one account, drawn by the service. The password itself is not in it.
    pub struct AppPassword {
        pub id: AppPasswordId,
        pub login: Login,
        pub name: String,
        /// Over which it opens the account: some of imap, pop3, submission and sieve.
        pub protocols: Vec<Protocol>,
        /// None: from anywhere.
        pub networks: Vec<Network>,
        /// None: until revoked.
        pub expires_at: Option<Time>,
        pub created_at: Time,
        pub created_by_login: Option<Login>,
        pub last_used_at: Option<Time>,
        pub last_used_from: Option<Address>,
        pub revoked_at: Option<Time>,
        pub revoked_by_login: Option<Login>,
    }

    /// `POST /v1/accounts/{login}/app-passwords`
    pub struct NewAppPassword {
        /// For which program or device it is.
        pub name: String,
        /// None: all that mail clients use.
        #[serde(default)]
        pub protocols: Vec<Protocol>,
        /// None: from anywhere.
        #[serde(default)]
        pub networks: Vec<Network>,
        /// None: until revoked.
        #[serde(default)]
        pub expires_at: Option<Time>,
    }

    /// A new app password, shown this once.
    pub struct AppPasswordGrant {
        pub app_password: AppPassword,
        /// In groups of small letters and digits; blanks, dashes and case don't matter when it is typed.
        pub password: String,
    }
}

wire! {
    /// Where accounts' own passwords open their mail to mail clients. The closest scope decides: account, then
    /// domain, then organization; without any, they do.
    pub struct MainPasswords {
        pub scopes: Vec<MainPasswordScope>,
    }

    /// What one scope says.
    pub struct MainPasswordScope {
        pub scope: PolicyScope,
        /// Over imap, pop3, submission and sieve an account's own password is refused, and an app password needed.
        pub refused: bool,
    }

    /// `PUT /v1/main-passwords`
    pub struct MainPasswordChange {
        pub scope: PolicyScope,
        /// None: the wider scope decides.
        pub refused: Option<bool>,
        /// Needed where accounts without an app password would be refused.
        #[serde(default)]
        pub confirm: bool,
    }
}
