//! Backups of the service, and this computer's mirror of them.

use mailcup_wire::{
    BackupJob, BackupJobId, Backups, Code, NewBackupJob, Problem, Time,
    desktop::{BackupsView, MirrorSettings},
};

use super::Console;
use crate::{mirror::Mirror, store::KeptBackups};

impl Console {
    /// As the service tells now; while it is away, as it told last.
    pub async fn backups(&self) -> Result<BackupsView, Problem> {
        let mirrored = self.mirror()?;
        let (mirror, index) = mirrored.view().await?;
        let asked = match self.signed_in() {
            Ok(api) => api.backups().await,
            Err(problem) => Err(problem),
        };
        let (kept, away) = match asked {
            Ok(backups) => {
                let before = self.readers()?.backups().await?;
                let newest = |backups: &Backups| backups.jobs.first().map(|job| job.id.clone());
                if before.is_none_or(|before| newest(&before.backups) != newest(&backups)) {
                    mirrored.look();
                }
                let kept = KeptBackups { backups, read_at: Time(jiff::Timestamp::now()) };
                mirrored.store().keep_backups(kept.clone()).await?;
                (Some(kept), None)
            }
            Err(problem) => (self.readers()?.backups().await?, Some(problem.message)),
        };
        let (service, read_at) = kept.map(|kept| (kept.backups, kept.read_at)).unzip();
        Ok(BackupsView { service, read_at, away, mirror, index })
    }

    pub async fn begin_backup_job(&self, job: NewBackupJob) -> Result<BackupJob, Problem> {
        self.signed_in()?.begin_backup_job(&job).await
    }

    pub async fn cancel_backup_job(&self, id: BackupJobId) -> Result<(), Problem> {
        self.signed_in()?.cancel_backup_job(&id).await
    }

    /// The service asks for password and second factor before it hands out what opens everyone's mail.
    pub async fn begin_mirror(&self, settings: MirrorSettings) -> Result<(), Problem> {
        let grant = self.signed_in()?.mirror_grant().await?;
        self.mirror()?.begin(settings, grant).await
    }

    pub async fn change_mirror(&self, settings: MirrorSettings) -> Result<(), Problem> {
        self.mirror()?.set_settings(settings).await
    }

    pub async fn pause_mirror(&self) -> Result<(), Problem> {
        self.mirror()?.set_paused(true).await
    }

    pub async fn resume_mirror(&self) -> Result<(), Problem> {
        self.mirror()?.set_paused(false).await
    }

    pub async fn forget_mirror(&self) -> Result<(), Problem> {
        self.mirror()?.forget().await
    }

    pub async fn begin_mail_index(&self) -> Result<(), Problem> {
        self.mirror()?.set_indexed(true).await
    }

    pub async fn cancel_mail_index(&self) -> Result<(), Problem> {
        self.mirror()?.set_indexed(false).await
    }

    pub async fn forget_mail_index(&self) -> Result<(), Problem> {
        self.mirror()?.forget_index().await
    }

    pub(super) fn mirror(&self) -> Result<Mirror, Problem> {
        if self.contacts.borrow().locked {
            return Err(crate::controller::locked());
        }
        let mirror = self.here()?.mirror;
        mirror.ok_or_else(|| Problem::new(Code::Unavailable, "There is no local copy yet."))
    }
}
