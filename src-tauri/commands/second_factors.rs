//! Second factors of everybody.

use mailcup_wire::{
    AdminId, FactorCoverage, FactorPolicy, FactorPolicyChange, FactorReminders, Login, UnansweredCode,
    desktop::CoverageQuery,
};

use super::Answer;
use crate::here::Here;

#[tauri::command]
#[specta::specta]
pub async fn factor_policy(console: Here) -> Answer<FactorPolicy> {
    console.factor_policy().await
}

#[tauri::command]
#[specta::specta]
pub async fn change_factor_policy(console: Here, change: FactorPolicyChange) -> Answer<FactorPolicy> {
    console.change_factor_policy(change).await
}

#[tauri::command]
#[specta::specta]
pub async fn factor_coverage(console: Here, query: CoverageQuery) -> Answer<FactorCoverage> {
    console.factor_coverage(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn remind_of_factors(console: Here) -> Answer<FactorReminders> {
    console.remind_of_factors().await
}

#[tauri::command]
#[specta::specta]
pub async fn unanswered_codes(console: Here) -> Answer<Vec<UnansweredCode>> {
    console.unanswered_codes().await
}

#[tauri::command]
#[specta::specta]
pub async fn reset_factors(console: Here, id: AdminId) -> Answer<()> {
    console.reset_factors(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn reset_account_factors(console: Here, login: Login) -> Answer<()> {
    console.reset_account_factors(login).await
}
