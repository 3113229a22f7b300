//! The list of accounts, in any order and under any filter.

use std::collections::{BTreeMap, BTreeSet};

use mailcup_wire::{
    Account, Alert, AlertState, Block, BlockTarget, Login, Protocol, Time,
    desktop::{AccountList, AccountOrder, AccountQuery, AccountRow, AccountState, AccountUsage, LastSignIn},
};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::{
    super::{
        Readers, Result,
        apply::address_from,
        class::protocol_of,
        resources::{bodies, containing, state_number},
    },
    DAY_MILLIS,
};

const LARGEST_PAGE: u32 = 500;
/// An account without a sign-in for so long is dormant.
const DORMANT_AFTER_DAYS: i64 = 90;

impl Readers {
    /// A page of the list of accounts as of `now`.
    pub async fn list_accounts(&self, query: AccountQuery, now: Time) -> Result<AccountList> {
        self.run(move |reader| {
            let standing = Standing::read(reader, now)?;
            let page = Page::new(&query, &standing, now);
            Ok(AccountList { accounts: page.rows(reader, &standing, now)?, total: page.total(reader)? })
        })
        .await
    }

    /// Which of these logins have an account.
    pub async fn known_accounts(&self, logins: Vec<Login>) -> Result<Vec<bool>> {
        self.run(move |reader| {
            let mut statement = reader.prepare_cached("SELECT 1 FROM account_usage WHERE login = ?1")?;
            logins.iter().map(|login| Ok(statement.exists([&login.0])?)).collect()
        })
        .await
    }

    pub async fn account(&self, login: Login, now: Time) -> Result<Option<AccountRow>> {
        self.run(move |reader| {
            let standing = Standing::read(reader, now)?;
            let row = reader
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM account_usage JOIN accounts USING (login) WHERE login = ?1"
                ))?
                .query_row([login.0], Stored::read)
                .optional()?;
            row.map(|row| row.told(&standing, now)).transpose()
        })
        .await
    }
}

/// Which accounts are blocked, and which open alerts name them.
struct Standing {
    blocked: BTreeSet<String>,
    alerts: BTreeMap<String, u32>,
}

impl Standing {
    fn read(reader: &Connection, now: Time) -> Result<Self> {
        let blocks: Vec<Block> = bodies(
            reader,
            "SELECT body FROM blocks WHERE json_extract(body, '$.target.kind') = 'account'",
            &[],
        )?;
        let in_force = blocks
            .into_iter()
            .filter(|block| block.lifted_at.is_none() && block.expires_at.is_none_or(|end| now < end));
        let blocked = in_force.filter_map(|block| match block.target {
            BlockTarget::Account { login } => Some(login.0),
            BlockTarget::Address { .. }
            | BlockTarget::Network { .. }
            | BlockTarget::AccountNetwork { .. }
            | BlockTarget::Sending { .. } => None,
        });
        let open: Vec<Alert> =
            bodies(reader, "SELECT body FROM alerts WHERE state = ?1", &[&state_number(AlertState::Open)])?;
        let mut alerts = BTreeMap::new();
        for alert in open {
            let logins: BTreeSet<Login> = alert.login.into_iter().chain(alert.accounts).collect();
            for login in logins {
                *alerts.entry(login.0).or_default() += 1;
            }
        }
        Ok(Self { blocked: blocked.collect(), alerts })
    }
}

const COLUMNS: &str =
    "accounts.body, last_at, last_address, last_protocol, networks, protocols, failed, refused";

/// A query for a page, as SQL.
struct Page<'a> {
    query: &'a AccountQuery,
    condition: &'static str,
    /// For the condition: logins as JSON, and since when an account is dormant.
    logins: String,
    dormant_since: i64,
}

impl<'a> Page<'a> {
    fn new(query: &'a AccountQuery, standing: &Standing, now: Time) -> Self {
        let (condition, logins) = match query.state {
            None => ("1", "[]".to_owned()),
            Some(AccountState::Blocked) => (NAMED, json(standing.blocked.iter())),
            Some(AccountState::Alert) => (NAMED, json(standing.alerts.keys())),
            Some(AccountState::Dormant) => ("coalesce(last_at, created_at) < :dormant", "[]".to_owned()),
        };
        Self { query, condition, logins, dormant_since: dormant_since(now) }
    }

    fn found(&self) -> String {
        let text = if self.query.text.trim().is_empty() {
            ":text = :text"
        } else {
            "(login LIKE :text ESCAPE '\\' OR name LIKE :text ESCAPE '\\')"
        };
        format!(
            "account_usage WHERE {} AND {text} AND :logins = :logins AND :dormant = :dormant",
            self.condition
        )
    }

    fn total(&self, reader: &Connection) -> Result<u32> {
        let mut statement = reader.prepare_cached(&format!("SELECT count(*) FROM {}", self.found()))?;
        let text = containing(&self.query.text);
        Ok(statement.query_row(
            named_params! { ":text": text, ":logins": self.logins, ":dormant": self.dormant_since },
            |row| row.get(0),
        )?)
    }

    fn rows(&self, reader: &Connection, standing: &Standing, now: Time) -> Result<Vec<AccountRow>> {
        let order = self.order();
        let mut statement = reader.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM (SELECT * FROM {} ORDER BY {order} LIMIT :limit OFFSET :offset) \
             AS account_usage JOIN accounts USING (login) ORDER BY {order}",
            self.found()
        ))?;
        let text = containing(&self.query.text);
        let rows = statement.query_map(
            named_params! {
                ":text": text,
                ":logins": self.logins,
                ":dormant": self.dormant_since,
                ":limit": self.query.limit.clamp(1, LARGEST_PAGE),
                ":offset": self.query.offset,
            },
            Stored::read,
        )?;
        rows.map(|row| row?.told(standing, now)).collect()
    }

    fn order(&self) -> String {
        let way = if self.query.descending { "DESC" } else { "ASC" };
        let column = match self.query.order {
            AccountOrder::Login => return format!("account_usage.login {way}"),
            // Who has none comes last either way.
            AccountOrder::Name => {
                return format!(
                    "account_usage.name = '', account_usage.name COLLATE NOCASE {way}, account_usage.login"
                );
            }
            AccountOrder::LastSignIn => "last_at",
            AccountOrder::Networks => "networks",
            AccountOrder::Failed => "failed",
            AccountOrder::Refused => "refused",
        };
        format!("{column} {way}, account_usage.login")
    }
}

const NAMED: &str = "login IN (SELECT value FROM json_each(:logins))";

struct Stored {
    body: String,
    last: Option<(i64, Option<Vec<u8>>, i64)>,
    networks: u32,
    protocols: i64,
    failed: u32,
    refused: u32,
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let last_at: Option<i64> = row.get(1)?;
        let last = match last_at {
            Some(at) => Some((at, row.get(2)?, row.get(3)?)),
            None => None,
        };
        Ok(Self {
            body: row.get(0)?,
            last,
            networks: row.get(4)?,
            protocols: row.get(5)?,
            failed: row.get(6)?,
            refused: row.get(7)?,
        })
    }

    fn told(self, standing: &Standing, now: Time) -> Result<AccountRow> {
        let account: Account = serde_json::from_str(&self.body)?;
        let seen = self.last.as_ref().map_or(account.created_at.as_millis(), |(at, ..)| *at);
        let last_sign_in = self.last.and_then(|(at, address, protocol)| {
            let address = address.and_then(|bytes| address_from(&bytes));
            Some(LastSignIn { at: Time::from_millis(at), address, protocol: protocol_of(protocol)? })
        });
        let protocols: Vec<Protocol> =
            (0..16).filter(|number| self.protocols & (1 << number) != 0).filter_map(protocol_of).collect();
        let usage = AccountUsage {
            last_sign_in,
            networks: self.networks,
            protocols,
            failed: self.failed,
            refused: self.refused,
        };
        Ok(AccountRow {
            usage,
            blocked: standing.blocked.contains(&account.login.0),
            open_alerts: standing.alerts.get(&account.login.0).copied().unwrap_or(0),
            dormant: seen < dormant_since(now),
            account,
        })
    }
}

fn dormant_since(now: Time) -> i64 {
    now.as_millis() - DORMANT_AFTER_DAYS * DAY_MILLIS
}

fn json<'a>(logins: impl Iterator<Item = &'a String>) -> String {
    logins.map(String::as_str).collect::<serde_json::Value>().to_string()
}
