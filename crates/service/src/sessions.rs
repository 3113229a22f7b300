//! Sessions that are alive, in memory; their rows in the database are the truth at a start.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use mailcup_wire::{Address, Admin, AdminId, DeviceName, Login, Role, Session, SessionId, Time};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    proof::Thumbprint,
    secrets::{self, TokenHash},
};

/// What every session token begins with.
pub const TOKEN_PREFIX: &str = "mcs_";

/// A session ends this long after its last request.
pub const IDLE: jiff::SignedDuration = jiff::SignedDuration::from_hours(14 * 24);

/// A session ends this long after its sign-in, used or not.
pub const LIFE: jiff::SignedDuration = jiff::SignedDuration::from_hours(90 * 24);

/// For so long after its second factor a session may do what needs one.
pub const FRESH: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// A signed-in device.
#[derive(Debug)]
pub struct LiveSession {
    pub id: SessionId,
    pub admin: AdminId,
    pub login: Login,
    pub role: Role,
    /// Whether its admin may read the mail in snapshots.
    pub reads_mail: bool,
    pub device: DeviceName,
    /// The device's key, which signs each request; none where the service takes sessions without.
    pub key: Option<Thumbprint>,
    pub address: Option<Address>,
    pub created_at: Time,
    /// Milliseconds since 1970.
    last_seen_at: AtomicI64,
    /// When a second factor was last given in it; milliseconds since 1970.
    factor_at: AtomicI64,
    /// Fires when the session ends or its role changes.
    pub ended: CancellationToken,
}

/// All living sessions.
#[derive(Debug)]
pub struct Sessions {
    clock: Clock,
    living: RwLock<HashMap<TokenHash, Arc<LiveSession>>>,
}

impl LiveSession {
    pub fn new(
        id: SessionId,
        (admin, login, role): (AdminId, Login, Role),
        device: DeviceName,
        address: Option<Address>,
        created_at: Time,
        last_seen_at: Time,
    ) -> Self {
        Self {
            id,
            admin,
            login,
            role,
            reads_mail: false,
            device,
            key: None,
            address,
            created_at,
            last_seen_at: AtomicI64::new(last_seen_at.as_millis()),
            factor_at: AtomicI64::new(created_at.as_millis()),
            ended: CancellationToken::new(),
        }
    }

    /// The same, bound to a device's key.
    #[must_use]
    pub fn bound_to(self, key: Option<Thumbprint>) -> Self {
        Self { key, ..self }
    }

    /// The same, of an admin who may read the mail in snapshots, or may not.
    #[must_use]
    pub fn reading_mail(self, reads_mail: bool) -> Self {
        Self { reads_mail, ..self }
    }

    /// Notes that its device was there.
    pub fn seen(&self, at: Time) {
        self.last_seen_at.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    /// Notes that a second factor was given in it.
    pub fn factor_given(&self, at: Time) {
        self.factor_at.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    pub fn factor_at(&self) -> Time {
        Time::from_millis(self.factor_at.load(Ordering::Relaxed))
    }

    /// Whether a second factor was given a short while ago.
    pub fn is_fresh(&self, now: Time) -> bool {
        now.as_millis().saturating_sub(self.factor_at().as_millis()) < millis(FRESH)
    }

    pub fn last_seen_at(&self) -> Time {
        Time::from_millis(self.last_seen_at.load(Ordering::Relaxed))
    }

    /// When it ends unless it is used before.
    pub fn expires_at(&self) -> Time {
        let idle = self.last_seen_at().as_millis().saturating_add(millis(IDLE));
        let life = self.created_at.as_millis().saturating_add(millis(LIFE));
        Time::from_millis(idle.min(life))
    }

    /// As the API shows it to the holder of the session `asking`.
    pub fn shown_to(&self, asking: &SessionId) -> Session {
        Session {
            id: self.id.clone(),
            device: self.device.clone(),
            address: self.address,
            created_at: self.created_at,
            last_seen_at: self.last_seen_at(),
            expires_at: self.expires_at(),
            current: self.id == *asking,
        }
    }
}

impl Sessions {
    pub fn new(clock: Clock) -> Self {
        Self { clock, living: RwLock::default() }
    }

    /// The session that a token is for, if it has not ended.
    pub fn find(&self, token: &str) -> Option<Arc<LiveSession>> {
        if !token.starts_with(TOKEN_PREFIX) {
            return None;
        }
        let hash = secrets::hash_token(token);
        let session = self.read(|living| living.get(&hash).cloned())?;
        let now = self.clock.now();
        if now >= session.expires_at() {
            self.end(|candidate| candidate.id == session.id);
            return None;
        }
        Some(session)
    }

    /// Lets a session live.
    pub fn begin(&self, token: TokenHash, session: LiveSession) -> Arc<LiveSession> {
        let session = Arc::new(session);
        self.change(|living| living.insert(token, Arc::clone(&session)));
        session
    }

    /// Ends the sessions that `which` picks, at once and everywhere; answers them.
    pub fn end(&self, which: impl Fn(&LiveSession) -> bool) -> Vec<Arc<LiveSession>> {
        let mut over = Vec::new();
        self.change(|living| {
            living.retain(|_, session| {
                let ends = which(session);
                if ends {
                    over.push(Arc::clone(session));
                }
                !ends
            });
        });
        for session in &over {
            session.ended.cancel();
        }
        over
    }

    /// Ends the sessions whose time is over.
    pub fn end_expired(&self) -> Vec<Arc<LiveSession>> {
        let now = self.clock.now();
        self.end(|session| now >= session.expires_at())
    }

    /// Gives an admin's sessions another role, login and permission. Their streams close; the tokens stay.
    pub fn change_admin(&self, admin: &Admin) {
        let mut replaced = Vec::new();
        self.change(|living| {
            for session in living.values_mut().filter(|session| session.admin == admin.id) {
                let next = LiveSession {
                    id: session.id.clone(),
                    admin: session.admin.clone(),
                    login: admin.login.clone(),
                    role: admin.role,
                    reads_mail: admin.reads_mail,
                    device: session.device.clone(),
                    key: session.key,
                    address: session.address,
                    created_at: session.created_at,
                    last_seen_at: AtomicI64::new(session.last_seen_at().as_millis()),
                    factor_at: AtomicI64::new(session.factor_at().as_millis()),
                    ended: CancellationToken::new(),
                };
                replaced.push(std::mem::replace(session, Arc::new(next)));
            }
        });
        for session in replaced {
            session.ended.cancel();
        }
    }

    /// Notes that a second factor was given in a session.
    pub fn factor_given(&self, session: &SessionId, at: Time) {
        self.read(|living| {
            for session in living.values().filter(|it| it.id == *session) {
                session.factor_given(at);
            }
        });
    }

    /// All sessions of an admin, newest first.
    pub fn of(&self, admin: &AdminId) -> Vec<Arc<LiveSession>> {
        let mut sessions: Vec<_> =
            self.read(|living| living.values().filter(|session| session.admin == *admin).cloned().collect());
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        sessions
    }

    /// Every living session.
    pub fn all(&self) -> Vec<Arc<LiveSession>> {
        self.read(|living| living.values().cloned().collect())
    }

    fn read<T>(&self, look: impl FnOnce(&HashMap<TokenHash, Arc<LiveSession>>) -> T) -> T {
        look(&self.living.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<TokenHash, Arc<LiveSession>>) -> T) -> T {
        change(&mut self.living.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn millis(duration: jiff::SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
