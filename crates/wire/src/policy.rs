use crate::{
    AccessRule, AccessTerms, Address, AdminId, KnownNetworks, LimitId, LimitTerms, Login, Network,
    PolicyScope, Reason, RuleId, SendingLimit, Time, TrialId, wire,
};

wire! {
    /// A piece of the policy that was set or changed, as it is after that.
    #[serde(tag = "item", rename_all = "snake_case")]
    pub enum PolicyItem {
        AccessRule(AccessRule),
        SendingLimit(SendingLimit),
        KnownNetworks(KnownNetworks),
        Trial(Trial),
    }

    /// `GET /v1/policy`: all that is in force or could be, at one moment. Deleted rules and limits are not in it.
    pub struct PolicyState {
        pub rules: Vec<AccessRule>,
        pub limits: Vec<SendingLimit>,
        pub known_networks: Vec<KnownNetworks>,
        /// The trial that runs.
        pub trial: Option<Trial>,
    }

    /// `POST /v1/policy`: all of it, or nothing. Somebody else's change in between is answered with `stale`.
    #[derive(Default)]
    #[serde(default)]
    pub struct PolicyChange {
        pub rules: Vec<RuleEdit>,
        pub limits: Vec<LimitEdit>,
        pub known_networks: Vec<KnownNetworksEdit>,
        /// Do it although it locks out whoever does it, or the last owner; it then returns by itself after ten
        /// minutes unless it is kept.
        pub confirm_lock_out: bool,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum RuleEdit {
        Create { terms: AccessTerms },
        Update { id: RuleId, version: u32, terms: AccessTerms },
        Delete { id: RuleId, version: u32 },
        /// Back as it was before it was deleted, under its name.
        Restore { id: RuleId, version: u32 },
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum LimitEdit {
        Create { terms: LimitTerms },
        Update { id: LimitId, version: u32, terms: LimitTerms },
        Delete { id: LimitId, version: u32 },
        Restore { id: LimitId, version: u32 },
    }

    pub struct KnownNetworksEdit {
        pub scope: PolicyScope,
        pub version: u32,
        /// None takes them away.
        pub networks: Vec<Network>,
    }

    /// What a change made: each piece as it is now, in the order of the change.
    pub struct PolicyChanged {
        pub items: Vec<PolicyItem>,
        /// It locked somebody out and returns by itself unless it is kept.
        pub trial: Option<Trial>,
    }

    /// A change that locks out whoever made it, or the last owner: it returns by itself unless somebody who can
    /// still sign in says that it stays (`POST /v1/policy/trial/keep`).
    pub struct Trial {
        pub id: TrialId,
        pub admin: Option<AdminId>,
        pub login: Option<Login>,
        /// The change in words.
        pub change: String,
        pub lock_out: LockOut,
        pub began_at: Time,
        pub ends_at: Time,
        pub state: TrialState,
        pub ended_at: Option<Time>,
        /// Who kept it or took it back early.
        pub ended_by_login: Option<Login>,
    }

    /// Whom a change locks out.
    pub struct LockOut {
        /// The admin who makes the change.
        pub yourself: bool,
        /// Your address, as the service sees it.
        pub address: Option<Address>,
        /// Owners who could sign in from where they did lately, and no longer can; only where no owner is left
        /// who can.
        pub owners: Vec<Login>,
        /// What refuses, in the order of a decision.
        pub reasons: Vec<Reason>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum TrialState {
        Running,
        /// Somebody who could still sign in kept the change.
        Kept,
        /// It was taken back: by itself, or by hand.
        Returned,
    }
}
