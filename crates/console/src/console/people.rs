//! Accounts, admins, keys and the audit log.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mailcup_wire::{
    AccountDevice, Admin, AdminAccess, AdminChange, AdminId, ApiKey, ApiKeyGrant, ApiKeyId, AppPassword,
    AppPasswordGrant, AppPasswordId, Code, DeviceId, Invitation, InvitationAnswer, InvitationGrant,
    InvitationId, Login, MainPasswordChange, MainPasswords, NewAccount, NewApiKey, NewAppPassword,
    NewInvitation, Problem, ServiceId, SessionId, WebSession,
    desktop::{
        AccountList, AccountQuery, AccountRow, AuditList, AuditQuery, AuditStanding, BadLine, Credentials,
        ImportOutcome, ImportPreview, ImportProgress, SignInStep,
    },
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Console, blocking};
use crate::{
    audit::Asking,
    import::{self, Draft},
    store::Store,
};

const MOST_IMPORTED: usize = 100_000;
const BAD_LINES_SHOWN: usize = 500;
const SAMPLE: usize = 5;

/// The imports that run now, at most one for each service.
#[derive(Clone, Default)]
pub struct Imports(Arc<Mutex<BTreeMap<ServiceId, Running>>>);

struct Running {
    cancel: CancellationToken,
    sent: watch::Receiver<(usize, usize)>,
}

impl Console {
    pub async fn list_accounts(&self, query: AccountQuery) -> Result<AccountList, Problem> {
        Ok(self.readers()?.list_accounts(query, self.clock.now()).await?)
    }

    pub async fn account(&self, login: Login) -> Result<Option<AccountRow>, Problem> {
        Ok(self.readers()?.account(login, self.clock.now()).await?)
    }

    pub async fn preview_import(&self, text: String) -> Result<ImportPreview, Problem> {
        let draft = drafted(text).await?;
        let logins = draft.accounts.iter().map(|new| new.login.clone()).collect();
        let known = self.readers()?.known_accounts(logins).await?;
        let is_new = known.iter().map(|known| !known);
        let new: Vec<_> =
            draft.accounts.iter().zip(is_new).filter_map(|(new, is_new)| is_new.then_some(new)).collect();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(ImportPreview {
            format: draft.format,
            new: count(new.len()),
            known: count(draft.accounts.len() - new.len()),
            bad: count(draft.bad.len()),
            sample: new.into_iter().take(SAMPLE).cloned().collect(),
            bad_lines: draft.bad.into_iter().take(BAD_LINES_SHOWN).collect::<Vec<BadLine>>(),
        })
    }

    /// Adds the accounts of a file, all of its good lines or none. Ends early with [`Console::cancel_import`].
    pub async fn import_accounts(&self, text: String) -> Result<ImportOutcome, Problem> {
        let (service, api) = (self.here()?.service, self.signed_in()?);
        let accounts = drafted(text).await?.accounts;
        let Some(first) = self.first_new(&accounts).await? else {
            return Ok(ImportOutcome::Done { added: 0, known: count_of(&accounts) });
        };
        let (told, sent) = watch::channel((0, 0));
        let cancel = self.imports.begin(service.clone(), sent)?;
        let done = cancel.run_until_cancelled(api.import_accounts(accounts, told)).await;
        self.imports.end(&service);
        match done {
            Some(Ok(result)) => Ok(ImportOutcome::Done { added: result.added, known: result.known }),
            Some(Err(problem)) => Err(problem),
            // Whoever cancels must know whether it came too late.
            None => match api.account(&first).await {
                Err(problem) if problem.code == Code::NotFound => Ok(ImportOutcome::Cancelled),
                Err(problem) => Err(problem),
                Ok(_) => {
                    Err(Problem::new(Code::Conflict, "It was too late to cancel: the accounts were added."))
                }
            },
        }
    }

    pub fn import_progress(&self) -> Result<Option<ImportProgress>, Problem> {
        Ok(self.imports.progress(&self.here()?.service))
    }

    pub fn cancel_import(&self) -> Result<(), Problem> {
        self.imports.cancel(&self.here()?.service);
        Ok(())
    }

    pub async fn audit(&self, query: AuditQuery) -> Result<AuditList, Problem> {
        Ok(self.readers()?.audit(query).await?)
    }

    pub async fn audit_standing(&self) -> Result<AuditStanding, Problem> {
        Ok(self.readers()?.audit_standing().await?)
    }

    /// Asks for a check of the whole audit log; what comes of it is pushed.
    pub fn check_audit(&self) -> Result<(), Problem> {
        self.signed_in()?;
        let (_, asking) = self.audit_desk()?;
        asking.whole();
        Ok(())
    }

    /// Takes the audit log as the service tells it now, after somebody has looked into what was found.
    pub async fn trust_audit(&self) -> Result<(), Problem> {
        self.signed_in()?;
        let (store, asking) = self.audit_desk()?;
        store.trust_audit().await?;
        tracing::warn!("the audit log is taken as the service tells it; what was seen of it before is gone");
        asking.whole();
        Ok(())
    }

    pub async fn admins(&self) -> Result<Vec<Admin>, Problem> {
        self.signed_in()?.admins().await
    }

    pub async fn admin_access(&self, id: AdminId) -> Result<AdminAccess, Problem> {
        self.signed_in()?.admin_access(&id).await
    }

    pub async fn change_admin(
        &self,
        id: AdminId,
        change: AdminChange,
        version: u32,
    ) -> Result<Admin, Problem> {
        self.signed_in()?.change_admin(&id, &change, version).await
    }

    pub async fn remove_admin(&self, id: AdminId) -> Result<(), Problem> {
        self.signed_in()?.remove_admin(&id).await
    }

    /// Ends one session of an admin, or all of them.
    pub async fn end_sessions(&self, id: AdminId, session: Option<SessionId>) -> Result<(), Problem> {
        let api = self.signed_in()?;
        match session {
            Some(session) => api.end_session(&id, &session).await,
            None => api.end_sessions(&id).await,
        }
    }

    pub async fn invitations(&self) -> Result<Vec<Invitation>, Problem> {
        self.signed_in()?.invitations().await
    }

    pub async fn invite(&self, new: NewInvitation) -> Result<InvitationGrant, Problem> {
        self.signed_in()?.invite(&new).await
    }

    pub async fn resend_invitation(&self, id: InvitationId) -> Result<InvitationGrant, Problem> {
        self.signed_in()?.resend_invitation(&id).await
    }

    pub async fn revoke_invitation(&self, id: InvitationId) -> Result<(), Problem> {
        self.signed_in()?.revoke_invitation(&id).await
    }

    /// Sets the password that an invitation asks for, and begins to sign in with it.
    pub async fn accept_invitation(&self, answer: InvitationAnswer) -> Result<SignInStep, Problem> {
        let api = self.here()?.reach()?;
        let admin = api.accept_invitation(&answer).await?;
        self.sign_in(Credentials { login: admin.login.0, password: answer.password }).await
    }

    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, Problem> {
        self.signed_in()?.api_keys().await
    }

    pub async fn create_api_key(&self, new: NewApiKey) -> Result<ApiKeyGrant, Problem> {
        self.signed_in()?.create_api_key(&new).await
    }

    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<(), Problem> {
        self.signed_in()?.revoke_api_key(&id).await
    }

    pub async fn app_passwords(&self, login: Login) -> Result<Vec<AppPassword>, Problem> {
        self.signed_in()?.app_passwords(&login).await
    }

    pub async fn create_app_password(
        &self,
        login: Login,
        new: NewAppPassword,
    ) -> Result<AppPasswordGrant, Problem> {
        self.signed_in()?.create_app_password(&login, &new).await
    }

    pub async fn revoke_app_password(&self, id: AppPasswordId) -> Result<(), Problem> {
        self.signed_in()?.revoke_app_password(&id).await
    }

    pub async fn web_sessions(&self, login: Login) -> Result<Vec<WebSession>, Problem> {
        self.signed_in()?.web_sessions(&login).await
    }

    pub async fn end_web_sessions(&self, login: Login, session: Option<SessionId>) -> Result<(), Problem> {
        self.signed_in()?.end_web_sessions(&login, session.as_ref()).await
    }

    pub async fn account_devices(&self, login: Login) -> Result<Vec<AccountDevice>, Problem> {
        self.signed_in()?.account_devices(&login).await
    }

    pub async fn revoke_account_device(&self, login: Login, device: DeviceId) -> Result<(), Problem> {
        self.signed_in()?.revoke_account_device(&login, &device).await
    }

    pub async fn main_passwords(&self) -> Result<MainPasswords, Problem> {
        self.signed_in()?.main_passwords().await
    }

    pub async fn change_main_password(&self, change: MainPasswordChange) -> Result<MainPasswords, Problem> {
        self.signed_in()?.change_main_password(&change).await
    }

    fn audit_desk(&self) -> Result<(Store, Asking), Problem> {
        self.here()?.audit.ok_or_else(|| Problem::new(Code::Unavailable, "There is no local copy yet."))
    }

    async fn first_new(&self, accounts: &[NewAccount]) -> Result<Option<Login>, Problem> {
        let logins: Vec<_> = accounts.iter().map(|new| new.login.clone()).collect();
        let known = self.readers()?.known_accounts(logins.clone()).await?;
        Ok(logins.into_iter().zip(known).find_map(|(login, known)| (!known).then_some(login)))
    }
}

impl Imports {
    fn begin(
        &self,
        service: ServiceId,
        sent: watch::Receiver<(usize, usize)>,
    ) -> Result<CancellationToken, Problem> {
        let mut running = self.running();
        if running.contains_key(&service) {
            return Err(Problem::new(Code::Conflict, "Another import runs; wait for its end or cancel it."));
        }
        let cancel = CancellationToken::new();
        running.insert(service, Running { cancel: cancel.clone(), sent });
        Ok(cancel)
    }

    fn end(&self, service: &ServiceId) {
        self.running().remove(service);
    }

    fn progress(&self, service: &ServiceId) -> Option<ImportProgress> {
        let (sent, total) = *self.running().get(service)?.sent.borrow();
        let bytes = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Some(ImportProgress { sent_bytes: bytes(sent), total_bytes: bytes(total) })
    }

    fn cancel(&self, service: &ServiceId) {
        if let Some(running) = self.running().get(service) {
            running.cancel.cancel();
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<ServiceId, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn drafted(text: String) -> Result<Draft, Problem> {
    blocking(move || {
        let draft = import::read(&text);
        if draft.accounts.len() > MOST_IMPORTED {
            let message = "At most 100,000 accounts can be imported at once. Split the file.";
            return Err(Problem::field("text", message));
        }
        Ok(draft)
    })
    .await
}

fn count_of(accounts: &[NewAccount]) -> u32 {
    u32::try_from(accounts.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_concerns_its_own_service_alone() {
        let imports = Imports::default();
        let (one, two) = (ServiceId::from("one"), ServiceId::from("two"));
        let (_told, sent) = watch::channel((3, 9));
        let first = imports.begin(one.clone(), sent.clone()).unwrap();
        assert_eq!(imports.begin(one.clone(), sent.clone()).unwrap_err().code, Code::Conflict);
        assert!(imports.progress(&two).is_none());
        imports.cancel(&two);
        let second = imports.begin(two.clone(), sent).unwrap();
        imports.cancel(&two);
        imports.end(&two);
        assert!(second.is_cancelled() && !first.is_cancelled());
        assert_eq!(imports.progress(&one), Some(ImportProgress { sent_bytes: 3, total_bytes: 9 }));
        imports.cancel(&one);
        assert!(first.is_cancelled());
    }
}
