//! Sessions of accounts on the web, alive in memory; their rows in the database are the truth at a start.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use jiff::SignedDuration;
use mailcup_guard::one_time_code::Challenge;
use mailcup_wire::{Address, DeviceId, Login, SessionId, Time, WebSession};

use crate::{
    clock::Clock,
    secrets::{self, TokenHash},
};

/// A session ends this long after its last request.
const IDLE: SignedDuration = SignedDuration::from_hours(12);

/// A session ends this long after its sign-in, used or not.
pub const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// For this long after the password was given, its account may be changed.
pub const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// A session in which the password is wrong so many times in a row ends.
pub const WRONG_PASSWORDS: u32 = 5;

/// A browser in which an account is signed in.
#[derive(Debug)]
pub struct LiveWebSession {
    pub id: SessionId,
    pub account: Login,
    pub address: Option<Address>,
    /// The browser, as it calls itself.
    pub client: Option<String>,
    /// None of a session from before browsers were known.
    pub device: Option<DeviceId>,
    pub created_at: Time,
    /// Milliseconds since 1970.
    last_seen_at: AtomicI64,
    seen_from: Mutex<Option<Address>>,
    /// When the password was given last, in milliseconds since 1970; after a start of the service, at the sign-in.
    password_at: AtomicI64,
    /// Passwords that are not known to be right, since the last one that was.
    wrong_passwords: AtomicU32,
    /// What a new passkey is to sign, and until when.
    challenge: Mutex<Option<(Challenge, Time)>>,
}

/// All living sessions on the web.
#[derive(Debug)]
pub struct WebSessions {
    clock: Clock,
    living: RwLock<HashMap<TokenHash, Arc<LiveWebSession>>>,
}

impl LiveWebSession {
    pub fn new(
        id: SessionId,
        account: Login,
        (address, client): (Option<Address>, Option<String>),
        created_at: Time,
        last_seen_at: Time,
    ) -> Self {
        Self {
            id,
            account,
            address,
            client,
            device: None,
            created_at,
            last_seen_at: AtomicI64::new(last_seen_at.as_millis()),
            seen_from: Mutex::new(address),
            password_at: AtomicI64::new(created_at.as_millis()),
            wrong_passwords: AtomicU32::new(0),
            challenge: Mutex::default(),
        }
    }

    #[must_use]
    pub fn on(self, device: Option<DeviceId>) -> Self {
        Self { device, ..self }
    }

    /// Whether the password was given so lately that its account may be changed.
    pub fn is_fresh(&self, now: Time) -> bool {
        let given = Time::from_millis(self.password_at.load(Ordering::Relaxed));
        now.0.duration_since(given.0) < FRESH
    }

    /// Counts a password as a wrong one before it is looked at; false if there were too many.
    pub fn take_password(&self) -> bool {
        self.wrong_passwords.fetch_add(1, Ordering::Relaxed) < WRONG_PASSWORDS
    }

    /// Whether it was the last one that may be wrong.
    pub fn is_out_of_passwords(&self) -> bool {
        self.wrong_passwords.load(Ordering::Relaxed) >= WRONG_PASSWORDS
    }

    /// The password could not be looked at.
    pub fn give_password_back(&self) {
        let one_less = |count: u32| count.checked_sub(1);
        // None where a right one came between: there is nothing to give back.
        let _ = self.wrong_passwords.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
    }

    /// The password was right.
    pub fn password_given(&self, now: Time) {
        self.password_at.store(now.as_millis(), Ordering::Relaxed);
        self.wrong_passwords.store(0, Ordering::Relaxed);
    }

    /// A new passkey is to sign this until then; what was asked before is of no use any more.
    pub fn ask(&self, challenge: Challenge, until: Time) {
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some((challenge, until));
    }

    /// Takes what a new passkey is to sign, before it is looked at.
    pub fn take_challenge(&self, now: Time) -> Option<Challenge> {
        let asked = self.challenge.lock().unwrap_or_else(PoisonError::into_inner).take();
        asked.filter(|(_, until)| now < *until).map(|(challenge, _)| challenge)
    }

    pub fn last_seen_at(&self) -> Time {
        Time::from_millis(self.last_seen_at.load(Ordering::Relaxed))
    }

    /// From where its browser asked last; after a start of the service, from where it signed in.
    pub fn seen_from(&self) -> Option<Address> {
        *self.seen_from.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its browser asks from there.
    pub fn is_seen_from(&self, address: Option<Address>) {
        *self.seen_from.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    /// When it ends unless it is used before.
    pub fn expires_at(&self) -> Time {
        let idle = self.last_seen_at().0.saturating_add(IDLE);
        let life = self.created_at.0.saturating_add(LIFE);
        // Neither is near the end of time.
        Time::from(idle.unwrap_or(self.created_at.0).min(life.unwrap_or(self.created_at.0)))
    }

    /// As the API shows it.
    pub fn shown(&self) -> WebSession {
        WebSession {
            id: self.id.clone(),
            address: self.address,
            client: self.client.clone(),
            created_at: self.created_at,
            last_seen_at: self.last_seen_at(),
            expires_at: self.expires_at(),
        }
    }
}

impl WebSessions {
    pub fn new(clock: Clock) -> Self {
        Self { clock, living: RwLock::default() }
    }

    /// The session that a token opens, if it has not ended.
    pub fn find(&self, token: &str) -> Option<Arc<LiveWebSession>> {
        let hash = secrets::hash_token(token);
        let session = self.read(|living| living.get(&hash).cloned())?;
        let now = self.clock.now();
        if now >= session.expires_at() {
            return None;
        }
        session.last_seen_at.fetch_max(now.as_millis(), Ordering::Relaxed);
        Some(session)
    }

    /// Lets a session live.
    pub fn begin(&self, token: TokenHash, session: LiveWebSession) {
        self.change(|living| living.insert(token, Arc::new(session)));
    }

    /// Ends the sessions that `which` picks, from the next request on; answers them.
    pub fn end(&self, which: impl Fn(&LiveWebSession) -> bool) -> Vec<Arc<LiveWebSession>> {
        self.change(|living| {
            living.extract_if(|_, session| which(session)).map(|(_, session)| session).collect()
        })
    }

    /// Ends the sessions whose time is over.
    pub fn end_expired(&self) -> Vec<Arc<LiveWebSession>> {
        let now = self.clock.now();
        self.end(|session| now >= session.expires_at())
    }

    /// The living sessions of an account, newest first.
    pub fn of(&self, account: &Login) -> Vec<Arc<LiveWebSession>> {
        let now = self.clock.now();
        let is_of =
            |session: &&Arc<LiveWebSession>| session.account == *account && now < session.expires_at();
        let mut sessions: Vec<_> = self.read(|living| living.values().filter(is_of).cloned().collect());
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        sessions
    }

    /// Every session that is kept.
    pub fn all(&self) -> Vec<Arc<LiveWebSession>> {
        self.read(|living| living.values().cloned().collect())
    }

    fn read<T>(&self, look: impl FnOnce(&HashMap<TokenHash, Arc<LiveWebSession>>) -> T) -> T {
        look(&self.living.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<TokenHash, Arc<LiveWebSession>>) -> T) -> T {
        change(&mut self.living.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_is_idle_and_after_its_life() {
        let clock = Clock::fixed(Time::from_millis(0));
        let sessions = WebSessions::new(clock.clone());
        let new = |account: &str| {
            LiveWebSession::new(
                SessionId(account.to_owned()),
                account.into(),
                (None, None),
                clock.now(),
                clock.now(),
            )
        };
        sessions.begin(secrets::hash_token("idle"), new("ben@example.org"));
        sessions.begin(secrets::hash_token("used"), new("anna@example.org"));
        let at = |hours: i64| Time::from_millis(hours * 3_600_000);
        for hours in (0..7 * 24).step_by(6) {
            clock.set(at(hours));
            assert!(sessions.find("used").is_some(), "{hours}");
        }
        assert!(sessions.find("idle").is_none());
        clock.set(at(7 * 24));
        assert!(sessions.find("used").is_none());
        assert!(sessions.of(&"anna@example.org".into()).is_empty());
        assert_eq!(sessions.end_expired().len(), 2);
        assert!(sessions.all().is_empty());
    }
}
