//! The commands that a window may call, as `mailcup_wire::desktop` lists them. The desktop core does the
//! work; nothing is decided here.

pub mod people;

use mailcup_console_core::Console;
use mailcup_wire::desktop::{
    AuthenticatorOffer, Completion, CompletionQuery, ConnectRequest, Count, Credentials, EventList,
    EventQuery, ExportFormat, ExportRequest, Filter, GroupList, GroupQuery, Notice, PassphraseChange, Pause,
    Preferences, SavedView, SetUpRequest, SignInStep, Timeline, TimelineQuery, View,
};
use mailcup_wire::{
    Account, Alert, AlertChange, AlertId, AlertSettings, AlertState, AuthenticatorConfirmation, Block,
    BlockId, ChallengeAnswer, Event, EventId, ExportId, Factor, FactorId, MailServer, MailServerKind,
    MailServerSnippet, MailSettings, MailSettingsChange, NewBlock, PasswordChange, Problem, RecoveryCodes,
    ServiceHealth, TestMailResult,
};
use tauri::{AppHandle, State};

use crate::files;

type Answer<T> = Result<T, Problem>;

#[tauri::command]
#[specta::specta]
pub async fn view(console: State<'_, Console>) -> Answer<View> {
    console.view().await
}

#[tauri::command]
#[specta::specta]
pub async fn start_embedded(console: State<'_, Console>) -> Answer<()> {
    console.start_embedded().await
}

#[tauri::command]
#[specta::specta]
pub async fn set_up(console: State<'_, Console>, request: SetUpRequest) -> Answer<RecoveryCodes> {
    console.set_up(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn connect(console: State<'_, Console>, request: ConnectRequest) -> Answer<()> {
    console.connect(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn choose_passphrase(console: State<'_, Console>, passphrase: String) -> Answer<()> {
    console.choose_passphrase(passphrase).await
}

#[tauri::command]
#[specta::specta]
pub async fn sign_in(console: State<'_, Console>, credentials: Credentials) -> Answer<SignInStep> {
    console.sign_in(credentials).await
}

#[tauri::command]
#[specta::specta]
pub async fn answer_challenge(console: State<'_, Console>, answer: ChallengeAnswer) -> Answer<SignInStep> {
    console.answer_challenge(answer).await
}

#[tauri::command]
#[specta::specta]
pub async fn resend_code(console: State<'_, Console>) -> Answer<SignInStep> {
    console.resend_code().await
}

#[tauri::command]
#[specta::specta]
pub async fn sign_out(console: State<'_, Console>) -> Answer<()> {
    console.sign_out().await
}

#[tauri::command]
#[specta::specta]
pub async fn forget_service(console: State<'_, Console>) -> Answer<()> {
    console.forget_service().await
}

#[tauri::command]
#[specta::specta]
pub async fn lock(console: State<'_, Console>) -> Answer<()> {
    console.lock().await
}

#[tauri::command]
#[specta::specta]
pub async fn unlock(console: State<'_, Console>, passphrase: String) -> Answer<()> {
    console.unlock(passphrase).await
}

#[tauri::command]
#[specta::specta]
pub async fn set_passphrase(console: State<'_, Console>, change: PassphraseChange) -> Answer<()> {
    console.set_passphrase(change).await
}

#[tauri::command]
#[specta::specta]
pub async fn events(console: State<'_, Console>, query: EventQuery) -> Answer<EventList> {
    console.events(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn event(console: State<'_, Console>, id: EventId) -> Answer<Option<Event>> {
    console.event(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn count_events(
    console: State<'_, Console>,
    filter: Filter,
    at_most: Option<u32>,
) -> Answer<Count> {
    console.count_events(filter, at_most).await
}

#[tauri::command]
#[specta::specta]
pub async fn events_at(
    console: State<'_, Console>,
    filter: Filter,
    offset: u32,
    limit: u32,
) -> Answer<EventList> {
    console.events_at(filter, offset, limit).await
}

#[tauri::command]
#[specta::specta]
pub async fn event_position(console: State<'_, Console>, filter: Filter, id: EventId) -> Answer<u32> {
    console.event_position(filter, id).await
}

#[tauri::command]
#[specta::specta]
pub async fn event_groups(console: State<'_, Console>, query: GroupQuery) -> Answer<GroupList> {
    console.event_groups(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn event_timeline(console: State<'_, Console>, query: TimelineQuery) -> Answer<Timeline> {
    console.event_timeline(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn complete(console: State<'_, Console>, query: CompletionQuery) -> Answer<Vec<Completion>> {
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
pub async fn export_events(console: State<'_, Console>, request: ExportRequest) -> Answer<ExportId> {
    console.export_events(request)
}

#[tauri::command]
#[specta::specta]
pub async fn cancel_export(console: State<'_, Console>, id: ExportId) -> Answer<()> {
    console.cancel_export(&id);
    Ok(())
}

#[tauri::command]
#[specta::specta]
pub async fn saved_views(console: State<'_, Console>) -> Answer<Vec<SavedView>> {
    console.saved_views().await
}

#[tauri::command]
#[specta::specta]
pub async fn save_view(console: State<'_, Console>, view: SavedView) -> Answer<()> {
    console.save_view(view).await
}

#[tauri::command]
#[specta::specta]
pub async fn rename_view(console: State<'_, Console>, name: String, new_name: String) -> Answer<()> {
    console.rename_view(name, new_name).await
}

#[tauri::command]
#[specta::specta]
pub async fn delete_view(console: State<'_, Console>, name: String) -> Answer<()> {
    console.delete_view(name).await
}

#[tauri::command]
#[specta::specta]
pub async fn alerts(console: State<'_, Console>, states: Vec<AlertState>) -> Answer<Vec<Alert>> {
    console.alerts(states).await
}

#[tauri::command]
#[specta::specta]
pub async fn alert(console: State<'_, Console>, id: AlertId) -> Answer<Option<Alert>> {
    console.alert(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn change_alert(console: State<'_, Console>, id: AlertId, change: AlertChange) -> Answer<Alert> {
    console.change_alert(id, change).await
}

#[tauri::command]
#[specta::specta]
pub async fn blocks(console: State<'_, Console>) -> Answer<Vec<Block>> {
    console.blocks().await
}

#[tauri::command]
#[specta::specta]
pub async fn create_block(console: State<'_, Console>, block: NewBlock) -> Answer<Block> {
    console.create_block(block).await
}

#[tauri::command]
#[specta::specta]
pub async fn lift_block(console: State<'_, Console>, id: BlockId) -> Answer<Block> {
    console.lift_block(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn accounts(console: State<'_, Console>, text: String) -> Answer<Vec<Account>> {
    console.accounts(text).await
}

#[tauri::command]
#[specta::specta]
pub async fn preferences(console: State<'_, Console>) -> Answer<Preferences> {
    console.preferences().await
}

#[tauri::command]
#[specta::specta]
pub async fn set_preferences(console: State<'_, Console>, preferences: Preferences) -> Answer<Preferences> {
    console.set_preferences(preferences).await
}

#[tauri::command]
#[specta::specta]
pub async fn pause_notifications(console: State<'_, Console>, pause: Pause) -> Answer<()> {
    console.pause_notifications(pause).await
}

#[tauri::command]
#[specta::specta]
pub async fn dismiss_notice(console: State<'_, Console>, notice: Notice) -> Answer<()> {
    console.dismiss_notice(notice).await
}

#[tauri::command]
#[specta::specta]
pub async fn mail_settings(console: State<'_, Console>) -> Answer<MailSettings> {
    console.mail_settings().await
}

#[tauri::command]
#[specta::specta]
pub async fn set_mail_settings(
    console: State<'_, Console>,
    change: MailSettingsChange,
    version: u32,
) -> Answer<MailSettings> {
    console.set_mail_settings(change, version).await
}

#[tauri::command]
#[specta::specta]
pub async fn send_test_mail(console: State<'_, Console>, to: String) -> Answer<TestMailResult> {
    console.send_test_mail(to).await
}

#[tauri::command]
#[specta::specta]
pub async fn alert_settings(console: State<'_, Console>) -> Answer<AlertSettings> {
    console.alert_settings().await
}

#[tauri::command]
#[specta::specta]
pub async fn set_alert_settings(
    console: State<'_, Console>,
    settings: AlertSettings,
) -> Answer<AlertSettings> {
    console.set_alert_settings(settings).await
}

#[tauri::command]
#[specta::specta]
pub async fn factors(console: State<'_, Console>) -> Answer<Vec<Factor>> {
    console.factors().await
}

#[tauri::command]
#[specta::specta]
pub async fn enrol_authenticator(console: State<'_, Console>) -> Answer<AuthenticatorOffer> {
    console.enrol_authenticator().await
}

#[tauri::command]
#[specta::specta]
pub async fn confirm_authenticator(
    console: State<'_, Console>,
    confirmation: AuthenticatorConfirmation,
) -> Answer<()> {
    console.confirm_authenticator(confirmation).await
}

#[tauri::command]
#[specta::specta]
pub async fn remove_factor(console: State<'_, Console>, id: FactorId) -> Answer<()> {
    console.remove_factor(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn renew_recovery_codes(console: State<'_, Console>) -> Answer<RecoveryCodes> {
    console.renew_recovery_codes().await
}

#[tauri::command]
#[specta::specta]
pub async fn change_password(console: State<'_, Console>, change: PasswordChange) -> Answer<()> {
    console.change_password(change).await
}

#[tauri::command]
#[specta::specta]
pub async fn mail_server_snippet(
    console: State<'_, Console>,
    server: MailServerKind,
) -> Answer<MailServerSnippet> {
    console.mail_server_snippet(server).await
}

#[tauri::command]
#[specta::specta]
pub async fn mail_servers(console: State<'_, Console>) -> Answer<Vec<MailServer>> {
    console.mail_servers().await
}

#[tauri::command]
#[specta::specta]
pub async fn service_health(console: State<'_, Console>) -> Answer<ServiceHealth> {
    console.service_health().await
}
