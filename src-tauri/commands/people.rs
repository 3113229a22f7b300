//! Accounts, admins, keys and the audit log.

use mailcup_console_core::Console;
use mailcup_wire::{
    Login,
    desktop::{AccountList, AccountQuery, AccountRow},
};
use tauri::State;

use super::Answer;

#[tauri::command]
#[specta::specta]
pub async fn list_accounts(console: State<'_, Console>, query: AccountQuery) -> Answer<AccountList> {
    console.list_accounts(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn account(console: State<'_, Console>, login: Login) -> Answer<Option<AccountRow>> {
    console.account(login).await
}
