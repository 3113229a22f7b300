//! Rows of the second-factor policy, of when factors were given, and of reminders.

use mailcup_wire::{
    AdminId, EventBody, EventKind, FactorKind, FactorScope, FactorScopeRule, Login, Outcome, Protocol, Role,
    SignIn, Time,
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    StoreError,
    codes::RowCode,
    event_index::class,
    progress::{self, Job},
};

/// Whose factor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Person<'a> {
    Admin(&'a AdminId),
    Account(&'a Login),
}

/// What is known of an account's codes.
#[derive(Debug, Clone)]
pub struct AccountRow {
    pub login: Login,
    pub name: String,
    pub created_at: Time,
    /// The address that was given for notices and codes.
    pub address: Option<String>,
    pub last_used_at: Option<Time>,
    pub reminded_at: Option<Time>,
    pub has_authenticator: bool,
    pub has_passkey: bool,
    /// That were not used yet.
    pub has_recovery_codes: bool,
}

/// When an admin's factors were last given, the last reminder, and the time that somebody gave them.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdminTimes {
    pub last_used_at: Option<Time>,
    pub reminded_at: Option<Time>,
    pub granted: Option<Time>,
}

/// Events at the end of the log that are looked at one by one.
const LOOKED_AT: i64 = 100_000;

impl<'a> Person<'a> {
    /// What names them among their kind.
    pub(super) fn id(self) -> &'a str {
        match self {
            Self::Admin(id) => &id.0,
            Self::Account(login) => &login.0,
        }
    }

    fn key(self) -> (i16, &'a str) {
        match self {
            Self::Admin(_) => (1, self.id()),
            Self::Account(_) => (2, self.id()),
        }
    }
}

/// What each scope says.
pub async fn rules(connection: &mut SqliteConnection) -> Result<Vec<FactorScopeRule>, StoreError> {
    let rows = sqlx::query(
        "SELECT scope_kind, scope, rule, changed_at, changed_by_login FROM factor_rules \
         ORDER BY scope_kind, scope",
    )
    .fetch_all(connection)
    .await?;
    let rules = rows.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    Ok(rules.into_iter().flatten().collect())
}

/// Writes what a scope says.
pub async fn put_rule(connection: &mut SqliteConnection, said: &FactorScopeRule) -> Result<(), StoreError> {
    let (kind, name) = scope_key(&said.scope);
    sqlx::query(
        "INSERT INTO factor_rules (scope_kind, scope, rule, changed_at, changed_by_login) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope_kind, scope) DO UPDATE SET rule = excluded.rule, \
         changed_at = excluded.changed_at, changed_by_login = excluded.changed_by_login",
    )
    .bind(kind)
    .bind(name)
    .bind(serde_json::to_string(&said.rule).unwrap_or_default())
    .bind(said.changed_at.as_millis())
    .bind(said.changed_by_login.as_ref().map(|login| login.0.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes away what a scope says.
pub async fn delete_rule(connection: &mut SqliteConnection, scope: &FactorScope) -> Result<(), StoreError> {
    let (kind, name) = scope_key(scope);
    sqlx::query("DELETE FROM factor_rules WHERE scope_kind = $1 AND scope = $2")
        .bind(kind)
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// Gives an admin time, whatever the policy says.
pub async fn grant_time(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    until: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO factor_grace (admin, until) VALUES ($1, $2) \
         ON CONFLICT (admin) DO UPDATE SET until = excluded.until",
    )
    .bind(admin.0.as_str())
    .bind(until.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a factor was given.
pub async fn used(
    connection: &mut SqliteConnection,
    person: Person<'_>,
    factor: FactorKind,
    at: Time,
) -> Result<(), StoreError> {
    let (kind, id) = person.key();
    sqlx::query(
        "INSERT INTO factor_uses (person_kind, person, factor, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (person_kind, person, factor) DO UPDATE SET at = excluded.at",
    )
    .bind(kind)
    .bind(id)
    .bind(factor.code())
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// When a factor was last given.
pub async fn used_at(
    connection: &mut SqliteConnection,
    person: Person<'_>,
    factor: FactorKind,
) -> Result<Option<Time>, StoreError> {
    let (kind, id) = person.key();
    let at: Option<i64> = sqlx::query_scalar(
        "SELECT at FROM factor_uses WHERE person_kind = $1 AND person = $2 AND factor = $3",
    )
    .bind(kind)
    .bind(id)
    .bind(factor.code())
    .fetch_optional(connection)
    .await?;
    Ok(at.map(Time::from_millis))
}

/// Notes that somebody was reminded.
pub async fn reminded(
    connection: &mut SqliteConnection,
    person: Person<'_>,
    at: Time,
) -> Result<(), StoreError> {
    let (kind, id) = person.key();
    sqlx::query(
        "INSERT INTO factor_reminders (person_kind, person, at) VALUES ($1, $2, $3) \
         ON CONFLICT (person_kind, person) DO UPDATE SET at = excluded.at",
    )
    .bind(kind)
    .bind(id)
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Times of an admin.
pub async fn admin_times(
    connection: &mut SqliteConnection,
    admin: &AdminId,
) -> Result<AdminTimes, StoreError> {
    let row = sqlx::query(
        "SELECT (SELECT MAX(at) FROM factor_uses WHERE person_kind = 1 AND person = $1), \
         (SELECT at FROM factor_reminders WHERE person_kind = 1 AND person = $1), \
         (SELECT until FROM factor_grace WHERE admin = $1)",
    )
    .bind(admin.0.as_str())
    .fetch_one(connection)
    .await?;
    let time = |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Time::from_millis));
    Ok(AdminTimes { last_used_at: time(0)?, reminded_at: time(1)?, granted: time(2)? })
}

/// All accounts, by login.
pub async fn accounts(connection: &mut SqliteConnection) -> Result<Vec<AccountRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT a.login, a.name, a.created_at, n.address, \
         (SELECT MAX(at) FROM factor_uses WHERE person_kind = 2 AND person = a.login), \
         (SELECT at FROM factor_reminders WHERE person_kind = 2 AND person = a.login), \
         (SELECT COUNT(*) FROM account_authenticators WHERE account = a.login AND confirmed = 1), \
         (SELECT COUNT(*) FROM account_recovery_codes WHERE account = a.login AND used_at IS NULL), \
         (SELECT COUNT(*) FROM account_passkeys WHERE account = a.login) \
         FROM accounts a LEFT JOIN account_notices n ON n.login = a.login ORDER BY a.login",
    )
    .fetch_all(connection)
    .await?;
    let read = |row: &SqliteRow| {
        let time =
            |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Time::from_millis));
        Ok(AccountRow {
            login: Login(row.try_get(0)?),
            name: row.try_get(1)?,
            created_at: Time::from_millis(row.try_get(2)?),
            address: row.try_get(3)?,
            last_used_at: time(4)?,
            reminded_at: time(5)?,
            has_authenticator: row.try_get::<i64, _>(6)? > 0,
            has_recovery_codes: row.try_get::<i64, _>(7)? > 0,
            has_passkey: row.try_get::<i64, _>(8)? > 0,
        })
    };
    rows.iter().map(read).collect()
}

/// How many admins of a role have an authenticator.
pub async fn with_authenticator(connection: &mut SqliteConnection, role: Role) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM admins WHERE role = $1 \
         AND EXISTS (SELECT 1 FROM authenticators WHERE admin = admins.id AND confirmed = 1)",
    )
    .bind(role.code())
    .fetch_one(connection)
    .await?;
    Ok(count)
}

/// Sign-ins at the service itself since `since` that asked for a factor or succeeded, oldest first.
pub async fn asked_and_given(
    connection: &mut SqliteConnection,
    since: Time,
) -> Result<Vec<(Time, SignIn)>, StoreError> {
    let indexed = progress::of(connection, Job::Index).await?;
    let last: Option<i64> =
        sqlx::query_scalar("SELECT MAX(seq) FROM events").fetch_one(&mut *connection).await?;
    let first: Option<i64> = sqlx::query_scalar("SELECT MIN(first_seq) FROM event_hours WHERE hour >= $1")
        .bind(since.as_millis().div_euclid(3_600_000))
        .fetch_one(&mut *connection)
        .await?;
    let [web, api] = [Protocol::Web, Protocol::Api];
    let [asked, given] = [Outcome::Challenged, Outcome::Succeeded];
    let class = |outcome: Outcome, protocol| class(EventKind::SignIn, outcome.code(), Some(protocol));
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT at, body FROM (\
         SELECT seq, at, body FROM events WHERE +at >= $1 AND seq IN (SELECT seq FROM event_index \
         WHERE class IN ($2, $3, $4, $5) AND seq >= $6) \
         UNION ALL SELECT seq, at, body FROM events WHERE seq > $7 AND +at >= $1 AND kind = $8 \
         AND outcome IN ($9, $10) AND protocol IN ($11, $12)) AS sign_ins ORDER BY seq",
    )
    .bind(since.as_millis())
    .bind(class(asked, web))
    .bind(class(asked, api))
    .bind(class(given, web))
    .bind(class(given, api))
    .bind(first.unwrap_or(i64::MAX))
    .bind(indexed.max(last.unwrap_or(0) - LOOKED_AT))
    .bind(EventKind::SignIn.code())
    .bind(asked.code())
    .bind(given.code())
    .bind(web.code())
    .bind(api.code())
    .fetch_all(connection)
    .await?;
    let read = |(at, body): (i64, String)| match serde_json::from_str(&body).ok()? {
        EventBody::SignIn(sign_in) => Some((Time::from_millis(at), sign_in)),
        EventBody::Submission(_)
        | EventBody::Alert(_)
        | EventBody::Block(_)
        | EventBody::Account(_)
        | EventBody::Policy(_)
        | EventBody::Admin(_)
        | EventBody::System(_) => None,
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Forgets what is known of the factors of an admin who is no more.
pub async fn forget(connection: &mut SqliteConnection, admin: &AdminId) -> Result<(), StoreError> {
    for step in [
        "DELETE FROM factor_uses WHERE person_kind = 1 AND person = $1",
        "DELETE FROM factor_reminders WHERE person_kind = 1 AND person = $1",
    ] {
        sqlx::query(step).bind(admin.0.as_str()).execute(&mut *connection).await?;
    }
    Ok(())
}

fn scope_key(scope: &FactorScope) -> (i16, String) {
    match scope {
        FactorScope::Organization => (1, String::new()),
        FactorScope::Domain { domain } => (2, domain.clone()),
        FactorScope::Account { login } => (3, login.0.clone()),
        FactorScope::Role { role } => (4, role.code().to_string()),
    }
}

fn rule(row: &SqliteRow) -> Result<Option<FactorScopeRule>, StoreError> {
    let name: String = row.try_get(1)?;
    let scope = match row.try_get::<i16, _>(0)? {
        1 => Some(FactorScope::Organization),
        2 => Some(FactorScope::Domain { domain: name }),
        3 => Some(FactorScope::Account { login: Login(name) }),
        4 => name.parse().ok().and_then(Role::from_code).map(|role| FactorScope::Role { role }),
        _ => None,
    };
    let rule = serde_json::from_str(&row.try_get::<String, _>(2)?);
    let (Some(scope), Ok(rule)) = (scope, rule) else { return Ok(None) };
    Ok(Some(FactorScopeRule {
        scope,
        rule,
        changed_at: Time::from_millis(row.try_get(3)?),
        changed_by_login: row.try_get::<Option<String>, _>(4)?.map(Login),
    }))
}
