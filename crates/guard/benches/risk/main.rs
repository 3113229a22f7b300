//! The score against attackers, on invented people with published marginals.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../chance.rs"]
mod chance;
mod population;

const ACCOUNTS: u32 = 40_000;

fn main() {
    let mut chance = chance::Chance::new(6);
    let events = population::generate(ACCOUNTS, &mut chance);
    println!("{:?}", population::marginals(&events, ACCOUNTS));
}
