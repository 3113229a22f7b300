//! Attacks on 200 invented people, in process, with the time as an argument: each is stopped, and ordinary people are
//! hardly ever stopped with it.

#[path = "../../benches/risk/chance.rs"]
mod chance;
mod people;
mod places;
mod report;
mod scenarios;
mod service;
mod split;

use mailcup_guard::risk::signals::{Level, Stance};

const SEED: u64 = 2026;

const BALANCED: Stance = Stance { level: Level::Balanced, enforced: true };

#[test]
fn ordinary_people_are_hardly_ever_blocked_and_never_where_they_are_known() {
    let met = report::ordinary(BALANCED, SEED);
    assert!(met.sign_ins > 100_000, "{met}");
    assert!(met.blocks_per_thousand() <= 1.0, "{met}\n{:#?}", met.why);
    assert_eq!(met.refused_where_known, 0, "{met}");
}

#[test]
fn half_of_the_attacks_are_set_aside() {
    let aside = split::Scenario::ALL.into_iter().filter(|scenario| scenario.is_set_aside());
    assert_eq!(aside.count() * 2, split::Scenario::ALL.len());
}

#[test]
fn each_attack_is_noticed_and_stopped_and_nobody_is_refused_at_home() {
    for met in report::attacks(BALANCED, SEED) {
        assert!(met.noticed.is_some() && met.stopped.is_some(), "{met}");
        assert_eq!(met.others.refused_where_known, 0, "{met}");
        let passwords = met.looked_at * 3 < met.tries;
        let mail = met.sent > 0 && met.sent <= 200;
        assert!(passwords || mail, "most of it came through: {met}");
    }
}
