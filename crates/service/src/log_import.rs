//! Logs of Dovecot and Postfix, read into the event log, so that history exists on the first day.
//!
//! Reading is pure: bytes become lines ([`source`]), lines are dated and taken apart ([`stamps`]), what Dovecot and
//! Postfix say is understood ([`dovecot`], [`postfix`]), and what belongs together becomes one event ([`gathering`]).
//! [`keep`] stores events of the past, which raise no alerts and send no mails; [`run`] is the command.

pub mod dovecot;
pub mod gathering;
pub mod keep;
pub mod postfix;
pub mod reading;
pub mod run;
pub mod source;
pub mod stamps;
mod unread;
