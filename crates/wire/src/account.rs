use crate::{Login, Time, wire};

wire! {
    /// One mailbox identity.
    pub struct Account {
        pub login: Login,
        pub name: String,
        pub origin: AccountOrigin,
        pub created_at: Time,
        pub note: String,
        pub version: u32,
    }

    /// `POST /v1/accounts`
    pub struct NewAccount {
        pub login: Login,
        #[serde(default)]
        pub name: String,
        #[serde(default)]
        pub note: String,
    }

    /// `PATCH /v1/accounts/{login}`
    pub struct AccountChange {
        #[serde(default)]
        pub name: Option<String>,
        #[serde(default)]
        pub note: Option<String>,
    }

    /// `POST /v1/accounts/import`: known logins are left as they are.
    pub struct AccountImport {
        pub accounts: Vec<NewAccount>,
    }

    pub struct AccountImportResult {
        pub added: u32,
        pub known: u32,
    }
}

wire! {
    /// How we came to know an account.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum AccountOrigin {
        ByHand,
        Imported,
        /// Signed in at Dovecot.
        Discovered,
    }
}
