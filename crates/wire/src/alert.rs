use crate::{Address, AdminId, AlertId, EventId, Login, Network, Time, wire};

wire! {
    /// Something that wants a person.
    pub struct Alert {
        pub id: AlertId,
        pub kind: AlertKind,
        pub severity: Severity,
        pub state: AlertState,
        /// One line: "12 failed sign-ins for anna@example.org".
        pub title: String,
        /// What happened and what it means, in a sentence or two.
        pub text: String,
        /// The account or admin it is about.
        pub login: Option<Login>,
        /// The network it came from, where it is one.
        pub network: Option<Network>,
        /// Accounts concerned, at most 20; `accounts_total` counts all.
        pub accounts: Vec<Login>,
        pub accounts_total: u32,
        /// Addresses concerned, newest first, at most 20; `addresses_total` counts all.
        pub addresses: Vec<Address>,
        pub addresses_total: u32,
        /// How many events it stands for.
        pub count: u32,
        pub first_at: Time,
        pub last_at: Time,
        /// Events that show it, at most 20, newest first.
        pub evidence: Vec<EventId>,
        /// What admins did, oldest first.
        pub history: Vec<AlertStep>,
        /// Grows with every change; the entity tag.
        pub version: u32,
    }

    /// One thing that was done about an alert.
    pub struct AlertStep {
        pub at: Time,
        pub state: AlertState,
        /// None when the service did it by itself.
        pub admin: Option<AdminId>,
        pub login: Option<Login>,
        pub note: Option<String>,
    }

    /// `PATCH /v1/alerts/{id}`
    pub struct AlertChange {
        pub state: AlertState,
        #[serde(default)]
        pub note: Option<String>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum AlertKind {
        /// Many different wrong passwords for one account.
        RepeatedFailures,
        /// One network fails on several accounts.
        NetworkFailures,
        /// First success of an account from a network new to it, after failures.
        SuccessAfterFailures,
        /// An admin signed in from a device not seen before.
        AdminNewDevice,
        /// Mail waits in the outbox and does not get out.
        OutboxStuck,
        /// The console can't reach the service. Raised by the console itself.
        ServiceUnreachable,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum Severity {
        /// Good to know.
        Notice,
        /// Look at it today.
        Attention,
        /// Look at it now.
        Critical,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum AlertState {
        Open,
        Acknowledged,
        Resolved,
    }
}
