//! What mail servers ask.

pub mod postfix;
