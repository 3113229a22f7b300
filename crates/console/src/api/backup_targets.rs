//! Further places to which the service copies its backups.

use mailcup_wire::{
    BackupTarget, BackupTargetChange, BackupTargetId, BackupTargetTest, BackupTargetTested, Problem,
};
use reqwest::Method;

use super::Api;

impl Api {
    pub async fn add_backup_target(&self, target: &BackupTargetChange) -> Result<BackupTarget, Problem> {
        self.send(Method::POST, "backups/targets", target).await
    }

    pub async fn change_backup_target(
        &self,
        id: &BackupTargetId,
        target: &BackupTargetChange,
    ) -> Result<BackupTarget, Problem> {
        self.send(Method::PUT, &format!("backups/targets/{id}"), target).await
    }

    pub async fn remove_backup_target(&self, id: &BackupTargetId) -> Result<(), Problem> {
        self.without_content(self.request(Method::DELETE, &format!("backups/targets/{id}"))).await
    }

    pub async fn test_backup_target(&self, test: &BackupTargetTest) -> Result<BackupTargetTested, Problem> {
        self.send(Method::POST, "backups/targets/test", test).await
    }
}
