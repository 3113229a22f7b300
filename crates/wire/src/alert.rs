use crate::{Address, AdminId, AlertId, BlockId, BlockTarget, EventId, Login, Network, Time, wire};

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
        /// Put off until then: until that moment an open alert waits for nobody, unless it grows graver.
        #[serde(default)]
        pub snoozed_until: Option<Time>,
        /// What admins did, oldest first.
        pub history: Vec<AlertStep>,
        /// Grows with every change; the entity tag.
        pub version: u32,
    }

    /// One thing that was done about an alert.
    pub struct AlertStep {
        pub at: Time,
        #[serde(default)]
        pub deed: AlertDeed,
        /// How it stood after that.
        pub state: AlertState,
        /// None when the service did it by itself.
        pub admin: Option<AdminId>,
        pub login: Option<Login>,
        pub note: Option<String>,
    }

    /// What was done.
    #[derive(Default)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum AlertDeed {
        /// Its state was set.
        #[default]
        State,
        Noted,
        Snoozed { until: Time },
        /// It came back before it was due: by hand, or because it grew graver.
        Woken,
        /// A block was set because of it.
        Blocked { block: BlockId, target: BlockTarget },
        /// It was resolved as the account's owner: known good there from then on.
        WasOwner,
    }

    /// `PATCH /v1/alerts/{id}`. Something must be asked for; a state and a snooze don't go together.
    #[derive(Default)]
    #[serde(default)]
    pub struct AlertChange {
        /// None leaves it as it is. Setting it ends a snooze.
        pub state: Option<AlertState>,
        pub snooze: Option<Snooze>,
        /// For the history.
        pub note: Option<String>,
        /// It was the account's owner: resolves it, makes the account known good where it came from, and lifts what was
        /// blocked by itself there. See [`Alert::may_be_owner`].
        pub was_owner: bool,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Snooze {
        /// At most a year ahead. The alert is open again, and waits until then.
        Until { at: Time },
        /// Back now.
        End,
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
        /// A sending limit is used up for an account or an address.
        LimitReached,
        /// An account's owner says that it was not them who signed in.
        NotMe,
        /// The password was right, the code was never given.
        CodeNotGiven,
        /// The password was right, and the sign-in was refused because it differs too much from what the account does.
        StolenPassword,
        /// A change of the policy locked somebody out and returned by itself.
        PolicyReturned,
        /// An admin was let in from the server's own shell.
        AdminRecovered,
        /// No snapshot was made for too long.
        BackupMissed,
        /// A backup ended without a snapshot.
        BackupFailed,
        /// Much mail, or many accounts, are gone since the last snapshot.
        MassDeletion,
        /// A snapshot stored far more than those before it.
        BackupGrowth,
        /// A proof found damage in the repository of backups.
        BackupDamaged,
        /// A rehearsal of a restore didn't bring everything back.
        DrillFailed,
        /// A target has had no full copy of the backups for too long.
        CopyMissed,
        /// The console can't reach the service. Raised by the console itself.
        ServiceUnreachable,
        /// The audit log is not what the console has seen of it. Raised by the console itself.
        AuditBroken,
        /// The service shows a certificate that is not trusted. Raised by the console itself.
        CertificateChanged,
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

/// Addresses of an alert beyond which it is no single person's.
const OWNERS_ADDRESSES: u32 = 5;

impl Alert {
    /// Whether an admin may say that it was the account's owner.
    pub fn may_be_owner(&self) -> bool {
        let is_of_an_account = match self.kind {
            AlertKind::RepeatedFailures
            | AlertKind::SuccessAfterFailures
            | AlertKind::CodeNotGiven
            | AlertKind::StolenPassword => true,
            AlertKind::NetworkFailures
            | AlertKind::AdminNewDevice
            | AlertKind::OutboxStuck
            | AlertKind::LimitReached
            | AlertKind::NotMe
            | AlertKind::PolicyReturned
            | AlertKind::AdminRecovered
            | AlertKind::BackupMissed
            | AlertKind::BackupFailed
            | AlertKind::MassDeletion
            | AlertKind::BackupGrowth
            | AlertKind::BackupDamaged
            | AlertKind::DrillFailed
            | AlertKind::CopyMissed
            | AlertKind::ServiceUnreachable
            | AlertKind::AuditBroken
            | AlertKind::CertificateChanged => false,
        };
        is_of_an_account && self.login.is_some() && (1..=OWNERS_ADDRESSES).contains(&self.addresses_total)
    }
}
