//! What providers say is wrong, and who can mend it.

/// Every error code that the providers publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    MissingInputSecret,
    InvalidInputSecret,
    MissingInputResponse,
    InvalidInputResponse,
    BadRequest,
    /// reCAPTCHA and Turnstile: too old, or verified before.
    TimeoutOrDuplicate,
    /// hCaptcha.
    ExpiredInputResponse,
    /// hCaptcha.
    AlreadySeenResponse,
    /// hCaptcha, formerly.
    InvalidOrAlreadySeenResponse,
    /// hCaptcha.
    MissingRemoteIp,
    /// hCaptcha.
    InvalidRemoteIp,
    /// hCaptcha: a key for tests with a token that is none for tests.
    NotUsingDummyPasscode,
    /// hCaptcha, formerly: a token for tests with a secret that is none for tests.
    NotUsingDummySecret,
    /// hCaptcha.
    SitekeySecretMismatch,
    /// Turnstile, formerly.
    InvalidWidgetId,
    /// Turnstile, formerly.
    InvalidParsedSecret,
    /// Turnstile.
    InternalError,
    /// One that none of them publishes.
    Other,
}

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    Visitor,
    Admin,
    Provider,
}

impl ErrorCode {
    /// Those that there are, as providers write them.
    pub(super) const ALL: [(&str, Self); 17] = [
        ("missing-input-secret", Self::MissingInputSecret),
        ("invalid-input-secret", Self::InvalidInputSecret),
        ("missing-input-response", Self::MissingInputResponse),
        ("invalid-input-response", Self::InvalidInputResponse),
        ("bad-request", Self::BadRequest),
        ("timeout-or-duplicate", Self::TimeoutOrDuplicate),
        ("expired-input-response", Self::ExpiredInputResponse),
        ("already-seen-response", Self::AlreadySeenResponse),
        ("invalid-or-already-seen-response", Self::InvalidOrAlreadySeenResponse),
        ("missing-remoteip", Self::MissingRemoteIp),
        ("invalid-remoteip", Self::InvalidRemoteIp),
        ("not-using-dummy-passcode", Self::NotUsingDummyPasscode),
        ("not-using-dummy-secret", Self::NotUsingDummySecret),
        ("sitekey-secret-mismatch", Self::SitekeySecretMismatch),
        ("invalid-widget-id", Self::InvalidWidgetId),
        ("invalid-parsed-secret", Self::InvalidParsedSecret),
        ("internal-error", Self::InternalError),
    ];

    pub fn read(text: &str) -> Self {
        Self::ALL.iter().find(|(name, _)| *name == text).map_or(Self::Other, |(_, code)| *code)
    }

    pub fn blame(self) -> Blame {
        match self {
            Self::MissingInputResponse
            | Self::InvalidInputResponse
            | Self::TimeoutOrDuplicate
            | Self::ExpiredInputResponse
            | Self::AlreadySeenResponse
            | Self::InvalidOrAlreadySeenResponse => Blame::Visitor,
            Self::MissingInputSecret
            | Self::InvalidInputSecret
            | Self::NotUsingDummyPasscode
            | Self::NotUsingDummySecret
            | Self::SitekeySecretMismatch
            | Self::InvalidWidgetId
            | Self::InvalidParsedSecret => Blame::Admin,
            // Our requests are well formed by what they publish: where they are not, it is theirs that changed.
            Self::BadRequest
            | Self::MissingRemoteIp
            | Self::InvalidRemoteIp
            | Self::InternalError
            | Self::Other => Blame::Provider,
        }
    }
}
