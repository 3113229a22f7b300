//! Further places to which the service copies its backups.

use mailcup_wire::{
    BackupTarget, BackupTargetChange, BackupTargetId, BackupTargetTest, BackupTargetTested, Problem,
};

use super::Console;

impl Console {
    pub async fn add_backup_target(&self, target: BackupTargetChange) -> Result<BackupTarget, Problem> {
        self.signed_in()?.add_backup_target(&target).await
    }

    pub async fn change_backup_target(
        &self,
        id: BackupTargetId,
        target: BackupTargetChange,
    ) -> Result<BackupTarget, Problem> {
        self.signed_in()?.change_backup_target(&id, &target).await
    }

    pub async fn remove_backup_target(&self, id: BackupTargetId) -> Result<(), Problem> {
        self.signed_in()?.remove_backup_target(&id).await
    }

    pub async fn test_backup_target(&self, test: BackupTargetTest) -> Result<BackupTargetTested, Problem> {
        self.signed_in()?.test_backup_target(&test).await
    }
}
