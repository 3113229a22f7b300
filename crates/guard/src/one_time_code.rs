//! Sign-ins that wait for a second factor: who may go on with one, how often, and for how long.
//!
//! An attempt is found by its key alone, a secret of the browser or device that began it; nobody else goes on with it.
//! A code is compared by equality: what is kept here is a hash under a key. A challenge is what a passkey signs.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

/// An attempt and its codes are good for this long (NIST SP 800-63B-4: at most 10 minutes).
pub const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// Tries at one attempt, whatever the number of codes.
pub const TRIES: u32 = 3;

/// Codes sent for one attempt at most.
const SENDINGS: u32 = 4;

/// Attempts of one owner at a time; an older one is over when another begins.
const PER_OWNER: usize = 5;

/// All attempts that wait: by key `K`, about `T`, with codes `C`.
#[derive(Debug)]
pub struct Attempts<K, T, C> {
    waiting: BTreeMap<K, Attempt<T, C>>,
}

/// A sign-in whose password was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt<T, C> {
    /// What its beginner is to remember of it.
    pub about: T,
    owner: Arc<str>,
    /// The code that was sent last; an older one is of no use.
    code: Option<C>,
    /// What a passkey is to sign; signed once, whatever comes of it.
    challenge: Option<Challenge>,
    sendings: u32,
    tries_left: u32,
    expires_at: Timestamp,
    send_again_at: Timestamp,
}

/// Random bytes that a passkey signs.
pub type Challenge = [u8; 32];

/// There is no such attempt, or it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sign-in is over")]
pub struct Over;

/// Why no code is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    #[error(transparent)]
    Over(#[from] Over),
    #[error("as many codes were sent as may be")]
    NoMore,
    #[error("the next code may be sent at {0}")]
    Wait(Timestamp),
}

/// What came of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T, C> {
    /// The attempt is used up.
    Right(Attempt<T, C>),
    /// As the attempt stands after it.
    Wrong(Attempt<T, C>),
    Over,
}

impl<K, T, C> Default for Attempts<K, T, C> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new() }
    }
}

impl<T, C: PartialEq> Attempt<T, C> {
    pub fn tries_left(&self) -> u32 {
        self.tries_left
    }

    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// When the next code may be sent.
    pub fn send_again_at(&self) -> Timestamp {
        self.send_again_at
    }

    /// Whether a code was sent.
    pub fn has_code(&self) -> bool {
        self.code.is_some()
    }

    /// Whether this is the code that was sent last.
    pub fn is_code(&self, code: &C) -> bool {
        self.code.as_ref() == Some(code)
    }

    fn lives(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.tries_left > 0
    }
}

impl<K, T, C> Attempts<K, T, C>
where
    K: Ord + Clone,
    T: Clone,
    C: Clone + PartialEq,
{
    /// Lets an attempt of `owner` wait.
    pub fn begin(&mut self, key: K, owner: &str, about: T, now: Timestamp) {
        self.waiting.retain(|_, other| now < other.expires_at);
        let own = self.waiting.iter().filter(|(_, other)| &*other.owner == owner);
        let mut own: Vec<_> = own.map(|(key, other)| (other.expires_at, key.clone())).collect();
        own.sort_by_key(|(expires_at, _)| *expires_at);
        let surplus = (own.len() + 1).saturating_sub(PER_OWNER);
        for (_, oldest) in own.into_iter().take(surplus) {
            self.waiting.remove(&oldest);
        }
        let attempt = Attempt {
            about,
            owner: owner.into(),
            code: None,
            challenge: None,
            sendings: 0,
            tries_left: TRIES,
            expires_at: now.saturating_add(LIFE).unwrap_or(now),
            send_again_at: now,
        };
        self.waiting.insert(key, attempt);
    }

    /// An attempt that still waits.
    pub fn get(&self, key: &K, now: Timestamp) -> Result<&Attempt<T, C>, Over> {
        self.waiting.get(key).filter(|attempt| attempt.lives(now)).ok_or(Over)
    }

    /// Takes in a code that is sent now, later each time. Tries stay as they are.
    pub fn send(&mut self, key: &K, code: C, now: Timestamp) -> Result<Attempt<T, C>, NotSent> {
        let attempt = self.living(key, now)?;
        if attempt.sendings >= SENDINGS {
            return Err(NotSent::NoMore);
        }
        if now < attempt.send_again_at {
            return Err(NotSent::Wait(attempt.send_again_at));
        }
        attempt.sendings += 1;
        let pause = SignedDuration::from_secs(15 << attempt.sendings);
        attempt.send_again_at = now.saturating_add(pause).unwrap_or(now);
        attempt.code = Some(code);
        Ok(attempt.clone())
    }

    /// What a passkey is to sign for an attempt: `fresh`, unless another challenge waits there already.
    pub fn challenge(&mut self, key: &K, fresh: Challenge, now: Timestamp) -> Result<Challenge, Over> {
        Ok(*self.living(key, now)?.challenge.get_or_insert(fresh))
    }

    /// Takes a try and the challenge that waits, in one step, before what was signed is looked at. None waits where it
    /// was taken before, or where there was none.
    pub fn take_challenge(
        &mut self,
        key: &K,
        now: Timestamp,
    ) -> Result<(Attempt<T, C>, Option<Challenge>), Over> {
        let attempt = self.living(key, now)?;
        attempt.tries_left -= 1;
        let challenge = attempt.challenge.take();
        Ok((attempt.clone(), challenge))
    }

    /// Takes a try, before what was answered is looked at.
    pub fn take_try(&mut self, key: &K, now: Timestamp) -> Result<Attempt<T, C>, Over> {
        let attempt = self.living(key, now)?;
        attempt.tries_left -= 1;
        Ok(attempt.clone())
    }

    /// Takes a try with a code, in one step.
    pub fn answer(&mut self, key: &K, code: &C, now: Timestamp) -> Answer<T, C> {
        let Ok(attempt) = self.take_try(key, now) else { return Answer::Over };
        if !attempt.is_code(code) {
            return Answer::Wrong(attempt);
        }
        self.waiting.remove(key).map_or(Answer::Over, Answer::Right)
    }

    /// Uses up an attempt; none if that was done before.
    pub fn finish(&mut self, key: &K) -> Option<Attempt<T, C>> {
        self.waiting.remove(key)
    }

    /// Ends the attempts that `which` picks.
    pub fn end(&mut self, which: impl Fn(&T) -> bool) {
        self.waiting.retain(|_, attempt| !which(&attempt.about));
    }

    fn living(&mut self, key: &K, now: Timestamp) -> Result<&mut Attempt<T, C>, Over> {
        self.waiting.get_mut(key).filter(|attempt| attempt.lives(now)).ok_or(Over)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    /// What browsers ask, in any order. Browsers, attempts and codes are small numbers, so that they meet.
    #[derive(Debug, Clone)]
    enum Request {
        Begin {
            browser: u8,
        },
        Send {
            browser: u8,
        },
        /// Answers with the code that was made as the n-th, of whichever attempt.
        Answer {
            browser: u8,
            code: usize,
        },
        /// Has the n-th code, but not the cookie of the sign-in that it was made for.
        Guess {
            browser: u8,
            code: usize,
        },
        /// Is shown what a passkey is to sign.
        Challenge {
            browser: u8,
        },
        /// Signs the challenge that waits.
        Sign {
            browser: u8,
        },
        Wait {
            seconds: u16,
        },
        NotMe {
            browser: u8,
        },
    }

    fn request() -> impl Strategy<Value = Request> {
        prop_oneof![
            2 => (0u8..3).prop_map(|browser| Request::Begin { browser }),
            3 => (0u8..3).prop_map(|browser| Request::Send { browser }),
            6 => ((0u8..3), (0usize..12)).prop_map(|(browser, code)| Request::Answer { browser, code }),
            1 => ((0u8..3), (0usize..12)).prop_map(|(browser, code)| Request::Guess { browser, code }),
            2 => (0u8..3).prop_map(|browser| Request::Challenge { browser }),
            2 => (0u8..3).prop_map(|browser| Request::Sign { browser }),
            2 => (0u16..400).prop_map(|seconds| Request::Wait { seconds }),
            1 => (0u8..3).prop_map(|browser| Request::NotMe { browser }),
        ]
    }

    /// What must hold, kept apart from how the attempts keep it.
    #[derive(Debug, Default)]
    struct Ledger {
        begun_at: HashMap<u32, Timestamp>,
        /// Of which attempt a code was sent.
        codes: Vec<u32>,
        answered: HashMap<u32, u32>,
        used: HashSet<usize>,
        /// Of which attempt each challenge is, by the number that it holds.
        challenges: Vec<u32>,
        signed: HashSet<Challenge>,
        finished: HashSet<u32>,
        ended: HashSet<u32>,
    }

    proptest! {
        /// No order of requests gets more than the tries, uses a code twice, finishes what another browser began, or
        /// goes on with what is over.
        #[test]
        fn no_order_of_requests_gets_more_than_it_may(requests in prop::collection::vec(request(), 0..120)) {
            let mut attempts: Attempts<(u8, u32), u32, usize> = Attempts::default();
            let mut ledger = Ledger::default();
            // The key that a browser's cookie holds.
            let mut cookies: HashMap<u8, (u8, u32)> = HashMap::new();
            let mut now = Timestamp::UNIX_EPOCH;
            for request in requests {
                match request {
                    Request::Begin { browser } => {
                        let id = u32::try_from(ledger.begun_at.len()).unwrap();
                        attempts.begin((browser, id), "anna", id, now);
                        ledger.begun_at.insert(id, now);
                        cookies.insert(browser, (browser, id));
                    }
                    Request::Send { browser } => {
                        let Some(key) = cookies.get(&browser) else { continue };
                        let tries = attempts.get(key, now).map(Attempt::tries_left);
                        if let Ok(sent) = attempts.send(key, ledger.codes.len(), now) {
                            prop_assert_eq!(Ok(sent.tries_left()), tries);
                            ledger.codes.push(sent.about);
                            let sent_of = ledger.codes.iter().filter(|id| **id == sent.about).count();
                            prop_assert!(sent_of <= SENDINGS as usize);
                        }
                    }
                    Request::Answer { browser, code } => {
                        let Some(key) = cookies.get(&browser).copied() else { continue };
                        let id = key.1;
                        let answer = attempts.answer(&key, &code, now);
                        if answer != Answer::Over {
                            *ledger.answered.entry(id).or_default() += 1;
                            prop_assert!(ledger.answered[&id] <= TRIES);
                            prop_assert!(now < ledger.begun_at[&id].saturating_add(LIFE).unwrap());
                            prop_assert!(!ledger.ended.contains(&id));
                            prop_assert!(!ledger.finished.contains(&id));
                        }
                        if let Answer::Right(done) = answer {
                            prop_assert_eq!(done.about, id);
                            prop_assert_eq!(ledger.codes.get(code), Some(&id), "a code of another attempt");
                            let last = ledger.codes.iter().rposition(|of| *of == id);
                            prop_assert_eq!(last, Some(code), "a code that a newer one replaced");
                            prop_assert!(ledger.used.insert(code), "a code was used twice");
                            ledger.finished.insert(id);
                        }
                    }
                    Request::Guess { browser, code } => {
                        let Some(id) = ledger.codes.get(code).copied() else { continue };
                        if cookies.get(&browser) == Some(&(browser, id)) { continue }
                        let began_elsewhere = !attempts.waiting.contains_key(&(browser, id));
                        let answer = attempts.answer(&(browser, id), &code, now);
                        prop_assert!(!began_elsewhere || answer == Answer::Over);
                        if answer != Answer::Over {
                            *ledger.answered.entry(id).or_default() += 1;
                            prop_assert!(ledger.answered[&id] <= TRIES);
                        }
                        if let Answer::Right(done) = answer {
                            prop_assert!(ledger.used.insert(code));
                            ledger.finished.insert(done.about);
                        }
                    }
                    Request::Challenge { browser } => {
                        let Some(key) = cookies.get(&browser) else { continue };
                        let fresh = numbered(ledger.challenges.len());
                        let Ok(shown) = attempts.challenge(key, fresh, now) else { continue };
                        if shown == fresh {
                            ledger.challenges.push(key.1);
                        }
                        prop_assert!(!ledger.signed.contains(&shown), "it was signed before");
                    }
                    Request::Sign { browser } => {
                        let Some(key) = cookies.get(&browser).copied() else { continue };
                        let Ok((attempt, challenge)) = attempts.take_challenge(&key, now) else { continue };
                        let id = attempt.about;
                        *ledger.answered.entry(id).or_default() += 1;
                        prop_assert!(ledger.answered[&id] <= TRIES);
                        prop_assert!(now < ledger.begun_at[&id].saturating_add(LIFE).unwrap());
                        prop_assert!(!ledger.ended.contains(&id) && !ledger.finished.contains(&id));
                        if let Some(challenge) = challenge {
                            let number = usize::from(challenge[0]);
                            prop_assert_eq!(ledger.challenges[number], id, "a challenge of another attempt");
                            prop_assert!(ledger.signed.insert(challenge), "a challenge was signed twice");
                        }
                    }
                    Request::Wait { seconds } => {
                        now = now.saturating_add(SignedDuration::from_secs(seconds.into())).unwrap();
                    }
                    Request::NotMe { browser } => {
                        let Some((_, id)) = cookies.get(&browser).copied() else { continue };
                        attempts.end(|about| *about == id);
                        ledger.ended.insert(id);
                    }
                }
                let own = attempts.waiting.values().filter(|attempt| attempt.lives(now)).count();
                prop_assert!(own <= PER_OWNER);
            }
        }
    }

    fn numbered(number: usize) -> Challenge {
        let mut challenge = [0; 32];
        challenge[0] = u8::try_from(number).unwrap();
        challenge
    }

    #[test]
    fn a_further_code_waits_longer_each_time_and_gives_no_further_try() {
        let mut attempts: Attempts<u8, (), u8> = Attempts::default();
        let mut now = Timestamp::UNIX_EPOCH;
        attempts.begin(1, "anna", (), now);
        let mut pauses = Vec::new();
        for code in 0..4 {
            let sent = attempts.send(&1, code, now).unwrap();
            assert_eq!(
                attempts.send(&1, 9, now),
                Err(if code == 3 { NotSent::NoMore } else { NotSent::Wait(sent.send_again_at()) })
            );
            pauses.push(sent.send_again_at().duration_since(now).as_secs());
            now = sent.send_again_at();
            if code < 2 {
                assert!(matches!(attempts.answer(&1, &7, now), Answer::Wrong(_)));
            }
        }
        assert_eq!(pauses, [30, 60, 120, 240]);
        assert!(matches!(attempts.answer(&1, &3, now), Answer::Right(_)));
        assert_eq!(attempts.answer(&1, &3, now), Answer::Over);
    }

    #[test]
    fn an_attempt_without_a_code_has_no_right_answer() {
        let mut attempts: Attempts<u8, (), u8> = Attempts::default();
        attempts.begin(1, "anna", (), Timestamp::UNIX_EPOCH);
        for _ in 0..TRIES {
            assert!(matches!(attempts.answer(&1, &0, Timestamp::UNIX_EPOCH), Answer::Wrong(_)));
        }
        assert_eq!(attempts.answer(&1, &0, Timestamp::UNIX_EPOCH), Answer::Over);
        assert_eq!(attempts.send(&1, 0, Timestamp::UNIX_EPOCH), Err(NotSent::Over(Over)));
    }
}
