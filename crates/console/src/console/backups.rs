use mailcup_wire::{
    BackupJob, BackupJobId, Code, NewBackupJob, Problem,
    desktop::{BackupsView, MirrorSettings},
};

use super::Console;

impl Console {
    pub async fn backups(&self) -> Result<BackupsView, Problem> {
        Err(unwritten())
    }

    pub async fn begin_backup_job(&self, _job: NewBackupJob) -> Result<BackupJob, Problem> {
        Err(unwritten())
    }

    pub async fn cancel_backup_job(&self, _id: BackupJobId) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn begin_mirror(&self, _settings: MirrorSettings) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn change_mirror(&self, _settings: MirrorSettings) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn pause_mirror(&self) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn resume_mirror(&self) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn forget_mirror(&self) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn begin_mail_index(&self) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn cancel_mail_index(&self) -> Result<(), Problem> {
        Err(unwritten())
    }

    pub async fn forget_mail_index(&self) -> Result<(), Problem> {
        Err(unwritten())
    }
}

fn unwritten() -> Problem {
    Problem::new(Code::Unavailable, "Not written yet.")
}
