use mailcup_wire::{
    BackupProgress, Code, Problem, SnapshotId,
    desktop::{
        AttachmentRequest, ComparisonQuery, HistoryOf, ItemHistory, MailExport, MailExported, MailFolder,
        MailHits, MailSearch, Mailbox, Message, MessageList, MessageQuery, MessageRequest, MessageSource,
        SnapshotComparison, SnapshotList, StateExport, StateQuery, StateTable,
    },
};

use super::Console;

impl Console {
    pub async fn snapshots(&self) -> Result<SnapshotList, Problem> {
        Err(unwritten())
    }

    pub async fn mailboxes(&self, _snapshot: SnapshotId) -> Result<Vec<Mailbox>, Problem> {
        Err(unwritten())
    }

    pub async fn mail_folders(
        &self,
        _snapshot: SnapshotId,
        _path: String,
    ) -> Result<Vec<MailFolder>, Problem> {
        Err(unwritten())
    }

    pub async fn messages(&self, _query: MessageQuery) -> Result<MessageList, Problem> {
        Err(unwritten())
    }

    pub async fn message(&self, _request: MessageRequest) -> Result<Message, Problem> {
        Err(unwritten())
    }

    pub async fn message_source(&self, _request: MessageRequest) -> Result<MessageSource, Problem> {
        Err(unwritten())
    }

    pub async fn save_attachment(&self, _request: AttachmentRequest) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn snapshot_state(&self, _query: StateQuery) -> Result<StateTable, Problem> {
        Err(unwritten())
    }

    pub async fn compare_snapshots(&self, _query: ComparisonQuery) -> Result<SnapshotComparison, Problem> {
        Err(unwritten())
    }

    pub async fn search_mail(&self, _search: MailSearch) -> Result<MailHits, Problem> {
        Err(unwritten())
    }

    pub async fn item_history(&self, _item: HistoryOf) -> Result<ItemHistory, Problem> {
        Err(unwritten())
    }

    pub async fn export_mail(&self, _export: MailExport) -> Result<MailExported, Problem> {
        Err(unwritten())
    }

    pub async fn mail_export_progress(&self) -> Result<Option<BackupProgress>, Problem> {
        Err(unwritten())
    }

    pub async fn cancel_mail_export(&self) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn export_state(&self, _export: StateExport) -> Result<(), Problem> {
        Err(unwritten())
    }
}

fn unwritten() -> Problem {
    Problem::new(Code::Unavailable, "Not written yet.")
}
