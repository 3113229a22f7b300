//! Rows of notices: mails to account owners after authorizations.

use mailcup_wire::{
    AccountNotices, EventBody, EventKind, Login, NoticeMode, Outcome, Protocol, SignIn, Time,
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    StoreError,
    codes::RowCode,
    progress::{self, Job},
    whole,
};
use crate::secrets::TokenHash;

/// What counts as one kind of authorization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    pub login: Login,
    /// The first address of the client network.
    pub network: [u8; 16],
    pub protocol: Protocol,
}

/// A successful sign-in over a mail protocol.
#[derive(Debug, Clone)]
pub struct Authorization {
    pub seq: u64,
    pub at: Time,
    pub sign_in: SignIn,
}

/// One kind of authorization in a daily mail.
#[derive(Debug, Clone)]
pub struct Line {
    pub first: Authorization,
    pub last_at: Time,
    pub count: u32,
}

/// Mails that an owner got within an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mails {
    /// Hours since 1970.
    pub hour: i64,
    pub mails: u32,
    pub last_at: Time,
}

/// Lines that are kept for one daily mail; more are only counted as more.
const LINES: i64 = 1000;

const MAIL_PROTOCOLS: [Protocol; 4] = [Protocol::Imap, Protocol::Pop3, Protocol::Submission, Protocol::Sieve];

/// How far notices have come through the log; none if they never began.
pub async fn reached(connection: &mut SqliteConnection) -> Result<Option<u64>, StoreError> {
    let seq = progress::noted(connection, Job::Notices).await?;
    Ok(seq.map(i64::cast_unsigned))
}

pub async fn note_reached(connection: &mut SqliteConnection, seq: u64) -> Result<(), StoreError> {
    progress::note(connection, Job::Notices, seq.cast_signed()).await
}

/// Authorizations among the events after `after` up to `until`, oldest first; imported ones are no news to anybody.
pub async fn authorizations(
    connection: &mut SqliteConnection,
    after: u64,
    until: u64,
) -> Result<Vec<Authorization>, StoreError> {
    let [imap, pop3, submission, sieve] = MAIL_PROTOCOLS.map(RowCode::code);
    let rows = sqlx::query(
        "SELECT seq, at, body FROM events WHERE seq > $1 AND seq <= $2 AND kind = $3 AND outcome = $4 \
         AND protocol IN ($5, $6, $7, $8) AND print IS NULL ORDER BY seq",
    )
    .bind(after.cast_signed())
    .bind(until.cast_signed())
    .bind(EventKind::SignIn.code())
    .bind(Outcome::Succeeded.code())
    .bind(imap)
    .bind(pop3)
    .bind(submission)
    .bind(sieve)
    .fetch_all(connection)
    .await?;
    let found = rows.iter().map(|row| {
        let sign_in = sign_in(row.try_get(2)?);
        let (seq, at) = (row.try_get::<i64, _>(0)?.cast_unsigned(), Time::from_millis(row.try_get(1)?));
        Ok(sign_in.map(|sign_in| Authorization { seq, at, sign_in }))
    });
    Ok(found.collect::<Result<Vec<_>, StoreError>>()?.into_iter().flatten().collect())
}

/// How an account differs from the organization; as it, until that was first set.
pub async fn of_account(
    connection: &mut SqliteConnection,
    login: &Login,
) -> Result<AccountNotices, StoreError> {
    let last_sent_at = mails(connection, login).await?.map(|mails| mails.last_at);
    let row = sqlx::query("SELECT mode, zone, address, version FROM account_notices WHERE login = $1")
        .bind(login.0.as_str())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else {
        return Ok(AccountNotices { mode: None, zone: None, address: None, last_sent_at, version: 0 });
    };
    Ok(AccountNotices {
        mode: row.try_get::<Option<i16>, _>(0)?.and_then(NoticeMode::from_code),
        zone: row.try_get(1)?,
        address: row.try_get(2)?,
        last_sent_at,
        version: whole(row.try_get(3)?),
    })
}

pub async fn put_of_account(
    connection: &mut SqliteConnection,
    login: &Login,
    notices: &AccountNotices,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO account_notices (login, mode, zone, address, version) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (login) DO UPDATE SET mode = excluded.mode, zone = excluded.zone, \
         address = excluded.address, version = excluded.version",
    )
    .bind(login.0.as_str())
    .bind(notices.mode.map(RowCode::code))
    .bind(notices.zone.as_deref())
    .bind(notices.address.as_deref())
    .bind(i64::from(notices.version))
    .execute(connection)
    .await?;
    Ok(())
}

/// When the owner was last told of authorizations of this kind.
pub async fn told_at(connection: &mut SqliteConnection, kind: &Kind) -> Result<Option<Time>, StoreError> {
    let at: Option<i64> =
        sqlx::query_scalar("SELECT at FROM notices_told WHERE login = $1 AND network = $2 AND protocol = $3")
            .bind(kind.login.0.as_str())
            .bind(kind.network.to_vec())
            .bind(kind.protocol.code())
            .fetch_optional(connection)
            .await?;
    Ok(at.map(Time::from_millis))
}

pub async fn told(connection: &mut SqliteConnection, kind: &Kind, at: Time) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO notices_told (login, network, protocol, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (login, network, protocol) DO UPDATE SET at = excluded.at",
    )
    .bind(kind.login.0.as_str())
    .bind(kind.network.to_vec())
    .bind(kind.protocol.code())
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// The mails that an owner got within the hour of the last one.
pub async fn mails(connection: &mut SqliteConnection, login: &Login) -> Result<Option<Mails>, StoreError> {
    let row = sqlx::query("SELECT hour, mails, last_at FROM notice_mails WHERE login = $1")
        .bind(login.0.as_str())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Mails {
        hour: row.try_get(0)?,
        mails: whole(row.try_get(1)?),
        last_at: Time::from_millis(row.try_get(2)?),
    }))
}

pub async fn put_mails(
    connection: &mut SqliteConnection,
    login: &Login,
    mails: &Mails,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO notice_mails (login, hour, mails, last_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (login) DO UPDATE SET hour = excluded.hour, mails = excluded.mails, \
         last_at = excluded.last_at",
    )
    .bind(login.0.as_str())
    .bind(mails.hour)
    .bind(i64::from(mails.mails))
    .bind(mails.last_at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts an authorization into the next daily mail, which leaves at `due_at` unless one is being gathered already.
pub async fn add_line(
    connection: &mut SqliteConnection,
    kind: &Kind,
    authorization: &Authorization,
    due_at: Time,
) -> Result<(), StoreError> {
    let body = serde_json::to_string(&EventBody::SignIn(authorization.sign_in.clone())).unwrap_or_default();
    sqlx::query(
        "INSERT INTO notice_lines \
         (login, network, protocol, due_at, first_seq, first_at, last_at, count, body) \
         SELECT $1, $2, $3, COALESCE((SELECT MIN(due_at) FROM notice_lines WHERE login = $1), $4), $5, $6, $6, \
         1, $7 WHERE (SELECT COUNT(*) FROM notice_lines WHERE login = $1) < $8 \
         ON CONFLICT (login, network, protocol) DO UPDATE SET last_at = excluded.last_at, \
         count = notice_lines.count + 1",
    )
    .bind(kind.login.0.as_str())
    .bind(kind.network.to_vec())
    .bind(kind.protocol.code())
    .bind(due_at.as_millis())
    .bind(authorization.seq.cast_signed())
    .bind(authorization.at.as_millis())
    .bind(body)
    .bind(LINES)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whose daily mail is due.
pub async fn due(connection: &mut SqliteConnection, now: Time, limit: u32) -> Result<Vec<Login>, StoreError> {
    let logins = sqlx::query_scalar(
        "SELECT DISTINCT login FROM notice_lines WHERE due_at <= $1 ORDER BY login LIMIT $2",
    );
    let logins: Vec<String> =
        logins.bind(now.as_millis()).bind(i64::from(limit)).fetch_all(connection).await?;
    Ok(logins.into_iter().map(Login).collect())
}

/// Takes out what an owner's daily mail says, in the order of time.
pub async fn take_lines(connection: &mut SqliteConnection, login: &Login) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query(
        "SELECT first_seq, first_at, last_at, count, body FROM notice_lines WHERE login = $1 ORDER BY first_seq",
    )
    .bind(login.0.as_str())
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM notice_lines WHERE login = $1")
        .bind(login.0.as_str())
        .execute(connection)
        .await?;
    let lines = rows.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().flatten().collect())
}

/// Notes that a link "this wasn't me" is used; false if it was before.
pub async fn use_link(
    connection: &mut SqliteConnection,
    link: &TokenHash,
    now: Time,
    expires_at: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO not_me (link, used_at, expires_at) VALUES ($1, $2, $3) ON CONFLICT (link) DO NOTHING",
    )
    .bind(link.as_bytes())
    .bind(now.as_millis())
    .bind(expires_at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn is_used(connection: &mut SqliteConnection, link: &TokenHash) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT used_at FROM not_me WHERE link = $1")
        .bind(link.as_bytes())
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// Forgets what was told before `before`, and links that expired before it.
pub async fn forget(connection: &mut SqliteConnection, before: Time) -> Result<(), StoreError> {
    for step in ["DELETE FROM notices_told WHERE at < $1", "DELETE FROM not_me WHERE expires_at < $1"] {
        sqlx::query(step).bind(before.as_millis()).execute(&mut *connection).await?;
    }
    Ok(())
}

fn line(row: &SqliteRow) -> Result<Option<Line>, StoreError> {
    let Some(sign_in) = sign_in(row.try_get(4)?) else { return Ok(None) };
    Ok(Some(Line {
        first: Authorization {
            seq: row.try_get::<i64, _>(0)?.cast_unsigned(),
            at: Time::from_millis(row.try_get(1)?),
            sign_in,
        },
        last_at: Time::from_millis(row.try_get(2)?),
        count: whole(row.try_get(3)?),
    }))
}

fn sign_in(body: &str) -> Option<SignIn> {
    match serde_json::from_str(body).ok()? {
        EventBody::SignIn(sign_in) => Some(sign_in),
        EventBody::Submission(_)
        | EventBody::Alert(_)
        | EventBody::Block(_)
        | EventBody::Account(_)
        | EventBody::Policy(_)
        | EventBody::Admin(_)
        | EventBody::System(_) => None,
    }
}
