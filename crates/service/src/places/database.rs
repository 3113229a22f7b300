//! One MMDB file, in memory, with the fields of `MaxMind` or of ip-location-db.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use mailcup_guard::access::Country;
use maxminddb::{LookupResult, PathElement, Reader, path};

use super::PlacesError;

#[derive(Debug)]
pub(super) struct Database {
    reader: Reader<Vec<u8>>,
    file: PathBuf,
    own: bool,
}

/// Records that are looked at before a database counts as one of something else.
const LOOKED_AT: usize = 10_000;

impl Database {
    /// Opens a database of countries, which counts as the admin's own.
    pub fn countries(file: &Path) -> Result<Self, PlacesError> {
        let database = Self::open("country", file)?;
        if database.shows(|record| country_in(record).is_some()) {
            return Ok(database);
        }
        Err(database.other("country", "a country", "country_code or country.iso_code"))
    }

    /// Opens a database of autonomous systems, which counts as the admin's own.
    pub fn networks(file: &Path) -> Result<Self, PlacesError> {
        let database = Self::open("networks", file)?;
        if database.shows(|record| owner_in(record).is_some()) {
            return Ok(database);
        }
        Err(database.other("networks", "an autonomous system", "autonomous_system_number"))
    }

    /// The same, as what came with the program.
    pub fn bundled(self) -> Self {
        Self { own: false, ..self }
    }

    pub fn is_own(&self) -> bool {
        self.own
    }

    pub fn file_name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// As its maker calls what it holds.
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    pub fn country(&self, address: IpAddr) -> Option<Country> {
        country_in(&self.reader.lookup(address).ok()?)
    }

    /// The number and name of whoever runs the address's network.
    pub fn owner(&self, address: IpAddr) -> Option<(u32, Option<String>)> {
        owner_in(&self.reader.lookup(address).ok()?)
    }

    fn open(key: &'static str, file: &Path) -> Result<Self, PlacesError> {
        let path = || file.to_owned();
        let bytes =
            std::fs::read(file).map_err(|source| PlacesError::Unreadable { key, path: path(), source })?;
        let reader = Reader::from_source(bytes).map_err(|error| PlacesError::NoDatabase {
            key,
            path: path(),
            reason: error.to_string(),
        })?;
        Ok(Self { reader, file: path(), own: true })
    }

    fn shows(&self, holds: impl Fn(&LookupResult<'_, Vec<u8>>) -> bool) -> bool {
        let Ok(records) = self.reader.networks(maxminddb::WithinOptions::default()) else { return false };
        records.take(LOOKED_AT).filter_map(Result::ok).any(|record| holds(&record))
    }

    fn other(&self, key: &'static str, lacks: &'static str, expected: &'static str) -> PlacesError {
        PlacesError::OtherContent {
            key,
            path: self.file.clone(),
            kind: self.kind().to_owned(),
            lacks,
            expected,
        }
    }
}

fn country_in(record: &LookupResult<'_, Vec<u8>>) -> Option<Country> {
    let code = text(record, &path!["country_code"])
        .or_else(|| text(record, &path!["country", "iso_code"]))
        .or_else(|| text(record, &path!["country"]))?;
    Country::read(code)
}

fn owner_in(record: &LookupResult<'_, Vec<u8>>) -> Option<(u32, Option<String>)> {
    let number = record.decode_path(&path!["autonomous_system_number"]).ok()??;
    Some((number, text(record, &path!["autonomous_system_organization"]).map(str::to_owned)))
}

/// A text of the record; none where there is none, or something else.
fn text<'a>(record: &LookupResult<'a, Vec<u8>>, path: &[PathElement<'_>]) -> Option<&'a str> {
    record.decode_path(path).ok().flatten()
}

/// Databases of one record that holds for every address.
#[cfg(test)]
pub(super) mod sample {
    #[derive(Debug, Clone, Copy)]
    pub enum Record {
        /// As `MaxMind` writes it.
        Country(&'static str),
        /// As ip-location-db writes it.
        CountryCode(&'static str),
        Owner(u32, &'static str),
    }

    /// The bytes of an MMDB whose tree has one node, both of whose sides lead to `record`.
    pub fn database(kind: &str, record: &Record) -> Vec<u8> {
        const NODES: u32 = 1;
        const GAP: u32 = 16;
        let side = (NODES + GAP).to_be_bytes();
        let mut bytes = [&side[1..], &side[1..], &[0; GAP as usize]].concat();
        bytes.extend(match record {
            Record::Country(code) => map(&[("country", map(&[("iso_code", text(code))]))]),
            Record::CountryCode(code) => map(&[("country_code", text(code))]),
            Record::Owner(number, name) => map(&[
                ("autonomous_system_number", number_of(0xc4, &number.to_be_bytes())),
                ("autonomous_system_organization", text(name)),
            ]),
        });
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        let short = |value: u16| number_of(0xa2, &value.to_be_bytes());
        bytes.extend(map(&[
            ("binary_format_major_version", short(2)),
            ("binary_format_minor_version", short(0)),
            ("build_epoch", vec![0x04, 0x02, 0x65, 0, 0, 0]),
            ("database_type", text(kind)),
            ("description", map(&[])),
            ("ip_version", short(6)),
            ("languages", vec![0x00, 0x04]),
            ("node_count", number_of(0xc4, &NODES.to_be_bytes())),
            ("record_size", short(24)),
        ]));
        bytes
    }

    fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![0xe0 | u8::try_from(fields.len()).unwrap()];
        for (name, value) in fields {
            bytes.extend(text(name));
            bytes.extend(value);
        }
        bytes
    }

    fn text(text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).unwrap();
        let mut bytes = if length < 29 { vec![0x40 + length] } else { vec![0x5d, length - 29] };
        bytes.extend(text.as_bytes());
        bytes
    }

    fn number_of(control: u8, bytes: &[u8]) -> Vec<u8> {
        [&[control], bytes].concat()
    }
}
