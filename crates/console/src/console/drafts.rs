//! What can be edited: read, edited, and kept as a draft where an edit can't be in effect.

use std::time::Duration;

use mailcup_wire::{
    Code, Details, Problem, Time,
    desktop::{Applied, ApplyDraft, Comparison, Content, Draft, Edit, Opened, Resource, Saved},
};

use super::Console;
use crate::{
    api::Api,
    controller::{DraftStep, Request},
    draft::{
        Kept, changes_nothing, mismatch, resource_of, resource_of_edit, version_of, with_former_password,
    },
};

/// So long the service may take to answer where there is a copy to show.
const PATIENCE: Duration = Duration::from_secs(3);

/// A resource as it is known now.
struct Known {
    content: Content,
    read_at: Time,
    /// Why it is the copy.
    away: Option<String>,
}

impl Console {
    /// A resource, from the service or, while that is away, from the local copy.
    pub async fn open_resource(&self, resource: Resource) -> Result<Opened, Problem> {
        let known = self.known(&resource, None).await?;
        let draft = self.kept(resource).await?;
        let me = self.here()?.admin;
        let draft = draft.map(|draft| draft.shown(&known.content, me.as_ref()));
        Ok(Opened { content: known.content, read_at: known.read_at, away: known.away, draft })
    }

    /// Puts an edit into effect. Where that can't be, it is kept as a draft rather than lost.
    pub async fn save_edit(&self, edit: Edit, began: Content) -> Result<Saved, Problem> {
        let resource = resource_of(&began);
        if resource_of_edit(&edit) != resource {
            return Err(mismatch());
        }
        let former = self.kept(resource.clone()).await?;
        let edit = with_former_password(edit, former.as_ref());
        let sent = match self.signed_in() {
            Ok(api) => api.edit(edit.clone(), version_of(&began)).await,
            Err(problem) => Err(problem),
        };
        match sent {
            Ok(content) => {
                self.told_of(DraftStep::Settle(content.clone(), None)).await;
                Ok(Saved::Done { content })
            }
            Err(problem) if is_away(&problem) => {
                if changes_nothing(&edit, &began) {
                    if former.is_some() {
                        self.step(DraftStep::Discard(resource)).await?;
                    }
                    return Ok(Saved::Nothing);
                }
                self.step(DraftStep::Keep { edit, began }).await?;
                Ok(Saved::Kept { why: problem.message })
            }
            Err(problem) if problem.code == Code::Stale => {
                // First of all kept: what follows may fail.
                self.step(DraftStep::Keep { edit: edit.clone(), began }).await?;
                let Some(theirs) = current(&resource, &problem) else { return Ok(Saved::Conflict) };
                if changes_nothing(&edit, &theirs) {
                    self.step(DraftStep::Settle(theirs.clone(), None)).await?;
                    return Ok(Saved::Done { content: theirs });
                }
                self.step(DraftStep::Told(theirs, self.clock.now())).await?;
                Ok(Saved::Conflict)
            }
            Err(problem) => Err(problem),
        }
    }

    /// All drafts beside what this console knows, the newest first.
    pub async fn drafts(&self) -> Result<Vec<Draft>, Problem> {
        let (readers, me) = (self.readers()?, self.here()?.admin);
        let mut shown = Vec::new();
        for draft in readers.drafts().await? {
            let copy = readers.resource(draft.resource()).await?;
            let theirs = copy.map_or_else(|| draft.began.clone(), |(content, _)| content);
            shown.push(draft.shown(&theirs, me.as_ref()));
        }
        Ok(shown)
    }

    /// A draft beside the resource as it is now.
    pub async fn compare_draft(&self, resource: Resource) -> Result<Comparison, Problem> {
        let draft = self.draft(&resource).await?;
        let known = self.known(&resource, Some(&draft)).await?;
        self.comparison(&draft, known)
    }

    /// Puts a draft into effect, merged as the admin chose, if nothing changed since they looked at it.
    pub async fn apply_draft(&self, request: ApplyDraft) -> Result<Applied, Problem> {
        let api = self.signed_in()?;
        let draft = self.draft(&request.resource).await?;
        if !request.of_other && self.here()?.admin.as_ref() != Some(&draft.admin) {
            let whose = format!("This draft is {}'s. Say that you mean to apply it.", draft.login);
            return Err(Problem::new(Code::Conflict, whose));
        }
        let copy = self.readers()?.resource(request.resource.clone()).await?;
        let looked_at = copy.filter(|(theirs, _)| {
            version_of(theirs) == request.version && draft.edited_at == request.edited_at
        });
        let Some((theirs, _)) = looked_at else { return self.changed_again(&api, &draft).await };
        let edit = draft.merged(&theirs, &request.choices)?;
        let sent =
            if changes_nothing(&edit, &theirs) { Ok(theirs) } else { api.edit(edit, request.version).await };
        match sent {
            Ok(content) => {
                self.told_of(DraftStep::Settle(content.clone(), Some(draft.edited_at))).await;
                Ok(Applied::Done { content })
            }
            Err(problem) if problem.code == Code::Stale => self.changed_again(&api, &draft).await,
            Err(problem) => Err(problem),
        }
    }

    pub async fn discard_draft(&self, resource: Resource) -> Result<(), Problem> {
        self.step(DraftStep::Discard(resource)).await
    }

    /// Brings back the draft that was discarded last.
    pub async fn restore_draft(&self, resource: Resource) -> Result<(), Problem> {
        self.step(DraftStep::Restore(resource)).await
    }

    /// The resource as the service tells it; while that is away, the copy, and at the least what a draft of it
    /// began from.
    async fn known(&self, resource: &Resource, draft: Option<&Kept>) -> Result<Known, Problem> {
        let copy = match self.readers() {
            Ok(readers) => readers.resource(resource.clone()).await?,
            Err(_) => None,
        };
        let copy = copy.or_else(|| draft.map(|draft| (draft.began.clone(), draft.edited_at)));
        let asked = match self.signed_in() {
            Ok(api) if copy.is_some() => match tokio::time::timeout(PATIENCE, api.resource(resource)).await {
                Ok(answer) => answer,
                Err(_) => Err(Problem::new(Code::Unreachable, "The service did not answer in time.")),
            },
            Ok(api) => api.resource(resource).await,
            Err(problem) => Err(problem),
        };
        match (asked, copy) {
            (Ok(content), _) => {
                let read_at = self.clock.now();
                self.told_of(DraftStep::Told(content.clone(), read_at)).await;
                Ok(Known { content, read_at, away: None })
            }
            (Err(problem), Some((content, read_at))) if is_away(&problem) => {
                Ok(Known { content, read_at, away: Some(problem.message) })
            }
            (Err(problem), _) => Err(problem),
        }
    }

    async fn changed_again(&self, api: &Api, draft: &Kept) -> Result<Applied, Problem> {
        let content = api.resource(&draft.resource()).await?;
        let read_at = self.clock.now();
        self.step(DraftStep::Told(content.clone(), read_at)).await?;
        let known = Known { content, read_at, away: None };
        // Another may have taken its place.
        let draft = self.draft(&draft.resource()).await?;
        Ok(Applied::Changed { comparison: Box::new(self.comparison(&draft, known)?) })
    }

    fn comparison(&self, draft: &Kept, known: Known) -> Result<Comparison, Problem> {
        let me = self.here()?.admin;
        Ok(Comparison {
            draft: draft.shown(&known.content, me.as_ref()),
            theirs: known.content,
            read_at: known.read_at,
            away: known.away,
        })
    }

    /// The draft of a resource; none, too, where there is no copy to keep one.
    async fn kept(&self, resource: Resource) -> Result<Option<Kept>, Problem> {
        match self.readers() {
            Ok(readers) => Ok(readers.draft(resource).await?),
            Err(_) => Ok(None),
        }
    }

    async fn draft(&self, resource: &Resource) -> Result<Kept, Problem> {
        let draft = self.readers()?.draft(resource.clone()).await?;
        draft.ok_or_else(|| Problem::new(Code::NotFound, "There is no such draft any more."))
    }

    async fn step(&self, step: DraftStep) -> Result<(), Problem> {
        let service = self.here()?.service;
        self.ask(|reply| Request::Drafts(service, step, reply)).await?
    }

    /// Notes what the service told; that it did is not undone by a copy that takes no note.
    async fn told_of(&self, step: DraftStep) {
        if let Err(problem) = self.step(step).await {
            tracing::warn!(code = problem.code.as_str(), "what the service told was not kept");
        }
    }
}

/// Whether a problem says that the service can't be asked now, rather than that it refuses.
fn is_away(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::Unreachable
            | Code::Unavailable
            | Code::Unauthenticated
            | Code::ProofRefused
            | Code::RefusedHere
    )
}

/// The resource that a stale write tells of.
fn current(resource: &Resource, problem: &Problem) -> Option<Content> {
    let Some(Details::Current { value, .. }) = problem.details.as_ref() else { return None };
    let value = value.clone();
    Some(match resource {
        Resource::AlertSettings => Content::AlertSettings(serde_json::from_value(value).ok()?),
        Resource::MailSettings => Content::MailSettings(serde_json::from_value(value).ok()?),
        Resource::Account { .. } => Content::Account(serde_json::from_value(value).ok()?),
    })
}
