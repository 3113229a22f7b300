//! The risk score: what it costs with 100,000 accounts, and how it tells attackers from people with published marginals.
//!
//! `cargo xtask bench risk`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod chance;
mod cost;
mod place;
mod population;
mod reauthentication;

fn main() {
    cost::measure();
    reauthentication::measure();
}
