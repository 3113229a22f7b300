//! The mail servers that ask us, as their requests show them. Requests are counted in memory and written now
//! and then.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use mailcup_wire::{EventBody, MailServer, MailServerKind, SystemFact, Time};

use crate::{
    event_log::EventLog,
    store::{Store, StoreError, mail_servers},
};

/// All mail servers that ever asked.
#[derive(Debug)]
pub struct MailServers {
    dovecot: RwLock<HashMap<Arc<str>, Arc<Seen>>>,
    postfix: RwLock<HashMap<Arc<str>, Arc<Seen>>>,
    log: EventLog,
}

/// One mail server's requests.
#[derive(Debug)]
pub struct Seen {
    first_request_at: Time,
    last_request_at: AtomicI64,
    requests: AtomicU32,
    written: AtomicU32,
}

impl MailServers {
    pub async fn load(log: EventLog) -> Result<Self, StoreError> {
        let known = mail_servers::list(log.store().read()).await?;
        let servers = Self { dovecot: RwLock::default(), postfix: RwLock::default(), log };
        for server in known {
            let seen = Seen {
                first_request_at: server.first_request_at,
                last_request_at: AtomicI64::new(server.last_request_at.as_millis()),
                requests: AtomicU32::new(server.requests),
                written: AtomicU32::new(server.requests),
            };
            let names = servers.of(server.server);
            let mut names = names.write().unwrap_or_else(PoisonError::into_inner);
            names.insert(server.name.into(), Arc::new(seen));
        }
        Ok(servers)
    }

    /// Counts a request. The first one of a mail server becomes an event.
    pub fn count(&self, kind: MailServerKind, name: &str, now: Time) {
        let names = self.of(kind);
        let counted = |names: &HashMap<Arc<str>, Arc<Seen>>| names.get(name).map(|seen| seen.count(now));
        if counted(&names.read().unwrap_or_else(PoisonError::into_inner)).is_some() {
            return;
        }
        let mut names = names.write().unwrap_or_else(PoisonError::into_inner);
        if counted(&names).is_some() {
            return;
        }
        let name: Arc<str> = name.into();
        let seen = Arc::new(Seen {
            first_request_at: now,
            last_request_at: AtomicI64::new(now.as_millis()),
            requests: AtomicU32::new(1),
            written: AtomicU32::new(0),
        });
        names.insert(Arc::clone(&name), Arc::clone(&seen));
        tokio::spawn(record_first(self.log.clone(), kind, name, seen));
    }

    /// All of them, with their counts as they are now.
    pub fn all(&self) -> Vec<MailServer> {
        let mut all = Vec::new();
        for kind in [MailServerKind::Dovecot, MailServerKind::Postfix] {
            let names = self.of(kind).read().unwrap_or_else(PoisonError::into_inner);
            let begin = all.len();
            all.extend(names.iter().map(|(name, seen)| seen.describe(kind, name)));
            all[begin..].sort_by(|a, b| a.name.cmp(&b.name));
        }
        all
    }

    /// Writes the counts that changed.
    pub async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let changed: Vec<_> = [MailServerKind::Dovecot, MailServerKind::Postfix]
            .into_iter()
            .flat_map(|kind| {
                let names = self.of(kind).read().unwrap_or_else(PoisonError::into_inner);
                let changed = names.iter().filter(|(_, seen)| seen.has_changed());
                changed.map(|(name, seen)| (seen.describe(kind, name), Arc::clone(seen))).collect::<Vec<_>>()
            })
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let mut tx = store.write().await?;
        for (server, _) in &changed {
            mail_servers::put(&mut tx, server).await?;
        }
        tx.commit().await?;
        for (server, seen) in changed {
            seen.written.store(server.requests, Ordering::Relaxed);
        }
        Ok(())
    }

    fn of(&self, kind: MailServerKind) -> &RwLock<HashMap<Arc<str>, Arc<Seen>>> {
        match kind {
            MailServerKind::Dovecot => &self.dovecot,
            MailServerKind::Postfix => &self.postfix,
        }
    }
}

impl Seen {
    /// Counts a request.
    pub fn count(&self, now: Time) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.last_request_at.store(now.as_millis(), Ordering::Relaxed);
    }

    fn has_changed(&self) -> bool {
        self.requests.load(Ordering::Relaxed) != self.written.load(Ordering::Relaxed)
    }

    fn describe(&self, server: MailServerKind, name: &str) -> MailServer {
        MailServer {
            server,
            name: name.to_owned(),
            first_request_at: self.first_request_at,
            last_request_at: Time::from_millis(self.last_request_at.load(Ordering::Relaxed)),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }
}

async fn record_first(log: EventLog, kind: MailServerKind, name: Arc<str>, seen: Arc<Seen>) {
    let recorded = async {
        let mut tx = log.begin().await?;
        mail_servers::put(tx.connection(), &seen.describe(kind, &name)).await?;
        tx.append(&EventBody::System(SystemFact::MailServerSeen { server: kind, name: name.to_string() }));
        tx.commit().await
    };
    if let Err(error) = recorded.await {
        tracing::error!(%error, name = &*name, "a new mail server was not recorded");
    }
}
