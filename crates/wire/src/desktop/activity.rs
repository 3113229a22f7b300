//! What a window asks of the events in the local copy.

use crate::{
    Event, EventId, EventKind, ExportId, Network, OutcomeFilter, Problem, Protocol, ReasonCode, Time, wire,
};

wire! {
    /// Which events; every part must hold. Without a part, all.
    #[derive(Default)]
    #[serde(default)]
    pub struct Filter {
        pub span: Option<Span>,
        pub terms: Vec<Term>,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Span {
        Between {
            #[serde(default)]
            from: Option<Time>,
            /// Exclusive.
            #[serde(default)]
            until: Option<Time>,
        },
        /// Up to now, whenever it is asked.
        Last { minutes: u32 },
    }

    /// A test that an event must pass or, with `not`, must fail.
    pub struct Term {
        #[serde(default)]
        pub not: bool,
        pub test: Test,
    }

    /// Passed by any of the values. A test without a value says nothing and is passed over, with `not`, too.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Test {
        Kind { any: Vec<EventKind> },
        Protocol { any: Vec<Protocol> },
        Outcome { any: Vec<OutcomeFilter> },
        /// One of an event's reasons.
        Reason { any: Vec<ReasonCode> },
        /// Logins, or parts of some. A login that the local copy knows means that one alone.
        Account { any: Vec<String> },
        /// What stands behind a login's `@`, whole.
        Domain { any: Vec<String> },
        Network { any: Vec<Network> },
        /// Parts of what a client calls itself.
        Device { any: Vec<String> },
        /// Words that must all occur, each as the beginning of one.
        Text { words: String },
    }

    pub struct EventQuery {
        #[serde(default)]
        pub filter: Filter,
        /// Events older than this one; none for the newest.
        #[serde(default)]
        pub before: Option<EventId>,
        /// Only events newer than this one.
        #[serde(default)]
        pub after: Option<EventId>,
        /// At most 500.
        pub limit: u32,
    }

    /// Newest first.
    pub struct EventList {
        pub events: Vec<Event>,
        pub more: bool,
    }

    pub struct Count {
        pub events: u32,
        /// Otherwise there are at least so many.
        pub exact: bool,
    }

    pub struct GroupQuery {
        #[serde(default)]
        pub filter: Filter,
        pub by: GroupBy,
        pub order: GroupOrder,
        /// At most 500.
        pub limit: u32,
        #[serde(default)]
        pub offset: u32,
    }

    pub struct GroupList {
        pub groups: Vec<Group>,
        pub more: bool,
    }

    pub struct Group {
        /// A login, a network in CIDR notation (/24 or /64), or the beginning of an hour.
        pub key: String,
        pub events: u32,
        pub allowed: u32,
        pub failed: u32,
        pub refused: u32,
        pub first_at: Time,
        pub last_at: Time,
    }

    pub struct TimelineQuery {
        #[serde(default)]
        pub filter: Filter,
        pub from: Time,
        /// Exclusive.
        pub until: Time,
        /// How many steps are wanted, at most 200.
        pub buckets: u32,
    }

    /// Sign-ins and submissions over time, in round steps of at most a day.
    pub struct Timeline {
        /// Where the first step begins.
        pub from: Time,
        pub step_seconds: u32,
        /// Steps in which nothing happened are left out.
        pub points: Vec<TimelinePoint>,
    }

    pub struct TimelinePoint {
        pub at: Time,
        pub protocol: Protocol,
        pub allowed: u32,
        pub failed: u32,
        pub refused: u32,
    }

    pub struct CompletionQuery {
        pub field: CompletionField,
        pub text: String,
        /// At most 50.
        pub limit: u32,
    }

    pub struct Completion {
        pub value: String,
        pub events: u32,
    }

    pub struct ExportRequest {
        #[serde(default)]
        pub filter: Filter,
        pub format: ExportFormat,
        pub path: String,
        /// None means all, in their own order.
        #[serde(default)]
        pub columns: Vec<Column>,
    }

    pub struct ExportProgress {
        pub id: ExportId,
        pub written: u32,
        pub total: u32,
        pub state: ExportState,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum ExportState {
        Running,
        Done { path: String },
        Cancelled,
        Failed { problem: Problem },
    }

    /// A page's address under a name, of this console alone.
    pub struct SavedView {
        pub name: String,
        pub address: String,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum GroupBy {
        Account,
        Network,
        Hour,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum GroupOrder {
        /// By the last event.
        Newest,
        Most,
        /// By sign-ins and submissions refused.
        Refused,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum CompletionField {
        Account,
        Domain,
        Network,
        Device,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum ExportFormat {
        Csv,
        /// One event a line, whole.
        JsonLines,
    }

    /// A column of an export.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Column {
        /// UTC.
        Time,
        Id,
        Kind,
        Account,
        Address,
        Protocol,
        Outcome,
        Reasons,
        Client,
        Server,
        /// What happened, of events that are neither sign-in nor submission.
        Text,
    }
}
