//! Attacks on 200 invented people, by level: what notices and what stops each, after how many tries and how long, and
//! whom it hits wrongly. Scenarios that nothing was tuned with are reported apart.
//!
//! `cargo xtask bench attacks -- SEED`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../risk/chance.rs"]
mod chance;
#[path = "../../tests/attacks/people.rs"]
mod people;
#[path = "../../tests/attacks/places.rs"]
mod places;
#[path = "../../tests/attacks/report.rs"]
mod report;
#[path = "../../tests/attacks/scenarios.rs"]
mod scenarios;
#[path = "../../tests/attacks/service.rs"]
mod service;
#[path = "../../tests/attacks/split.rs"]
mod split;

use mailcup_guard::risk::signals::{Level, Stance};

const SEED: u64 = 2026;

const LEVELS: [(&str, Level); 3] =
    [("cautious", Level::Cautious), ("balanced", Level::Balanced), ("strict", Level::Strict)];

fn main() {
    let seed = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(SEED);
    for (name, level) in LEVELS {
        let stance = Stance { level, enforced: true };
        println!("{name}, seed {seed}");
        let met = report::ordinary(stance, seed);
        println!("  {} days of {} people: {met}", report::DAYS, people::PEOPLE);
        for why in met.why.iter().take(20) {
            println!("    wrongly: {why}");
        }
        let attacks = report::attacks(stance, seed);
        for set_aside in [false, true] {
            println!("  {}", if set_aside { "set aside:" } else { "tuned with:" });
            for met in attacks.iter().filter(|met| met.scenario.is_set_aside() == set_aside) {
                println!("    {met}");
            }
        }
    }
}
