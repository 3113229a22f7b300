//! Keeps the full-text index as new as the mirror.

use std::collections::BTreeSet;

use mailcup_wire::{Problem, SnapshotId, desktop::MailIndexState};
use tokio_util::sync::CancellationToken;

use super::{Mirror, Stopped};
use crate::{blocking::blocking, review::Review};

impl Mirror {
    pub(super) async fn keep_indexed(self, stop: CancellationToken) {
        loop {
            // Before it looks, so that what is wanted meanwhile is seen.
            let anew = self.inner.index_anew.notified();
            self.index_once(&stop).await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = anew => {}
            }
        }
    }

    async fn index_once(&self, stop: &CancellationToken) {
        let wanted = self.kept().await.ok().flatten().is_some_and(|kept| kept.indexed);
        let Ok(review) = self.review() else { return };
        if !wanted {
            return self.set_index_state(MailIndexState::Off);
        }
        let looking = review.clone();
        if blocking(move || is_current(&looking)).await.unwrap_or(false) {
            return self.set_index_state(MailIndexState::Complete);
        }
        let own = stop.child_token();
        *self.inner.stop_indexing.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = own.clone();
        self.set_index_state(MailIndexState::Running { done: 0, total: 0 });
        let (this, watch) = (self.clone(), Stopped(own.clone()));
        let indexed = blocking(move || {
            let tell = |done, total| this.set_index_state(MailIndexState::Running { done, total });
            review.index_mail(&tell, &watch)?;
            is_current(&review)
        })
        .await;
        self.set_index_state(match indexed {
            Ok(true) => MailIndexState::Complete,
            Ok(false) => MailIndexState::Behind,
            Err(_) if own.is_cancelled() => MailIndexState::Off,
            Err(problem) => MailIndexState::Failed { why: problem.message },
        });
    }

    fn set_index_state(&self, state: MailIndexState) {
        let mut course = self.course();
        if course.index != state {
            course.index = state;
            drop(course);
            (self.inner.tell)();
        }
    }
}

/// Whether the snapshots that are here are in the index, and no others.
fn is_current(review: &Review) -> Result<bool, Problem> {
    let Some(indexed) = review.index().standing()? else { return Ok(false) };
    let here: BTreeSet<SnapshotId> = review.snapshots()?.snapshots.into_iter().map(|it| it.id).collect();
    Ok(indexed.snapshots.into_iter().collect::<BTreeSet<_>>() == here)
}
