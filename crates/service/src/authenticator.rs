//! Authenticator codes: TOTP, RFC 6238, six digits every 30 seconds.

use mailcup_wire::{AuthenticatorEnrolment, Code, FactorId, Login, Problem, Time};
use sqlx::SqliteConnection;
use totp_rs::{Builder, Secret, Totp};

use crate::{
    app::App,
    http::problem::HttpProblem,
    secrets::{self, SealError, ServerKey},
    store::{
        StoreError,
        factors::{self, AuthenticatorRow},
        second_factors::Person,
    },
};

const PURPOSE: &str = "authenticator seed";

/// Seconds of a time step; one step before and after is taken too.
const STEP: u64 = 30;

/// Authenticators of one person at most.
const MOST: usize = 5;

/// Begins to add an authenticator with a new seed of 160 bits; it is of use once [`take_step`] has confirmed it. One
/// that was begun before and not confirmed is gone.
pub async fn begin(
    app: &App,
    person: Person<'_>,
    login: &Login,
    name: Option<String>,
) -> Result<AuthenticatorEnrolment, HttpProblem> {
    let seed = app.server_key.seal(PURPOSE, &rand::random::<[u8; 20]>()).map_err(internal)?;
    let row = AuthenticatorRow {
        id: FactorId(secrets::new_id()),
        name,
        seed,
        confirmed: false,
        last_step: 0,
        created_at: app.clock.now(),
        last_used_at: None,
    };
    let shown = shown(app, login, &row)?;
    let mut tx = app.store.write().await?;
    factors::remove_unconfirmed(&mut tx, person).await?;
    if factors::authenticators(&mut tx, person).await?.len() >= MOST {
        let text = format!("There are {MOST} authenticators already; remove one first.");
        return Err(Problem::new(Code::Conflict, text).into());
    }
    factors::insert_authenticator(&mut tx, person, &row).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(shown)
}

/// What the app is shown of an authenticator.
pub fn shown(
    app: &App,
    login: &Login,
    row: &AuthenticatorRow,
) -> Result<AuthenticatorEnrolment, HttpProblem> {
    let organization = app.settings.organization_name();
    enrolment(&app.server_key, row.id.clone(), login, &organization, &row.seed).map_err(internal)
}

/// Whether a code is right for this authenticator; its time step is then used up.
pub async fn take_step(
    key: &ServerKey,
    connection: &mut SqliteConnection,
    person: Person<'_>,
    row: &AuthenticatorRow,
    code: &str,
    now: Time,
) -> Result<bool, StoreError> {
    match step_of(key, &row.seed, row.last_step, code, now) {
        Some(step) => factors::take_step(connection, person, &row.id, step, now).await,
        None => Ok(false),
    }
}

/// Whether a code is right for one of somebody's authenticators; its time step is then used up.
pub async fn take(
    key: &ServerKey,
    connection: &mut SqliteConnection,
    person: Person<'_>,
    code: &str,
    now: Time,
) -> Result<bool, StoreError> {
    let own = factors::authenticators(connection, person).await?;
    for row in own.iter().filter(|row| row.confirmed) {
        if take_step(key, connection, person, row, code, now).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn internal(error: SealError) -> HttpProblem {
    Problem::new(Code::Internal, error.to_string()).into()
}

fn enrolment(
    key: &ServerKey,
    id: FactorId,
    login: &Login,
    organization: &str,
    sealed: &[u8],
) -> Result<AuthenticatorEnrolment, SealError> {
    let seed = key.open_sealed(PURPOSE, sealed)?;
    let plain = |text: &str| text.replace(':', " ");
    let totp = builder(&seed)
        .with_account_name(plain(&login.0))
        .with_issuer(Some(plain(&format!("MailCup {organization}"))))
        .build()
        .map_err(|_| SealError)?;
    let uri = totp.to_url().map_err(|_| SealError)?;
    Ok(AuthenticatorEnrolment { id, secret: Secret::from(seed.as_slice()).to_base32(), uri })
}

/// The time step for which `code` is right now under a sealed seed, if it is later than the last one that was taken.
fn step_of(key: &ServerKey, sealed: &[u8], last_step: i64, code: &str, now: Time) -> Option<i64> {
    let seed = key.open_sealed(PURPOSE, sealed).ok()?;
    let seconds = u64::try_from(now.as_millis() / 1000).ok()?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let step = i64::try_from(totp(&seed)?.check(&code, seconds)?).ok()?;
    (step > last_step).then_some(step)
}

fn totp(seed: &[u8]) -> Option<Totp> {
    builder(seed).with_account_name("mailcup").build().ok()
}

fn builder(seed: &[u8]) -> Builder {
    Builder::new().with_secret(Secret::from(seed)).with_digits(6).with_skew(1).with_step_duration(STEP)
}
