//! API keys that are alive, in memory; their rows in the database are the truth at a start.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use mailcup_wire::{ApiKey, ApiKeyId, Scope, Time};
use tokio_util::sync::CancellationToken;

use crate::secrets::{self, TokenHash};

/// What every API key begins with.
pub const KEY_PREFIX: &str = "mck_";

/// An API key that has not been revoked.
#[derive(Debug)]
pub struct LiveKey {
    pub id: ApiKeyId,
    pub name: Arc<str>,
    pub scopes: Vec<Scope>,
    /// Milliseconds since 1970; 0 for never.
    last_used_at: AtomicI64,
    /// Fires when the key is revoked.
    pub ended: CancellationToken,
}

/// All living keys.
#[derive(Debug, Default)]
pub struct ApiKeys {
    living: RwLock<HashMap<TokenHash, Arc<LiveKey>>>,
}

impl LiveKey {
    pub fn new(id: ApiKeyId, name: &str, scopes: Vec<Scope>, last_used_at: Option<Time>) -> Self {
        Self {
            id,
            name: name.into(),
            scopes,
            last_used_at: AtomicI64::new(last_used_at.map_or(0, Time::as_millis)),
            ended: CancellationToken::new(),
        }
    }

    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    pub fn last_used_at(&self) -> Option<Time> {
        match self.last_used_at.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Time::from_millis(millis)),
        }
    }
}

impl ApiKeys {
    /// The key that has this secret; counts as a use of it.
    pub fn find(&self, secret: &str, now: Time) -> Option<Arc<LiveKey>> {
        if !secret.starts_with(KEY_PREFIX) {
            return None;
        }
        let hash = secrets::hash_token(secret);
        let key = self.living.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()?;
        key.last_used_at.store(now.as_millis(), Ordering::Relaxed);
        Some(key)
    }

    /// Lets a key live.
    pub fn begin(&self, secret: TokenHash, key: LiveKey) {
        self.living.write().unwrap_or_else(PoisonError::into_inner).insert(secret, Arc::new(key));
    }

    /// Lets a key live that is stored, unless it was revoked.
    pub fn begin_stored(&self, secret: TokenHash, key: &ApiKey) {
        if key.revoked_at.is_none() {
            self.begin(secret, LiveKey::new(key.id.clone(), &key.name, key.scopes.clone(), key.last_used_at));
        }
    }

    /// Revokes a key at once.
    pub fn end(&self, id: &ApiKeyId) {
        self.living.write().unwrap_or_else(PoisonError::into_inner).retain(|_, key| {
            let ends = key.id == *id;
            if ends {
                key.ended.cancel();
            }
            !ends
        });
    }

    /// Every living key.
    pub fn all(&self) -> Vec<Arc<LiveKey>> {
        self.living.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
