//! Checks the service's audit log: takes every entry in, recomputes its hash, and holds what the service tells
//! now against what was seen before. What was seen stays here, so that nobody at the service can take it back
//! unseen.
//!
//! A service that was restored from an older copy has an older audit log, too. The two are told apart by the
//! event log, whose course shows a restoration: entries are let go that were made after the last event which
//! both courses have, and only those. Whoever controls the server can restore an older copy on purpose; that
//! is shown as the restoration that it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use data_encoding::HEXLOWER_PERMISSIVE;
use mailcup_guard::audit::{self, Break, Hash, Head, Link};
use mailcup_wire::{
    AuditEntry, Problem, Time,
    desktop::{AuditFault, AuditFinding, AuditRestored, AuditStanding},
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    Clock,
    api::Api,
    store::{Seen, Store, StoreError},
    sync::News,
};

/// A log whose service says nothing of it is read again so often.
const EVERY: Duration = Duration::from_hours(1);

/// Asks for checks. Clones ask the same checker.
#[derive(Clone, Default)]
pub struct Asking(Arc<Wanted>);

#[derive(Default)]
struct Wanted {
    notify: Notify,
    /// From the first entry on, not only what is new.
    whole: AtomicBool,
}

impl Asking {
    pub fn whole(&self) {
        self.0.whole.store(true, Ordering::Relaxed);
        self.0.notify.notify_one();
    }

    pub fn new_entries(&self) {
        self.0.notify.notify_one();
    }
}

/// Checks the log of one service whenever it is asked to.
pub struct Checker {
    pub api: Api,
    pub store: Store,
    pub clock: Clock,
    pub asking: Asking,
    /// Hears how the log stands after every check.
    pub news: mpsc::Sender<News>,
}

#[derive(Debug)]
pub enum Fault {
    Service(Problem),
    Store(StoreError),
}

impl Checker {
    /// Runs until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        loop {
            let wanted = async {
                tokio::select! {
                    () = self.asking.0.notify.notified() => {}
                    () = tokio::time::sleep(EVERY) => self.asking.0.whole.store(true, Ordering::Relaxed),
                }
            };
            if stop.run_until_cancelled(wanted).await.is_none() {
                return;
            }
            let is_whole = self.asking.0.whole.swap(false, Ordering::Relaxed);
            match stop.run_until_cancelled(self.check(is_whole)).await {
                None => return,
                Some(Ok(standing)) => {
                    // The actor may have ended meanwhile.
                    let _ = self.news.send(News::Audit(Box::new(standing))).await;
                }
                Some(Err(fault)) => {
                    // It is looked at again once the service is back, or the next time.
                    self.asking.0.whole.fetch_or(is_whole, Ordering::Relaxed);
                    match fault {
                        Fault::Service(problem) => {
                            tracing::info!(
                                code = problem.code.as_str(),
                                "the audit log could not be checked"
                            );
                        }
                        Fault::Store(error) => tracing::warn!(%error, "the audit log could not be kept"),
                    }
                }
            }
        }
    }

    async fn check(&self, is_whole: bool) -> Result<AuditStanding, Fault> {
        loop {
            let seen = self.store.readers().seen_audit().await?;
            if seen.standing.finding.is_some() {
                return Ok(seen.standing);
            }
            let found = self.compare(&seen, is_whole || seen.restored.is_some()).await?;
            let now = self.clock.now();
            let mut standing = AuditStanding { finding: None, ..seen.standing.clone() };
            match found {
                Ok(head) => {
                    standing.entries = u32::try_from(head.seq).unwrap_or(u32::MAX);
                    standing.since = standing.since.or(Some(now));
                    standing.checked_at = Some(now);
                }
                Err(finding) => {
                    if let Some(common) = seen.restored
                        && let Some(lost) = self.let_go(&finding, common).await?
                    {
                        standing.restored = Some(AuditRestored { at: now, lost });
                        standing.since = Some(now);
                        self.store.keep_audit_standing(standing).await?;
                        continue;
                    }
                    self.is_the_same_course().await?;
                    standing.finding = Some(finding);
                }
            }
            self.store.keep_audit_standing(standing.clone()).await?;
            return Ok(standing);
        }
    }

    /// Holds what the service tells against what was seen, and takes in what follows.
    async fn compare(&self, seen: &Seen, is_whole: bool) -> Result<Result<Head, AuditFinding>, Fault> {
        let mut head = head_of(seen.last.as_ref());
        let remembered = head.seq;
        // The newest entry that was seen must still be there.
        let mut at = if is_whole { 0 } else { remembered.saturating_sub(1) };
        loop {
            let page = self.api.audit_after(at).await.map_err(Fault::Service)?;
            let ours = self.store.readers().audit_after(at).await?;
            let mut ours = ours.into_iter();
            let before = at;
            let mut new = Vec::new();
            let mut broken = None;
            for told in page.entries {
                let expected = at + 1;
                if seen.trusting {
                    head = head_of(Some(&told));
                    new.push(told);
                    at = head.seq;
                    continue;
                }
                match self.next(&mut head, expected, ours.next(), &told) {
                    Ok(true) => new.push(told),
                    Ok(false) => {}
                    Err(finding) => {
                        broken = Some(*finding);
                        break;
                    }
                }
                at = expected;
            }
            self.store.keep_audit(new).await?;
            if let Some(finding) = broken {
                return Ok(Err(finding));
            }
            // A page that does not move on would be asked for for ever.
            if page.more && at > before {
                continue;
            }
            if at >= remembered {
                return Ok(Ok(head));
            }
            let seen = self.store.readers().audit_after(at).await?.into_iter().next();
            return Ok(Err(self.finding(AuditFault::Truncated, at + 1, seen, None)));
        }
    }

    /// Whether an entry is as it was seen, or follows what was seen; true for a new one.
    fn next(
        &self,
        head: &mut Head,
        expected: u64,
        seen: Option<AuditEntry>,
        told: &AuditEntry,
    ) -> Result<bool, Box<AuditFinding>> {
        let finding = |fault, seen| Err(Box::new(self.finding(fault, expected, seen, Some(told.clone()))));
        if told.seq != expected {
            return finding(AuditFault::Missing, seen);
        }
        match seen {
            Some(seen) if seen == *told => Ok(false),
            Some(seen) if seen.hash == told.hash => finding(AuditFault::Altered, Some(seen)),
            Some(seen) => finding(AuditFault::Rewritten, Some(seen)),
            None => {
                let stated = HEXLOWER_PERMISSIVE.decode(told.hash.as_bytes()).unwrap_or_default();
                match audit::follow(head, &link(told), &stated) {
                    Ok(next) => {
                        *head = next;
                        Ok(true)
                    }
                    Err(Break::Missing { .. }) => finding(AuditFault::Missing, None),
                    Err(Break::Altered { .. }) => finding(AuditFault::Altered, None),
                }
            }
        }
    }

    /// Lets go of what a restored service cannot have any more; none if something is wrong beyond that.
    async fn let_go(&self, finding: &AuditFinding, common: Time) -> Result<Option<u32>, Fault> {
        if finding.fault == AuditFault::Altered || finding.seen.is_none() {
            return Ok(None);
        }
        let kept = u64::from(finding.seq) - 1;
        let made = self.store.audit_made_after(kept).await?;
        if made.is_some_and(|made| made < common) {
            return Ok(None);
        }
        Ok(Some(self.store.forget_audit_after(kept).await?))
    }

    /// A service that is being restored this moment is none that was tampered with: its events tell.
    async fn is_the_same_course(&self) -> Result<(), Fault> {
        let Some(cursor) = self.store.cursor().await? else { return Ok(()) };
        self.api.events_after(&cursor).await.map(drop).map_err(Fault::Service)
    }

    fn finding(
        &self,
        fault: AuditFault,
        seq: u64,
        seen: Option<AuditEntry>,
        told: Option<AuditEntry>,
    ) -> AuditFinding {
        let seq = u32::try_from(seq).unwrap_or(u32::MAX);
        AuditFinding { found_at: self.clock.now(), fault, seq, seen, told }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn head_of(last: Option<&AuditEntry>) -> Head {
    let Some(last) = last else { return Head::default() };
    let hash = HEXLOWER_PERMISSIVE.decode(last.hash.as_bytes()).unwrap_or_default();
    Head { seq: last.seq, hash: Hash::try_from(hash).ok() }
}

fn link(entry: &AuditEntry) -> Link<'_> {
    Link {
        seq: entry.seq,
        at: entry.at.as_millis(),
        admin: entry.admin.as_ref().map_or("", |admin| &admin.0),
        login: entry.login.as_ref().map_or("", |login| &login.0),
        action: &entry.action,
        target: &entry.target,
        details: &entry.details,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::ConsoleKey, stand_in};

    fn entry(seq: u64) -> AuditEntry {
        AuditEntry {
            seq,
            at: Time::from_millis(0),
            admin: None,
            login: None,
            action: "block.create".to_owned(),
            target: String::new(),
            details: "{}".to_owned(),
            hash: String::new(),
        }
    }

    #[tokio::test]
    async fn a_log_that_is_said_to_go_on_and_does_not_is_truncated() {
        let folder = tempfile::tempdir().unwrap();
        let api = stand_in::service(|_| (200, r#"{"entries":[],"head":null,"more":true}"#.to_owned())).await;
        let key = ConsoleKey::generate().store_key(&"one".into());
        let store = Store::open(&folder.path().join("store.db"), &key).unwrap();
        store.keep_audit(vec![entry(1), entry(2)]).await.unwrap();
        let (news, _heard) = mpsc::channel(1);
        let checker = Checker { api, store, clock: Clock::default(), asking: Asking::default(), news };
        for (is_whole, first) in [(false, 2), (true, 1)] {
            let checked = tokio::time::timeout(Duration::from_secs(20), checker.check(is_whole)).await;
            let finding = checked.unwrap().unwrap().finding.unwrap();
            assert_eq!((finding.fault, finding.seq), (AuditFault::Truncated, first));
            checker.store.keep_audit_standing(AuditStanding::default()).await.unwrap();
        }
    }
}
