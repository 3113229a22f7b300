//! What attackers do. Each begins at nine on the day that it is given.

use mailcup_guard::{access::Protocol, risk::signals::HiddenBy};

use crate::{
    chance::Chance,
    people::PEOPLE,
    places::{self, COUNTRIES, Place},
    service::{Password, Try},
    split::Scenario,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// All tries of an attack on `victim` or, where it is on many, on everybody; in the order of time.
pub fn tries(scenario: Scenario, victim: usize, day: i64, chance: &mut Chance) -> Vec<Try> {
    let start = day * 24 * HOUR + 9 * HOUR;
    let mut tries: Vec<Try> = match scenario {
        Scenario::SprayingFast => {
            let from = places::hosting(11, chance);
            (0..200).map(|n| wrong(start + n * 3, spread(n), from, n / 100)).collect()
        }
        Scenario::SprayingOneNetwork => {
            let host = chance.below(1 << 14) << 8;
            let from: Vec<Place> = (0..8).map(|last| Place::v4(46, 3100, 11, host + last * 7)).collect();
            (0..240).map(|n| wrong(start + n * MINUTE, spread(n), from[index(n, 8)], 0)).collect()
        }
        Scenario::SprayingSlow => {
            let from = places::abroad(11, chance);
            (0..360).map(|n| wrong(start + n * 4 * MINUTE, spread(n), from, 0)).collect()
        }
        Scenario::BruteForce => {
            let from = places::hosting(14, chance);
            (0..1000).map(|n| wrong(start + n * 2, victim, from, n)).collect()
        }
        Scenario::BruteForceSlow => {
            let from = places::abroad(12, chance);
            (0..480).map(|n| wrong(start + n * 3 * MINUTE, victim, from, n)).collect()
        }
        Scenario::Stuffing => {
            let from = networks(40, 20, chance);
            (0..1200).map(|n| wrong(start + n * 3, victim, from[index(n, 40)], n)).collect()
        }
        Scenario::SlowAndDistributed => {
            let from = networks(342, 41, chance);
            (0..7500).map(|n| wrong(start + n * 11, victim, from[index(n, 342)], n)).collect()
        }
        Scenario::StolenPasswordHosting => {
            let from = places::hosting(9, chance);
            (0..20).map(|n| right(start + 600 + n * 5 * MINUTE, victim, from)).collect()
        }
        Scenario::StolenPasswordAbroad => {
            let from = places::abroad(16, chance);
            (0..20).map(|n| right(start + 600 + n * 5 * MINUTE, victim, from)).collect()
        }
        Scenario::HijackedByMany => {
            let from = networks(342, 41, chance);
            (0..7500).map(|n| right(start + n * 11, victim, from[index(n, 342)])).collect()
        }
        Scenario::GuessingDuringUse => {
            let from = places::hosting(17, chance);
            (0..2000).map(|n| wrong(start + n * 10, victim, from, n)).collect()
        }
        Scenario::GuessingDuringUseDistributed => {
            let from = networks(200, 30, chance);
            (0..4000).map(|n| wrong(start + n * MINUTE, victim, from[index(n, 200)], n)).collect()
        }
        Scenario::StolenSmtpBurst => {
            let from = places::home(chance);
            (0..60).map(|n| sending(start + n * MINUTE, victim, from, 50)).collect()
        }
        Scenario::StolenSmtpDistributed => {
            let from = networks(60, 12, chance);
            (0..60).map(|n| sending(start + n * 10 * MINUTE, victim, from[index(n, 60)], 20)).collect()
        }
    };
    tries.sort_by_key(|one| one.at);
    tries
}

fn wrong(at: i64, person: usize, place: Place, password: i64) -> Try {
    let mark = u16::try_from(password.rem_euclid(4096)).unwrap_or(0);
    Try { password: Password::Wrong(mark), ..right(at, person, place) }
}

fn right(at: i64, person: usize, place: Place) -> Try {
    Try {
        at,
        person,
        place,
        client: None,
        protocol: Protocol::Imap,
        password: Password::Right,
        sends: 0,
        honest: false,
    }
}

fn sending(at: i64, person: usize, place: Place, sends: u32) -> Try {
    Try { sends, protocol: Protocol::Submission, ..right(at, person, place) }
}

/// Of a hundred logins, each fifth is of no account.
fn spread(number: i64) -> usize {
    let login = index(number, 100);
    if login.is_multiple_of(5) { PEOPLE + login } else { login }
}

/// Networks in so many countries; some are rented, a few are Tor's.
fn networks(count: usize, countries: usize, chance: &mut Chance) -> Vec<Place> {
    let mut place = |number: usize| {
        let country = (number * 7) % countries.min(COUNTRIES.len());
        match chance.below(10) {
            0..3 => places::hosting(country, chance),
            3 => places::hosting(country, chance).hidden(HiddenBy::Tor),
            _ => places::abroad(country, chance),
        }
    };
    (0..count).map(&mut place).collect()
}

fn index(number: i64, count: i64) -> usize {
    usize::try_from(number.rem_euclid(count)).unwrap_or(0)
}
