//! Accounts as the window lists them.

use crate::{Account, Address, Protocol, Time, wire};

wire! {
    /// A page of the list of accounts.
    pub struct AccountQuery {
        /// A part of the login or name.
        #[serde(default)]
        pub text: String,
        #[serde(default)]
        pub state: Option<AccountState>,
        #[serde(default)]
        pub order: AccountOrder,
        #[serde(default)]
        pub descending: bool,
        #[serde(default)]
        pub offset: u32,
        /// At most 500.
        pub limit: u32,
    }

    pub struct AccountList {
        pub accounts: Vec<AccountRow>,
        /// All that the query finds, on whichever page.
        pub total: u32,
    }

    /// An account with what the local copy knows of it.
    pub struct AccountRow {
        pub account: Account,
        pub usage: AccountUsage,
        /// A block of the account is in force.
        pub blocked: bool,
        /// Open alerts that name it.
        pub open_alerts: u32,
        /// Known for 90 days, and no sign-in in that time.
        pub dormant: bool,
    }

    /// How an account is used. Networks and protocols are those of successful sign-ins in the events that are
    /// kept here; failures and refusals are those of the last 30 days.
    #[derive(Default)]
    pub struct AccountUsage {
        pub last_sign_in: Option<LastSignIn>,
        /// /24 and /64.
        pub networks: u32,
        pub protocols: Vec<Protocol>,
        pub failed: u32,
        pub refused: u32,
    }

    pub struct LastSignIn {
        pub at: Time,
        pub address: Option<Address>,
        pub protocol: Protocol,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum AccountState {
        Blocked,
        Alert,
        Dormant,
    }

    #[derive(Copy, Eq, Hash, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum AccountOrder {
        #[default]
        Login,
        Name,
        LastSignIn,
        Networks,
        Failed,
        Refused,
    }
}
