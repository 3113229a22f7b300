use crate::{Login, Network, Protocol, RuleId, Time, wire};

wire! {
    /// Which networks may, or may not, sign in.
    pub struct AccessRule {
        pub id: RuleId,
        pub terms: AccessTerms,
        /// Since when it has its mode; a report-only rule without a surprise since long may be enforced.
        pub mode_since: Time,
        pub created_at: Time,
        pub created_by_login: Option<Login>,
        pub changed_at: Time,
        pub changed_by_login: Option<Login>,
        /// It is gone; kept so that events that name it can be read.
        pub deleted_at: Option<Time>,
        pub version: u32,
    }

    /// What an access rule says.
    pub struct AccessTerms {
        pub scope: PolicyScope,
        pub action: AccessAction,
        /// None: all.
        #[serde(default)]
        pub protocols: Vec<Protocol>,
        /// None: any address, known or not.
        #[serde(default)]
        pub networks: Vec<Network>,
        /// ISO 3166-1 alpha-2, in capitals; none: any country, known or not.
        #[serde(default)]
        pub countries: Vec<String>,
        /// None: always.
        #[serde(default)]
        pub schedule: Option<Schedule>,
        /// From then on it matches nothing; an allow rule's list stays closed all the same.
        #[serde(default)]
        pub expires_at: Option<Time>,
        #[serde(default)]
        pub note: String,
        /// A rule that is switched off counts for nothing.
        pub enabled: bool,
        pub mode: PolicyMode,
    }

    /// Whom a rule or a limit is for.
    #[derive(Eq, Hash, PartialOrd, Ord)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum PolicyScope {
        Organization,
        /// What stands behind a login's `@`, whole, in lower case.
        Domain { domain: String },
        Account { login: Login },
    }

    /// When a rule matches: on these days between these times of a time zone.
    pub struct Schedule {
        /// None: every day. The day is that on which the span begins.
        #[serde(default)]
        pub days: Vec<Weekday>,
        /// `HH:MM`, inclusive.
        pub from: String,
        /// `HH:MM`, exclusive. Not after `from`: it ends the next day; the same: all 24 hours.
        pub until: String,
        /// A name of the IANA time zone database, such as `Europe/Berlin`.
        pub zone: String,
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum AccessAction {
        Allow,
        Deny,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum PolicyMode {
        Enforced,
        /// Refuses nothing; what it would have done stands among the reasons of events.
        ReportOnly,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum Weekday {
        Monday,
        Tuesday,
        Wednesday,
        Thursday,
        Friday,
        Saturday,
        Sunday,
    }
}
