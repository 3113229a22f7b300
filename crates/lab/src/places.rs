//! Small databases of places, so that a test knows which country an address is in.

use std::{fs, path::Path};

use crate::{LabError, error::Doing as _};

/// Nodes of a whole binary tree over the first byte of an address.
const NODES: u32 = 255;

/// Between the search tree and the data.
const SEPARATOR: u32 = 16;

/// As many as took part in a distributed attack that was published.
const COUNTRIES: [&str; 41] = [
    "DE", "FR", "IT", "ES", "AT", "GB", "PL", "TR", "UA", "SE", "NO", "FI", "NL", "BE", "PT", "GR", "RO",
    "BG", "HU", "CZ", "US", "CA", "MX", "BR", "AR", "CL", "CO", "IN", "ID", "VN", "TH", "JP", "KR", "CN",
    "RU", "EG", "ZA", "KE", "MA", "AU", "NG",
];

/// A world of 41 countries: 141.0.0.0/8 is in Germany, 41.0.0.0/8 in Nigeria.
pub fn country_of(first_byte: u8) -> &'static str {
    match first_byte {
        141 => "DE",
        41 => "NG",
        _ => COUNTRIES[usize::from(first_byte) % COUNTRIES.len()],
    }
}

/// Writes a database of countries in [MaxMind's format](https://maxmind.github.io/MaxMind-DB/), in which the first
/// byte of an IPv4 address says its country (two letters, ISO 3166-1).
pub fn write_countries(path: &Path, country_of: impl Fn(u8) -> &'static str) -> Result<(), LabError> {
    let (mut data, mut offsets) = (Vec::new(), Vec::new());
    for byte in 0..=u8::MAX {
        offsets.push(u32::try_from(data.len()).unwrap_or(u32::MAX));
        map(&mut data, 1);
        text(&mut data, "country");
        map(&mut data, 1);
        text(&mut data, "iso_code");
        text(&mut data, country_of(byte));
    }
    let mut file = Vec::new();
    for node in 0..NODES {
        for child in [2 * node + 1, 2 * node + 2] {
            // Children beyond the nodes are the leaves, in the order of the byte.
            let leaf = child.checked_sub(NODES).and_then(|byte| offsets.get(byte as usize));
            let record = leaf.map_or(child, |offset| NODES + SEPARATOR + offset);
            file.extend_from_slice(&record.to_be_bytes()[1..]);
        }
    }
    file.extend_from_slice(&[0; SEPARATOR as usize]);
    file.append(&mut data);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    metadata(&mut file);
    fs::write(path, file).doing(|| format!("writing {}", path.display()))
}

fn metadata(file: &mut Vec<u8>) {
    map(file, 9);
    for (name, number) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", 4),
        ("record_size", 24),
    ] {
        text(file, name);
        // An unsigned number of 16 bits, in one byte.
        file.extend_from_slice(&[0b101 << 5 | 1, number]);
    }
    text(file, "node_count");
    // One of 32 bits, in four.
    file.push(0b110 << 5 | 4);
    file.extend_from_slice(&NODES.to_be_bytes());
    text(file, "build_epoch");
    // An extended type: an unsigned number of 64 bits, without a byte.
    file.extend_from_slice(&[0, 2]);
    text(file, "database_type");
    text(file, "Countries-By-First-Byte");
    text(file, "description");
    map(file, 0);
    text(file, "languages");
    // An extended type: an array, without an item.
    file.extend_from_slice(&[0, 4]);
}

fn map(into: &mut Vec<u8>, pairs: u8) {
    into.push(0b111 << 5 | pairs);
}

/// At most 28 bytes, as the length of a longer one is written otherwise.
fn text(into: &mut Vec<u8>, text: &str) {
    into.push(0b010 << 5 | u8::try_from(text.len()).unwrap_or(u8::MAX) & 0b1_1111);
    into.extend_from_slice(text.as_bytes());
}
