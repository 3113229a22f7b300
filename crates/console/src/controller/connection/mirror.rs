//! The mirror of a connection: opened with its local copy, and closed before it.

use super::{super::Controller, Said};
use crate::{Host, controller::Beside, mirror::Mirror, review::MailIndex, store::Store};

/// A mirror, and what fills and indexes it.
pub struct Mirroring {
    pub mirror: Mirror,
    work: [Beside; 2],
}

impl Mirroring {
    /// Ends the work and closes what is open.
    pub async fn end(self) {
        for work in self.work {
            work.end().await;
        }
        self.mirror.close();
    }
}

impl<H: Host> Controller<H> {
    /// Opens the mirror of a copy that was opened. A mirror that can't be opened keeps nothing else from working.
    pub(super) async fn open_mirror(&mut self, number: u64, store: Store) {
        let (Some(connection), Some(key)) = (self.connections.at(number), self.key.as_ref()) else { return };
        let id = connection.service.id.clone();
        let index = MailIndex::new(self.folder.mail_index(&id), key.store_key(&id));
        let said = self.channels.said.0.clone();
        // A full queue is looked through soon, and then tells of this, too.
        let tell = move || drop(said.try_send((number, Said::MirrorMoved)));
        match Mirror::open(id.clone(), self.folder.mirror(&id), store, index, tell).await {
            Ok(mirror) => {
                let work = mirror.work(self.contacts());
                if let Some(connection) = self.connections.at(number) {
                    connection.mirroring = Some(Mirroring { mirror, work });
                }
            }
            Err(error) => tracing::error!(%error, "the mirror can't be opened"),
        }
    }

    pub(super) async fn close_mirror(&mut self, number: u64) {
        let mirroring = self.connections.at(number).and_then(|connection| connection.mirroring.take());
        if let Some(mirroring) = mirroring {
            mirroring.end().await;
        }
    }
}
