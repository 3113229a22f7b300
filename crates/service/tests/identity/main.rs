//! Who may do what: setup, signing in, roles and keys, and what is answered to bad input.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod invitations;
mod lock_out;
mod mail;
mod notices;
mod process;
mod reauthentication;
mod requests;
mod roles;
mod second_factors;
mod settings;
mod setup;
mod sign_in;
mod support;
