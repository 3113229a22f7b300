use std::net::IpAddr;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    alert::PasswordMark,
    risk::{Client, Origin, Value},
};

const DAY: i64 = 86_400;
const BERLIN: Coordinates = Coordinates { latitude: 52.5, longitude: 13.4, within: 0.0 };
const LAGOS: Coordinates = Coordinates { latitude: 6.5, longitude: 3.4, within: 0.0 };
const HOME: &str = "203.0.113.7";

#[derive(Default)]
struct World {
    history: History,
    lately: Lately,
}

impl World {
    /// An account that signs in from home at eight, each day before `days`.
    fn lived_in(days: i64) -> Self {
        let mut world = Self::default();
        for day in 0..days {
            world.lets_in(&at_home(day * DAY + 8 * 3600));
        }
        world
    }

    fn lets_in(&mut self, attempt: &Attempt<'_>) {
        self.history.learn(&attempt.sign_in);
        self.lately.succeeded(&attempt.sign_in, attempt.coordinates);
    }

    fn fails(&mut self, attempt: &Attempt<'_>, mark: u16) {
        self.lately.failed(&attempt.sign_in, Some(PasswordMark(mark)), true, &self.history);
    }

    fn assess(&self, attempt: &Attempt<'_>) -> Assessment {
        assess(attempt, &self.history, &self.lately, Stance { level: Level::Balanced, enforced: true })
    }

    fn codes(&self, attempt: &Attempt<'_>) -> Vec<&'static str> {
        self.assess(attempt).signals.iter().map(Signal::code).collect()
    }
}

fn attempt(
    login: &'static str,
    address: &str,
    country: &str,
    coordinates: Coordinates,
    second: i64,
) -> Attempt<'static> {
    let system = address.bytes().map(u32::from).take(5).sum();
    let origin =
        Origin { address: address.parse().unwrap(), system: Some(system), country: Country::read(country) };
    let at = Timestamp::from_second(1_699_920_000 + second).unwrap();
    Attempt {
        sign_in: SignIn { at, login, origin: Some(origin), client: None, device: None },
        protocol: Protocol::Imap,
        password: Password::Right,
        coordinates: Some(coordinates),
        hidden_by: None,
    }
}

fn at_home(second: i64) -> Attempt<'static> {
    attempt("anna@x", HOME, "DE", BERLIN, second)
}

fn abroad(second: i64) -> Attempt<'static> {
    attempt("anna@x", "198.51.100.1", "NG", LAGOS, second)
}

#[test]
fn a_stolen_password_abroad_is_refused_while_the_owner_is_at_home() {
    let world = World::lived_in(30);
    let noon = 29 * DAY + 9 * 3600;
    let found = world.assess(&abroad(noon));
    assert_eq!(world.codes(&abroad(noon)), ["impossible_travel", "new_country", "unusual"]);
    assert_eq!(found.verdict, SignInVerdict::Refuse);
    let sentences: Vec<_> = found.signals.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(sentences.join("\n"), @r"
    The account was let in at least 5195 km away 60 minutes earlier.
    The account never signed in from NG before.
    Network and program fit the account's earlier sign-ins badly (score 4.0).
    ");

    let stance = Stance { level: Level::Balanced, enforced: false };
    let reported = assess(&abroad(noon), &world.history, &world.lately, stance);
    assert_eq!((reported.verdict, reported.answer()), (SignInVerdict::Refuse, SignInVerdict::Allow));

    let later = Attempt { protocol: Protocol::Web, ..abroad(noon + DAY) };
    assert_eq!(world.assess(&later).verdict, SignInVerdict::Allow, "there was time for a flight");
}

#[test]
fn what_hides_who_comes_counts_unless_the_account_uses_it() {
    let mut world = World::lived_in(30);
    let noon = 30 * DAY + 8 * 3600;
    let rented =
        Attempt { hidden_by: Some(HiddenBy::Hosting), ..attempt("anna@x", "192.0.2.1", "DE", BERLIN, noon) };
    assert_eq!(world.codes(&rented), ["hidden_network"]);
    world.lets_in(&rented);
    assert_eq!(world.codes(&rented), ["hidden_network"], "one success makes nothing familiar");
    let next_day = SignIn { at: rented.sign_in.at + jiff::SignedDuration::from_hours(25), ..rented.sign_in };
    assert_eq!(world.codes(&Attempt { sign_in: next_day, ..rented }), Vec::<&str>::new());
}

#[test]
fn odd_hours_and_long_silence_are_said() {
    let world = World::lived_in(30);
    let elsewhere = |second| attempt("anna@x", "192.0.2.1", "DE", BERLIN, second);
    assert_eq!(world.codes(&elsewhere(29 * DAY + 9 * 3600)), Vec::<&str>::new());
    assert_eq!(world.codes(&elsewhere(29 * DAY + 20 * 3600)), ["off_hours"]);
    assert_eq!(world.codes(&elsewhere(95 * DAY)), ["dormant"]);
    assert_eq!(world.codes(&at_home(29 * DAY + 20 * 3600)), Vec::<&str>::new(), "at home nothing is odd");
}

#[test]
fn with_a_wrong_password_nothing_is_odd_until_there_is_an_attack() {
    let mut world = World::lived_in(30);
    let noon = 29 * DAY + 9 * 3600;
    let guess = Attempt { password: Password::NotRight, ..abroad(noon) };
    assert_eq!(world.codes(&guess), Vec::<&str>::new());
    for mark in 0..6 {
        world.fails(&guess, mark);
    }
    assert_eq!(world.codes(&guess), ["impossible_travel", "brute_force", "new_country", "unusual"]);
}

#[test]
fn a_place_that_is_not_known_speaks_against_nobody() {
    let world = World::lived_in(30);
    let mut nowhere = abroad(29 * DAY + 9 * 3600);
    nowhere.coordinates = None;
    nowhere.sign_in.origin = nowhere.sign_in.origin.map(|it| Origin { country: None, system: None, ..it });
    assert_eq!(world.assess(&nowhere).signals, []);
}

#[test]
fn a_known_program_may_travel_while_another_stays_at_home() {
    let mut world = World::lived_in(30);
    let phone = Value::of("phone 1.2");
    let client = Some(Client { agent: phone, browser: Some(phone), system: None, device: None });
    let with_phone = |attempt: Attempt<'static>| {
        let sign_in = SignIn { client, ..attempt.sign_in };
        Attempt { sign_in, ..attempt }
    };
    world.lets_in(&with_phone(at_home(29 * DAY)));
    let found = world.assess(&with_phone(abroad(29 * DAY + 9 * 3600)));
    assert!(matches!(found.verdict, SignInVerdict::Allow | SignInVerdict::Delay(_)), "{found:?}");
}

#[test]
fn a_phone_with_an_old_password_is_no_attack_wherever_it_is() {
    let mut world = World::lived_in(30);
    for minute in 0..7 * 24 * 60 {
        let second = 30 * DAY + minute * 60;
        let place = format!("192.0.2.{}", minute % 40);
        world.fails(&attempt("anna@x", &place, "DE", BERLIN, second), 77);
    }
    let now = 37 * DAY + 8 * 3600;
    for place in ["192.0.2.1", "192.0.2.200", HOME] {
        assert_eq!(world.codes(&attempt("anna@x", place, "DE", BERLIN, now)), Vec::<&str>::new(), "{place}");
    }
}

#[test]
fn many_passwords_from_one_network_are_brute_force() {
    let mut world = World::lived_in(30);
    let thief = |second| attempt("anna@x", "192.0.2.1", "DE", BERLIN, 30 * DAY + 8 * 3600 + second);
    for mark in 0..5 {
        world.fails(&thief(i64::from(mark)), mark);
        assert_eq!(world.codes(&thief(60)), Vec::<&str>::new());
    }
    world.fails(&thief(6), 6);
    assert_eq!(world.codes(&thief(60)), ["brute_force"]);
    assert!(matches!(world.assess(&thief(60)).verdict, SignInVerdict::Delay(_)));
    for mark in 7..12 {
        world.fails(&thief(7), mark);
    }
    assert_eq!(world.assess(&thief(60)).verdict, SignInVerdict::Refuse);
    assert_eq!(world.codes(&thief(2 * DAY)), Vec::<&str>::new(), "it was long ago");
}

#[test]
fn spraying_counts_accounts_that_are_not_at_home_there() {
    let mut world = World::default();
    let logins = ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x", "g@x", "h@x", "i@x", "j@x"];
    for (index, login) in logins.into_iter().enumerate() {
        for day in 0..5 {
            world.lets_in(&attempt(login, HOME, "DE", BERLIN, day * DAY));
        }
        world.fails(&attempt(login, HOME, "DE", BERLIN, 6 * DAY), 1);
        let sprayed =
            attempt(login, "192.0.2.1", "DE", BERLIN, 6 * DAY + i64::from(u8::try_from(index).unwrap()));
        world.fails(&sprayed, 1);
    }
    let new_here = |place| attempt("k@x", place, "DE", BERLIN, 6 * DAY + 60);
    assert_eq!(world.codes(&new_here(HOME)), Vec::<&str>::new(), "an office mistypes");
    assert_eq!(world.codes(&new_here("192.0.2.1")), ["password_spraying"]);
    assert_eq!(world.assess(&new_here("192.0.2.1")).verdict, SignInVerdict::Refuse);
    assert_eq!(world.codes(&new_here("192.0.2.2")), ["password_spraying"], "its neighbour, as ten failed");
    assert!(matches!(world.assess(&new_here("192.0.2.2")).verdict, SignInVerdict::Delay(_)));
}

#[test]
fn an_account_used_from_everywhere_is_refused() {
    let mut world = World::lived_in(30);
    let countries = ["NG", "BR", "VN", "RU", "IN"];
    for (index, country) in countries.into_iter().enumerate() {
        let mut stolen = attempt("anna@x", &format!("192.0.2.{index}"), country, LAGOS, 31 * DAY);
        stolen.coordinates = None;
        world.lets_in(&stolen);
    }
    let next = Attempt { coordinates: None, ..attempt("anna@x", "198.51.100.9", "ID", LAGOS, 31 * DAY + 60) };
    assert!(world.codes(&next).contains(&"many_countries"));
    assert_eq!(world.assess(&next).verdict, SignInVerdict::Refuse);
    assert_eq!(world.assess(&at_home(31 * DAY + 60)).verdict, SignInVerdict::Allow, "its owner goes on");
}

#[test]
fn levels_differ_in_what_is_done_and_the_web_alone_is_challenged() {
    let verdict = |level: Level, score, protocol| level.thresholds().verdict(score, protocol);
    assert_eq!(verdict(Level::Balanced, 35, Protocol::Web), SignInVerdict::Challenge);
    assert!(matches!(verdict(Level::Balanced, 35, Protocol::Imap), SignInVerdict::Delay(_)));
    assert_eq!(verdict(Level::Cautious, 40, Protocol::Web), SignInVerdict::Allow);
    assert_eq!(verdict(Level::Strict, 50, Protocol::Submission), SignInVerdict::Refuse);
    let custom = Level::Custom(Thresholds { delay: 1, challenge: 2, refuse: 3 });
    assert_eq!(verdict(custom, 3, Protocol::Web), SignInVerdict::Refuse);
    assert_eq!(verdict(custom, 1, Protocol::Web), SignInVerdict::Allow);
}

#[test]
fn berlin_is_5_200_km_from_lagos() {
    assert!((distance(BERLIN, LAGOS) - 5200.0).abs() < 50.0, "{}", distance(BERLIN, LAGOS));
    assert!(distance(BERLIN, BERLIN) < 1.0);
}

#[test]
fn strangers_push_no_account_out_and_fill_no_memory() {
    let mut world = World::lived_in(30);
    let thief = attempt("anna@x", "192.0.2.1", "DE", BERLIN, 30 * DAY);
    for mark in 0..12 {
        world.fails(&thief, mark);
    }
    for number in 0..60_000_u32 {
        let address = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
        let mut stranger = attempt("nobody@x", "10.0.0.0", "DE", BERLIN, 30 * DAY + 1);
        stranger.sign_in.origin = stranger.sign_in.origin.map(|it| Origin { address, ..it });
        world.lately.failed(&stranger.sign_in, None, false, &world.history);
    }
    assert!(world.codes(&thief).contains(&"brute_force"));
}

proptest! {
    /// Whatever was tried, and wherever, an owner at home gets in.
    #[test]
    fn whoever_is_known_good_is_never_refused(
        tried in prop::collection::vec((0u8..30, any::<u16>(), any::<bool>()), 0..300),
        protocol in prop_oneof![Just(Protocol::Imap), Just(Protocol::Web), Just(Protocol::Submission)],
        level in prop_oneof![Just(Level::Cautious), Just(Level::Balanced), Just(Level::Strict)],
    ) {
        let mut world = World::lived_in(10);
        for (place, mark, from_home) in tried {
            let place = if from_home { HOME.to_owned() } else { format!("192.0.2.{place}") };
            world.fails(&attempt("anna@x", &place, "RU", LAGOS, 10 * DAY), mark);
        }
        let owner = Attempt { protocol, ..at_home(10 * DAY + 60) };
        let found = assess(&owner, &world.history, &world.lately, Stance { level, enforced: true });
        prop_assert!(found.known);
        prop_assert!(matches!(found.verdict, SignInVerdict::Allow | SignInVerdict::Delay(_)), "{:?}", found);
    }
}
