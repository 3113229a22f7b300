//! How accounts are used: kept beside the events, in the transactions that change those, so that the list of
//! accounts need not look at a single event.

mod list;

use std::collections::{BTreeSet, HashMap};

use mailcup_wire::{Account, Event, EventBody, Login, Outcome, SignIn, Time};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    Result, Store,
    apply::{address_bytes, hour_of},
    class::protocol_number,
    meta::{get, put},
    resources::bodies,
};

const DAY_MILLIS: i64 = 86_400_000;
/// Failures and refusals are counted over so many days.
const COUNTED_DAYS: i64 = 30;
/// Where counting of failures and refusals begins, in milliseconds.
const USAGE_FROM: &str = "usage_from";

/// Sign-ins by outcome, as the upper bits of an event's class.
const OUTCOME_BITS: i64 = 0xff0;
const SUCCEEDED: i64 = 0x110;
const FAILED: i64 = 0x120;
const REFUSED: i64 = 0x130;

/// The first bytes of an address in `addresses`: its /24 or /64.
const NETWORK_OF_ADDRESS: &str = "CASE WHEN address IS NULL THEN x'' \
    WHEN substr(address, 1, 12) = x'00000000000000000000FFFF' THEN substr(address, 13, 3) \
    ELSE substr(address, 1, 8) END";

impl Store {
    /// Lets failures and refusals that are older than what is counted go out of the counts.
    pub async fn roll_usage(&self, now: Time) -> Result<()> {
        let from = hour_of(now.as_millis() - COUNTED_DAYS * DAY_MILLIS) * 3_600_000;
        self.write(move |writer| {
            if counted_from(writer)? == from {
                return Ok(());
            }
            let change = writer.transaction()?;
            count_from(&change, from)?;
            Ok(change.commit()?)
        })
        .await
    }
}

/// What a batch of events changes in the usage of accounts.
#[derive(Default)]
pub(super) struct Tally {
    changes: HashMap<Login, Change>,
    from: i64,
}

#[derive(Default)]
struct Change {
    last: Option<(i64, Time, SignIn)>,
    uses: BTreeSet<(Vec<u8>, i64)>,
    failed: u32,
    refused: u32,
}

impl Tally {
    pub fn new(change: &Connection) -> Result<Self> {
        Ok(Self { changes: HashMap::new(), from: counted_from(change)? })
    }

    /// Counts an event, which is kept among events or only passes by.
    pub fn see(&mut self, event: &Event, is_kept: bool) {
        let EventBody::SignIn(sign_in) = &event.body else { return };
        if sign_in.outcome == Outcome::Challenged {
            return;
        }
        let change = self.changes.entry(sign_in.login.clone()).or_default();
        let counts = u32::from(is_kept && event.at.as_millis() >= self.from);
        match sign_in.outcome {
            Outcome::Succeeded => {
                if is_kept {
                    change.uses.insert((network_of(sign_in), protocol_number(sign_in.protocol)));
                }
                change.last = Some((event.id.seq.cast_signed(), event.at, sign_in.clone()));
            }
            Outcome::Failed => change.failed += counts,
            Outcome::Refused => change.refused += counts,
            Outcome::Challenged => {}
        }
    }

    /// The account was filled from the events themselves.
    pub fn forget(&mut self, login: &Login) {
        self.changes.remove(login);
    }

    /// Writes what was counted, with the numbers of those logins whose events are kept. Answers whether it
    /// concerned an account.
    pub fn write(self, change: &Connection, numbers: &HashMap<String, i64>) -> Result<bool> {
        let mut any = false;
        for (login, counted) in self.changes {
            any |= counted.write(change, &login, numbers.get(&login.0).copied())?;
        }
        Ok(any)
    }
}

impl Change {
    fn write(self, change: &Connection, login: &Login, no: Option<i64>) -> Result<bool> {
        let (seq, at, address, protocol) = match &self.last {
            Some((seq, at, sign_in)) => (
                Some(*seq),
                Some(at.as_millis()),
                sign_in.address.map(address_bytes),
                Some(protocol_number(sign_in.protocol)),
            ),
            None => (None, None, None, None),
        };
        let known = change
            .prepare_cached(
                "UPDATE account_usage SET failed = failed + ?2, refused = refused + ?3, \
                 last_seq = coalesce(?4, last_seq), last_at = coalesce(?5, last_at), \
                 last_address = iif(?4 IS NULL, last_address, ?6), \
                 last_protocol = coalesce(?7, last_protocol) WHERE login = ?1",
            )?
            .execute(params![login.0, self.failed, self.refused, seq, at, address, protocol])?;
        let Some(no) = no.filter(|_| known > 0) else { return Ok(known > 0) };
        let mut new = 0;
        for (network, protocol) in &self.uses {
            new += change
                .prepare_cached(
                    "INSERT OR IGNORE INTO account_networks (login, network, protocol) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![no, network, protocol])?;
        }
        if new > 0 {
            sum_networks(change, login, no)?;
        }
        Ok(true)
    }
}

/// Takes an account into the list, with what the events kept here say of it. Answers whether it is new there.
pub(super) fn keep_usage(change: &Connection, account: &Account) -> Result<bool> {
    let new = change
        .prepare_cached(
            "INSERT INTO account_usage (login, name, created_at) VALUES (?1, ?2, ?3) ON CONFLICT (login) DO NOTHING",
        )?
        .execute(params![account.login.0, account.name, account.created_at.as_millis()])?;
    if new > 0 {
        // Of a login that no event names there is nothing to say.
        if login_number(change, &account.login)?.is_some() {
            fill(change, &account.login, 0)?;
        }
    } else {
        change
            .prepare_cached("UPDATE account_usage SET name = ?2, created_at = ?3 WHERE login = ?1")?
            .execute(params![account.login.0, account.name, account.created_at.as_millis()])?;
    }
    Ok(new > 0)
}

/// Takes accounts that are no more out of the list.
pub(super) fn drop_strays(change: &Connection) -> Result<()> {
    change.execute_batch(
        "DELETE FROM account_usage WHERE login NOT IN (SELECT login FROM accounts); \
         DELETE FROM account_networks WHERE login NOT IN \
         (SELECT no FROM logins JOIN account_usage USING (login));",
    )?;
    Ok(())
}

/// Fills the usage of all accounts from the events: for a copy that is older than the table.
pub(super) fn fill_all(change: &Connection) -> Result<()> {
    let accounts: Vec<Account> = bodies(change, "SELECT body FROM accounts", &[])?;
    for account in &accounts {
        keep_usage(change, account)?;
    }
    Ok(())
}

/// The logins whose usage rests on an event that goes.
pub(super) fn concerned(change: &Connection, seqs: &[i64]) -> Result<BTreeSet<Login>> {
    let mut logins = BTreeSet::new();
    let mut statement = change.prepare_cached(
        "SELECT logins.login FROM events JOIN logins ON logins.no = events.login \
         WHERE seq = ?1 AND class BETWEEN ?2 AND ?3",
    )?;
    for seq in seqs {
        let login = statement
            .query_row(params![seq, SUCCEEDED, REFUSED | 15], |row| row.get::<_, String>(0))
            .optional()?;
        logins.extend(login.map(Login));
    }
    Ok(logins)
}

/// The accounts whose last sign-in came after the event `last`, be it kept here or not.
pub(super) fn seen_after(change: &Connection, last: i64) -> Result<BTreeSet<Login>> {
    let mut statement = change.prepare_cached("SELECT login FROM account_usage WHERE last_seq > ?1")?;
    let logins = statement.query_map([last], |row| row.get::<_, String>(0).map(Login))?;
    Ok(logins.collect::<rusqlite::Result<_>>()?)
}

/// Fills the usage of these accounts anew after events have gone. A last sign-in after `last` is not believed
/// any more; one before it stays, also without its event.
pub(super) fn refill(change: &Connection, logins: &BTreeSet<Login>, last: i64) -> Result<()> {
    for login in logins {
        fill(change, login, last)?;
    }
    Ok(())
}

fn fill(change: &Connection, login: &Login, last: i64) -> Result<()> {
    // A login that no event names has no number.
    let no = login_number(change, login)?.unwrap_or(-1);
    change.prepare_cached("DELETE FROM account_networks WHERE login = ?1")?.execute([no])?;
    change
        .prepare_cached(&format!(
            "INSERT OR IGNORE INTO account_networks (login, network, protocol) \
             SELECT events.login, (SELECT {NETWORK_OF_ADDRESS} FROM addresses WHERE no = events.address), class & 15 \
             FROM events WHERE events.login = ?1 AND class & {OUTCOME_BITS} = {SUCCEEDED} AND events.address IS NOT NULL \
             UNION SELECT login, x'', class & 15 FROM events \
             WHERE login = ?1 AND class & {OUTCOME_BITS} = {SUCCEEDED} AND address IS NULL"
        ))?
        .execute([no])?;
    let count = |outcome: i64| {
        format!(
            "(SELECT count(*) FROM events WHERE events.login = ?2 AND class & {OUTCOME_BITS} = {outcome} AND at >= ?3)"
        )
    };
    let known = change
        .prepare_cached(&format!(
            "UPDATE account_usage SET failed = {}, refused = {} WHERE login = ?1",
            count(FAILED),
            count(REFUSED)
        ))?
        .execute(params![login.0, no, counted_from(change)?])?;
    if known == 0 {
        change.prepare_cached("DELETE FROM account_networks WHERE login = ?1")?.execute([no])?;
        return Ok(());
    }
    change
        .prepare_cached(&format!(
            "UPDATE account_usage SET (last_seq, last_at, last_address, last_protocol) = \
             (SELECT seq, at, addresses.address, class & 15 FROM events \
             LEFT JOIN addresses ON addresses.no = events.address WHERE events.login = ?2 \
             AND class & {OUTCOME_BITS} = {SUCCEEDED} ORDER BY seq DESC LIMIT 1) \
             WHERE login = ?1 AND (last_seq IS NULL OR last_seq > ?3)"
        ))?
        .execute(params![login.0, no, last])?;
    sum_networks(change, login, no)
}

fn sum_networks(change: &Connection, login: &Login, no: i64) -> Result<()> {
    change
        .prepare_cached(
            "UPDATE account_usage SET \
             networks = (SELECT count(DISTINCT network) FROM account_networks WHERE login = ?2 AND network <> x''), \
             protocols = (SELECT coalesce(sum(DISTINCT 1 << protocol), 0) FROM account_networks WHERE login = ?2) \
             WHERE login = ?1",
        )?
        .execute(params![login.0, no])?;
    Ok(())
}

fn counted_from(connection: &Connection) -> Result<i64> {
    Ok(get(connection, USAGE_FROM)?.unwrap_or(0))
}

/// Moves the beginning of the counts, either way: clocks are set right now and then.
fn count_from(change: &Connection, to: i64) -> Result<()> {
    let from = counted_from(change)?;
    let (first, end, sign) = if from < to { (from, to, -1) } else { (to, from, 1) };
    let mut statement = change.prepare_cached(&format!(
        "SELECT logins.login, class & {OUTCOME_BITS}, count(*) FROM events NOT INDEXED \
         JOIN logins ON logins.no = events.login \
         WHERE seq BETWEEN (SELECT min(first_seq) FROM hours WHERE hour BETWEEN ?1 AND ?2) \
         AND (SELECT max(last_seq) FROM hours WHERE hour BETWEEN ?1 AND ?2) \
         AND at >= ?3 AND at < ?4 AND class BETWEEN {FAILED} AND {} GROUP BY 1, 2",
        REFUSED | 15
    ))?;
    let counted = statement
        .query_map(params![hour_of(first), hour_of(end), first, end], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (login, outcome, count) in counted {
        let column = if outcome == FAILED { "failed" } else { "refused" };
        change
            .prepare_cached(&format!(
                "UPDATE account_usage SET {column} = max(0, {column} + ?2) WHERE login = ?1"
            ))?
            .execute(params![login, sign * count])?;
    }
    put(change, USAGE_FROM, &to)
}

fn login_number(change: &Connection, login: &Login) -> Result<Option<i64>> {
    Ok(change
        .prepare_cached("SELECT no FROM logins WHERE login = ?1")?
        .query_row([&login.0], |row| row.get(0))
        .optional()?)
}

fn network_of(sign_in: &SignIn) -> Vec<u8> {
    let Some(address) = sign_in.address else { return Vec::new() };
    let bytes = address_bytes(address);
    match address.ip() {
        std::net::IpAddr::V4(_) => bytes[12..15].to_vec(),
        std::net::IpAddr::V6(_) => bytes[..8].to_vec(),
    }
}

#[cfg(test)]
mod tests;
