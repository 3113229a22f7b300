//! Who runs which network: ranges of addresses in order, each with its autonomous system. A name is kept once,
//! however many ranges it has.

use std::{collections::HashMap, net::IpAddr, path::PathBuf};

/// The ranges of both families.
#[derive(Debug, Default)]
pub(super) struct Table {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    owners: Vec<Owner>,
    /// All names, one after the other.
    names: String,
}

/// The files can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableError {
    #[error("{0}: {1}")]
    Unreadable(PathBuf, csv::Error),
    #[error("{0}, line {1}: expected first address, last address, number, name")]
    Line(PathBuf, u64),
}

/// Ranges that don't overlap, by their first addresses.
#[derive(Debug)]
struct Ranges<A> {
    first: Vec<A>,
    last: Vec<A>,
    owner: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Owner {
    number: u32,
    name_ends: u32,
}

impl Table {
    /// Reads ranges from files with the lines `first,last,number,"name"`.
    pub fn read(files: &[PathBuf]) -> Result<Self, TableError> {
        let mut table = Self::default();
        let mut known = HashMap::new();
        for file in files {
            let unreadable = |error| TableError::Unreadable(file.clone(), error);
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_path(file).map_err(unreadable)?;
            let mut record = csv::StringRecord::new();
            while reader.read_record(&mut record).map_err(unreadable)? {
                let line =
                    || TableError::Line(file.clone(), record.position().map_or(0, csv::Position::line));
                table.add(&record, &mut known).ok_or_else(line)?;
            }
        }
        table.v4.finish();
        table.v6.finish();
        table.owners.shrink_to_fit();
        table.names.shrink_to_fit();
        Ok(table)
    }

    /// The number and name of whoever runs the network of an address.
    pub fn owner(&self, address: IpAddr) -> Option<(u32, &str)> {
        let owner = match address {
            IpAddr::V4(v4) => self.v4.owner(u32::from(v4)),
            IpAddr::V6(v6) => self.v6.owner(u128::from(v6)),
        }? as usize;
        let begins = owner.checked_sub(1).map_or(0, |before| self.owners[before].name_ends);
        let Owner { number, name_ends } = *self.owners.get(owner)?;
        Some((number, self.names.get(begins as usize..name_ends as usize)?))
    }

    pub fn len(&self) -> usize {
        self.v4.first.len() + self.v6.first.len()
    }

    /// What it takes of memory.
    pub fn bytes(&self) -> usize {
        self.v4.bytes()
            + self.v6.bytes()
            + self.owners.capacity() * size_of::<Owner>()
            + self.names.capacity()
    }

    fn add(&mut self, record: &csv::StringRecord, known: &mut HashMap<u32, u32>) -> Option<()> {
        let number = record.get(2)?.parse().ok()?;
        let owner = if let Some(owner) = known.get(&number) {
            *owner
        } else {
            let owner = u32::try_from(self.owners.len()).ok()?;
            self.names.push_str(record.get(3)?);
            self.owners.push(Owner { number, name_ends: u32::try_from(self.names.len()).ok()? });
            known.insert(number, owner);
            owner
        };
        match (record.get(0)?.parse().ok()?, record.get(1)?.parse().ok()?) {
            (IpAddr::V4(first), IpAddr::V4(last)) => self.v4.push(first.into(), last.into(), owner),
            (IpAddr::V6(first), IpAddr::V6(last)) => self.v6.push(first.into(), last.into(), owner),
            _ => return None,
        }
        Some(())
    }
}

impl<A> Default for Ranges<A> {
    fn default() -> Self {
        Self { first: Vec::new(), last: Vec::new(), owner: Vec::new() }
    }
}

impl<A: Copy + Ord> Ranges<A> {
    fn push(&mut self, first: A, last: A, owner: u32) {
        self.first.push(first);
        self.last.push(last);
        self.owner.push(owner);
    }

    /// Puts what was pushed in order.
    fn finish(&mut self) {
        if !self.first.is_sorted() {
            let mut order: Vec<usize> = (0..self.first.len()).collect();
            order.sort_by_key(|&index| self.first[index]);
            self.first = order.iter().map(|&index| self.first[index]).collect();
            self.last = order.iter().map(|&index| self.last[index]).collect();
            self.owner = order.iter().map(|&index| self.owner[index]).collect();
        }
        self.first.shrink_to_fit();
        self.last.shrink_to_fit();
        self.owner.shrink_to_fit();
    }

    fn owner(&self, address: A) -> Option<u32> {
        let index = self.first.partition_point(|first| *first <= address).checked_sub(1)?;
        (*self.last.get(index)? >= address).then(|| self.owner.get(index).copied()).flatten()
    }

    fn bytes(&self) -> usize {
        (self.first.capacity() + self.last.capacity()) * size_of::<A>()
            + self.owner.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(text: &str) -> Result<Table, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("asn.csv");
        std::fs::write(&file, text).unwrap();
        let path = folder.path().display().to_string();
        Table::read(&[file]).map_err(|error| error.to_string().replace(&path, ""))
    }

    #[test]
    fn an_address_belongs_to_the_range_that_holds_it() {
        let table = table(
            "1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n1.0.4.0,1.0.7.255,38803,Gtelecom\n\
             1.1.1.0,1.1.1.255,13335,\"Cloudflare, Inc.\"\n\
             2606:4700::,2606:4701:ffff:ffff:ffff:ffff:ffff:ffff,13335,\"Cloudflare, Inc.\"\n",
        )
        .unwrap();
        let owner = |text: &str| table.owner(text.parse().unwrap());
        assert_eq!(owner("1.0.0.0"), Some((13335, "Cloudflare, Inc.")));
        assert_eq!(owner("1.0.0.255"), Some((13335, "Cloudflare, Inc.")));
        assert_eq!(owner("1.0.1.0"), None);
        assert_eq!(owner("1.0.5.5"), Some((38803, "Gtelecom")));
        assert_eq!(owner("1.1.1.1"), Some((13335, "Cloudflare, Inc.")));
        assert_eq!(owner("0.9.9.9"), None);
        assert_eq!(owner("2606:4700:4700::1111"), Some((13335, "Cloudflare, Inc.")));
        assert_eq!(owner("2606:4702::"), None);
    }

    #[test]
    fn a_file_that_is_something_else_is_refused_with_its_line() {
        assert!(table("1.0.0.0,1.0.0.255,1,a\n1.0.4.0,1.0.7.255,x,b\n").unwrap_err().contains("line 2"));
        assert!(table("1.0.0.0,2001::,1,a\n").unwrap_err().contains("line 1"));
        let missing = Table::read(&["/nowhere/asn.csv".into()]).unwrap_err().to_string();
        assert!(missing.starts_with("/nowhere/asn.csv: "), "{missing}");
    }

    proptest! {
        /// Whatever the order of the lines, a search finds what looking at every line finds.
        #[test]
        fn the_search_agrees_with_looking_at_every_line(
            cuts in proptest::collection::btree_set(0u32..2000, 2..60), asked in 0u32..2100, backward: bool,
        ) {
            let cuts: Vec<u32> = cuts.into_iter().collect();
            let mut ranges: Vec<(u32, u32)> =
                cuts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            let expected = ranges.iter().position(|(first, last)| (*first..=*last).contains(&asked));
            let expected = expected.map(|index| ranges[index].0);
            if backward {
                ranges.reverse();
            }
            let mut table = Ranges::default();
            for (first, last) in ranges {
                table.push(first, last, first);
            }
            table.finish();
            prop_assert_eq!(table.owner(asked), expected);
        }
    }
}
