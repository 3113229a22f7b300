//! Signing in to a service and out of it.

use mailcup_wire::{Challenge, Problem, ServiceId, SessionGrant};

use super::{super::Controller, Connected, unknown_service};
use crate::{Host, view::Standing};

impl<H: Host> Controller<H> {
    pub(in crate::controller) fn challenged(&mut self, id: &ServiceId, challenge: Option<Challenge>) {
        if let Ok(connection) = self.at_service(id) {
            connection.standing = Standing::SignedOut { challenge };
        }
    }

    pub(in crate::controller) fn challenge(&mut self, id: &ServiceId) -> Option<Challenge> {
        waiting_challenge(self.at_service(id).ok()?)
    }

    pub(in crate::controller) async fn signed_in(
        &mut self,
        id: &ServiceId,
        grant: SessionGrant,
    ) -> Result<(), Problem> {
        let keys = self.key.clone().zip(self.device_key.clone());
        let number = self.connections.number_of(id).ok_or_else(unknown_service)?;
        let Some(connection) = self.connections.at(number) else { return Err(unknown_service()) };
        if let Some((key, device)) = &keys {
            self.folder.keep_session(id, key, device, &grant.token)?;
        }
        connection.token = Some(grant.token.into());
        connection.admin = Some(grant.admin.clone());
        connection.standing = Standing::SignedIn;
        connection.setup_token = None;
        if let Some(store) = &connection.store {
            store.keep_admin(grant.admin).await?;
        }
        self.tell_contacts();
        self.restart_sync(number).await;
        self.ask_organization(number);
        Ok(())
    }

    pub(in crate::controller) async fn signed_out(&mut self, id: &ServiceId) -> Result<(), Problem> {
        let number = self.connections.number_of(id).ok_or_else(unknown_service)?;
        self.keep_fresh(number).await;
        let Some(connection) = self.connections.at(number) else { return Ok(()) };
        if let Some(sync) = connection.sync.take() {
            sync.end().await;
        }
        connection.token = None;
        connection.standing = Standing::SignedOut { challenge: None };
        self.clear_desk(number);
        self.tell_contacts();
        self.folder.forget_session(id)
    }
}

pub(super) fn waiting_challenge(connection: &Connected) -> Option<Challenge> {
    match &connection.standing {
        Standing::SignedOut { challenge } => challenge.clone(),
        Standing::Unknown | Standing::SetUpNeeded | Standing::SignedIn | Standing::Lapsed => None,
    }
}
