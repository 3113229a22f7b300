use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_699_920_000 + second).unwrap()
}

/// A sign-in whose values are numbers; 0 stands for one that is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plain {
    at: i64,
    account: usize,
    /// Address, AS, country.
    origin: Option<[u32; 3]>,
    /// User agent, browser, operating system, kind of device.
    client: Option<[u32; 4]>,
}

const LOGINS: [&str; 4] = ["a@x", "b@x", "c@x", "d@x"];

impl Plain {
    fn sign_in(&self) -> SignIn<'static> {
        let known = |number: u32| (number != 0).then_some(number);
        let value = |number: u32| known(number).map(|number| Value::of(&number));
        SignIn {
            at: at(self.at),
            login: LOGINS[self.account],
            origin: self.origin.map(|[address, system, country]| Origin {
                address: IpAddr::from((0xcb00_7100 + address).to_be_bytes()),
                system: known(system),
                country: known(country)
                    .map(|country| Country::read(["DE", "UA", "US"][country as usize % 3]).unwrap()),
            }),
            client: self.client.map(|[agent, browser, system, device]| Client {
                agent: Value::of(&agent),
                browser: value(browser),
                system: value(system),
                device: value(device),
            }),
            device: None,
        }
    }
}

/// The closed form, read off a list of all that is remembered.
fn closed_form(all: &[Plain], attempt: &Plain) -> Option<f64> {
    let own: Vec<_> = all.iter().filter(|one| one.account == attempt.account).collect();
    if own.is_empty() {
        return None;
    }
    let accounts = number(all.iter().map(|one| one.account).collect::<BTreeSet<_>>().len());
    let mut score = (1.0 / accounts) / (number(own.len()) / number(all.len()));
    let levels = |one: &Plain| one.origin.map(|levels| levels.to_vec());
    if let Some(wanted) = levels(attempt) {
        let own: Vec<_> = own.iter().filter_map(|one| levels(one)).collect();
        let all: Vec<_> = all.iter().filter_map(levels).collect();
        score *= ratio_of(&wanted, &own, &all, &ORIGIN_WEIGHTS);
    }
    let levels = |one: &Plain| one.client.map(|levels| levels.to_vec());
    if let Some(wanted) = levels(attempt) {
        let own: Vec<_> = own.iter().filter_map(|one| levels(one)).collect();
        let all: Vec<_> = all.iter().filter_map(levels).collect();
        score *= ratio_of(&wanted, &own, &all, &CLIENT_WEIGHTS);
    }
    Some(score)
}

fn ratio_of(wanted: &[u32], own: &[Vec<u32>], all: &[Vec<u32>], weights: &[f64]) -> f64 {
    let known = |level: usize, value: u32| level == 0 || value != 0;
    let times = |list: &[Vec<u32>], level: usize| {
        let value = wanted[level];
        number(list.iter().filter(|one| known(level, value) && one[level] == value).count())
    };
    let distinct = |list: &[&Vec<u32>], level: usize| {
        number(list.iter().map(|one| one[level]).filter(|value| *value != 0).collect::<BTreeSet<_>>().len())
    };
    if own.is_empty() {
        return 1.0;
    }
    let (n, large_n, last) = (number(own.len()), number(all.len()), weights.len());
    let local: f64 = (0..last).map(|level| weights[level] * times(own, level) / n).sum();
    if local == 0.0 {
        let comparable = own.iter().any(|one| (1..last).any(|level| one[level] != 0 && wanted[level] != 0));
        return if comparable { 4.0 } else { 1.0 };
    }
    let every: Vec<_> = all.iter().collect();
    let with: Vec<_> = all.iter().filter(|one| one[0] == wanted[0]).collect();
    let m = 1.0 + (1..last).map(|level| distinct(&every, level)).sum::<f64>();
    let d = 1.0 + (1..last).map(|level| distinct(&with, level)).sum::<f64>();
    let c = number(with.len());
    let finest = if c > 0.0 { (c / (c + d)) * (c / (large_n + m)) } else { 1.0 / (large_n + m) };
    let coarser: f64 = (1..last).map(|level| weights[level] * times(all, level) / large_n).sum();
    (weights[0] * finest + coarser) / local
}

/// What is remembered after a list of sign-ins.
fn remembered(learned: &[Plain], expired_at: Option<i64>) -> Vec<Plain> {
    let mut all: Vec<Plain> = Vec::new();
    let day = |second: i64| at(second).as_second() / DAY;
    for one in learned {
        let twin =
            |old: &Plain| Plain { at: 0, ..*old } == Plain { at: 0, ..*one } && day(old.at) == day(one.at);
        if !all.iter().any(twin) {
            all.push(*one);
        }
        let oldest = one.at - MEMORY.as_secs();
        all.retain(|old| old.account != one.account || old.at >= oldest);
        let own = all.iter().filter(|old| old.account == one.account).count();
        if own > SIGN_INS {
            let first = all.iter().position(|old| old.account == one.account).unwrap();
            all.remove(first);
        }
    }
    if let Some(now) = expired_at {
        all.retain(|old| old.at >= now - MEMORY.as_secs());
    }
    all
}

fn origin() -> impl Strategy<Value = Option<[u32; 3]>> {
    // An address has mostly, though not always, the same AS and country.
    let steady = (1u32..12).prop_map(|address| [address, 1 + address % 4, 1 + address % 3]);
    let moved =
        (1u32..12, 0u32..5, 0u32..4).prop_map(|(address, system, country)| [address, system, country]);
    prop_oneof![1 => Just(None), 6 => steady.prop_map(Some), 2 => moved.prop_map(Some)]
}

fn client() -> impl Strategy<Value = Option<[u32; 4]>> {
    let steady = (1u32..9).prop_map(|agent| [agent, 1 + agent % 4, 1 + agent % 3, 1 + agent % 2]);
    let moved = (1u32..9, 0u32..4, 0u32..4, 0u32..3).prop_map(|(a, b, c, d)| [a, b, c, d]);
    prop_oneof![2 => Just(None), 6 => steady.prop_map(Some), 1 => moved.prop_map(Some)]
}

fn plain(span: i64) -> impl Strategy<Value = Plain> {
    (0..span, 0..LOGINS.len(), origin(), client()).prop_map(|(at, account, origin, client)| Plain {
        at,
        account,
        origin,
        client,
    })
}

fn history(span: i64, most: usize) -> impl Strategy<Value = Vec<Plain>> {
    prop::collection::vec(plain(span), 0..most).prop_map(|mut all| {
        all.sort_by_key(|one| one.at);
        all
    })
}

fn learn(sign_ins: &[Plain]) -> History {
    let mut history = History::default();
    for one in sign_ins {
        history.learn(&one.sign_in());
    }
    history
}

fn check(learned: &[Plain], asks: &[Plain], expired_at: Option<i64>) -> Result<(), TestCaseError> {
    let mut history = learn(learned);
    if let Some(now) = expired_at {
        history.expire(at(now));
    }
    let all = remembered(learned, expired_at);
    prop_assert_eq!(history.memory().sign_ins, all.len());
    for ask in asks {
        match (history.score(&ask.sign_in()), closed_form(&all, ask)) {
            (Some(Score(score)), Some(expected)) => {
                prop_assert!(
                    (score - expected).abs() <= 1e-12 * expected,
                    "{score} is not {expected}: {ask:?}"
                );
            }
            (score, expected) => prop_assert_eq!(score.map(|score| score.0), expected),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn the_score_is_the_closed_form(
        learned in history(40 * DAY, 30),
        asks in prop::collection::vec(plain(1), 1..4),
    ) {
        check(&learned, &asks, None)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn counts_stay_right_when_sign_ins_are_forgotten(
        learned in history(500 * DAY, 400),
        asks in prop::collection::vec(plain(1), 1..6),
        later in prop::option::of(500 * DAY..900 * DAY),
    ) {
        check(&learned, &asks, later)?;
    }

    #[test]
    fn residents_are_those_who_are_known(learned in history(20 * DAY, 80), gone in 0..LOGINS.len()) {
        let mut history = learn(&learned);
        history.forget(LOGINS[gone]);
        let late = 20 * DAY + DAY;
        for address in 1u32..12 {
            let one = Plain { at: late, account: 0, origin: Some([address, 0, 0]), client: None }.sign_in();
            let address = one.origin.unwrap().address;
            let day = |second: i64| at(second).as_second() / DAY;
            let days = |account: usize| {
                let there = learned.iter().filter(|old| old.account == account);
                let there = there.filter(|old| old.sign_in().origin.is_some_and(|it| it.address == address));
                there.map(|old| day(old.at)).collect::<BTreeSet<_>>().len()
            };
            for (account, login) in LOGINS.into_iter().enumerate() {
                let known = account != gone && days(account) >= usize::from(known::EARLIER_DAYS);
                prop_assert_eq!(history.known().is_network_known(login, address, at(late)), known);
            }
            let established = (0..LOGINS.len())
                .filter(|account| *account != gone && days(*account) > usize::from(known::EARLIER_DAYS));
            let residents = history.known().residents(client_network(address));
            prop_assert_eq!(residents as usize, established.count());
        }
    }
}

fn from(address: &str, day: i64) -> SignIn<'static> {
    let origin = Origin { address: address.parse().unwrap(), system: Some(1), country: Country::read("DE") };
    SignIn { at: at(day * DAY), login: "a@x", origin: Some(origin), client: None, device: None }
}

#[test]
fn a_mail_program_that_signs_in_each_minute_pushes_nothing_out() {
    let mut history = History::default();
    history.learn(&from("203.0.113.7", 0));
    for minute in 0..1440 {
        history.learn(&SignIn { at: at(DAY + minute * 60), ..from("203.0.113.8", 1) });
    }
    assert!(history.memory().sign_ins <= 3);
    let score = |address| history.score(&from(address, 2)).unwrap();
    assert!(score("203.0.113.7") < score("203.0.113.9"), "the first is still remembered");
}

#[test]
fn a_network_is_known_after_three_earlier_days_and_not_for_ever() {
    let mut history = History::default();
    let home = "203.0.113.7".parse().unwrap();
    let known = |history: &History, day: i64| history.known().is_known("a@x", home, None, at(day * DAY));
    for day in 0..3 {
        history.learn(&from("203.0.113.7", day));
        assert!(!known(&history, day), "on day {day} there are too few earlier ones");
    }
    assert!(known(&history, 3));
    assert!(known(&history, 92));
    assert!(!known(&history, 93));
    assert!(!history.known().is_known("b@x", home, None, at(3 * DAY)));
    history.disown("a@x", home);
    assert!(!known(&history, 3));
    assert_eq!((history.memory().accounts, history.memory().sign_ins), (0, 0), "nothing is left of it");
}

#[test]
fn where_an_account_tells_its_device_another_or_none_is_not_known() {
    let mut history = History::default();
    let home = "203.0.113.7".parse().unwrap();
    let phone = Some(Value::of("phone"));
    for day in 0..3 {
        history.learn(&SignIn { device: phone, ..from("203.0.113.7", day) });
    }
    let known = |device| history.known().is_known("a@x", home, device, at(4 * DAY));
    assert!(known(phone));
    assert!(!known(None));
    assert!(!known(Some(Value::of("another"))));
    assert!(history.known().is_network_known("a@x", home, at(4 * DAY)));
}

#[test]
fn habits_tell_countries_and_hours() {
    let mut history = History::default();
    for day in 0..20 {
        history.learn(&from("203.0.113.7", day));
    }
    let usual = history.habits(&from("203.0.113.9", 21)).unwrap();
    assert_eq!(
        (usual.country, usual.system, usual.client),
        (Familiar::Yes, Familiar::Yes, Familiar::Unknown)
    );
    assert!(usual.usual_hour);
    let origin =
        Origin { country: Country::read("UA"), system: None, address: "198.51.100.1".parse().unwrap() };
    let odd = SignIn { at: at(21 * DAY + 6 * 3600), origin: Some(origin), ..from("203.0.113.9", 21) };
    let odd = history.habits(&odd).unwrap();
    assert_eq!((odd.country, odd.system), (Familiar::No, Familiar::Unknown));
    assert!(!odd.usual_hour);
    assert_eq!(odd.days, 21);
}
