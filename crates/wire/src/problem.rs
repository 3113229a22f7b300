use serde::{Deserialize, Serialize};

use crate::{Epoch, LockOut, wire};

/// Why a request was not carried out: a stable `code` to act on, a `message` for a person that says what is
/// wrong and how to mend it, and `details` where the code has more to say.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Problem {
    pub code: Code,
    pub message: String,
    #[serde(default)]
    pub details: Option<Details>,
}

/// The kinds of problem that somebody acts on. Nobody matches on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub enum Code {
    /// The request can't be read: broken JSON, a missing or wrong parameter.
    BadRequest,
    /// Single fields are wrong; `details` names them.
    Invalid,
    /// The body is larger than the endpoint takes.
    TooLarge,
    /// No such thing, or none that the caller may know of.
    NotFound,
    /// The path names an API version that this service does not speak.
    UnknownVersion,
    /// No session or key was given, or it has ended. The remedy is to sign in.
    Unauthenticated,
    /// The request lacks a right proof of its device's key (DPoP). The session stays.
    ProofRefused,
    /// The change needs password and second factor again, since they were given too long ago in this session.
    /// Nothing was changed.
    ReauthenticationRequired,
    /// The role or the key's scopes don't allow this.
    Forbidden,
    /// The password was right, but the policy requires a second factor that the person lacks; the message says how to
    /// get it.
    FactorRequired,
    /// Access rules or blocks don't let this session in from this address, now. The session stays.
    RefusedHere,
    /// The change would lock out whoever makes it, or the last owner; `details` says whom. Confirm it, or change
    /// it.
    LocksOut,
    /// Host or Origin is not one under which this service is known.
    ForeignOrigin,
    /// Login, password or code is wrong. Never tells which.
    SignInRefused,
    /// The one-time code is wrong; `details` holds the tries left.
    WrongCode,
    /// The sign-in waited too long or was tried too often; begin anew.
    ChallengeOver,
    /// Too many requests; `details` holds the seconds to wait.
    TooMany,
    /// The service has no owner yet; only setup is possible.
    SetupNeeded,
    /// Setup was done before.
    SetupDone,
    /// The setup token is wrong.
    SetupToken,
    /// If-Match is missing on a write that needs it.
    PreconditionRequired,
    /// Somebody changed it meanwhile; `details` holds the current state.
    Stale,
    /// It clashes with what exists (a login taken, the last owner).
    Conflict,
    /// The event log went another way than the caller's cursor says; `details` holds the lineage.
    EpochDiverged,
    /// The disk is full; nothing was changed.
    StorageFull,
    /// The service can't do it now (shutting down, store busy); trying again may help.
    Unavailable,
    /// The mail relay did not take the mail.
    MailFailed,
    /// The service can't be reached. Desktop only.
    Unreachable,
    /// The console is locked. Desktop only.
    Locked,
    /// The passphrase is wrong. Desktop only.
    WrongPassphrase,
    /// The keyring can't be used; a passphrase is needed. Desktop only.
    NoKeyring,
    /// A fault of ours; the log has more under the request's id.
    Internal,
}

wire! {
    /// What a code has to say beyond its message.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Details {
        Fields { fields: Vec<FieldProblem> },
        TriesLeft { tries: u32 },
        RetryAfter { seconds: u32 },
        Current { etag: String, value: serde_json::Value },
        Lineage { lineage: Vec<LineageStep> },
        LockOut { lock_out: Box<LockOut>, minutes: u32 },
    }

    /// What is wrong with one field.
    pub struct FieldProblem {
        /// The field's name in the request, nested with dots.
        pub field: String,
        pub message: String,
    }

    /// One epoch of the event log, in order; it ends before the next one's `first_seq`.
    pub struct LineageStep {
        pub epoch: Epoch,
        #[cfg_attr(feature = "specta", specta(type = u32))]
        pub first_seq: u64,
    }

    /// A problem as HTTP carries it: RFC 9457 problem details.
    pub struct ProblemDetails {
        /// `urn:mailcup:problem:` and the code.
        pub r#type: String,
        pub title: String,
        pub status: u16,
        /// The message for a person.
        pub detail: String,
        pub code: Code,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub details: Option<Details>,
        /// Names the request in the service's log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub request_id: Option<String>,
    }
}

impl Problem {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None }
    }

    #[must_use]
    pub fn with(mut self, details: Details) -> Self {
        self.details = Some(details);
        self
    }

    /// One field is wrong.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let fields = vec![FieldProblem { field: field.to_owned(), message: message.clone() }];
        Self::new(Code::Invalid, message).with(Details::Fields { fields })
    }
}

impl From<ProblemDetails> for Problem {
    fn from(http: ProblemDetails) -> Self {
        Self { code: http.code, message: http.detail, details: http.details }
    }
}

impl Code {
    /// The HTTP status that carries this code.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Invalid => 422,
            Self::TooLarge => 413,
            Self::NotFound | Self::UnknownVersion => 404,
            Self::Unauthenticated
            | Self::ProofRefused
            | Self::SignInRefused
            | Self::WrongCode
            | Self::ChallengeOver => 401,
            Self::ReauthenticationRequired
            | Self::Forbidden
            | Self::FactorRequired
            | Self::RefusedHere
            | Self::SetupToken
            | Self::Locked
            | Self::WrongPassphrase => 403,
            Self::ForeignOrigin => 421,
            Self::TooMany => 429,
            Self::SetupNeeded | Self::SetupDone | Self::Conflict | Self::LocksOut | Self::EpochDiverged => {
                409
            }
            Self::PreconditionRequired => 428,
            Self::Stale => 412,
            Self::StorageFull => 507,
            Self::MailFailed => 502,
            Self::Unavailable | Self::Unreachable | Self::NoKeyring => 503,
            Self::Internal => 500,
        }
    }

    /// A short English name of the kind of problem.
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request can't be read",
            Self::Invalid => "Some fields are wrong",
            Self::TooLarge => "The request is too large",
            Self::NotFound => "Not found",
            Self::UnknownVersion => "Unknown API version",
            Self::Unauthenticated => "Sign in first",
            Self::ProofRefused => "The device's proof was refused",
            Self::ReauthenticationRequired => "Give password and second factor again",
            Self::Forbidden => "Not allowed",
            Self::FactorRequired => "A second factor is missing",
            Self::RefusedHere => "Refused here",
            Self::LocksOut => "This locks somebody out",
            Self::ForeignOrigin => "Unknown host or origin",
            Self::SignInRefused => "Sign-in refused",
            Self::WrongCode => "Wrong code",
            Self::ChallengeOver => "Sign-in has expired",
            Self::TooMany => "Too many requests",
            Self::SetupNeeded => "Set up the service first",
            Self::SetupDone => "Already set up",
            Self::SetupToken => "Wrong setup token",
            Self::PreconditionRequired => "If-Match is missing",
            Self::Stale => "Changed meanwhile",
            Self::Conflict => "Conflict",
            Self::EpochDiverged => "The event log went another way",
            Self::StorageFull => "The disk is full",
            Self::Unavailable => "Not available now",
            Self::MailFailed => "The mail was not sent",
            Self::Unreachable => "The service can't be reached",
            Self::Locked => "The console is locked",
            Self::WrongPassphrase => "Wrong passphrase",
            Self::NoKeyring => "No keyring",
            Self::Internal => "Internal error",
        }
    }

    /// The code as it stands in JSON.
    pub fn as_str(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}
