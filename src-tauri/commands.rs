//! The commands that a window may call, as `mailcup_wire::desktop` lists them. The desktop core does the
//! work; nothing is decided here.

pub mod backups;
pub mod devices;
pub mod drafts;
pub mod logs;
pub mod people;
pub mod policy;
pub mod review;
pub mod second_factors;

use mailcup_wire::desktop::{
    AuthenticatorOffer, Completion, CompletionQuery, ConnectRequest, ConnectStep, Count, Credentials,
    EventList, EventQuery, ExportFormat, ExportRequest, Filter, GroupList, GroupQuery, Notice,
    PassphraseChange, Pause, Preferences, SavedView, ServiceAlert, SetUpRequest, SignInStep, Timeline,
    TimelineQuery, View,
};
use mailcup_wire::{
    Account, Alert, AlertChange, AlertId, AlertState, AuthenticatorConfirmation, Block, BlockId,
    ChallengeAnswer, Event, EventId, ExportId, Factor, FactorId, MailServer, MailServerSnippet, NewBlock,
    PasswordChange, Problem, RecoveryCodes, ServiceHealth, ServiceId, SnippetRequest, TestMailResult,
};
use tauri::AppHandle;

use crate::files;
use crate::here::Here;

type Answer<T> = Result<T, Problem>;

#[tauri::command]
#[specta::specta]
pub async fn view(console: Here) -> Answer<View> {
    console.view().await
}

#[tauri::command]
#[specta::specta]
pub async fn start_embedded(console: Here) -> Answer<()> {
    console.start_embedded().await
}

#[tauri::command]
#[specta::specta]
pub async fn set_up(console: Here, request: SetUpRequest) -> Answer<RecoveryCodes> {
    console.set_up(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn connect(console: Here, request: ConnectRequest) -> Answer<ConnectStep> {
    console.connect(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn choose_passphrase(console: Here, passphrase: String) -> Answer<()> {
    console.choose_passphrase(passphrase).await
}

#[tauri::command]
#[specta::specta]
pub async fn sign_in(console: Here, credentials: Credentials) -> Answer<SignInStep> {
    console.sign_in(credentials).await
}

#[tauri::command]
#[specta::specta]
pub async fn answer_challenge(console: Here, answer: ChallengeAnswer) -> Answer<SignInStep> {
    console.answer_challenge(answer).await
}

#[tauri::command]
#[specta::specta]
pub async fn resend_code(console: Here) -> Answer<SignInStep> {
    console.resend_code().await
}

#[tauri::command]
#[specta::specta]
pub async fn sign_out(console: Here) -> Answer<()> {
    console.sign_out().await
}

#[tauri::command]
#[specta::specta]
pub async fn forget_service(console: Here, service: ServiceId) -> Answer<()> {
    console.forget_service(service).await
}

#[tauri::command]
#[specta::specta]
pub async fn lock(console: Here) -> Answer<()> {
    console.lock().await
}

#[tauri::command]
#[specta::specta]
pub async fn unlock(console: Here, passphrase: String) -> Answer<()> {
    console.unlock(passphrase).await
}

#[tauri::command]
#[specta::specta]
pub async fn set_passphrase(console: Here, change: PassphraseChange) -> Answer<()> {
    console.set_passphrase(change).await
}

#[tauri::command]
#[specta::specta]
pub async fn events(console: Here, query: EventQuery) -> Answer<EventList> {
    console.events(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn event(console: Here, id: EventId) -> Answer<Option<Event>> {
    console.event(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn count_events(console: Here, filter: Filter, at_most: Option<u32>) -> Answer<Count> {
    console.count_events(filter, at_most).await
}

#[tauri::command]
#[specta::specta]
pub async fn events_at(console: Here, filter: Filter, offset: u32, limit: u32) -> Answer<EventList> {
    console.events_at(filter, offset, limit).await
}

#[tauri::command]
#[specta::specta]
pub async fn event_position(console: Here, filter: Filter, id: EventId) -> Answer<u32> {
    console.event_position(filter, id).await
}

#[tauri::command]
#[specta::specta]
pub async fn event_groups(console: Here, query: GroupQuery) -> Answer<GroupList> {
    console.event_groups(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn event_timeline(console: Here, query: TimelineQuery) -> Answer<Timeline> {
    console.event_timeline(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn complete(console: Here, query: CompletionQuery) -> Answer<Vec<Completion>> {
    console.complete(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn export_path(app: AppHandle, format: ExportFormat) -> Answer<String> {
    files::export_path(&app, format)
}

#[tauri::command]
#[specta::specta]
pub async fn choose_export_path(app: AppHandle, format: ExportFormat) -> Answer<Option<String>> {
    files::choose_export_path(&app, format).await
}

#[tauri::command]
#[specta::specta]
pub async fn export_events(console: Here, request: ExportRequest) -> Answer<ExportId> {
    console.export_events(request)
}

#[tauri::command]
#[specta::specta]
pub async fn cancel_export(console: Here, id: ExportId) -> Answer<()> {
    console.cancel_export(&id);
    Ok(())
}

#[tauri::command]
#[specta::specta]
pub async fn saved_views(console: Here) -> Answer<Vec<SavedView>> {
    console.saved_views().await
}

#[tauri::command]
#[specta::specta]
pub async fn save_view(console: Here, view: SavedView) -> Answer<()> {
    console.save_view(view).await
}

#[tauri::command]
#[specta::specta]
pub async fn rename_view(console: Here, name: String, new_name: String) -> Answer<()> {
    console.rename_view(name, new_name).await
}

#[tauri::command]
#[specta::specta]
pub async fn delete_view(console: Here, name: String) -> Answer<()> {
    console.delete_view(name).await
}

#[tauri::command]
#[specta::specta]
pub async fn alerts(console: Here, states: Vec<AlertState>) -> Answer<Vec<Alert>> {
    console.alerts(states).await
}

#[tauri::command]
#[specta::specta]
pub async fn alert(console: Here, id: AlertId) -> Answer<Option<Alert>> {
    console.alert(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn change_alert(console: Here, id: AlertId, change: AlertChange) -> Answer<Alert> {
    console.change_alert(id, change).await
}

#[tauri::command]
#[specta::specta]
pub async fn blocks(console: Here) -> Answer<Vec<Block>> {
    console.blocks().await
}

#[tauri::command]
#[specta::specta]
pub async fn create_block(console: Here, block: NewBlock) -> Answer<Block> {
    console.create_block(block).await
}

#[tauri::command]
#[specta::specta]
pub async fn lift_block(console: Here, id: BlockId) -> Answer<Block> {
    console.lift_block(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn accounts(console: Here, text: String) -> Answer<Vec<Account>> {
    console.accounts(text).await
}

#[tauri::command]
#[specta::specta]
pub async fn preferences(console: Here) -> Answer<Preferences> {
    console.preferences().await
}

#[tauri::command]
#[specta::specta]
pub async fn set_preferences(console: Here, preferences: Preferences) -> Answer<Preferences> {
    console.set_preferences(preferences).await
}

#[tauri::command]
#[specta::specta]
pub async fn pause_notifications(console: Here, pause: Pause) -> Answer<()> {
    console.pause_notifications(pause).await
}

#[tauri::command]
#[specta::specta]
pub async fn dismiss_notice(console: Here, notice: Notice) -> Answer<()> {
    console.dismiss_notice(notice).await
}

#[tauri::command]
#[specta::specta]
pub async fn send_test_mail(console: Here, to: String) -> Answer<TestMailResult> {
    console.send_test_mail(to).await
}

#[tauri::command]
#[specta::specta]
pub async fn factors(console: Here) -> Answer<Vec<Factor>> {
    console.factors().await
}

#[tauri::command]
#[specta::specta]
pub async fn enrol_authenticator(console: Here) -> Answer<AuthenticatorOffer> {
    console.enrol_authenticator().await
}

#[tauri::command]
#[specta::specta]
pub async fn confirm_authenticator(console: Here, confirmation: AuthenticatorConfirmation) -> Answer<()> {
    console.confirm_authenticator(confirmation).await
}

#[tauri::command]
#[specta::specta]
pub async fn remove_factor(console: Here, id: FactorId) -> Answer<()> {
    console.remove_factor(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn renew_recovery_codes(console: Here) -> Answer<RecoveryCodes> {
    console.renew_recovery_codes().await
}

#[tauri::command]
#[specta::specta]
pub async fn change_password(console: Here, change: PasswordChange) -> Answer<()> {
    console.change_password(change).await
}

#[tauri::command]
#[specta::specta]
pub async fn mail_server_snippet(console: Here, request: SnippetRequest) -> Answer<MailServerSnippet> {
    console.mail_server_snippet(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn mail_servers(console: Here) -> Answer<Vec<MailServer>> {
    console.mail_servers().await
}

#[tauri::command]
#[specta::specta]
pub async fn service_health(console: Here) -> Answer<ServiceHealth> {
    console.service_health().await
}

// Several services

#[tauri::command]
#[specta::specta]
pub async fn switch_service(console: Here, service: ServiceId) -> Answer<()> {
    console.switch_service(service).await
}

#[tauri::command]
#[specta::specta]
pub async fn rename_service(console: Here, service: ServiceId, name: String) -> Answer<()> {
    console.rename_service(service, name).await
}

#[tauri::command]
#[specta::specta]
pub async fn all_alerts(console: Here, states: Vec<AlertState>) -> Answer<Vec<ServiceAlert>> {
    console.all_alerts(states).await
}

#[tauri::command]
#[specta::specta]
pub async fn trust_certificate(console: Here, service: ServiceId, sha256: String) -> Answer<()> {
    console.trust_certificate(service, sha256).await
}
