//! When a sign-in on the web looks so much like guessing or like a machine that a captcha is asked for. Nobody is
//! asked who only signs in.
//!
//! What is counted does not depend on whether an account exists, so that being asked tells nothing about it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// Failures of one network at one account from which on it is asked. A person mistypes twice.
pub const OF_A_NETWORK_AT_AN_ACCOUNT: u32 = 3;

/// Failures for one account, from wherever.
pub const FOR_AN_ACCOUNT: u32 = 10;

/// Failures of one network, at whichever accounts: many people may sit behind one address.
pub const OF_A_NETWORK: u32 = 20;

/// A form that is sent sooner than this after it was given was not typed.
pub const TYPING: SignedDuration = SignedDuration::from_secs(1);

/// Failures count for this long, to within a slot.
pub const MEMORY: SignedDuration = SignedDuration::from_hours(1);

/// Failures of so long are counted in one.
const SLOT: SignedDuration = SignedDuration::from_mins(10);

const SLOTS: usize = 6;

/// What tools call themselves that send forms; parts of a User-Agent in lower case.
const TOOLS: [&str; 26] = [
    "aiohttp",
    "apache-httpclient",
    "axios",
    "curl",
    "go-http-client",
    "headless",
    "httpclient",
    "httpie",
    "httpx",
    "hydra",
    "java/",
    "libwww-perl",
    "masscan",
    "nikto",
    "nmap",
    "node-fetch",
    "okhttp",
    "patator",
    "phantomjs",
    "postman",
    "python",
    "reqwest",
    "ruby",
    "scrapy",
    "undici",
    "wget",
];

/// What is known of somebody who wants to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour<'a> {
    pub failures: Failures,
    /// The User-Agent.
    pub agent: Option<&'a str>,
    /// Whether it says which languages it wants, as every browser does.
    pub has_language: bool,
    /// From giving the form to getting it back; none before it comes back.
    pub typed_for: Option<SignedDuration>,
    /// Whether the network tries passwords of many accounts, over whatever protocol.
    pub is_spraying: bool,
}

/// Failures in the last hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// Of the client's network, at all accounts.
    pub of_the_network: u32,
    /// For the account, from all networks.
    pub for_the_account: u32,
    /// Of the client's network at the account.
    pub of_the_network_at_the_account: u32,
}

/// Why behaviour is suspicious. Shown as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// So many failures of the network at the account.
    Guessing(u32),
    /// So many failures for the account.
    AccountUnderAttack(u32),
    /// So many failures of the network.
    NetworkAttacks(u32),
    /// The network tries passwords of many accounts.
    Spraying,
    /// A tool's User-Agent.
    Tool,
    NoAgent,
    /// No Accept-Language, and the form came back sooner than a person types.
    Machine,
}

/// Failures over the last hour, in slots of ten minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hour {
    /// The number of the newest slot since 1970.
    newest: i64,
    /// From the newest to the oldest.
    counts: [u32; SLOTS],
}

impl Behaviour<'_> {
    /// All that is suspicious about it; a captcha is asked for if there is anything.
    ///
    /// A single weak sign is none: a password manager sends a form at once, too.
    pub fn suspicions(&self) -> Vec<Suspicion> {
        let Failures { of_the_network, for_the_account, of_the_network_at_the_account } = self.failures;
        let reached = |count: u32, figure: u32| (count >= figure).then_some(count);
        let too_soon = self.typed_for.is_some_and(|time| time < TYPING);
        let agent = match self.agent.map(str::trim) {
            None | Some("") => Some(Suspicion::NoAgent),
            Some(agent) => is_tool(agent).then_some(Suspicion::Tool),
        };
        [
            reached(of_the_network_at_the_account, OF_A_NETWORK_AT_AN_ACCOUNT).map(Suspicion::Guessing),
            reached(for_the_account, FOR_AN_ACCOUNT).map(Suspicion::AccountUnderAttack),
            reached(of_the_network, OF_A_NETWORK).map(Suspicion::NetworkAttacks),
            self.is_spraying.then_some(Suspicion::Spraying),
            agent,
            (too_soon && !self.has_language).then_some(Suspicion::Machine),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guessing(count) => {
                write!(f, "{count} sign-ins from this network to this account failed within an hour.")
            }
            Self::AccountUnderAttack(count) => {
                write!(f, "{count} sign-ins to this account failed within an hour, from wherever.")
            }
            Self::NetworkAttacks(count) => {
                write!(f, "{count} sign-ins from this network failed within an hour.")
            }
            Self::Spraying => f.write_str("Passwords of many accounts are tried from this network."),
            Self::Tool => f.write_str("It calls itself a tool, not a browser."),
            Self::NoAgent => f.write_str("It does not say which browser it is."),
            Self::Machine => {
                f.write_str("It names no language, and its form came sooner than a person types.")
            }
        }
    }
}

impl Hour {
    pub fn add(&mut self, at: Timestamp) {
        self.turn(at);
        if let Some(count) = self.slot_of(at).and_then(|slot| self.counts.get_mut(slot)) {
            *count = count.saturating_add(1);
        }
    }

    /// Takes back what was added at that time.
    pub fn take_back(&mut self, at: Timestamp) {
        if let Some(count) = self.slot_of(at).and_then(|slot| self.counts.get_mut(slot)) {
            *count = count.saturating_sub(1);
        }
    }

    pub fn count(&self, now: Timestamp) -> u32 {
        let mut turned = *self;
        turned.turn(now);
        turned.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Begins the slot of that time, and forgets those that are over. A clock that is set back frees nothing.
    fn turn(&mut self, now: Timestamp) {
        let passed = number(now).saturating_sub(self.newest);
        if passed > 0 {
            let passed = usize::try_from(passed).unwrap_or(SLOTS).min(SLOTS);
            self.counts.rotate_right(passed);
            self.counts.iter_mut().take(passed).for_each(|count| *count = 0);
            self.newest = number(now);
        }
    }

    /// Where a time's failures are counted; those of a time ahead of us, with the newest.
    fn slot_of(&self, at: Timestamp) -> Option<usize> {
        let ago = usize::try_from(self.newest.saturating_sub(number(at)).max(0)).ok()?;
        (ago < SLOTS).then_some(ago)
    }
}

fn is_tool(agent: &str) -> bool {
    let agent = agent.to_lowercase();
    TOOLS.iter().any(|tool| agent.contains(tool))
}

fn number(at: Timestamp) -> i64 {
    at.as_second().div_euclid(SLOT.as_secs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

    fn person() -> Behaviour<'static> {
        Behaviour {
            failures: Failures::default(),
            agent: Some(FIREFOX),
            has_language: true,
            typed_for: Some(SignedDuration::from_secs(6)),
            is_spraying: false,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_person_who_mistypes_twice_is_not_asked() {
        let failures = Failures {
            of_the_network: OF_A_NETWORK - 1,
            for_the_account: FOR_AN_ACCOUNT - 1,
            of_the_network_at_the_account: OF_A_NETWORK_AT_AN_ACCOUNT - 1,
        };
        assert_eq!(Behaviour { failures, ..person() }.suspicions(), []);
        assert_eq!(Behaviour { is_spraying: true, ..person() }.suspicions(), [Suspicion::Spraying]);
    }

    #[test]
    fn each_figure_alone_is_suspicious_and_says_why() {
        let with = |failures| Behaviour { failures, ..person() }.suspicions();
        let none = Failures::default();
        let guessing = with(Failures { of_the_network_at_the_account: 3, ..none });
        assert_eq!(guessing, [Suspicion::Guessing(3)]);
        assert_eq!(with(Failures { for_the_account: 10, ..none }), [Suspicion::AccountUnderAttack(10)]);
        assert_eq!(with(Failures { of_the_network: 20, ..none }), [Suspicion::NetworkAttacks(20)]);
        let text = "3 sign-ins from this network to this account failed within an hour.";
        assert_eq!(guessing[0].to_string(), text);
    }

    #[test]
    fn tools_are_known_and_browsers_are_none() {
        let of = |agent| Behaviour { agent, ..person() }.suspicions();
        for tool in ["curl/8.5.0", "python-requests/2.32", "Go-http-client/1.1", "Mozilla/4.0 (Hydra)"] {
            assert_eq!(of(Some(tool)), [Suspicion::Tool], "{tool}");
        }
        assert_eq!(of(None), [Suspicion::NoAgent]);
        assert_eq!(of(Some(" ")), [Suspicion::NoAgent]);
        for browser in [
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/18.0 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 \
             Safari/537.36 Edg/130.0.0.0",
            "Lynx/2.9.0dev.12 libwww-FM/2.14",
            "w3m/0.5.3+git20230121",
        ] {
            assert_eq!(of(Some(browser)), [], "{browser}");
        }
    }

    #[test]
    fn one_weak_sign_is_none() {
        let soon = Some(SignedDuration::from_millis(40));
        assert_eq!(Behaviour { typed_for: soon, ..person() }.suspicions(), []);
        assert_eq!(Behaviour { has_language: false, ..person() }.suspicions(), []);
        let both = Behaviour { typed_for: soon, has_language: false, ..person() };
        assert_eq!(both.suspicions(), [Suspicion::Machine]);
    }

    #[test]
    fn failures_are_forgotten_after_an_hour() {
        let mut hour = Hour::default();
        hour.add(at(1_000_000));
        assert_eq!(hour.count(at(1_000_000 + 49 * 60)), 1);
        assert_eq!(hour.count(at(1_000_000 + 61 * 60)), 0);
        hour.take_back(at(1_000_000));
        assert_eq!(hour.count(at(1_000_000)), 0);
    }

    fn behaviours() -> impl Strategy<Value = Behaviour<'static>> {
        let failures = (0u32..40, 0u32..20, 0u32..6).prop_map(|(network, account, both)| Failures {
            of_the_network: network,
            for_the_account: account,
            of_the_network_at_the_account: both,
        });
        let agents = prop_oneof![Just(None), Just(Some("curl/8")), Just(Some(FIREFOX))];
        let times = prop::option::of((0i64..3_000).prop_map(SignedDuration::from_millis));
        (failures, agents, any::<bool>(), times).prop_map(|(failures, agent, has_language, typed_for)| {
            Behaviour { failures, agent, has_language, typed_for, is_spraying: false }
        })
    }

    proptest! {
        /// More failures never make it less suspicious, and without any sign nobody is asked.
        #[test]
        fn more_failures_are_no_less_suspicious(it in behaviours(), more in (0u32..9, 0u32..9, 0u32..9)) {
            let before = it.suspicions();
            let failures = Failures {
                of_the_network: it.failures.of_the_network + more.0,
                for_the_account: it.failures.for_the_account + more.1,
                of_the_network_at_the_account: it.failures.of_the_network_at_the_account + more.2,
            };
            let after = Behaviour { failures, ..it }.suspicions();
            prop_assert!(after.len() >= before.len());
            let kinds = |all: &[Suspicion]| all.iter().map(std::mem::discriminant).collect::<Vec<_>>();
            prop_assert!(kinds(&before).iter().all(|kind| kinds(&after).contains(kind)));
            let calm = Behaviour { failures: Failures::default(), ..it };
            let is_browser = it.agent == Some(FIREFOX) && it.has_language;
            prop_assert!(!is_browser || calm.suspicions().is_empty());
        }

        /// The count is that of the last hour, at most one slot too short, and never one too many.
        #[test]
        fn an_hour_counts_what_a_list_of_times_does(mut times in prop::collection::vec(0i64..20_000, 0..60)) {
            times.sort_unstable();
            let mut hour = Hour::default();
            for (index, time) in times.iter().enumerate() {
                hour.add(at(*time));
                let within = |span: i64| {
                    let counted = times[..=index].iter().filter(|other| time - **other < span).count();
                    u32::try_from(counted).unwrap()
                };
                let count = hour.count(at(*time));
                let (least, most) = (within(MEMORY.as_secs() - SLOT.as_secs()), within(MEMORY.as_secs()));
                prop_assert!(least <= count && count <= most, "{count} is not in {least}..={most}");
            }
        }
    }
}
