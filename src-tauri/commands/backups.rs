//! Backups of the service, and this computer's mirror of them.

use mailcup_wire::{
    BackupJob, BackupJobId, NewBackupJob,
    desktop::{BackupsView, MirrorSettings},
};

use super::Answer;
use crate::here::Here;

#[tauri::command]
#[specta::specta]
pub async fn backups(console: Here) -> Answer<BackupsView> {
    console.backups().await
}

#[tauri::command]
#[specta::specta]
pub async fn begin_backup_job(console: Here, job: NewBackupJob) -> Answer<BackupJob> {
    console.begin_backup_job(job).await
}

#[tauri::command]
#[specta::specta]
pub async fn cancel_backup_job(console: Here, id: BackupJobId) -> Answer<()> {
    console.cancel_backup_job(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn begin_mirror(console: Here, settings: MirrorSettings) -> Answer<()> {
    console.begin_mirror(settings).await
}

#[tauri::command]
#[specta::specta]
pub async fn change_mirror(console: Here, settings: MirrorSettings) -> Answer<()> {
    console.change_mirror(settings).await
}

#[tauri::command]
#[specta::specta]
pub async fn pause_mirror(console: Here) -> Answer<()> {
    console.pause_mirror().await
}

#[tauri::command]
#[specta::specta]
pub async fn resume_mirror(console: Here) -> Answer<()> {
    console.resume_mirror().await
}

#[tauri::command]
#[specta::specta]
pub async fn forget_mirror(console: Here) -> Answer<()> {
    console.forget_mirror().await
}

#[tauri::command]
#[specta::specta]
pub async fn begin_mail_index(console: Here) -> Answer<()> {
    console.begin_mail_index().await
}

#[tauri::command]
#[specta::specta]
pub async fn cancel_mail_index(console: Here) -> Answer<()> {
    console.cancel_mail_index().await
}

#[tauri::command]
#[specta::specta]
pub async fn forget_mail_index(console: Here) -> Answer<()> {
    console.forget_mail_index().await
}
