//! One record of a snapshot's state, put back at the service.

use super::{FieldChange, StatePart};
use crate::{BlockId, LockOut, PolicyChange, SnapshotId, Time, Trial, wire};

wire! {
    /// A record of the state, as a snapshot holds it.
    #[derive(Eq)]
    pub struct RecordRequest {
        pub snapshot: SnapshotId,
        pub part: StatePart,
        pub key: String,
    }

    /// What would change if a record was put back as it was.
    pub struct RecordPreview {
        /// When the snapshot was taken.
        pub at: Time,
        pub does: PutBackKind,
        /// `before` is what stands at the service now.
        pub fields: Vec<FieldChange>,
        /// Of what stands now; none where there is nothing.
        pub version: Option<u32>,
    }

    pub struct PutBack {
        pub record: RecordRequest,
        /// As [`RecordPreview::version`] said.
        pub version: Option<u32>,
        #[serde(default)]
        pub confirm_lock_out: bool,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum RecordPutBack {
        /// It is in effect.
        Done {
            /// None where nothing takes it back but an edit.
            undo: Option<PutBackUndo>,
            trial: Option<Box<Trial>>,
        },
        /// Nothing changed: it would lock somebody out. Ask again with `confirm_lock_out`.
        LocksOut { lock_out: Box<LockOut>, minutes: u32 },
        /// Nothing changed: somebody changed it since the preview.
        Stale,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum PutBackUndo {
        Policy { change: Box<PolicyChange> },
        /// The block is to be lifted.
        Block { id: BlockId },
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum PutBackKind {
        /// It stands as it was.
        Nothing,
        Changes,
        /// It is gone, and made anew.
        Creates,
    }
}
