use proptest::prelude::*;

use super::*;
use crate::{
    access::{Country, Protocol},
    alert::PasswordMark,
    risk::{
        Origin, SignIn,
        signals::{Level, Password, Stance, assess},
    },
};

const DAY: i64 = 86_400;
const OFFICE: &str = "203.0.113.7";
const LOGINS: [&str; 12] =
    ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x", "g@x", "h@x", "i@x", "j@x", "k@x", "l@x"];

#[derive(Default)]
struct World {
    history: History,
    lately: Lately,
    defence: Defence,
}

impl World {
    /// Two accounts that work in an office.
    fn with_office() -> Self {
        let mut world = Self::default();
        for day in 0..10 {
            for login in ["a@x", "b@x"] {
                world.history.learn(&from(login, OFFICE, day * DAY).sign_in);
            }
        }
        world
    }

    /// A wrong password, as long as no block keeps it out; what was blocked because of it.
    fn fails(&mut self, attempt: &Attempt<'_>, mark: u16) -> Option<AutomaticBlock> {
        self.lately.failed(&attempt.sign_in, Some(PasswordMark(mark)), true, &self.history);
        self.looks_at(attempt)
    }

    fn looks_at(&mut self, attempt: &Attempt<'_>) -> Option<AutomaticBlock> {
        let stance = Stance { level: Level::Balanced, enforced: true };
        let found = assess(attempt, &self.history, &self.lately, stance);
        self.defence.consider(attempt, &found, &self.history, &mut self.lately)
    }

    fn guess(&mut self, login: &'static str, address: &str, second: i64) -> Option<AutomaticBlock> {
        (0..20).find_map(|mark| self.fails(&from(login, address, second), mark))
    }

    fn spray(&mut self, address: &str, second: i64) -> Option<AutomaticBlock> {
        LOGINS.into_iter().find_map(|login| self.fails(&from(login, address, second), 1))
    }
}

fn from(login: &'static str, address: &str, second: i64) -> Attempt<'static> {
    let origin = Origin { address: address.parse().unwrap(), system: Some(1), country: Country::read("DE") };
    let at = Timestamp::from_second(1_699_920_000 + second).unwrap();
    Attempt {
        sign_in: SignIn { at, login, origin: Some(origin), client: None, device: None },
        protocol: Protocol::Imap,
        password: Password::NotRight,
        coordinates: None,
        hidden_by: None,
    }
}

fn account(login: &str, network: &str) -> Target {
    Target::AccountNetwork(login.into(), network.parse().unwrap())
}

#[test]
fn guessing_one_account_blocks_it_from_there_alone_longer_each_time() {
    let mut world = World::default();
    let mut now = 0;
    for (index, wait) in DURATIONS.into_iter().chain([DURATIONS[4]]).enumerate() {
        let block = world.guess("a@x", "192.0.2.1", now).unwrap();
        assert_eq!(block.target, account("a@x", "192.0.2.1/32"));
        assert_eq!(block.cause, Cause::BruteForce);
        assert_eq!(block.strike as usize, index + 1);
        assert_eq!(block.expires_at.duration_since(from("a@x", OFFICE, now).sign_in.at), wait);
        assert_eq!(world.guess("a@x", "192.0.2.1", now + 1), None, "it is blocked");
        now += wait.as_secs();
    }
    // Three quiet weeks forgive three of six.
    let block = world.guess("a@x", "192.0.2.1", now + 21 * DAY).unwrap();
    assert_eq!(block.strike, 4);
    let said = "10 wrong passwords for this account came from 192.0.2.1 within an hour.";
    assert_eq!(block.to_string(), said);
}

#[test]
fn after_a_block_whoever_mistyped_goes_on() {
    let mut world = World::default();
    assert!(world.guess("a@x", "192.0.2.1", 0).is_some());
    assert_eq!(world.looks_at(&from("a@x", "192.0.2.1", 600)), None);
}

#[test]
fn spraying_blocks_the_address_then_the_network_around() {
    let mut world = World::default();
    let first = world.spray("192.0.2.1", 0).unwrap();
    assert_eq!(first.target, Target::Address("192.0.2.1".parse().unwrap()));
    assert_eq!(first.cause, Cause::PasswordSpraying);
    assert_eq!(world.spray("192.0.2.2", 2 * DAY).unwrap().strike, 1);
    world.spray("192.0.2.3", 2 * DAY + 60).unwrap();
    let all = world.spray("192.0.2.4", 2 * DAY + 3600).unwrap();
    assert_eq!(all.target, Target::Network("192.0.2.0/24".parse().unwrap()));
    let v6 = world.spray("2001:db8:1:2::3", 0).unwrap();
    assert_eq!(v6.target, Target::Network("2001:db8:1:2::/64".parse().unwrap()));
}

#[test]
fn in_an_office_only_the_account_that_is_attacked_is_blocked() {
    let mut world = World::with_office();
    let mut blocked = Vec::new();
    for login in LOGINS {
        blocked.extend(world.fails(&from(login, OFFICE, 11 * DAY), 1));
    }
    assert!(!blocked.is_empty());
    for block in blocked {
        assert!(
            matches!(&block.target, Target::AccountNetwork(login, _) if login != "a@x" && login != "b@x")
        );
    }
    // Nor is the /24 around it, however many of its addresses attack.
    for host in 20..40 {
        let block = world.spray(&format!("203.0.113.{host}"), 12 * DAY).unwrap();
        assert_ne!(block.target, Target::Network("203.0.113.0/24".parse().unwrap()));
    }
}

#[test]
fn lifting_a_block_forgives_all() {
    let mut world = World::default();
    let block = world.guess("a@x", "192.0.2.1", 0).unwrap();
    world.defence.lifted(&block.target, &mut world.lately);
    assert_eq!(world.looks_at(&from("a@x", "192.0.2.1", 1)), None);
    assert_eq!(world.guess("a@x", "192.0.2.1", 2).unwrap().strike, 1);
}

#[test]
fn a_block_of_before_a_restart_counts() {
    let mut world = World::default();
    let block = world.guess("a@x", "192.0.2.1", 0).unwrap();
    let mut world = World::default();
    let set_at = block.expires_at - DURATIONS[0];
    world.defence.resume(block.target, block.cause, set_at, block.expires_at, &mut world.lately);
    assert_eq!(world.guess("a@x", "192.0.2.1", 60), None);
    assert_eq!(world.guess("a@x", "192.0.2.1", 3600).unwrap().strike, 2);
}

#[test]
fn who_was_vouched_for_is_known_from_then_on() {
    let mut world = World::with_office();
    let hotel = from("a@x", "192.0.2.1", 11 * DAY);
    assert!(world.guess("a@x", "192.0.2.1", 11 * DAY).is_some());
    world.history.vouch(&hotel.sign_in);
    assert_eq!(world.guess("a@x", "192.0.2.1", 12 * DAY), None);
}

#[test]
fn what_is_remembered_is_bounded() {
    let (mut defence, mut lately) = (Defence::default(), Lately::default());
    for number in 0..50_000_u32 {
        let target = Target::Address(std::net::IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
        let at = Timestamp::from_second(i64::from(number)).unwrap();
        defence.resume(target, Cause::StolenPassword, at, at, &mut lately);
    }
    assert!(defence.cases.len() <= CASES);
    assert!(defence.cases.contains_key(&Target::Address("10.0.195.79".parse().unwrap())), "the latest stays");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_blocked_where_they_are_known_good(
        tried in prop::collection::vec((0usize..12, 0u8..12, any::<u16>(), 0i64..7200), 0..400),
    ) {
        let mut world = World::with_office();
        for (login, host, mark, second) in tried {
            // The office itself is among its neighbours.
            let attempt = from(LOGINS[login], &format!("203.0.113.{host}"), 10 * DAY + second);
            let Some(block) = world.fails(&attempt, mark) else { continue };
            let office: std::net::IpAddr = OFFICE.parse().unwrap();
            match &block.target {
                Target::Address(address) => prop_assert_ne!(*address, office),
                Target::Network(network) => prop_assert!(!network.contains(&office)),
                Target::AccountNetwork(login, network) => {
                    prop_assert!(!network.contains(&office) || !["a@x", "b@x"].contains(&login.as_str()));
                }
                Target::Account(_) => prop_assert!(false, "an account is never blocked everywhere"),
                Target::Sending(_) => prop_assert!(false, "no sign-in stops sending"),
            }
        }
    }
}
