//! What a change would have done, and what one attempt would be answered: on the local copy, so also offline.

mod tester;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use mailcup_guard::replay::Replay;
use mailcup_policy::{Applied, Stamp, applied, known_networks, limit_set, rule_set};
use mailcup_wire::{
    PolicyChange, PolicyItem, PolicyMode, PolicyState, Problem, ServiceId, Time,
    desktop::{DecisionAnswer, DecisionQuestion, DryRunOutcome, DryRunProgress, DryRunQuestion},
};

use super::{super::Console, restored, untryable};
use crate::store::{Question, Readers, SendingReplay, Watch};

/// The dry run of each service. Clones share them.
#[derive(Clone, Default)]
pub struct DryRuns(Arc<Mutex<BTreeMap<ServiceId, Arc<Run>>>>);

#[derive(Default)]
struct Run {
    watch: Arc<Watch>,
    /// Held while it runs.
    runs: tokio::sync::Mutex<()>,
}

impl Console {
    /// Replays stored events with a change. Ends early with [`Console::cancel_dry_run`], or when another begins.
    pub async fn dry_run(&self, question: DryRunQuestion) -> Result<DryRunOutcome, Problem> {
        let (readers, now) = (self.readers()?, self.clock.now());
        let service = self.here()?.service;
        let run = Arc::new(Run::default());
        let _running = run.runs.lock().await;
        if let Some(former) = self.dry_runs.begin(&service, &run) {
            former.watch.cancel();
            let _ended = former.runs.lock().await;
        }
        let done = async {
            let question = asked(&readers, question, now).await?;
            Ok(readers.dry_run(question, Arc::clone(&run.watch)).await?)
        };
        let done: Result<_, Problem> = done.await;
        self.dry_runs.end(&service, &run);
        Ok(match done? {
            Some(dry_run) => DryRunOutcome::Done { dry_run: Box::new(dry_run) },
            None => DryRunOutcome::Cancelled,
        })
    }

    /// How far the dry run is that runs now.
    pub fn dry_run_progress(&self) -> Result<Option<DryRunProgress>, Problem> {
        let running = self.dry_runs.of(&self.here()?.service);
        Ok(running.map(|run| {
            let (done, total) = run.watch.progress();
            DryRunProgress { done, total }
        }))
    }

    /// Ends the dry run that runs now.
    pub fn cancel_dry_run(&self) -> Result<(), Problem> {
        if let Some(run) = self.dry_runs.of(&self.here()?.service) {
            run.watch.cancel();
        }
        Ok(())
    }

    /// What one attempt would be answered, step by step.
    pub async fn decide(&self, question: DecisionQuestion) -> Result<DecisionAnswer, Problem> {
        tester::decide(&self.readers()?, question, self.clock.now()).await
    }
}

impl DryRuns {
    /// Answers the one that ran before.
    fn begin(&self, service: &ServiceId, run: &Arc<Run>) -> Option<Arc<Run>> {
        self.lock().insert(service.clone(), Arc::clone(run))
    }

    fn end(&self, service: &ServiceId, run: &Arc<Run>) {
        let mut all = self.lock();
        if all.get(service).is_some_and(|it| Arc::ptr_eq(it, run)) {
            all.remove(service);
        }
    }

    fn of(&self, service: &ServiceId) -> Option<Arc<Run>> {
        self.lock().get(service).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ServiceId, Arc<Run>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both policies, compiled. What the change touches counts as enforced.
async fn asked(readers: &Readers, question: DryRunQuestion, now: Time) -> Result<Question, Problem> {
    let DryRunQuestion { change, span } = question;
    let before = readers.policy().await?;
    let touches_rules = !change.rules.is_empty();
    let touches_sending = !change.limits.is_empty() || !change.known_networks.is_empty();
    let after = enforced(changed(readers, before.clone(), change, now).await?);
    let compiled = tokio::task::spawn_blocking(move || {
        let sending = |state: &PolicyState| (limit_set(&state.limits), known_networks(&state.known_networks));
        Question {
            sign_ins: touches_rules.then(|| Replay::new(rule_set(&before.rules), rule_set(&after.rules))),
            submissions: touches_sending
                .then(|| SendingReplay { before: sending(&before), after: sending(&after) }),
            span,
            now,
        }
    });
    compiled.await.map_err(|error| Problem::new(mailcup_wire::Code::Internal, error.to_string()))
}

/// The policy as if a change were saved.
async fn changed(
    readers: &Readers,
    state: PolicyState,
    change: PolicyChange,
    now: Time,
) -> Result<Applied, Problem> {
    let deleted = restored(readers, &change).await?;
    let mut new = 0_u32;
    let mut new_id = || {
        new += 1;
        format!("new-{new}")
    };
    applied(state, &deleted, change, Stamp { now, by: None, new_id: &mut new_id }).map_err(untryable)
}

fn enforced(applied: Applied) -> PolicyState {
    let mut state = applied.state;
    for item in &applied.items {
        match item {
            PolicyItem::AccessRule(touched) => {
                if let Some(rule) = state.rules.iter_mut().find(|rule| rule.id == touched.id) {
                    rule.terms.mode = PolicyMode::Enforced;
                }
            }
            PolicyItem::SendingLimit(touched) => {
                if let Some(limit) = state.limits.iter_mut().find(|limit| limit.id == touched.id) {
                    limit.terms.mode = PolicyMode::Enforced;
                }
            }
            PolicyItem::KnownNetworks(_) | PolicyItem::Trial(_) => {}
        }
    }
    state
}
