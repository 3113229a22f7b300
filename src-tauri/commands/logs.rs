//! Logs of mail servers, dropped onto the window or chosen.

use mailcup_wire::desktop::LogDesk;
use tauri::AppHandle;

use super::Answer;
use crate::{files, here::Here};

#[tauri::command]
#[specta::specta]
pub async fn log_desk(console: Here) -> Answer<LogDesk> {
    Ok(console.log_desk())
}

#[tauri::command]
#[specta::specta]
pub async fn choose_logs(app: AppHandle, console: Here) -> Answer<LogDesk> {
    console.offer_logs(&files::choose_logs(&app).await?)
}

#[tauri::command]
#[specta::specta]
pub async fn clear_logs(console: Here) -> Answer<LogDesk> {
    Ok(console.clear_logs())
}

#[tauri::command]
#[specta::specta]
pub async fn import_logs(console: Here, time_zone: String) -> Answer<LogDesk> {
    console.import_logs(time_zone).await
}

#[tauri::command]
#[specta::specta]
pub async fn cancel_log_import(console: Here) -> Answer<()> {
    console.cancel_log_import();
    Ok(())
}
