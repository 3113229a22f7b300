//! Backups of the service, and its repository, which is read in restic's REST protocol.

use mailcup_snapshots::{FileKind, Id};
use mailcup_wire::{BackupJob, BackupJobId, Backups, MailReads, MirrorGrant, NewBackupJob, Problem};
use reqwest::{Method, Response, header};
use serde::Deserialize;

use super::{Api, unreachable_because};

/// As restic's REST server lists files in version 2 of its protocol.
const LISTING: &str = "application/vnd.x.restic.rest.v2";

#[derive(Deserialize)]
struct Listed {
    name: String,
    size: u64,
}

impl Api {
    pub async fn backups(&self) -> Result<Backups, Problem> {
        self.get("backups").await
    }

    pub async fn begin_backup_job(&self, job: &NewBackupJob) -> Result<BackupJob, Problem> {
        self.send(Method::POST, "backups/jobs", job).await
    }

    pub async fn cancel_backup_job(&self, id: &BackupJobId) -> Result<(), Problem> {
        self.without_content(self.request(Method::DELETE, &format!("backups/jobs/{id}"))).await
    }

    pub async fn mirror_grant(&self) -> Result<MirrorGrant, Problem> {
        self.send(Method::POST, "backups/mirror", &()).await
    }

    pub async fn tell_reads(&self, reads: &MailReads) -> Result<(), Problem> {
        self.without_content(self.request(Method::POST, "backups/reads").json(reads)).await
    }

    /// The files of a kind with their sizes; names that are none are passed over.
    pub async fn repository_files(&self, kind: FileKind) -> Result<Vec<(Id, u64)>, Problem> {
        let request = self.http.get(self.repository_url(kind, None)).header(header::ACCEPT, LISTING);
        let answer = self.accepted(request).await?;
        let body = answer.bytes().await.map_err(|error| unreachable_because(&error))?;
        let listed: Vec<Listed> = serde_json::from_slice(&body).map_err(|error| {
            let message = format!("The service lists its backups in a way that isn't understood ({error}).");
            Problem::new(mailcup_wire::Code::Internal, message)
        })?;
        Ok(listed.into_iter().filter_map(|it| Some((it.name.parse().ok()?, it.size))).collect())
    }

    /// A file of the repository, from a byte on.
    pub async fn repository_file(&self, kind: FileKind, id: &Id, from: u64) -> Result<Response, Problem> {
        let mut request = self.http.get(self.repository_url(kind, Some(id)));
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        self.accepted(request).await
    }

    fn repository_url(&self, kind: FileKind, id: Option<&Id>) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        match (kind, id) {
            (FileKind::Config, _) => format!("{base}/repo/config"),
            (kind, None) => format!("{base}/repo/{}/", kind.folder()),
            (kind, Some(id)) => format!("{base}/repo/{}/{id}", kind.folder()),
        }
    }
}
