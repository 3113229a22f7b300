//! Accounts, admins, keys and the audit log.

use mailcup_wire::{
    Login,
    desktop::{AccountList, AccountQuery, AccountRow},
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
