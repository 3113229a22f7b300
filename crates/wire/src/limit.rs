use crate::{LimitId, Login, Network, PolicyMode, PolicyScope, Time, wire};

wire! {
    /// How much may be sent, and from where.
    pub struct SendingLimit {
        pub id: LimitId,
        pub terms: LimitTerms,
        /// Since when it has its mode.
        pub mode_since: Time,
        pub created_at: Time,
        pub created_by_login: Option<Login>,
        pub changed_at: Time,
        pub changed_by_login: Option<Login>,
        /// It is gone; kept so that events that name it can be read.
        pub deleted_at: Option<Time>,
        pub version: u32,
    }

    /// What a sending limit says. Of limits with the same measure, window and `per`, those of the most specific
    /// scope count alone: a domain's take the place of the organization's, an account's that of both.
    pub struct LimitTerms {
        pub scope: PolicyScope,
        pub measure: LimitMeasure,
        pub per: LimitPer,
        /// From the account's known networks; none: no limit.
        pub known: Option<u32>,
        /// From all other networks; none: no limit, 0: nothing can be sent from there.
        pub others: Option<u32>,
        /// Besides, at most so much in a shorter time, wherever it comes from.
        #[serde(default)]
        pub burst: Option<Burst>,
        pub action: LimitAction,
        /// What the client reads when it is rejected or deferred, without the status code. None: words of ours.
        #[serde(default)]
        pub text: Option<String>,
        #[serde(default)]
        pub note: String,
        /// A limit that is switched off counts for nothing.
        pub enabled: bool,
        pub mode: PolicyMode,
    }

    /// What is counted.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum LimitMeasure {
        Recipients { window: LimitWindow },
        Messages { window: LimitWindow },
        /// Of one message; knows no window and no burst.
        RecipientsPerMessage,
    }

    #[derive(Copy, Eq, Hash)]
    pub struct Burst {
        pub count: u32,
        pub seconds: u32,
    }

    /// The networks from which someone is expected to send. An account's are its own, its domain's and the
    /// organization's together.
    pub struct KnownNetworks {
        pub scope: PolicyScope,
        pub networks: Vec<Network>,
        pub changed_at: Time,
        pub changed_by_login: Option<Login>,
        /// 0: nobody ever set them.
        pub version: u32,
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum LimitWindow {
        Minute,
        Hour,
        Day,
    }

    /// What has a count of its own. An IPv6 address counts with its /64.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum LimitPer {
        Account,
        AccountAndAddress,
        Address,
        /// All together that the limit is for.
        Organization,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum LimitAction {
        /// The recipient or message is refused for good (5xx).
        Reject,
        /// It may be tried again later (4xx).
        Defer,
        /// The mail server takes the message and keeps it until a person releases it.
        Hold,
    }
}
