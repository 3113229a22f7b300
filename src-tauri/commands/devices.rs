//! One's own devices and sessions.

use mailcup_wire::{Challenge, ChallengeAnswer, ChallengeId, Device, DeviceId, SessionId};

use super::Answer;
use crate::here::Here;

#[tauri::command]
#[specta::specta]
pub async fn devices(console: Here) -> Answer<Vec<Device>> {
    console.devices().await
}

#[tauri::command]
#[specta::specta]
pub async fn rename_device(console: Here, id: DeviceId, name: String, version: u32) -> Answer<Device> {
    console.rename_device(id, name, version).await
}

#[tauri::command]
#[specta::specta]
pub async fn revoke_device(console: Here, id: DeviceId) -> Answer<()> {
    console.revoke_device(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn end_own_sessions(console: Here, session: Option<SessionId>) -> Answer<()> {
    console.end_own_sessions(session).await
}

#[tauri::command]
#[specta::specta]
pub async fn reauthenticate(console: Here, password: String) -> Answer<Challenge> {
    console.reauthenticate(password).await
}

#[tauri::command]
#[specta::specta]
pub async fn send_reauthentication_code(console: Here, id: ChallengeId) -> Answer<Challenge> {
    console.send_reauthentication_code(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn answer_reauthentication(console: Here, id: ChallengeId, answer: ChallengeAnswer) -> Answer<()> {
    console.answer_reauthentication(id, answer).await
}
