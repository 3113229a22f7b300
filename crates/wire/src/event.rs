use crate::{
    Account, Address, AdminId, Alert, AppPasswordId, Block, BlockId, EventId, LimitId, Login, MailServerKind,
    Network, Place, PolicyItem, RuleId, Time, wire,
};

wire! {
    /// One immutable entry of the service's log.
    pub struct Event {
        pub id: EventId,
        pub at: Time,
        pub body: EventBody,
    }

    /// What happened. The log is the one sequence from which a console learns everything: changed resources
    /// stand in it whole. The tag is `type`, since an alert has a `kind` of its own.
    #[serde(tag = "type", rename_all = "snake_case")]
    pub enum EventBody {
        SignIn(SignIn),
        Submission(Submission),
        /// An alert was opened or changed; holds its state after that.
        Alert(Alert),
        /// A block was set, lifted or changed; holds its state after that.
        Block(Block),
        /// An account was added or changed; holds its state after that.
        Account(Account),
        /// A rule, a limit, known networks or a trial were set or changed; holds the state after that.
        Policy(PolicyItem),
        Admin(AdminAction),
        System(SystemFact),
    }

    /// An authentication attempt.
    pub struct SignIn {
        /// As the client gave it, in lower case; may name no account that exists.
        pub login: Login,
        pub protocol: Protocol,
        pub address: Option<Address>,
        pub outcome: Outcome,
        /// Why, most important first.
        pub reasons: Vec<Reason>,
        /// The name of the mail server's API key, or none for sign-ins at the service itself.
        pub server: Option<String>,
        /// What the client called itself (IMAP ID, user agent, console device), as it sent it.
        pub client: Option<String>,
        pub tls: bool,
        /// Where the address was when it was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub place: Option<Place>,
    }

    /// A message handed to the mail server, from its first recipient to its end.
    pub struct Submission {
        pub login: Option<Login>,
        pub address: Option<Address>,
        /// The envelope sender.
        pub sender: Option<String>,
        pub recipients: u32,
        pub outcome: SubmissionOutcome,
        pub reasons: Vec<Reason>,
        /// Bytes, as the mail server stated them; 0 when it did not.
        pub size: u32,
        /// Where the address was when it was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub place: Option<Place>,
    }

    /// Something that an admin did.
    pub struct AdminAction {
        pub admin: AdminId,
        /// The admin's login when it happened.
        pub login: Login,
        /// A stable name such as `block.create`.
        pub action: String,
        /// What it was done to, in words.
        pub target: String,
        pub address: Option<Address>,
    }

    /// Something about the service itself.
    #[serde(tag = "fact", rename_all = "snake_case")]
    pub enum SystemFact {
        Started { version: String },
        Stopped,
        SetUp { organization: String },
        MailServerSeen { server: MailServerKind, name: String },
        OutboxStuck { waiting: u32 },
        OutboxFlows,
        ClockJumped { seconds: i32 },
        EventsExpired { count: u32 },
    }

    /// One reason of a decision or outcome.
    pub struct Reason {
        pub code: ReasonCode,
        /// In words that an admin understands.
        pub text: String,
        /// The block that caused it.
        pub block: Option<BlockId>,
        /// The access rule that caused it, or the first of the list of which none matched.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rule: Option<RuleId>,
        /// The sending limit that caused it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub limit: Option<LimitId>,
        /// The app password that signed in, or was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub app_password: Option<AppPasswordId>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum Protocol {
        Web,
        Api,
        Imap,
        Pop3,
        /// SMTP AUTH, however the server calls it.
        Submission,
        Sieve,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum Outcome {
        /// Signed in.
        Succeeded,
        /// Wrong password or code.
        Failed,
        /// Refused by a block or rule, whatever the password.
        Refused,
        /// Password right, second factor asked for.
        Challenged,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum SubmissionOutcome {
        Accepted,
        Deferred,
        Held,
        Rejected,
        /// The client went away, or the mail server refused it for reasons of its own.
        Abandoned,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum ReasonCode {
        Credentials,
        /// An app password was right.
        AppPassword,
        /// An app password was right, but not for this protocol, network or time.
        AppPasswordLimited,
        /// The account's own password was right, but opens nothing for mail clients.
        MainPasswordRefused,
        /// A webmail asked for an account that is not signed in on the web.
        NoWebSession,
        /// The password was right, but the policy requires a second factor that the person lacks.
        FactorMissing,
        WrongPassword,
        WrongCode,
        CodeRequested,
        /// Behaviour was suspicious, and no captcha was solved.
        CaptchaAsked,
        /// The captcha was not solved rightly. The password was not looked at.
        CaptchaWrong,
        BlockedAddress,
        BlockedNetwork,
        BlockedAccount,
        /// The account may not send.
        SendingSuspended,
        /// A deny rule matched.
        RuleDenied,
        /// There is a list of allow rules, and none of it matched.
        RuleNotAllowed,
        /// A report-only deny rule matched.
        RuleWouldDeny,
        /// With the report-only allow rules there would be a list of which none matched.
        RuleWouldNotAllow,
        /// A sending limit is used up.
        LimitReached,
        /// A report-only sending limit is used up.
        LimitWouldReach,
        /// An admin was let in from the server's own shell.
        Recovered,
        /// Passwords are guessed from there. The password was not looked at.
        Risk,
        /// The password was right, and too much speaks against the account's owner.
        StolenPassword,
        /// Too much speaks against it, but risk is report-only.
        RiskWouldRefuse,
        NothingAgainst,
        MailServer,
        /// It was read from a mail server's log, long after it happened perhaps.
        Imported,
    }
}

wire! {
    /// Which events. Every part that is given must match; an empty list matches all.
    #[derive(Default)]
    #[serde(default)]
    pub struct EventFilter {
        pub from: Option<Time>,
        /// Exclusive.
        pub until: Option<Time>,
        /// A login, or a part of one.
        pub account: Option<String>,
        pub network: Option<Network>,
        pub protocols: Vec<Protocol>,
        pub outcomes: Vec<OutcomeFilter>,
        pub kinds: Vec<EventKind>,
        /// Words that must all occur.
        pub text: Option<String>,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum EventKind {
        SignIn,
        Submission,
        Alert,
        Block,
        Account,
        Policy,
        Admin,
        System,
    }

    /// Outcomes of sign-ins and submissions, told apart as a reader asks for them.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum OutcomeFilter {
        /// Signed in, or message accepted.
        Allowed,
        /// Wrong password or code.
        Failed,
        /// Refused, deferred, held or rejected by a decision of ours.
        Refused,
        Challenged,
        Abandoned,
    }

    /// Events with the cursor after the last one.
    pub struct EventPage {
        pub events: Vec<Event>,
        /// The newest event in the log, whatever was asked for.
        pub head: EventId,
        /// Whether there may be more beyond this page.
        pub more: bool,
        /// The `after` or `before` of the next page, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub next: Option<EventId>,
    }
}

impl Reason {
    pub fn new(code: ReasonCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), block: None, rule: None, limit: None, app_password: None }
    }
}

impl EventBody {
    pub fn kind(&self) -> EventKind {
        match self {
            Self::SignIn(_) => EventKind::SignIn,
            Self::Submission(_) => EventKind::Submission,
            Self::Alert(_) => EventKind::Alert,
            Self::Block(_) => EventKind::Block,
            Self::Account(_) => EventKind::Account,
            Self::Policy(_) => EventKind::Policy,
            Self::Admin(_) => EventKind::Admin,
            Self::System(_) => EventKind::System,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AlertDeed, AlertKind, AlertState, AlertStep, Severity};

    #[test]
    fn an_alert_in_the_log_reads_back() {
        let at = Time::from_millis(1_764_000_000_000);
        let body = EventBody::Alert(Alert {
            id: "a1".into(),
            kind: AlertKind::RepeatedFailures,
            severity: Severity::Critical,
            state: AlertState::Open,
            title: String::new(),
            text: String::new(),
            login: None,
            network: None,
            accounts: Vec::new(),
            accounts_total: 0,
            addresses: Vec::new(),
            addresses_total: 0,
            count: 5,
            first_at: at,
            last_at: at,
            evidence: Vec::new(),
            snoozed_until: None,
            history: Vec::new(),
            version: 1,
        });
        let json = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<EventBody>(&json).unwrap(), body);
        let older = json.replace(r#""snoozed_until":null,"#, "");
        assert_ne!(older, json);
        assert_eq!(serde_json::from_str::<EventBody>(&older).unwrap(), body);
    }

    #[test]
    fn a_step_of_an_older_log_set_the_state() {
        let step =
            r#"{"at":"2026-11-24T08:00:00Z","state":"resolved","admin":null,"login":null,"note":null}"#;
        assert_eq!(serde_json::from_str::<AlertStep>(step).unwrap().deed, AlertDeed::State);
    }
}
