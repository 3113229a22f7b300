//! Accounts as the window lists them.

use crate::{Account, Address, NewAccount, Protocol, Time, wire};

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

    /// A page of who has which factors.
    pub struct CoverageQuery {
        /// A part of the login, the name or the address for codes.
        #[serde(default)]
        pub text: String,
        /// Only those who lack what the policy requires.
        #[serde(default)]
        pub missing: bool,
        /// `next` of the page before.
        #[serde(default)]
        pub cursor: Option<String>,
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

wire! {
    /// What an import of a file would do.
    pub struct ImportPreview {
        pub format: ImportFormat,
        /// Accounts that would be added.
        pub new: u32,
        /// Those that exist and stay as they are.
        pub known: u32,
        /// Lines that can't be imported and are left out.
        pub bad: u32,
        /// The first 500 of them.
        pub bad_lines: Vec<BadLine>,
        /// The first few that would be added.
        pub sample: Vec<NewAccount>,
    }

    pub struct BadLine {
        pub line: u32,
        pub fault: LineFault,
    }

    /// Why a line can't be imported.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum LineFault {
        NoLogin,
        /// A blank or a control character in the login.
        BlankInLogin,
        LoginTooLong,
        NameTooLong,
        NoteTooLong,
        TooManyColumns,
        /// The login stands in an earlier line, too.
        Repeated { line: u32 },
    }
}

wire! {
    /// How an import ended.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum ImportOutcome {
        Done { added: u32, known: u32 },
        /// Nothing was added.
        Cancelled,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum ImportFormat {
        Csv,
        /// Dovecot's; of each line only the name is read.
        PasswdFile,
    }

    /// How far the import is that runs now.
    #[derive(Copy, Eq, Hash)]
    pub struct ImportProgress {
        pub sent_bytes: u32,
        pub total_bytes: u32,
    }
}
