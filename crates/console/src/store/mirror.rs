//! What is kept of the mirror: what is wanted of it, what opens it, and which mail was read from it.

use mailcup_wire::{Backups, Bytes, MailRead, Time, desktop::MirrorSettings};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{
    Readers, Result, Store,
    meta::{get, put},
};

const MIRROR: &str = "mirror";
const BACKUPS: &str = "backups";

/// A mirror that was begun.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeptMirror {
    pub settings: MirrorSettings,
    pub paused: bool,
    /// Whether its mail is to be indexed.
    pub indexed: bool,
    /// What names the repository that it is of.
    pub repository: String,
    /// Of the repository, base64: a secret, which lies in this encrypted copy alone.
    pub master_key: String,
    pub total: Option<Bytes>,
    pub complete_at: Option<Time>,
}

/// How backups stood when the service told of them last.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeptBackups {
    pub backups: Backups,
    pub read_at: Time,
}

impl Readers {
    pub async fn mirror(&self) -> Result<Option<KeptMirror>> {
        self.run(|reader| Ok(get::<Option<KeptMirror>>(reader, MIRROR)?.flatten())).await
    }

    pub async fn backups(&self) -> Result<Option<KeptBackups>> {
        self.run(|reader| get(reader, BACKUPS)).await
    }

    pub async fn untold_reads(&self) -> Result<u32> {
        self.run(|reader| Ok(reader.query_row("SELECT count(*) FROM mail_reads", [], |row| row.get(0))?))
            .await
    }

    /// The oldest first.
    pub async fn reads_to_tell(&self, at_most: u32) -> Result<Vec<MailRead>> {
        self.run(move |reader| {
            let mut statement =
                reader.prepare_cached("SELECT body FROM mail_reads ORDER BY at, id LIMIT ?1")?;
            let bodies = statement.query_map([at_most], |row| row.get::<_, String>(0))?;
            bodies.map(|body| Ok(serde_json::from_str(&body?)?)).collect()
        })
        .await
    }
}

impl Store {
    pub async fn keep_mirror(&self, mirror: Option<KeptMirror>) -> Result<()> {
        self.write(move |writer| put(writer, MIRROR, &mirror)).await
    }

    /// Changes what is kept, in one step, so that two who change it at a time lose nothing; none where nothing is
    /// kept. Answers what is kept now.
    pub async fn change_mirror(
        &self,
        change: impl FnOnce(&mut KeptMirror) + Send + 'static,
    ) -> Result<Option<KeptMirror>> {
        self.write(move |writer| {
            let transaction = writer.transaction()?;
            let mut kept = get::<Option<KeptMirror>>(&transaction, MIRROR)?.flatten();
            if let Some(kept) = &mut kept {
                change(kept);
                put(&transaction, MIRROR, &Some(&*kept))?;
            }
            transaction.commit()?;
            Ok(kept)
        })
        .await
    }

    pub async fn keep_backups(&self, kept: KeptBackups) -> Result<()> {
        self.write(move |writer| put(writer, BACKUPS, &kept)).await
    }

    /// Before the mail is shown, so that no read goes untold.
    pub async fn note_read(&self, read: MailRead) -> Result<()> {
        self.write(move |writer| {
            let body = serde_json::to_string(&read)?;
            writer.execute(
                "INSERT OR IGNORE INTO mail_reads (id, at, body) VALUES (?1, ?2, ?3)",
                params![read.id, read.at.as_millis(), body],
            )?;
            Ok(())
        })
        .await
    }

    pub async fn reads_told(&self, ids: Vec<String>) -> Result<()> {
        self.write(move |writer| {
            let change = writer.transaction()?;
            for id in ids {
                change.execute("DELETE FROM mail_reads WHERE id = ?1", [id])?;
            }
            Ok(change.commit()?)
        })
        .await
    }
}
