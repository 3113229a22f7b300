use crate::{Address, AdminId, FactorKind, Login, Place, Protocol, Role, Time, wire};

wire! {
    /// Whose sign-ins a rule about second factors is for. Those of accounts are about the web; the closest one decides:
    /// account, then domain, then organization. A role's is about its admins, and no other says anything about them.
    #[derive(Eq, Hash, PartialOrd, Ord)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum FactorScope {
        Organization,
        Domain { domain: String },
        Account { login: Login },
        Role { role: Role },
    }

    /// What a sign-in must give beside the password.
    #[derive(Eq)]
    #[serde(tag = "require", rename_all = "snake_case")]
    pub enum FactorRule {
        /// Nothing. Not for roles: an admin gives at least a code by mail.
        Off,
        /// Accounts: a code, of whoever has an address for it outside their mailbox. Admins: a code by mail, or an
        /// authenticator's if they have one.
        Optional,
        /// Accounts: a code, of everybody. Admins: an authenticator's code or a recovery code; none by mail.
        Required(FactorRequirement),
    }

    #[derive(Eq)]
    pub struct FactorRequirement {
        pub from: Time,
        /// 1 to 90. So long whoever lacks what is required signs in as before: from `from` on, and for those who are
        /// added later from that day on.
        pub grace_days: u16,
        /// What an account must give until then.
        #[serde(default)]
        pub before: FactorBefore,
        /// Codes of accounts must go to an address outside the mailbox that they protect.
        #[serde(default)]
        pub outside_address: bool,
    }

    /// The policy of second factors. Where nothing is said, accounts give a code at every sign-in on the web, and for
    /// admins it is optional.
    pub struct FactorPolicy {
        pub scopes: Vec<FactorScopeRule>,
    }

    /// What one scope says.
    pub struct FactorScopeRule {
        pub scope: FactorScope,
        pub rule: FactorRule,
        pub changed_at: Time,
        pub changed_by_login: Option<Login>,
    }

    /// `PUT /v1/second-factors/policy`
    pub struct FactorPolicyChange {
        pub scope: FactorScope,
        /// None: the wider scope decides.
        pub rule: Option<FactorRule>,
        /// Needed where people would be refused from now on.
        #[serde(default)]
        pub confirm: bool,
    }
}

wire! {
    #[derive(Copy, Eq, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum FactorBefore {
        Nothing,
        Optional,
        #[default]
        Code,
    }

    /// What a sign-in must give now.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum FactorAsk {
        /// The password alone.
        Nothing,
        /// A code by mail, or anything stronger.
        Code,
        /// An authenticator's code or a recovery code.
        Strong,
        /// Nobody gets in before the person has what they lack. A recovery code still does.
        Refuse,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum FactorWant {
        Authenticator,
        /// An address for codes outside the mailbox.
        OutsideAddress,
        /// Any address for codes.
        Address,
    }
}

wire! {
    /// `GET /v1/second-factors/coverage`: who has what, and who lacks what the policy requires. Admins first, then
    /// accounts, by login.
    pub struct FactorCoverage {
        pub counts: FactorCounts,
        /// Those who were asked for.
        pub people: Vec<FactorPerson>,
        /// The `cursor` of the next page.
        pub next: Option<String>,
    }

    /// Of everybody, whoever was asked for.
    #[derive(Default)]
    pub struct FactorCounts {
        pub people: u32,
        /// They lack what the policy requires, now or from a later day on.
        pub missing: u32,
        /// They can't sign in for it.
        pub refused: u32,
        /// Their codes go to the very mailbox that they protect.
        pub own_mailbox: u32,
        /// Those who lack something and were not reminded within a day.
        pub to_remind: u32,
        /// How many the question found.
        pub found: u32,
    }

    /// How an admin or account is covered.
    pub struct FactorPerson {
        pub who: FactorWho,
        pub login: Login,
        pub name: String,
        pub factors: Vec<FactorKind>,
        /// Where codes go; none: nowhere.
        pub code_to: Option<String>,
        /// Whether that is the very mailbox that the code protects: who reads it reads the code.
        pub own_mailbox: bool,
        /// When a factor was last given.
        pub last_used_at: Option<Time>,
        pub ask: FactorAsk,
        pub lacks: Option<FactorLack>,
        /// The scope that decides; none: nobody said anything.
        pub decided_by: Option<FactorScope>,
        pub reminded_at: Option<Time>,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum FactorWho {
        Admin { id: AdminId, role: Role },
        Account,
    }

    /// What somebody lacks under the policy.
    pub struct FactorLack {
        pub what: FactorWant,
        /// From when on it is required of them.
        pub since: Time,
        /// From then on they are refused.
        pub until: Time,
    }

    /// `POST /v1/second-factors/reminders`
    pub struct FactorReminders {
        pub sent: u32,
        /// They had a reminder within a day.
        pub told_lately: u32,
        /// Mail reaches them nowhere.
        pub unreachable: u32,
        /// Still to be sent; ask again.
        pub left: u32,
    }

    /// `GET /v1/second-factors/unanswered`: right passwords whose code was never given, of one account or admin from
    /// one network.
    pub struct UnansweredCode {
        pub login: Login,
        pub protocol: Protocol,
        /// Of the last one, with its place and client.
        pub address: Option<Address>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub place: Option<Place>,
        pub client: Option<String>,
        pub count: u32,
        pub first_at: Time,
        pub last_at: Time,
    }
}
