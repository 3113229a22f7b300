//! Rows of blocks.

use mailcup_wire::{AdminId, Block, BlockCause, BlockId, BlockTarget, Login, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;

/// Writes a block, new or changed.
pub async fn put(connection: &mut SqliteConnection, block: &Block) -> Result<(), StoreError> {
    let (kind, target) = match &block.target {
        BlockTarget::Address { address } => (1i16, address.to_string()),
        BlockTarget::Network { network } => (2, network.to_string()),
        BlockTarget::Account { login } => (3, login.0.clone()),
        BlockTarget::AccountNetwork { login, network } => (4, format!("{network} {login}")),
        BlockTarget::Sending { login } => (5, login.0.clone()),
    };
    sqlx::query(
        "INSERT INTO blocks (id, target_kind, target, note, created_at, created_by, created_by_login, \
         expires_at, lifted_at, lifted_by_login, version, cause) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (id) DO UPDATE SET note = excluded.note, expires_at = excluded.expires_at, \
         lifted_at = excluded.lifted_at, lifted_by_login = excluded.lifted_by_login, \
         version = excluded.version",
    )
    .bind(block.id.0.as_str())
    .bind(kind)
    .bind(target)
    .bind(block.note.as_str())
    .bind(block.created_at.as_millis())
    .bind(block.created_by.as_ref().map(|admin| admin.0.as_str()))
    .bind(block.created_by_login.as_ref().map(|login| login.0.as_str()))
    .bind(block.expires_at.map(Time::as_millis))
    .bind(block.lifted_at.map(Time::as_millis))
    .bind(block.lifted_by_login.as_ref().map(|login| login.0.as_str()))
    .bind(i64::from(block.version))
    .bind(block.cause.map(cause_code))
    .execute(connection)
    .await?;
    Ok(())
}

const COLUMNS: &str = "id, target_kind, target, note, created_at, created_by, created_by_login, expires_at, \
                       lifted_at, lifted_by_login, version, cause";

/// Blocks that refuse somebody at `now`, oldest first.
pub async fn active(connection: &mut SqliteConnection, now: Time) -> Result<Vec<Block>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM blocks WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $1) \
         ORDER BY created_at, id"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now.as_millis()).fetch_all(connection).await?;
    Ok(rows.iter().map(block).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Blocks that the service set by itself and that ended at `since` or later, or go on; oldest first.
pub async fn by_itself(connection: &mut SqliteConnection, since: Time) -> Result<Vec<Block>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM blocks WHERE cause IS NOT NULL AND (expires_at IS NULL OR expires_at >= $1) \
         ORDER BY created_at, id"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(since.as_millis()).fetch_all(connection).await?;
    Ok(rows.iter().map(block).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

pub async fn get(connection: &mut SqliteConnection, id: &BlockId) -> Result<Option<Block>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM blocks WHERE id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.0.as_str()).fetch_optional(connection).await?;
    Ok(row.as_ref().map(block).transpose()?.flatten())
}

fn block(row: &SqliteRow) -> Result<Option<Block>, StoreError> {
    let target: String = row.try_get(2)?;
    let target = match row.try_get::<i16, _>(1)? {
        1 => target.parse().ok().map(|address| BlockTarget::Address { address }),
        2 => target.parse().ok().map(|network| BlockTarget::Network { network }),
        3 => Some(BlockTarget::Account { login: Login(target) }),
        4 => target.split_once(' ').and_then(|(network, login)| {
            let network = network.parse().ok()?;
            Some(BlockTarget::AccountNetwork { login: login.into(), network })
        }),
        5 => Some(BlockTarget::Sending { login: Login(target) }),
        _ => None,
    };
    let Some(target) = target else { return Ok(None) };
    Ok(Some(Block {
        id: BlockId(row.try_get(0)?),
        target,
        note: row.try_get(3)?,
        created_at: Time::from_millis(row.try_get(4)?),
        created_by: row.try_get::<Option<String>, _>(5)?.map(AdminId),
        created_by_login: row.try_get::<Option<String>, _>(6)?.map(Login),
        expires_at: row.try_get::<Option<i64>, _>(7)?.map(Time::from_millis),
        lifted_at: row.try_get::<Option<i64>, _>(8)?.map(Time::from_millis),
        lifted_by_login: row.try_get::<Option<String>, _>(9)?.map(Login),
        version: u32::try_from(row.try_get::<i64, _>(10)?).unwrap_or(0),
        cause: row.try_get::<Option<i16>, _>(11)?.and_then(cause_from_code),
    }))
}

fn cause_code(cause: BlockCause) -> i16 {
    match cause {
        BlockCause::PasswordSpraying => 1,
        BlockCause::BruteForce => 2,
        BlockCause::DistributedGuessing => 3,
        BlockCause::SharedPassword => 4,
        BlockCause::StolenPassword => 5,
        BlockCause::SendingBurst => 6,
        BlockCause::SendingFromManyNetworks => 7,
        BlockCause::SendingFromManyCountries => 8,
    }
}

fn cause_from_code(code: i16) -> Option<BlockCause> {
    [
        BlockCause::PasswordSpraying,
        BlockCause::BruteForce,
        BlockCause::DistributedGuessing,
        BlockCause::SharedPassword,
        BlockCause::StolenPassword,
        BlockCause::SendingBurst,
        BlockCause::SendingFromManyNetworks,
        BlockCause::SendingFromManyCountries,
    ]
    .into_iter()
    .find(|cause| cause_code(*cause) == code)
}
