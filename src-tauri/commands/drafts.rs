//! What can be edited, and drafts of it.

use mailcup_wire::desktop::{Applied, ApplyDraft, Comparison, Content, Draft, Edit, Opened, Resource, Saved};

use super::Answer;
use crate::here::Here;

#[tauri::command]
#[specta::specta]
pub async fn open_resource(console: Here, resource: Resource) -> Answer<Opened> {
    console.open_resource(resource).await
}

#[tauri::command]
#[specta::specta]
pub async fn save_edit(console: Here, edit: Edit, began: Content) -> Answer<Saved> {
    console.save_edit(edit, began).await
}

#[tauri::command]
#[specta::specta]
pub async fn drafts(console: Here) -> Answer<Vec<Draft>> {
    console.drafts().await
}

#[tauri::command]
#[specta::specta]
pub async fn compare_draft(console: Here, resource: Resource) -> Answer<Comparison> {
    console.compare_draft(resource).await
}

#[tauri::command]
#[specta::specta]
pub async fn apply_draft(console: Here, request: ApplyDraft) -> Answer<Applied> {
    console.apply_draft(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn discard_draft(console: Here, resource: Resource) -> Answer<()> {
    console.discard_draft(resource).await
}

#[tauri::command]
#[specta::specta]
pub async fn restore_draft(console: Here, resource: Resource) -> Answer<()> {
    console.restore_draft(resource).await
}
