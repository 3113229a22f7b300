//! How we stand with a service: asked of it, and the sync that follows from it.

use tokio::sync::mpsc;

use super::{
    super::{Controller, beside::Beside},
    Said,
};
use crate::{
    Host,
    sync::{Sync, Target},
    view::{Access, Standing},
};

impl<H: Host> Controller<H> {
    /// Asks the service how we stand, or goes on with the session.
    pub(super) async fn find_standing(&mut self, number: u64) {
        let Some(connection) = self.connections.at(number) else { return };
        if connection.token.is_some() {
            connection.standing = Standing::SignedIn;
            self.restart_sync(number).await;
            self.ask_organization(number);
            return;
        }
        // While locked nobody knows whether there is a session.
        if connection.standing == Standing::Lapsed || self.access == Access::Locked {
            return;
        }
        let Some(api) = connection.api.clone() else { return };
        let said = self.channels.said.0.clone();
        tokio::spawn(async move {
            let info = api.service_info(None).await;
            // The actor may have ended meanwhile.
            let _ = said.send((number, Said::Info(info))).await;
        });
    }

    pub(super) fn ask_organization(&self, number: u64) {
        let Some(connection) = self.connections.get(number) else { return };
        let Some(api) = connection.signing(self.device_key.as_ref()) else { return };
        let said = self.channels.said.0.clone();
        tokio::spawn(async move {
            match api.organization().await {
                Ok(organization) => {
                    let _ = said.send((number, Said::Organization(organization))).await;
                }
                Err(problem) => tracing::warn!(code = problem.code.as_str(), "the organization was not told"),
            }
        });
    }

    pub(super) async fn restart_sync(&mut self, number: u64) {
        let Some(store) = self.connections.get(number).map(|it| it.store.clone()) else { return };
        match store {
            Some(store) => self.sync_into(number, Target::Store(store)).await,
            None if self.access == Access::Locked => self.sync_into(number, Target::Nowhere(None)).await,
            None => {}
        }
    }

    pub(super) async fn sync_into(&mut self, number: u64, target: Target) {
        let Some(connection) = self.connections.at(number) else { return };
        if let Some(sync) = connection.sync.take() {
            sync.end().await;
        }
        let Some(api) = connection.signing(self.device_key.as_ref()) else { return };
        if connection.token.is_none() || connection.standing != Standing::SignedIn {
            return;
        }
        self.numbers += 1;
        connection.round = self.numbers;
        let round = connection.round;
        let (clock, out) = (self.clock.clone(), self.channels.news.0.clone());
        let audit = connection.audit_asking.clone();
        connection.sync = Some(Beside::start(move |stop| async move {
            let (news, mut heard) = mpsc::channel(16);
            let forward = async {
                while let Some(news) = heard.recv().await {
                    if stop.run_until_cancelled(out.send((round, news))).await.is_none() {
                        return;
                    }
                }
            };
            let sync = Sync { api, target, clock, news, stop: stop.clone(), audit };
            tokio::join!(sync.run(), forward);
        }));
    }
}
