//! Accounts, admins, keys and the audit log.

use mailcup_wire::{
    AccountDevice, Admin, AdminAccess, AdminChange, AdminId, ApiKey, ApiKeyGrant, ApiKeyId, AppPassword,
    AppPasswordGrant, AppPasswordId, DeviceId, Invitation, InvitationAnswer, InvitationGrant, InvitationId,
    Login, MainPasswordChange, MainPasswords, NewApiKey, NewAppPassword, NewInvitation, SessionId,
    WebSession,
    desktop::{
        AccountList, AccountQuery, AccountRow, AuditList, AuditQuery, AuditStanding, ImportOutcome,
        ImportPreview, ImportProgress, SignInStep,
    },
};

use super::Answer;
use crate::here::Here;

#[tauri::command]
#[specta::specta]
pub async fn list_accounts(console: Here, query: AccountQuery) -> Answer<AccountList> {
    console.list_accounts(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn account(console: Here, login: Login) -> Answer<Option<AccountRow>> {
    console.account(login).await
}

#[tauri::command]
#[specta::specta]
pub async fn preview_import(console: Here, text: String) -> Answer<ImportPreview> {
    console.preview_import(text).await
}

#[tauri::command]
#[specta::specta]
pub async fn import_accounts(console: Here, text: String) -> Answer<ImportOutcome> {
    console.import_accounts(text).await
}

#[tauri::command]
#[specta::specta]
pub async fn import_progress(console: Here) -> Answer<Option<ImportProgress>> {
    console.import_progress()
}

#[tauri::command]
#[specta::specta]
pub async fn cancel_import(console: Here) -> Answer<()> {
    console.cancel_import()
}

#[tauri::command]
#[specta::specta]
pub async fn audit(console: Here, query: AuditQuery) -> Answer<AuditList> {
    console.audit(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn audit_standing(console: Here) -> Answer<AuditStanding> {
    console.audit_standing().await
}

#[tauri::command]
#[specta::specta]
pub async fn check_audit(console: Here) -> Answer<()> {
    console.check_audit()
}

#[tauri::command]
#[specta::specta]
pub async fn trust_audit(console: Here) -> Answer<()> {
    console.trust_audit().await
}

#[tauri::command]
#[specta::specta]
pub async fn admins(console: Here) -> Answer<Vec<Admin>> {
    console.admins().await
}

#[tauri::command]
#[specta::specta]
pub async fn admin_access(console: Here, id: AdminId) -> Answer<AdminAccess> {
    console.admin_access(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn change_admin(console: Here, id: AdminId, change: AdminChange, version: u32) -> Answer<Admin> {
    console.change_admin(id, change, version).await
}

#[tauri::command]
#[specta::specta]
pub async fn remove_admin(console: Here, id: AdminId) -> Answer<()> {
    console.remove_admin(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn end_sessions(console: Here, id: AdminId, session: Option<SessionId>) -> Answer<()> {
    console.end_sessions(id, session).await
}

#[tauri::command]
#[specta::specta]
pub async fn invitations(console: Here) -> Answer<Vec<Invitation>> {
    console.invitations().await
}

#[tauri::command]
#[specta::specta]
pub async fn invite(console: Here, invitation: NewInvitation) -> Answer<InvitationGrant> {
    console.invite(invitation).await
}

#[tauri::command]
#[specta::specta]
pub async fn resend_invitation(console: Here, id: InvitationId) -> Answer<InvitationGrant> {
    console.resend_invitation(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn revoke_invitation(console: Here, id: InvitationId) -> Answer<()> {
    console.revoke_invitation(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn accept_invitation(console: Here, answer: InvitationAnswer) -> Answer<SignInStep> {
    console.accept_invitation(answer).await
}

#[tauri::command]
#[specta::specta]
pub async fn api_keys(console: Here) -> Answer<Vec<ApiKey>> {
    console.api_keys().await
}

#[tauri::command]
#[specta::specta]
pub async fn create_api_key(console: Here, key: NewApiKey) -> Answer<ApiKeyGrant> {
    console.create_api_key(key).await
}

#[tauri::command]
#[specta::specta]
pub async fn revoke_api_key(console: Here, id: ApiKeyId) -> Answer<()> {
    console.revoke_api_key(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn app_passwords(console: Here, login: Login) -> Answer<Vec<AppPassword>> {
    console.app_passwords(login).await
}

#[tauri::command]
#[specta::specta]
pub async fn create_app_password(
    console: Here,
    login: Login,
    app_password: NewAppPassword,
) -> Answer<AppPasswordGrant> {
    console.create_app_password(login, app_password).await
}

#[tauri::command]
#[specta::specta]
pub async fn revoke_app_password(console: Here, id: AppPasswordId) -> Answer<()> {
    console.revoke_app_password(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn web_sessions(console: Here, login: Login) -> Answer<Vec<WebSession>> {
    console.web_sessions(login).await
}

#[tauri::command]
#[specta::specta]
pub async fn end_web_sessions(console: Here, login: Login, session: Option<SessionId>) -> Answer<()> {
    console.end_web_sessions(login, session).await
}

#[tauri::command]
#[specta::specta]
pub async fn account_devices(console: Here, login: Login) -> Answer<Vec<AccountDevice>> {
    console.account_devices(login).await
}

#[tauri::command]
#[specta::specta]
pub async fn revoke_account_device(console: Here, login: Login, device: DeviceId) -> Answer<()> {
    console.revoke_account_device(login, device).await
}

#[tauri::command]
#[specta::specta]
pub async fn main_passwords(console: Here) -> Answer<MainPasswords> {
    console.main_passwords().await
}

#[tauri::command]
#[specta::specta]
pub async fn change_main_password(console: Here, change: MainPasswordChange) -> Answer<MainPasswords> {
    console.change_main_password(change).await
}
