//! Access rules, sending limits, and mails to owners.

use mailcup_wire::{
    AccountNotices, FieldProblem, Login, NoticeSettings, NoticeSettingsChange, Organization,
    OrganizationChange, PlaceSource, PolicyChange, RiskSettings, Trial,
    desktop::{
        DecisionAnswer, DecisionQuestion, DryRunOutcome, DryRunProgress, DryRunQuestion, Filter,
        LearnProposal, LearnQuestion, PolicyExport, PolicyFormat, PolicyImport, PolicyPart, PolicySaved,
        PolicyView, ReadNetworks, SendingNetworks, Terms, UsageList, UsageQuestion, WhereFrom,
    },
};
use tauri::AppHandle;

use super::Answer;
use crate::{files, here::Here};

#[tauri::command]
#[specta::specta]
pub async fn policy(console: Here) -> Answer<PolicyView> {
    console.policy().await
}

#[tauri::command]
#[specta::specta]
pub async fn save_policy(console: Here, change: PolicyChange) -> Answer<PolicySaved> {
    console.save_policy(change).await
}

#[tauri::command]
#[specta::specta]
pub async fn keep_trial(console: Here) -> Answer<Trial> {
    console.keep_trial().await
}

#[tauri::command]
#[specta::specta]
pub async fn return_trial(console: Here) -> Answer<Trial> {
    console.return_trial().await
}

#[tauri::command]
#[specta::specta]
pub async fn dry_run(console: Here, question: DryRunQuestion) -> Answer<DryRunOutcome> {
    console.dry_run(question).await
}

#[tauri::command]
#[specta::specta]
pub async fn dry_run_progress(console: Here) -> Answer<Option<DryRunProgress>> {
    console.dry_run_progress()
}

#[tauri::command]
#[specta::specta]
pub async fn cancel_dry_run(console: Here) -> Answer<()> {
    console.cancel_dry_run()
}

#[tauri::command]
#[specta::specta]
pub async fn decide(console: Here, question: DecisionQuestion) -> Answer<DecisionAnswer> {
    console.decide(question).await
}

#[tauri::command]
#[specta::specta]
pub async fn learn(console: Here, question: LearnQuestion) -> Answer<LearnProposal> {
    console.learn(question).await
}

#[tauri::command]
#[specta::specta]
pub async fn sending_usage(console: Here, question: UsageQuestion) -> Answer<UsageList> {
    console.sending_usage(question).await
}

#[tauri::command]
#[specta::specta]
pub async fn sending_networks(console: Here, text: String, count: u32) -> Answer<Vec<SendingNetworks>> {
    console.sending_networks(text, count).await
}

#[tauri::command]
#[specta::specta]
pub async fn read_networks(console: Here, text: String) -> Answer<ReadNetworks> {
    console.read_networks(text).await
}

#[tauri::command]
#[specta::specta]
pub async fn check_terms(console: Here, terms: Terms) -> Answer<Vec<FieldProblem>> {
    console.check_terms(terms).await
}

#[tauri::command]
#[specta::specta]
pub async fn preview_policy_import(console: Here, text: String, part: PolicyPart) -> Answer<PolicyImport> {
    console.preview_policy_import(text, part).await
}

#[tauri::command]
#[specta::specta]
pub async fn policy_text(console: Here, wanted: PolicyExport) -> Answer<String> {
    console.policy_text(wanted).await
}

#[tauri::command]
#[specta::specta]
pub async fn choose_policy_path(
    app: AppHandle,
    part: PolicyPart,
    format: PolicyFormat,
) -> Answer<Option<String>> {
    files::choose_policy_path(&app, part, format).await
}

#[tauri::command]
#[specta::specta]
pub async fn write_policy(console: Here, path: String, wanted: PolicyExport) -> Answer<()> {
    console.write_policy(path, wanted).await
}

#[tauri::command]
#[specta::specta]
pub async fn where_from(console: Here, filter: Filter) -> Answer<WhereFrom> {
    console.where_from(filter).await
}

#[tauri::command]
#[specta::specta]
pub async fn place_sources(console: Here) -> Answer<Vec<PlaceSource>> {
    console.place_sources().await
}

#[tauri::command]
#[specta::specta]
pub async fn notice_settings(console: Here) -> Answer<NoticeSettings> {
    console.notice_settings().await
}

#[tauri::command]
#[specta::specta]
pub async fn set_notice_settings(
    console: Here,
    change: NoticeSettingsChange,
    version: u32,
) -> Answer<NoticeSettings> {
    console.set_notice_settings(change, version).await
}

#[tauri::command]
#[specta::specta]
pub async fn organization(console: Here) -> Answer<Organization> {
    console.organization().await
}

#[tauri::command]
#[specta::specta]
pub async fn set_organization(
    console: Here,
    change: OrganizationChange,
    version: u32,
) -> Answer<Organization> {
    console.set_organization(change, version).await
}

#[tauri::command]
#[specta::specta]
pub async fn risk_settings(console: Here) -> Answer<RiskSettings> {
    console.risk_settings().await
}

#[tauri::command]
#[specta::specta]
pub async fn set_risk_settings(console: Here, settings: RiskSettings) -> Answer<RiskSettings> {
    console.set_risk_settings(settings).await
}

#[tauri::command]
#[specta::specta]
pub async fn account_notices(console: Here, login: Login) -> Answer<AccountNotices> {
    console.account_notices(login).await
}

#[tauri::command]
#[specta::specta]
pub async fn set_account_notices(
    console: Here,
    login: Login,
    notices: AccountNotices,
) -> Answer<AccountNotices> {
    console.set_account_notices(login, notices).await
}
