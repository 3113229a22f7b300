//! Access rules and sending limits as the window edits, tries and measures them. All of it but saving is answered
//! from the local copy, so that it works with no network, too.

use super::Span;
use crate::{
    AccessRule, AccessTerms, Address, EventId, KnownNetworks, LimitId, LimitTerms, LockOut, Login, Network,
    Place, PolicyChange, PolicyScope, Protocol, RuleId, SendingLimit, Time, Trial, wire,
};

wire! {
    /// The policy in the local copy.
    pub struct PolicyView {
        pub rules: Vec<AccessRule>,
        pub limits: Vec<SendingLimit>,
        pub known_networks: Vec<KnownNetworks>,
        /// What is odd about the rules.
        pub findings: Vec<RuleFinding>,
        /// How often each rule was the reason of an event lately.
        pub rule_effects: Vec<RuleEffect>,
        pub limit_effects: Vec<LimitEffect>,
        /// The trial that runs, as far as this console knows.
        pub trial: Option<Trial>,
    }

    /// Something odd about a rule: it is in force, but not as one might think.
    pub struct RuleFinding {
        pub rule: RuleId,
        pub kind: RuleFindingKind,
        /// The rule that makes it so.
        pub other: Option<RuleId>,
        /// The networks concerned, where it is some of them; at most 20.
        pub networks: Vec<Network>,
    }

    /// Events of the last 30 days that name a rule.
    pub struct RuleEffect {
        pub rule: RuleId,
        /// Refused because of it.
        pub refused: u32,
        /// Would have been refused, were it enforced.
        pub would_refuse: u32,
        pub last_at: Option<Time>,
    }

    /// Submissions of the last 30 days that name a limit.
    pub struct LimitEffect {
        pub limit: LimitId,
        pub stopped: u32,
        /// Would have been stopped, were it enforced.
        pub would_stop: u32,
        pub last_at: Option<Time>,
    }

    /// What became of a change.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum PolicySaved {
        /// It is in effect.
        Done {
            /// Takes it back.
            undo: PolicyChange,
            trial: Option<Box<Trial>>,
        },
        /// Nothing changed: it would lock somebody out. Ask again with `confirm_lock_out`.
        LocksOut { lock_out: Box<LockOut>, minutes: u32 },
        /// Nothing changed: somebody else changed it meanwhile. The local copy is up to date.
        Stale,
    }

    /// Replays stored sign-ins and submissions, as they were decided and as they would be after the change.
    pub struct DryRunQuestion {
        pub change: PolicyChange,
        pub span: Span,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum DryRunOutcome {
        Done { dry_run: Box<DryRun> },
        Cancelled,
    }

    pub struct DryRun {
        pub from: Time,
        pub until: Time,
        /// Since when the local copy is whole; later than `from` if it does not reach so far back.
        pub copy_from: Option<Time>,
        pub sign_ins: SignInEffect,
        /// None where the change touches no limits and no known networks.
        pub submissions: Option<SubmissionEffect>,
        /// Thousandths of a second that it took.
        pub took_ms: u32,
    }

    /// Only what differs between now and after the change. Rules count as if all were enforced that the change
    /// touches, so that a report-only rule shows its effect, too.
    pub struct SignInEffect {
        /// How many were replayed.
        pub looked_at: u32,
        /// Successful sign-ins that would have been refused.
        pub refused: u32,
        /// Failed ones that would have been refused before the password counted.
        pub failed_refused: u32,
        /// Refused ones that would have been let in.
        pub let_in: u32,
        /// By successful sign-ins that would have been refused, most first; at most 100.
        pub accounts: Vec<AccountEffect>,
        pub accounts_total: u32,
        /// At most 100.
        pub networks: Vec<NetworkEffect>,
        pub networks_total: u32,
        /// When, in equal steps over the span; at most 120.
        pub steps: Vec<EffectStep>,
        pub step_seconds: u32,
        /// The newest that would have been refused; at most 20.
        pub samples: Vec<EventId>,
    }

    pub struct AccountEffect {
        pub login: Login,
        pub refused: u32,
        /// Its successful sign-ins in the span, all together.
        pub of: u32,
        pub networks: u32,
        pub last_at: Time,
    }

    pub struct NetworkEffect {
        /// /24 or /64; none: sign-ins without an address.
        pub network: Option<Network>,
        pub place: Option<Place>,
        pub refused: u32,
        pub accounts: u32,
        pub last_at: Time,
    }

    pub struct EffectStep {
        pub at: Time,
        pub refused: u32,
        pub let_in: u32,
    }

    pub struct SubmissionEffect {
        pub looked_at: u32,
        /// Messages that would have been stopped and were not.
        pub rejected: u32,
        pub deferred: u32,
        pub held: u32,
        /// Recipients of those.
        pub recipients: u32,
        /// Messages that were stopped and would have gone out.
        pub let_out: u32,
        /// Most first; at most 100.
        pub accounts: Vec<AccountEffect>,
        pub accounts_total: u32,
        pub steps: Vec<EffectStep>,
        pub step_seconds: u32,
        pub samples: Vec<EventId>,
    }

    /// How far a dry run is.
    #[derive(Copy, Eq, Hash)]
    pub struct DryRunProgress {
        pub done: u32,
        pub total: u32,
    }

    /// One attempt, thought up.
    pub struct DecisionQuestion {
        pub login: Login,
        pub protocol: Protocol,
        pub address: Option<Address>,
        /// None: now.
        #[serde(default)]
        pub at: Option<Time>,
        /// For a submission: so many recipients.
        #[serde(default)]
        pub recipients: Option<u32>,
        /// As if this were saved.
        #[serde(default)]
        pub change: Option<PolicyChange>,
    }

    pub struct DecisionAnswer {
        pub verdict: DecisionVerdict,
        pub place: Option<Place>,
        pub at: Time,
        /// In the order of a decision.
        pub steps: Vec<DecisionStep>,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum DecisionStep {
        /// Blocks in force that refuse it; none: no block does.
        Blocks { refusing: Vec<crate::Block> },
        /// A rule for this login, and whether it matches.
        Rule { rule: AccessRule, misses: Vec<RuleMiss> },
        /// Deny rules: whether one that is enforced matched.
        Denied { by: Option<RuleId> },
        /// Which list of allow rules decides, and which of its rules matched; no scope: there is no list, so that
        /// everybody may.
        List { scope: Option<PolicyScope>, matched: Option<RuleId> },
        /// A sending limit for this login. `used` of the last window, without this message.
        Limit { limit: SendingLimit, known: bool, used: u32, of: Option<u32>, reached: bool },
    }

    pub struct LearnQuestion {
        pub scope: PolicyScope,
        /// None: all.
        #[serde(default)]
        pub protocols: Vec<Protocol>,
        pub days: u32,
        /// A network that was used on fewer days is left out.
        pub min_days: u32,
    }

    /// Networks from which successful sign-ins came, as few as cover them.
    pub struct LearnProposal {
        pub from: Time,
        pub until: Time,
        /// Most sign-ins first.
        pub networks: Vec<LearnedNetwork>,
        pub left_out: Vec<LearnedNetwork>,
        pub sign_ins: u32,
        pub covered: u32,
        pub accounts: u32,
        /// Report-only, to be looked at and saved.
        pub terms: AccessTerms,
    }

    pub struct LearnedNetwork {
        pub network: Network,
        pub place: Option<Place>,
        pub sign_ins: u32,
        pub accounts: u32,
        pub days: u32,
        pub first_at: Time,
        pub last_at: Time,
    }

    pub struct UsageQuestion {
        /// A part of the login or network.
        #[serde(default)]
        pub text: String,
        #[serde(default)]
        pub limit: Option<LimitId>,
        /// At most 500.
        pub count: u32,
    }

    /// Counts against limits, nearest to the limit first.
    pub struct UsageList {
        pub rows: Vec<LimitUsage>,
        pub total: u32,
        /// Until when the local copy knows.
        pub at: Time,
    }

    /// One count against its limit.
    pub struct LimitUsage {
        pub limit: LimitId,
        pub login: Option<Login>,
        /// The address, or /64.
        pub network: Option<Network>,
        /// Whether it counts against the figure for known networks.
        pub known: bool,
        pub used: u32,
        pub of: u32,
        /// When the oldest of it no longer counts.
        pub frees_at: Option<Time>,
    }

    /// From which networks an account sends.
    pub struct SendingNetworks {
        pub login: Login,
        /// Most messages first; at most 20.
        pub networks: Vec<SendingNetwork>,
        pub networks_total: u32,
        pub messages: u32,
        /// From networks that are not known.
        pub from_others: u32,
    }

    pub struct SendingNetwork {
        pub network: Network,
        pub place: Option<Place>,
        pub messages: u32,
        pub recipients: u32,
        pub known: bool,
        pub last_at: Time,
    }

    /// Many networks, read from what somebody pasted.
    pub struct ReadNetworks {
        /// Without those that stand twice or lie in another.
        pub networks: Vec<Network>,
        /// Entries that said nothing new.
        pub repeated: u32,
        pub bad: u32,
        /// The first 100.
        pub bad_lines: Vec<BadNetwork>,
    }

    pub struct BadNetwork {
        pub line: u32,
        /// At most 64 characters.
        pub text: String,
        pub fault: NetworkFault,
    }

    /// What an import of rules or limits would do.
    pub struct PolicyImport {
        pub format: PolicyFormat,
        /// Creates what is new; what exists as it stands in the file is left alone.
        pub change: PolicyChange,
        pub new: u32,
        pub known: u32,
        pub bad: u32,
        /// The first 100.
        pub bad_lines: Vec<BadPolicyLine>,
    }

    pub struct BadPolicyLine {
        pub line: u32,
        /// The column or key, where it is one.
        pub field: Option<String>,
        /// In words.
        pub fault: String,
    }

    /// Where sign-ins came from.
    pub struct WhereFrom {
        /// Most sign-ins first.
        pub countries: Vec<CountryCount>,
        /// Most sign-ins first; at most 20.
        pub networks: Vec<NetworkCount>,
        /// Sign-ins whose place is not known.
        pub unknown: u32,
    }

    pub struct CountryCount {
        pub country: String,
        pub allowed: u32,
        pub failed: u32,
        pub refused: u32,
        pub accounts: u32,
        pub last_at: Time,
    }

    pub struct NetworkCount {
        pub asn: Option<u32>,
        pub name: String,
        pub allowed: u32,
        pub failed: u32,
        pub refused: u32,
        pub accounts: u32,
    }

    pub struct PolicyExport {
        pub format: PolicyFormat,
        /// Rules, or limits.
        pub of: PolicyPart,
        /// None: all.
        #[serde(default)]
        pub rules: Vec<RuleId>,
        #[serde(default)]
        pub limits: Vec<LimitId>,
    }

    /// A limit or rule as a form has it, checked before it is saved: what is wrong with which field.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Terms {
        Access { terms: AccessTerms },
        Limit { terms: LimitTerms },
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum RuleFindingKind {
        /// A deny rule refuses all that this allow rule would allow.
        Swallowed,
        /// A deny rule refuses some networks of this allow rule.
        PartlySwallowed,
        /// Another rule with the same effect matches all that this one does.
        Redundant,
        /// It expired.
        Expired,
        /// It expired, and was the last of its list: nobody gets in.
        ListClosed,
        /// It expires within a week.
        ExpiresSoon,
        /// An allow list of a more specific scope decides for everybody that this one could let in.
        Overruled,
        /// Its schedule has no moment.
        NeverInTime,
        /// It matches by country, and the service has no data of places.
        NoPlaces,
    }

    /// Why a rule does not match.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum RuleMiss {
        SwitchedOff,
        OtherProtocol,
        NoAddress,
        OtherNetwork,
        OtherCountry,
        UnknownCountry,
        OutsideSchedule,
        Expired,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum DecisionVerdict {
        Allow,
        Refuse,
        Defer,
        Hold,
        Reject,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum NetworkFault {
        NotANetwork,
        /// Bits are set behind the prefix: 203.0.113.7/24.
        HostBits,
        PrefixTooLong,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum PolicyFormat {
        Toml,
        Csv,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum PolicyPart {
        Rules,
        Limits,
    }
}
