//! Snapshots, reviewed from the mirror.

use mailcup_wire::{
    BackupProgress, SnapshotId,
    desktop::{
        AttachmentRequest, ComparisonQuery, HistoryOf, ItemHistory, MailExcerpts, MailExport, MailExported,
        MailFolder, MailFormat, MailHits, MailSearch, Mailbox, Message, MessageList, MessageQuery,
        MessageRequest, MessageSource, PutBack, RecordPreview, RecordPutBack, RecordRequest,
        SnapshotComparison, SnapshotList, StateExport, StateFormat, StateQuery, StateTable,
    },
};
use tauri::AppHandle;

use super::Answer;
use crate::{files, here::Here};

#[tauri::command]
#[specta::specta]
pub async fn snapshots(console: Here) -> Answer<SnapshotList> {
    console.snapshots().await
}

#[tauri::command]
#[specta::specta]
pub async fn mailboxes(console: Here, snapshot: SnapshotId) -> Answer<Vec<Mailbox>> {
    console.mailboxes(snapshot).await
}

#[tauri::command]
#[specta::specta]
pub async fn mail_folders(console: Here, snapshot: SnapshotId, path: String) -> Answer<Vec<MailFolder>> {
    console.mail_folders(snapshot, path).await
}

#[tauri::command]
#[specta::specta]
pub async fn messages(console: Here, query: MessageQuery) -> Answer<MessageList> {
    console.messages(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn message(console: Here, request: MessageRequest) -> Answer<Message> {
    console.message(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn message_source(console: Here, request: MessageRequest) -> Answer<MessageSource> {
    console.message_source(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn save_attachment(console: Here, request: AttachmentRequest) -> Answer<()> {
    console.save_attachment(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn snapshot_state(console: Here, query: StateQuery) -> Answer<StateTable> {
    console.snapshot_state(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn compare_snapshots(console: Here, query: ComparisonQuery) -> Answer<SnapshotComparison> {
    console.compare_snapshots(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn search_mail(console: Here, search: MailSearch) -> Answer<MailHits> {
    console.search_mail(search).await
}

#[tauri::command]
#[specta::specta]
pub async fn count_mail(console: Here, search: MailSearch) -> Answer<u32> {
    console.count_mail(search).await
}

#[tauri::command]
#[specta::specta]
pub async fn mail_excerpts(console: Here, asked: MailExcerpts) -> Answer<Vec<String>> {
    console.mail_excerpts(asked).await
}

#[tauri::command]
#[specta::specta]
pub async fn item_history(console: Here, item: HistoryOf) -> Answer<ItemHistory> {
    console.item_history(item).await
}

#[tauri::command]
#[specta::specta]
pub async fn record_preview(console: Here, request: RecordRequest) -> Answer<RecordPreview> {
    console.record_preview(request).await
}

#[tauri::command]
#[specta::specta]
pub async fn put_back_record(console: Here, put: PutBack) -> Answer<RecordPutBack> {
    console.put_back_record(put).await
}

#[tauri::command]
#[specta::specta]
pub async fn export_mail(console: Here, wanted: MailExport) -> Answer<MailExported> {
    console.export_mail(wanted).await
}

#[tauri::command]
#[specta::specta]
pub async fn mail_export_progress(console: Here) -> Answer<Option<BackupProgress>> {
    console.mail_export_progress()
}

#[tauri::command]
#[specta::specta]
pub async fn cancel_mail_export(console: Here) -> Answer<()> {
    console.cancel_mail_export()
}

#[tauri::command]
#[specta::specta]
pub async fn export_state(console: Here, wanted: StateExport) -> Answer<()> {
    console.export_state(wanted).await
}

#[tauri::command]
#[specta::specta]
pub async fn choose_mail_path(app: AppHandle, format: MailFormat) -> Answer<Option<String>> {
    files::choose_mail_path(&app, format).await
}

#[tauri::command]
#[specta::specta]
pub async fn choose_attachment_path(app: AppHandle, name: String) -> Answer<Option<String>> {
    files::choose_attachment_path(&app, &name).await
}

#[tauri::command]
#[specta::specta]
pub async fn choose_state_path(app: AppHandle, format: StateFormat) -> Answer<Option<String>> {
    files::choose_state_path(&app, format).await
}
