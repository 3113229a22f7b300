//! Accounts, admins, keys and the audit log.

use std::time::Duration;

use mailcup_wire::{
    Account, AccountChange, AccountDevice, AccountImport, AccountImportResult, Admin, AdminAccess,
    AdminChange, AdminId, ApiKey, ApiKeyGrant, ApiKeyId, AppPassword, AppPasswordGrant, AppPasswordId,
    AuditPage, DeviceId, Invitation, InvitationAnswer, InvitationGrant, InvitationId, Login,
    MainPasswordChange, MainPasswords, NewAccount, NewApiKey, NewAppPassword, NewInvitation, Problem,
    SessionId, WebSession,
};
use reqwest::{Body, Method, header};
use tokio::sync::watch;
use tokio_stream::StreamExt as _;

use super::Api;

/// A large import is written in one transaction, and may wait for another one before.
const IMPORT_TIMEOUT: Duration = Duration::from_mins(2);
const UPLOADED_AT_ONCE: usize = 64 * 1024;

impl Api {
    pub async fn account(&self, login: &Login) -> Result<Account, Problem> {
        self.get(&format!("accounts/{}", segment(&login.0))).await
    }

    pub async fn create_account(&self, account: &NewAccount) -> Result<Account, Problem> {
        self.send(Method::POST, "accounts", account).await
    }

    pub async fn change_account(
        &self,
        login: &Login,
        change: &AccountChange,
        version: u32,
    ) -> Result<Account, Problem> {
        self.replace(Method::PATCH, &format!("accounts/{}", segment(&login.0)), change, version).await
    }

    /// Entries of the audit log after the one of this number, oldest first.
    pub async fn audit_after(&self, seq: u64) -> Result<AuditPage, Problem> {
        self.get(&format!("audit?after={seq}&limit=500")).await
    }

    pub async fn admins(&self) -> Result<Vec<Admin>, Problem> {
        self.get("admins").await
    }

    pub async fn admin_access(&self, id: &AdminId) -> Result<AdminAccess, Problem> {
        self.get(&format!("admins/{}/access", segment(&id.0))).await
    }

    pub async fn change_admin(
        &self,
        id: &AdminId,
        change: &AdminChange,
        version: u32,
    ) -> Result<Admin, Problem> {
        self.replace(Method::PATCH, &format!("admins/{}", segment(&id.0)), change, version).await
    }

    pub async fn remove_admin(&self, id: &AdminId) -> Result<(), Problem> {
        self.delete(&format!("admins/{}", segment(&id.0))).await
    }

    pub async fn end_sessions(&self, id: &AdminId) -> Result<(), Problem> {
        self.delete(&format!("admins/{}/sessions", segment(&id.0))).await
    }

    pub async fn end_session(&self, id: &AdminId, session: &SessionId) -> Result<(), Problem> {
        self.delete(&format!("admins/{}/sessions/{}", segment(&id.0), segment(&session.0))).await
    }

    pub async fn invitations(&self) -> Result<Vec<Invitation>, Problem> {
        self.get("invitations").await
    }

    pub async fn invite(&self, new: &NewInvitation) -> Result<InvitationGrant, Problem> {
        self.send(Method::POST, "invitations", new).await
    }

    pub async fn resend_invitation(&self, id: &InvitationId) -> Result<InvitationGrant, Problem> {
        self.send(Method::POST, &format!("invitations/{}/resend", segment(&id.0)), &()).await
    }

    pub async fn revoke_invitation(&self, id: &InvitationId) -> Result<(), Problem> {
        self.delete(&format!("invitations/{}", segment(&id.0))).await
    }

    pub async fn accept_invitation(&self, answer: &InvitationAnswer) -> Result<Admin, Problem> {
        self.send(Method::POST, "invitations/accept", answer).await
    }

    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, Problem> {
        self.get("api-keys").await
    }

    pub async fn create_api_key(&self, new: &NewApiKey) -> Result<ApiKeyGrant, Problem> {
        self.send(Method::POST, "api-keys", new).await
    }

    pub async fn revoke_api_key(&self, id: &ApiKeyId) -> Result<(), Problem> {
        self.delete(&format!("api-keys/{}", segment(&id.0))).await
    }

    pub async fn app_passwords(&self, login: &Login) -> Result<Vec<AppPassword>, Problem> {
        self.get(&format!("accounts/{}/app-passwords", segment(&login.0))).await
    }

    pub async fn create_app_password(
        &self,
        login: &Login,
        new: &NewAppPassword,
    ) -> Result<AppPasswordGrant, Problem> {
        self.send(Method::POST, &format!("accounts/{}/app-passwords", segment(&login.0)), new).await
    }

    pub async fn revoke_app_password(&self, id: &AppPasswordId) -> Result<(), Problem> {
        self.delete(&format!("app-passwords/{}", segment(&id.0))).await
    }

    pub async fn web_sessions(&self, login: &Login) -> Result<Vec<WebSession>, Problem> {
        self.get(&format!("accounts/{}/sessions", segment(&login.0))).await
    }

    /// Ends one, or all.
    pub async fn end_web_sessions(&self, login: &Login, session: Option<&SessionId>) -> Result<(), Problem> {
        let all = format!("accounts/{}/sessions", segment(&login.0));
        match session {
            Some(id) => self.delete(&format!("{all}/{}", segment(&id.0))).await,
            None => self.delete(&all).await,
        }
    }

    pub async fn account_devices(&self, login: &Login) -> Result<Vec<AccountDevice>, Problem> {
        self.get(&format!("accounts/{}/devices", segment(&login.0))).await
    }

    pub async fn revoke_account_device(&self, login: &Login, device: &DeviceId) -> Result<(), Problem> {
        self.delete(&format!("accounts/{}/devices/{}", segment(&login.0), segment(&device.0))).await
    }

    pub async fn main_passwords(&self) -> Result<MainPasswords, Problem> {
        self.get("main-passwords").await
    }

    pub async fn change_main_password(&self, change: &MainPasswordChange) -> Result<MainPasswords, Problem> {
        self.send(Method::PUT, "main-passwords", change).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Problem> {
        self.without_content(self.request(Method::DELETE, path)).await
    }

    /// Adds all accounts or none; tells how many bytes have gone out, of how many.
    pub async fn import_accounts(
        &self,
        accounts: Vec<NewAccount>,
        told: watch::Sender<(usize, usize)>,
    ) -> Result<AccountImportResult, Problem> {
        let bytes = serde_json::to_vec(&AccountImport { accounts })
            .map_err(|error| Problem::new(mailcup_wire::Code::Internal, error.to_string()))?;
        let total = bytes.len();
        let parts: Vec<Vec<u8>> = bytes.chunks(UPLOADED_AT_ONCE).map(<[u8]>::to_vec).collect();
        let mut sent = 0;
        let body = tokio_stream::iter(parts).map(move |part| {
            sent += part.len();
            told.send_replace((sent, total));
            Ok::<_, std::convert::Infallible>(part)
        });
        let request = self
            .request(Method::POST, "accounts/import")
            .timeout(IMPORT_TIMEOUT)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::wrap_stream(body));
        self.read(request).await
    }
}

/// Text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
