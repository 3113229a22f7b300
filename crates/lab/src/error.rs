use std::{io, time::Duration};

/// Why a part of the lab could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("{what} within {waited:?}\n{evidence}")]
    Deadline { what: String, waited: Duration, evidence: String },
    #[error("{program} ended early ({status})\n{evidence}")]
    Ended { program: String, status: String, evidence: String },
    #[error("unexpected answer to {asked}: {answer}")]
    UnexpectedAnswer { asked: String, answer: String },
    #[error("D-Bus: {0}")]
    Bus(#[from] zbus::Error),
    #[error("the window: {0}")]
    Window(#[from] Box<thirtyfour::error::WebDriverError>),
    #[error("the API: {0}")]
    Api(#[from] crate::service::ApiError),
    #[error("{0}")]
    Unsuitable(String),
}

impl LabError {
    pub(crate) fn unexpected(asked: &str, answer: impl Into<String>) -> Self {
        Self::UnexpectedAnswer { asked: asked.to_owned(), answer: answer.into() }
    }

    /// Adds what the logs say, for whoever reads the failure.
    pub(crate) fn with_evidence(self, more: &str) -> Self {
        match self {
            Self::Deadline { what, waited, evidence } => {
                Self::Deadline { what, waited, evidence: format!("{evidence}{more}") }
            }
            Self::Ended { program, status, evidence } => {
                Self::Ended { program, status, evidence: format!("{evidence}{more}") }
            }
            other => other,
        }
    }
}

pub(crate) trait Doing<T> {
    /// Names what was being done when the operating system refused.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, LabError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, LabError> {
        self.map_err(|source| LabError::Io { what: what(), source })
    }
}
