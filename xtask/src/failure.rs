use std::fmt;
use std::io;

/// Why a command stopped, in words for the person who typed it.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// For an I/O error, with what was being attempted.
    pub fn io(attempt: impl fmt::Display, error: &io::Error) -> Self {
        Self(format!("{attempt}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
