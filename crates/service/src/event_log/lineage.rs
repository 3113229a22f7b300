use mailcup_wire::{Epoch, EventId, LineageStep};

/// The epochs of the log, oldest first; the last one is the current.
#[derive(Debug)]
pub struct Lineage {
    steps: Vec<LineageStep>,
    current: Epoch,
}

/// The log has no such event and never will: it went another way than the cursor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event log went another way than the cursor says")]
pub struct Diverged;

impl Lineage {
    pub(super) fn new(mut steps: Vec<LineageStep>, current: LineageStep) -> Self {
        let epoch = current.epoch.clone();
        steps.push(current);
        Self { steps, current: epoch }
    }

    pub fn steps(&self) -> &[LineageStep] {
        &self.steps
    }

    /// The epoch that every new event belongs to.
    pub fn current(&self) -> &Epoch {
        &self.current
    }

    /// The epoch of the event with this number; an event to come belongs to the current one.
    pub fn epoch_of(&self, seq: u64) -> &Epoch {
        let begun = self.steps.partition_point(|step| step.first_seq <= seq);
        begun.checked_sub(1).and_then(|index| self.steps.get(index)).map_or(&self.current, |step| &step.epoch)
    }

    /// The number that a cursor stands at, if this log has its event (or it stands before all events).
    pub fn resume(&self, cursor: &EventId, head: u64) -> Result<u64, Diverged> {
        let known = self.steps.iter().any(|step| step.epoch == cursor.epoch);
        let agrees = cursor.seq == 0 || (cursor.seq <= head && *self.epoch_of(cursor.seq) == cursor.epoch);
        if known && agrees { Ok(cursor.seq) } else { Err(Diverged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_beyond_the_end_of_its_epoch_has_diverged() {
        let step = |epoch: &str, first_seq| LineageStep { epoch: epoch.into(), first_seq };
        let lineage = Lineage::new(vec![step("a", 1), step("b", 10)], step("c", 21));
        let resume = |epoch: &str, seq| lineage.resume(&EventId { epoch: epoch.into(), seq }, 25);
        assert_eq!(resume("a", 9), Ok(9));
        assert_eq!(resume("b", 20), Ok(20));
        assert_eq!(resume("c", 25), Ok(25));
        assert_eq!(resume("c", 0), Ok(0));
        for (epoch, seq) in [("a", 10), ("b", 21), ("b", 9), ("c", 26), ("d", 5), ("d", 0)] {
            assert_eq!(resume(epoch, seq), Err(Diverged), "{epoch}:{seq}");
        }
    }
}
