//! The local copy of a connection: opened, read through, kept fresh, and replaced where it is damaged.

use mailcup_wire::{
    Code, PolicyItem, Problem, ServiceId, Time,
    desktop::{Link, Notice},
};
use secrecy::SecretString;

use super::{
    super::{Controller, access::locked, later},
    Said, offline_since,
};
use crate::{
    Host, changes,
    notify::Desk,
    store::{Store, StoreError, ViewChange, drafts_left, set_aside},
    sync::{Target, oldest_kept},
    view::{Access, Standing},
};

const PRUNE_EVERY: i64 = 600_000;
const WRITE_AGAIN_AFTER: i64 = 5_000;

impl<H: Host> Controller<H> {
    /// Opens the local copy, or one anew where it is damaged, and goes on from it.
    pub(in crate::controller) async fn open_store(&mut self, number: u64) -> Result<(), Problem> {
        let (Some(connection), Some(key)) = (self.connections.at(number), self.key.clone()) else {
            return Ok(());
        };
        let id = connection.service.id.clone();
        let path = self.folder.store(&id);
        let now = self.clock.now();
        let opened = tokio::task::spawn_blocking(move || {
            let store_key = key.store_key(&id);
            match Store::open(&path, &store_key) {
                Err(StoreError::Damaged(why)) => {
                    tracing::error!(why, "the local copy is damaged and is set aside");
                    let kept_at = set_aside(&path, now)?;
                    Ok((Store::open(&path, &store_key)?, Some(kept_at)))
                }
                other => other.map(|store| (store, None)),
            }
        })
        .await;
        let opened = opened.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        let (store, replaced) = opened.map_err(Problem::from)?;
        let meta = store.meta().await?;
        let shown = store.shown().await?;
        connection.desk = Desk::new(shown);
        connection.audit = store.readers().audit_standing().await?;
        if connection.token.is_none()
            && let (Some(key), Some(device)) = (&self.key, &self.device_key)
        {
            connection.token =
                self.folder.session(&connection.service.id, key, device).map(SecretString::from);
        }
        connection.admin = connection.admin.take().or(meta.admin);
        connection.organization = connection.organization.take().or(meta.organization.map(|it| it.name));
        connection.given_name = meta.given_name;
        connection.fresh_at = meta.fresh_at.or(connection.fresh_at);
        connection.notices = meta.notices;
        if connection.token.is_some() {
            connection.standing = Standing::SignedIn;
        }
        self.numbers += 1;
        connection.copy = self.numbers;
        connection.store = Some(store.clone());
        self.open_mirror(number, store.clone()).await;
        self.tell_contacts();
        if let Some(kept_at) = replaced {
            self.notice(number, Notice::StoreReplaced { kept_at: kept_at.display().to_string() }).await;
        } else {
            self.check_store(number, store);
        }
        self.refresh_figures(number).await;
        self.changed(number, &changes::all());
        self.find_standing(number).await;
        Ok(())
    }

    /// Closes the local copy; the stream goes on without it.
    pub(in crate::controller) async fn close_store(&mut self, number: u64) {
        self.keep_fresh(number).await;
        self.close_mirror(number).await;
        let Some(connection) = self.connections.at(number) else { return };
        if let Some(sync) = connection.sync.take() {
            sync.end().await;
        }
        let cursor = match &connection.store {
            Some(store) => store.cursor().await.ok().flatten(),
            None => None,
        };
        connection.discarded = None;
        if let Some(store) = connection.store.take() {
            store.close().await;
        }
        self.sync_into(number, Target::Nowhere(cursor)).await;
    }

    pub(in crate::controller) async fn dismiss(
        &mut self,
        id: &ServiceId,
        notice: Notice,
    ) -> Result<(), Problem> {
        let connection = self.at_service(id)?;
        connection.notices.retain(|known| *known != notice);
        if let Some(store) = &connection.store {
            store.drop_notice(notice).await?;
        }
        Ok(())
    }

    pub(in crate::controller) async fn change_views(
        &mut self,
        id: &ServiceId,
        change: ViewChange,
    ) -> Result<(), Problem> {
        self.copy_of(id)?.change_views(change).await?
    }

    pub(in crate::controller) async fn policy_told(
        &mut self,
        id: &ServiceId,
        items: Vec<PolicyItem>,
    ) -> Result<(), Problem> {
        let store = self.copy_of(id)?;
        store.take_policy_items(items).await?;
        let number = self.at_service(id)?.number;
        self.changed(number, &changes::policy());
        self.refresh_figures(number).await;
        Ok(())
    }

    /// The local copy of a service, while it can be written to.
    pub(super) fn copy_of(&mut self, id: &ServiceId) -> Result<Store, Problem> {
        match self.at_service(id)?.store.clone() {
            Some(store) => Ok(store),
            None if self.access == Access::Locked => Err(locked()),
            None => Err(Problem::new(Code::Unavailable, "There is no local copy yet.")),
        }
    }

    pub(super) async fn store_failed(&mut self, number: u64, error: StoreError) {
        let now = self.clock.now();
        let damaged = matches!(error, StoreError::Damaged(_));
        tracing::error!(%error, "the local copy failed");
        if damaged {
            self.replace_store(number, &error).await;
            return;
        }
        if let Some(connection) = self.connections.at(number) {
            let since = offline_since(&connection.link, now);
            connection.link = Link::Offline { since, why: format!("New events can't be kept: {error}.") };
            connection.sync_again_at = Some(later(now, WRITE_AGAIN_AFTER));
        }
    }

    /// Shows a notice until it is dismissed.
    pub(super) async fn notice(&mut self, number: u64, notice: Notice) {
        let Some(connection) = self.connections.at(number) else { return };
        if let Some(store) = &connection.store
            && let Err(error) = store.add_notice(notice.clone()).await
        {
            tracing::warn!(%error, "a notice was not kept");
        }
        if !connection.notices.contains(&notice) {
            connection.notices.push(notice);
        }
    }

    pub(in crate::controller) async fn refresh_figures(&mut self, number: u64) {
        let Some(store) = self.connections.get(number).and_then(|it| it.store.clone()) else { return };
        match store.readers().figures(self.clock.now()).await {
            Ok(figures) => {
                if let Some(connection) = self.connections.at(number) {
                    connection.figures = figures;
                }
            }
            Err(error) => tracing::warn!(%error, "the local copy can't be counted"),
        }
    }

    pub(super) async fn keep_fresh(&mut self, number: u64) {
        let now = self.clock.now();
        let Some(connection) = self.connections.at(number) else { return };
        if connection.link == Link::Live {
            connection.fresh_at = Some(now);
        }
        connection.fresh_kept_at = now;
        let (Some(store), Some(fresh_at)) = (&connection.store, connection.fresh_at) else { return };
        if let Err(error) = store.keep_fresh_at(fresh_at).await {
            tracing::warn!(%error, "how fresh the local copy is was not kept");
        }
    }

    pub(super) async fn prune(&mut self, number: u64, now: Time) {
        let Some(connection) = self.connections.at(number).filter(|it| now >= it.prune_at) else { return };
        connection.prune_at = later(now, PRUNE_EVERY);
        let Some(store) = connection.store.clone() else { return };
        if let Err(error) = store.roll_usage(now).await {
            tracing::warn!(%error, "failures older than 30 days still count");
        }
        match store.prune(oldest_kept(now)).await {
            Ok(true) => connection.prune_at = now,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "old events were not removed"),
        }
    }

    /// Reads the whole copy beside the actor and speaks up only if it is damaged.
    fn check_store(&self, number: u64, store: Store) {
        let Some(copy) = self.connections.get(number).map(|it| it.copy) else { return };
        let said = self.channels.said.0.clone();
        tokio::spawn(async move {
            if let Err(error @ StoreError::Damaged(_)) = store.check().await {
                let _ = said.send((number, Said::Checked(copy, error))).await;
            }
        });
    }

    /// Sets the damaged copy aside and fills another from the service.
    async fn replace_store(&mut self, number: u64, error: &StoreError) {
        let now = self.clock.now();
        self.close_mirror(number).await;
        let Some(connection) = self.connections.at(number) else { return };
        if let Some(sync) = connection.sync.take() {
            sync.end().await;
        }
        if let Some(store) = connection.store.take() {
            store.close().await;
        }
        let path = self.folder.store(&connection.service.id);
        // Nobody but this console has them, and they may lie in a part that is whole.
        let drafts = match self.key.as_ref().map(|key| key.store_key(&connection.service.id)) {
            Some(key) => drafts_left(path.clone(), key).await.unwrap_or_else(|error| {
                tracing::error!(%error, "the drafts of the damaged copy can't be read");
                Vec::new()
            }),
            None => Vec::new(),
        };
        let kept_at = set_aside(&path, now);
        let opened = self.open_store(number).await;
        match (kept_at, opened) {
            (Ok(kept_at), Ok(())) => {
                self.keep_again(number, drafts).await;
                self.notice(number, Notice::StoreReplaced { kept_at: kept_at.display().to_string() }).await;
            }
            (Err(error), _) => tracing::error!(%error, "the damaged local copy can't be set aside"),
            (_, Err(problem)) => {
                tracing::error!(message = problem.message, %error, "no new local copy can be made");
            }
        }
    }
}
