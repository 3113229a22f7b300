//! App passwords that are alive, in memory; their rows in the database are the truth at a start.
//!
//! An app password has 120 random bits, so a fast keyed hash keeps it as safe as a slow one would. One lookup of that
//! hash, which holds the login too, costs the same whether the password is right, wrong, or for nobody.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use mailcup_guard::{
    access::Scope,
    app_password::{Limits, MainPasswords},
};
use mailcup_policy as terms;
use mailcup_wire::{Address, AppPassword, AppPasswordId, Login, Protocol, Time};
use moka::sync::Cache;
use secrecy::{ExposeSecret, SecretString};

use crate::secrets::{self, ServerKey, TokenHash};

/// How long a mail server may take from a grant to the question what it was for.
const GRANTED_FOR: Duration = Duration::from_secs(30);

/// An app password that was not revoked. It may have expired.
#[derive(Debug)]
pub struct LiveAppPassword {
    pub id: AppPasswordId,
    pub login: Login,
    pub name: Arc<str>,
    pub limits: Limits,
    used: Mutex<Used>,
}

/// When and from where an app password was last used.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    last: Option<(Time, Option<Address>)>,
    written: bool,
}

/// All living app passwords, and where accounts' own passwords are refused beside them.
#[derive(Debug)]
pub struct AppPasswords {
    living: RwLock<Living>,
    main: ArcSwap<MainPasswords>,
    /// What a mail server was granted, by the hash of its token.
    granted: Cache<TokenHash, Arc<LiveAppPassword>>,
}

#[derive(Debug, Default)]
struct Living {
    by_secret: HashMap<TokenHash, Arc<LiveAppPassword>>,
    by_id: HashMap<AppPasswordId, Arc<LiveAppPassword>>,
}

/// What is kept of an app password: a code under the server key over the login and what counts of the password.
pub fn keep(key: &ServerKey, login: &Login, password: &SecretString) -> TokenHash {
    let plain = secrets::plain(password.expose_secret());
    key.authenticate("app password", &format!("{login}\0{plain}"))
}

impl LiveAppPassword {
    fn new(stored: &AppPassword) -> Self {
        Self {
            id: stored.id.clone(),
            login: stored.login.clone(),
            name: stored.name.as_str().into(),
            limits: Limits {
                protocols: stored.protocols.iter().map(|it| terms::protocol(*it)).collect(),
                networks: stored.networks.iter().map(|network| network.net()).collect(),
                expires_at: stored.expires_at.map(|end| end.0),
            },
            used: Mutex::new(Used {
                last: stored.last_used_at.map(|at| (at, stored.last_used_from)),
                written: true,
            }),
        }
    }

    pub fn used_at(&self, now: Time, from: Option<Address>) {
        *self.lock() = Used { last: Some((now, from)), written: false };
    }

    /// When and from where it was last used.
    pub fn last_use(&self) -> Option<(Time, Option<Address>)> {
        self.lock().last
    }

    /// The last use, unless it was taken to be written before.
    pub fn unwritten_use(&self) -> Option<(Time, Option<Address>)> {
        let mut used = self.lock();
        let last = used.last.filter(|_| !used.written);
        used.written = true;
        last
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AppPasswords {
    pub fn new(
        stored: impl IntoIterator<Item = (TokenHash, AppPassword)>,
        main: impl IntoIterator<Item = (Scope, bool)>,
    ) -> Self {
        let passwords = Self {
            living: RwLock::default(),
            main: ArcSwap::from_pointee(MainPasswords::new(main)),
            granted: Cache::builder().max_capacity(100_000).time_to_live(GRANTED_FOR).build(),
        };
        for (secret, app_password) in stored {
            passwords.begin(secret, &app_password);
        }
        passwords
    }

    /// The app password that is this account's and reads so.
    pub fn find(
        &self,
        key: &ServerKey,
        login: &Login,
        password: &SecretString,
    ) -> Option<Arc<LiveAppPassword>> {
        let secret = keep(key, login, password);
        self.living.read().unwrap_or_else(PoisonError::into_inner).by_secret.get(&secret).cloned()
    }

    pub fn get(&self, id: &AppPasswordId) -> Option<Arc<LiveAppPassword>> {
        self.living.read().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }

    /// A token for which [`AppPasswords::granted`] answers this app password, once and soon.
    pub fn grant(&self, app_password: Arc<LiveAppPassword>) -> SecretString {
        let token = secrets::new_token("mca_");
        self.granted.insert(secrets::hash_token(token.expose_secret()), app_password);
        token
    }

    /// The app password for which a token was granted.
    pub fn granted(&self, token: &str) -> Option<Arc<LiveAppPassword>> {
        self.granted.remove(&secrets::hash_token(token))
    }

    /// The scope that refuses the account's own password over this protocol.
    pub fn main_refused_by(&self, login: &Login, protocol: Protocol) -> Option<Scope> {
        self.main.load().refused_by(&login.0, terms::protocol(protocol))
    }

    /// Lets an app password live, unless it was revoked; for after the commit.
    pub fn begin(&self, secret: TokenHash, app_password: &AppPassword) {
        if app_password.revoked_at.is_some() {
            return;
        }
        let live = Arc::new(LiveAppPassword::new(app_password));
        let mut living = self.living.write().unwrap_or_else(PoisonError::into_inner);
        living.by_id.insert(live.id.clone(), Arc::clone(&live));
        living.by_secret.insert(secret, live);
    }

    /// Revokes an app password at once; for after the commit.
    pub fn end(&self, id: &AppPasswordId) {
        let mut living = self.living.write().unwrap_or_else(PoisonError::into_inner);
        living.by_id.remove(id);
        living.by_secret.retain(|_, live| live.id != *id);
    }

    /// Takes in where accounts' own passwords are refused; for after the commit.
    pub fn swap_main(&self, main: impl IntoIterator<Item = (Scope, bool)>) {
        self.main.store(Arc::new(MainPasswords::new(main)));
    }

    /// Every living app password.
    pub fn all(&self) -> Vec<Arc<LiveAppPassword>> {
        let living = self.living.read().unwrap_or_else(PoisonError::into_inner);
        living.by_id.values().cloned().collect()
    }
}
