//! Backups of the service, and this computer's mirror of them.

use mailcup_wire::{
    BackupJob, BackupJobId, BackupTarget, BackupTargetChange, BackupTargetId, BackupTargetTest,
    BackupTargetTested, NewBackupJob,
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
pub async fn add_backup_target(console: Here, target: BackupTargetChange) -> Answer<BackupTarget> {
    console.add_backup_target(target).await
}

#[tauri::command]
#[specta::specta]
pub async fn change_backup_target(
    console: Here,
    id: BackupTargetId,
    target: BackupTargetChange,
) -> Answer<BackupTarget> {
    console.change_backup_target(id, target).await
}

#[tauri::command]
#[specta::specta]
pub async fn remove_backup_target(console: Here, id: BackupTargetId) -> Answer<()> {
    console.remove_backup_target(id).await
}

#[tauri::command]
#[specta::specta]
pub async fn test_backup_target(console: Here, test: BackupTargetTest) -> Answer<BackupTargetTested> {
    console.test_backup_target(test).await
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
