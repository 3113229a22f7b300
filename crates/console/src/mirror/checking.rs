//! Finds what is damaged in the mirror, so that it is fetched again.

use std::{fs::File, io::Read as _};

use mailcup_snapshots::{Fault, FileKind, Folder, Id, Part, Storage as _, Wrong, scrub_part};
use mailcup_wire::Problem;
use sha2::{Digest as _, Sha256};
use tokio::fs;
use tokio_util::sync::CancellationToken;

use super::{
    Stopped,
    fill::{Fill, full},
};
use crate::{blocking::blocking, review};

/// Within so many days each pack that is here is compared with its name again.
const RECHECK_DAYS: u32 = 14;

impl Fill<'_> {
    /// Looks at what a review found damaged: a fault in an index is also told of what it names. What is damaged stays
    /// until it is fetched again, since most of it may be readable and the service may have lost it.
    pub(super) fn look_at_damaged(&self) {
        let Ok(review) = self.mirror.review() else { return };
        let mut found = review.take_damaged();
        found.extend(review.repository().index_faults().unwrap_or_default());
        for fault in found {
            if fault.kind != FileKind::Config && is_damaged(&self.folder, fault.kind, &fault.id) {
                self.note_damaged(&fault);
            }
        }
    }

    /// Compares the files with their names again, of packs a part, each day another: a disk forgets.
    pub(super) async fn recheck(&self, stop: &CancellationToken) -> Result<(), Problem> {
        let day = jiff::Timestamp::now().as_second() / 86_400;
        let (root, watch) = (self.mirror.inner.root.clone(), Stopped(stop.clone()));
        let mark = root.join("checked");
        if fs::read_to_string(&mark).await.is_ok_and(|known| known == day.to_string()) {
            return Ok(());
        }
        let faults = blocking(move || {
            let folder = Folder::new(&root);
            let part = Part::Due { day, days: RECHECK_DAYS };
            let proof = scrub_part(&folder, part, &watch).map_err(review::problem)?;
            let mut faults = proof.faults;
            for kind in [FileKind::Key, FileKind::Snapshot, FileKind::Index] {
                for (id, _) in folder.list(kind).map_err(|error| full(&root, &error))? {
                    if is_damaged(&folder, kind, &id) {
                        faults.push(Fault { kind, id, wrong: Wrong::Hash });
                    }
                }
            }
            std::fs::write(&mark, day.to_string()).map_err(|error| full(&root, &error))?;
            Ok(faults)
        })
        .await?;
        for fault in &faults {
            self.note_damaged(fault);
        }
        Ok(())
    }

    fn note_damaged(&self, fault: &Fault) {
        if self.mirror.damaged().insert((fault.kind, fault.id)) {
            tracing::warn!(%fault, "a file of the mirror is damaged and is fetched again");
        }
    }
}

/// A pack may be large: it is read in pieces.
fn is_damaged(folder: &Folder, kind: FileKind, id: &Id) -> bool {
    let Ok(mut file) = File::open(folder.path(kind, id)) else { return false };
    let (mut digest, mut piece) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return <[u8; 32]>::from(digest.finalize()) != id.0,
            Ok(read) => digest.update(&piece[..read]),
            Err(_) => return true,
        }
    }
}
