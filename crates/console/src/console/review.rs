//! Snapshots, reviewed from the mirror. What is read of people's mail is noted before it is shown, and the service is
//! told of it.

use std::sync::{Arc, Mutex, PoisonError};

use mailcup_wire::{
    BackupProgress, Bytes, Code, Login, MailRead, MailReadKind, Problem, SnapshotId, Time,
    desktop::{
        AttachmentRequest, ComparisonQuery, HistoryOf, ItemHistory, MailExcerpts, MailExport, MailExported,
        MailFolder, MailHits, MailSearch, Mailbox, Message, MessageList, MessageQuery, MessageRequest,
        MessageSource, SnapshotComparison, SnapshotList, StateExport, StateQuery, StateTable,
    },
};
use tokio_util::sync::CancellationToken;

use super::{Console, blocking};
use crate::{
    mirror::Stopped,
    profile::write_whole,
    review::{Review, export_mail, export_state, mail_path, message_at},
};

/// The export of mail that runs, at most one.
#[derive(Clone, Default)]
pub struct MailExports(Arc<Mutex<Option<Running>>>);

#[derive(Clone)]
struct Running {
    stop: CancellationToken,
    progress: Arc<Mutex<BackupProgress>>,
}

impl Console {
    pub async fn snapshots(&self) -> Result<SnapshotList, Problem> {
        self.reviewing(Review::snapshots).await
    }

    pub async fn mailboxes(&self, snapshot: SnapshotId) -> Result<Vec<Mailbox>, Problem> {
        self.reviewing(move |review| review.mailboxes(&snapshot)).await
    }

    pub async fn mail_folders(&self, snapshot: SnapshotId, path: String) -> Result<Vec<MailFolder>, Problem> {
        self.reviewing(move |review| review.mail_folders(&snapshot, &path)).await
    }

    pub async fn messages(&self, query: MessageQuery) -> Result<MessageList, Problem> {
        self.reviewing(move |review| review.messages(&query)).await
    }

    pub async fn message(&self, request: MessageRequest) -> Result<Message, Problem> {
        let snapshot = request.snapshot.clone();
        let (message, account, folder) = self.reviewing(move |review| review.message(&request)).await?;
        self.note_read(snapshot, MailReadKind::Read, account, folder, 1).await?;
        Ok(message)
    }

    pub async fn message_source(&self, request: MessageRequest) -> Result<MessageSource, Problem> {
        self.note_message(&request, MailReadKind::Read).await?;
        self.reviewing(move |review| review.message_source(&request)).await
    }

    pub async fn save_attachment(&self, request: AttachmentRequest) -> Result<(), Problem> {
        let to = std::path::PathBuf::from(&request.to);
        if !to.is_absolute() || to.file_name().is_none() {
            return Err(Problem::field("to", "Choose where it is to be saved."));
        }
        let message = MessageRequest { snapshot: request.snapshot, path: request.path };
        self.note_message(&message, MailReadKind::SavedAttachment).await?;
        self.reviewing(move |review| {
            let content = review.attachment(&message, request.part)?;
            write_whole(&to, &content)
        })
        .await
    }

    pub async fn snapshot_state(&self, query: StateQuery) -> Result<StateTable, Problem> {
        self.reviewing(move |review| review.snapshot_state(&query)).await
    }

    pub async fn compare_snapshots(&self, query: ComparisonQuery) -> Result<SnapshotComparison, Problem> {
        self.reviewing(move |review| review.compare(&query)).await
    }

    pub async fn search_mail(&self, search: MailSearch) -> Result<MailHits, Problem> {
        self.reviewing(move |review| review.search_mail(&search)).await
    }

    pub async fn count_mail(&self, search: MailSearch) -> Result<u32, Problem> {
        self.reviewing(move |review| review.count_mail(&search)).await
    }

    pub async fn mail_excerpts(&self, asked: MailExcerpts) -> Result<Vec<String>, Problem> {
        self.reviewing(move |review| review.mail_excerpts(&asked)).await
    }

    /// With what the audit log, as far as it was seen, says of records.
    pub async fn item_history(&self, item: HistoryOf) -> Result<ItemHistory, Problem> {
        let key = match &item {
            HistoryOf::Record { key, .. } => Some(key.clone()),
            HistoryOf::Message { .. } => None,
        };
        let mut history = self.reviewing(move |review| review.history(&item)).await?;
        let Some(key) = key else { return Ok(history) };
        let readers = self.readers()?;
        for step in &mut history.steps {
            step.audit = readers.audit_of(key.clone(), step.after, step.at).await?;
        }
        Ok(history)
    }

    /// Ends early with [`Console::cancel_mail_export`].
    pub async fn export_mail(&self, export: MailExport) -> Result<MailExported, Problem> {
        let snapshot = export.snapshot.clone();
        let running = self.mail_exports.begin()?;
        let (watch, progress) = (Stopped(running.stop.clone()), Arc::clone(&running.progress));
        let done = self
            .reviewing(move |review| {
                let tell = |(files, total_files), (bytes, total_bytes)| {
                    *progress.lock().unwrap_or_else(PoisonError::into_inner) = BackupProgress {
                        bytes: Bytes(bytes),
                        total_bytes: Bytes(total_bytes),
                        files,
                        total_files,
                    };
                };
                export_mail(review, &export, &tell, &watch)
            })
            .await;
        self.mail_exports.end();
        let (exported, of) = done?;
        for (account, folder, messages) in of {
            self.note_read(snapshot.clone(), MailReadKind::Exported, account, folder, messages).await?;
        }
        Ok(exported)
    }

    pub fn mail_export_progress(&self) -> Result<Option<BackupProgress>, Problem> {
        let running = self.mail_exports.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(running.map(|it| *it.progress.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub fn cancel_mail_export(&self) -> Result<(), Problem> {
        if let Some(running) = self.mail_exports.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            running.stop.cancel();
        }
        Ok(())
    }

    pub async fn export_state(&self, export: StateExport) -> Result<(), Problem> {
        self.reviewing(move |review| export_state(review, &export)).await
    }

    async fn reviewing<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Review) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let review = self.mirror()?.review()?;
        blocking(move || ask(&review)).await
    }

    async fn note_message(&self, request: &MessageRequest, what: MailReadKind) -> Result<(), Problem> {
        let place = message_at(&mail_path(&request.path)?);
        let place = place.ok_or_else(|| Problem::new(Code::NotFound, "There is no such message."))?;
        self.note_read(request.snapshot.clone(), what, place.account, place.folder, 1).await
    }

    async fn note_read(
        &self,
        snapshot: SnapshotId,
        what: MailReadKind,
        account: Login,
        folder: String,
        messages: u32,
    ) -> Result<(), Problem> {
        let id = format!("{:032x}", rand::random::<u128>());
        let at = Time(jiff::Timestamp::now());
        // Whatever a folder is called: a read that the service refuses would keep all others from it.
        let (account, folder) = (Login(told(&account.0)), told(&folder));
        let read = MailRead { id, at, snapshot, account, what, messages, folder };
        let mirror = self.mirror()?;
        mirror.store().note_read(read).await?;
        if let Ok(api) = self.signed_in() {
            // What can't be told now is told with the next filling.
            tokio::spawn(async move { mirror.tell_reads(&api).await });
        }
        Ok(())
    }
}

impl MailExports {
    fn begin(&self) -> Result<Running, Problem> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return Err(Problem::new(
                Code::Conflict,
                "Another export of mail is running; wait for it, or cancel it.",
            ));
        }
        let begun = Running { stop: CancellationToken::new(), progress: Arc::default() };
        Ok(running.insert(begun).clone())
    }

    fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A name as the service takes it.
fn told(name: &str) -> String {
    const LONGEST: usize = 200;
    let plain = name.chars().map(|char| if char.is_control() { '_' } else { char });
    plain
        .scan(0, |bytes, char| {
            *bytes += char.len_utf8();
            (*bytes <= LONGEST).then_some(char)
        })
        .collect()
}
