//! Edits that are not in effect: kept in the local copy until an admin applies or discards them.

use mailcup_wire::{Admin, Code, Problem, Role, ServiceId, desktop::Resource};

use super::{
    super::{Controller, DraftStep},
    Said,
};
use crate::{
    Host, changes,
    draft::{Kept, resource_of},
    store::Store,
};

impl<H: Host> Controller<H> {
    pub(in crate::controller) async fn take_draft_step(
        &mut self,
        id: &ServiceId,
        step: DraftStep,
    ) -> Result<(), Problem> {
        let now = self.clock.now();
        let store = self.copy_of(id)?;
        let connection = self.at_service(id)?;
        let number = connection.number;
        let changed = match step {
            DraftStep::Told(content, at) => store.keep_resource(content, at).await?,
            DraftStep::Settle(content, edited_at) => {
                let resource = resource_of(&content);
                let told = store.keep_resource(content, now).await?;
                store.drop_draft(resource, edited_at).await? || told
            }
            DraftStep::Keep { edit, began } => {
                let admin = editor(connection.admin.as_ref())?;
                let (admin, login) = (admin.id.clone(), admin.login.clone());
                store.keep_draft(Kept { began, edit, edited_at: now, admin, login }).await?;
                true
            }
            DraftStep::Discard(resource) => {
                editor(connection.admin.as_ref())?;
                let draft = store.readers().draft(resource.clone()).await?;
                connection.discarded = Some(draft.ok_or_else(no_draft)?);
                store.drop_draft(resource, None).await?
            }
            DraftStep::Restore(resource) => {
                restore(&store, &mut connection.discarded, resource).await?;
                true
            }
        };
        if changed {
            self.drafts_changed(number).await;
        }
        Ok(())
    }

    pub(super) async fn drafts_changed(&mut self, number: u64) {
        self.changed(number, &changes::drafts());
        self.refresh_figures(number).await;
    }

    /// Asks the service, beside the actor, how the resources stand of which there are drafts.
    pub(super) fn read_drafted(&self, number: u64) {
        let Some(connection) = self.connections.get(number) else { return };
        let api = connection.signing(self.device_key.as_ref());
        let (Some(store), Some(api)) = (connection.store.clone(), api) else { return };
        if connection.figures.drafts == 0 {
            return;
        }
        let (said, now) = (self.channels.said.0.clone(), self.clock.now());
        tokio::spawn(async move {
            for draft in store.readers().drafts().await.unwrap_or_default() {
                match api.resource(&draft.resource()).await {
                    Ok(content) => {
                        if let Err(error) = store.keep_resource(content, now).await {
                            tracing::warn!(%error, "what a draft is compared with was not kept");
                        }
                    }
                    Err(problem) => {
                        tracing::warn!(
                            code = problem.code.as_str(),
                            "what a draft is compared with was not told"
                        );
                    }
                }
            }
            // The actor may have ended meanwhile.
            let _ = said.send((number, Said::Drafted)).await;
        });
    }

    /// Puts drafts of a damaged copy into the one that took its place.
    pub(super) async fn keep_again(&mut self, number: u64, drafts: Vec<Kept>) {
        let Some(store) = self.connections.get(number).and_then(|it| it.store.clone()) else { return };
        for draft in drafts {
            if let Err(error) = store.keep_draft(draft).await {
                tracing::error!(%error, "a draft of the damaged copy was not kept");
            }
        }
        self.drafts_changed(number).await;
    }
}

/// Brings back the draft that was discarded last, unless there is another one by now.
async fn restore(store: &Store, discarded: &mut Option<Kept>, resource: Resource) -> Result<(), Problem> {
    let last = discarded.as_ref().filter(|draft| draft.resource() == resource).ok_or_else(no_draft)?;
    if store.readers().draft(resource).await?.is_some() {
        return Err(Problem::new(Code::Conflict, "There is another draft of this by now."));
    }
    store.keep_draft(last.clone()).await?;
    *discarded = None;
    Ok(())
}

/// Whoever is signed in, if they may edit.
fn editor(admin: Option<&Admin>) -> Result<&Admin, Problem> {
    match admin {
        None => Err(Problem::new(Code::Unauthenticated, "Sign in first.")),
        Some(admin) if admin.role == Role::Auditor => {
            Err(Problem::new(Code::Forbidden, "An auditor can look at everything and change nothing."))
        }
        Some(admin) => Ok(admin),
    }
}

fn no_draft() -> Problem {
    Problem::new(Code::NotFound, "There is no such draft any more.")
}
