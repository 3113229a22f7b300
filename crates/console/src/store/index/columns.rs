//! Some thousand rows, column by column.

/// Few in tests, so that those see several chunks.
const ROWS: usize = if cfg!(test) { 32 } else { 16_384 };
const FORMAT: u32 = 1;
const ROW_BYTES: usize = 4 + 8 + 2 + 4 * 4;
const HEAD_BYTES: usize = 4 + 4 + 8;

/// What is filtered by of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub seq: i64,
    pub at: i64,
    pub class: u16,
    pub login: u32,
    pub address: u32,
    pub explanation: u32,
    pub device: u32,
}

/// In order of `seq`.
pub struct Chunk {
    base: i64,
    seqs: Vec<u32>,
    ats: Vec<i64>,
    classes: Vec<u16>,
    logins: Vec<u32>,
    addresses: Vec<u32>,
    explanations: Vec<u32>,
    devices: Vec<u32>,
    earliest: i64,
    latest: i64,
    /// Whether the database holds it as it is.
    pub is_sealed: bool,
}

impl Chunk {
    pub fn new(base: i64) -> Self {
        Self {
            base,
            seqs: Vec::new(),
            ats: Vec::new(),
            classes: Vec::new(),
            logins: Vec::new(),
            addresses: Vec::new(),
            explanations: Vec::new(),
            devices: Vec::new(),
            earliest: i64::MAX,
            latest: i64::MIN,
            is_sealed: false,
        }
    }

    pub fn len(&self) -> usize {
        self.seqs.len()
    }

    pub fn first_seq(&self) -> i64 {
        self.seq(0)
    }

    pub fn last_seq(&self) -> i64 {
        self.seq(self.len().saturating_sub(1))
    }

    pub fn earliest(&self) -> i64 {
        self.earliest
    }

    /// Whether something may have happened in this span of time.
    pub fn touches(&self, from: i64, until: i64) -> bool {
        self.latest >= from && self.earliest < until
    }

    /// Where an event with this number is or would be.
    pub fn place_of(&self, seq: i64) -> usize {
        self.seqs.partition_point(|offset| self.base + i64::from(*offset) < seq)
    }

    /// Whether there is room for it.
    pub fn takes(&self, row: &Row) -> bool {
        self.len() < ROWS && u32::try_from(row.seq - self.base).is_ok()
    }

    pub fn push(&mut self, row: &Row) {
        self.seqs.push(u32::try_from(row.seq - self.base).unwrap_or(u32::MAX));
        self.ats.push(row.at);
        self.classes.push(row.class);
        self.logins.push(row.login);
        self.addresses.push(row.address);
        self.explanations.push(row.explanation);
        self.devices.push(row.device);
        self.earliest = self.earliest.min(row.at);
        self.latest = self.latest.max(row.at);
    }

    pub fn row(&self, place: usize) -> Row {
        Row {
            seq: self.seq(place),
            at: self.ats[place],
            class: self.classes[place],
            login: self.logins[place],
            address: self.addresses[place],
            explanation: self.explanations[place],
            device: self.devices[place],
        }
    }

    /// Whoever takes rows out drops what the database holds of it.
    pub fn retain(&mut self, keep: impl Fn(&Row) -> bool) {
        let mut kept = Self::new(self.base);
        (0..self.len()).map(|place| self.row(place)).filter(keep).for_each(|row| kept.push(&row));
        *self = kept;
    }

    pub fn is_worth_sealing(&self) -> bool {
        !self.is_sealed && self.len() >= ROWS / 2
    }

    pub fn sealed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.len() * ROW_BYTES);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(u32::try_from(self.len()).unwrap_or_default().to_le_bytes());
        bytes.extend(self.base.to_le_bytes());
        let numbers = [&self.seqs, &self.logins, &self.addresses, &self.explanations, &self.devices];
        for number in numbers.into_iter().flatten() {
            bytes.extend(number.to_le_bytes());
        }
        self.ats.iter().for_each(|at| bytes.extend(at.to_le_bytes()));
        self.classes.iter().for_each(|class| bytes.extend(class.to_le_bytes()));
        bytes
    }

    /// None if it is of another format.
    pub fn unsealed(bytes: &[u8]) -> Option<Self> {
        let (head, mut rest) = bytes.split_at_checked(HEAD_BYTES)?;
        let (head, base) = head.split_at_checked(8)?;
        let rows = usize::try_from(u32::from_le_bytes(head[4..].try_into().ok()?)).ok()?;
        let is_whole = head[..4] == FORMAT.to_le_bytes() && rest.len() == rows * ROW_BYTES && rows > 0;
        if !is_whole {
            return None;
        }
        let mut chunk = Self::new(i64::from_le_bytes(base.try_into().ok()?));
        let mut column = |width: usize| {
            let (column, others) = rest.split_at(rows * width);
            rest = others;
            column
        };
        chunk.seqs = numbers(column(4), u32::from_le_bytes);
        chunk.logins = numbers(column(4), u32::from_le_bytes);
        chunk.addresses = numbers(column(4), u32::from_le_bytes);
        chunk.explanations = numbers(column(4), u32::from_le_bytes);
        chunk.devices = numbers(column(4), u32::from_le_bytes);
        chunk.ats = numbers(column(8), i64::from_le_bytes);
        chunk.classes = numbers(column(2), u16::from_le_bytes);
        chunk.earliest = chunk.ats.iter().copied().min()?;
        chunk.latest = chunk.ats.iter().copied().max()?;
        chunk.is_sealed = true;
        Some(chunk)
    }

    fn seq(&self, place: usize) -> i64 {
        self.base + self.seqs.get(place).copied().map_or(0, i64::from)
    }
}

fn numbers<const WIDTH: usize, T>(bytes: &[u8], number: impl Fn([u8; WIDTH]) -> T) -> Vec<T> {
    bytes.as_chunks::<WIDTH>().0.iter().map(|bytes| number(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_chunk_reads_back() {
        let mut chunk = Chunk::new(7);
        let row = |seq: i64| Row {
            seq,
            at: -5 * seq,
            class: 0x113,
            login: 1,
            address: 2,
            explanation: 3,
            device: u32::MAX,
        };
        for seq in [7, 9, 4_000_000_000] {
            chunk.push(&row(seq));
        }
        let bytes = chunk.sealed();
        let read = Chunk::unsealed(&bytes).unwrap();
        let rows: Vec<Row> = (0..3).map(|place| read.row(place)).collect();
        assert_eq!(rows, [row(7), row(9), row(4_000_000_000)]);
        assert_eq!((read.earliest, read.latest), (-20_000_000_000, -35));
        assert!(Chunk::unsealed(&bytes[1..]).is_none());
        assert!(Chunk::unsealed(&[]).is_none());
    }
}
