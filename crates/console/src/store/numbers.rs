//! The numbers by which events name logins, addresses and so on, given out within one change of the database.

use std::collections::HashMap;

use mailcup_wire::{Address, EventBody, Place};
use rusqlite::{Connection, OptionalExtension as _, ToSql, params};

use super::{
    Result,
    apply::{address_bytes, some},
    class::{Class, address_of, device_of, explanation_of, login_of, other_words_of, place_of},
    index::{Additions, Device, Explanation, Row},
};

const READ_AT_ONCE: u32 = 1_000;

pub struct Numbers<'a> {
    change: &'a Connection,
    pub logins: HashMap<String, i64>,
    addresses: HashMap<Address, i64>,
    explanations: HashMap<Explanation, i64>,
    devices: HashMap<Device, i64>,
    places: HashMap<Place, i64>,
    /// Where addresses are, by their numbers.
    placed: HashMap<i64, i64>,
    /// What memory does not know yet.
    pub additions: Additions,
}

impl<'a> Numbers<'a> {
    pub fn new(change: &'a Connection) -> Self {
        Self {
            change,
            logins: HashMap::new(),
            addresses: HashMap::new(),
            explanations: HashMap::new(),
            devices: HashMap::new(),
            places: HashMap::new(),
            placed: HashMap::new(),
            additions: Additions::default(),
        }
    }

    pub fn row(&mut self, seq: i64, at: i64, body: &EventBody) -> Result<Row> {
        let login = login_of(body).map_or(Ok(0), |login| self.login(&login.0))?;
        let address = address_of(body).map_or(Ok(0), |address| self.address(address))?;
        if let Some(place) = place_of(body).filter(|_| address > 0) {
            self.put_at(address, place)?;
        }
        let explanation = explanation_of(body).map_or(Ok(0), |explanation| self.explanation(explanation))?;
        let device = device_of(body).map_or(Ok(0), |device| self.device(device))?;
        Ok(Row {
            seq,
            at,
            class: u16::try_from(Class::of(body).number()).unwrap_or_default(),
            login: small(login),
            address: small(address),
            explanation: small(explanation),
            device: small(device),
        })
    }

    fn login(&mut self, login: &str) -> Result<i64> {
        if let Some(no) = self.logins.get(login) {
            return Ok(*no);
        }
        let (no, is_new) = number_of(self.change, "logins", &[("login", &login)])?;
        if is_new {
            self.additions.logins.push((no, login.to_owned()));
        }
        self.logins.insert(login.to_owned(), no);
        Ok(no)
    }

    fn address(&mut self, address: Address) -> Result<i64> {
        if let Some(no) = self.addresses.get(&address) {
            return Ok(*no);
        }
        let bytes = address_bytes(address);
        let (no, is_new) = number_of(self.change, "addresses", &[("address", &bytes)])?;
        if is_new {
            self.additions.addresses.push((no, bytes));
        }
        self.addresses.insert(address, no);
        Ok(no)
    }

    fn explanation(&mut self, explanation: Explanation) -> Result<i64> {
        if let Some(no) = self.explanations.get(&explanation) {
            return Ok(*no);
        }
        let codes = serde_json::to_string(&explanation.codes)?;
        let causes = serde_json::to_string(&explanation.causes)?;
        let columns: [(&str, &dyn ToSql); 3] =
            [("codes", &codes), ("words", &explanation.words), ("causes", &causes)];
        let (no, is_new) = number_of(self.change, "explanations", &columns)?;
        if is_new {
            self.additions.explanations.push((no, explanation.clone()));
        }
        self.explanations.insert(explanation, no);
        Ok(no)
    }

    fn device(&mut self, device: Device) -> Result<i64> {
        if let Some(no) = self.devices.get(&device) {
            return Ok(*no);
        }
        let columns: [(&str, &dyn ToSql); 2] = [("client", &device.client), ("server", &device.server)];
        let (no, is_new) = number_of(self.change, "devices", &columns)?;
        if is_new {
            self.additions.devices.push((no, device.clone()));
        }
        self.devices.insert(device, no);
        Ok(no)
    }

    /// Notes where an address is.
    fn put_at(&mut self, address: i64, place: &Place) -> Result<()> {
        let place = self.place(place)?;
        if self.placed.insert(address, place) == Some(place) {
            return Ok(());
        }
        let changed = self
            .change
            .prepare_cached("UPDATE addresses SET place = ?2 WHERE no = ?1 AND place IS NOT ?2")?
            .execute([address, place])?;
        if changed > 0 {
            self.additions.placed.push((address, place));
        }
        Ok(())
    }

    fn place(&mut self, place: &Place) -> Result<i64> {
        if let Some(no) = self.places.get(place) {
            return Ok(*no);
        }
        let (country, network) =
            (place.country.as_deref().unwrap_or(""), place.network.as_deref().unwrap_or(""));
        let asn = place.asn.unwrap_or(0);
        let columns: [(&str, &dyn ToSql); 3] = [("country", &country), ("asn", &asn), ("network", &network)];
        let (no, is_new) = number_of(self.change, "places", &columns)?;
        if is_new {
            self.additions.places.push((no, place.clone()));
        }
        self.places.insert(place.clone(), no);
        Ok(no)
    }
}

/// Keeps the words of an event that its numbers don't lead to.
pub fn keep_other_words(change: &Connection, seq: i64, body: &EventBody) -> Result<()> {
    if let Some(words) = other_words_of(body) {
        change
            .prepare_cached("INSERT INTO event_words (rowid, words) VALUES (?1, ?2)")?
            .execute(params![seq, words])?;
    }
    Ok(())
}

/// Numbers all events of a copy that is older than explanations and devices.
pub fn number_all(change: &Connection) -> Result<()> {
    let mut numbers = Numbers::new(change);
    let mut last = i64::MIN;
    loop {
        let bodies = change
            .prepare_cached("SELECT seq, body FROM event_bodies WHERE seq > ?1 ORDER BY seq LIMIT ?2")?
            .query_map(params![last, READ_AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
        let Some((newest, _)) = bodies.last() else { return Ok(()) };
        last = *newest;
        for (seq, body) in bodies {
            let body: EventBody = serde_json::from_str(&body)?;
            let row = numbers.row(seq, 0, &body)?;
            change
                .prepare_cached("UPDATE events SET explanation = ?2, device = ?3 WHERE seq = ?1")?
                .execute(params![seq, some(row.explanation), some(row.device)])?;
            keep_other_words(change, seq, &body)?;
        }
    }
}

/// The number of a row with these values, which is made if there is none; and whether it was.
fn number_of(change: &Connection, table: &str, columns: &[(&str, &dyn ToSql)]) -> Result<(i64, bool)> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<&dyn ToSql> = columns.iter().map(|(_, value)| *value).collect();
    let equal: Vec<String> = names.iter().map(|name| format!("{name} = ?")).collect();
    let known = change
        .prepare_cached(&format!("SELECT no FROM {table} WHERE {}", equal.join(" AND ")))?
        .query_row(values.as_slice(), |row| row.get(0))
        .optional()?;
    if let Some(no) = known {
        return Ok((no, false));
    }
    let places: Vec<&str> = names.iter().map(|_| "?").collect();
    let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), places.join(", "));
    change.prepare_cached(&sql)?.execute(values.as_slice())?;
    Ok((change.last_insert_rowid(), true))
}

fn small(no: i64) -> u32 {
    u32::try_from(no).unwrap_or_default()
}
