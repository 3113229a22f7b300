//! Second factors of accounts: what one has, and whether what was given is right.

use mailcup_guard::one_time_code::{Answer, Over};
use mailcup_wire::{FactorKind, Login};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sqlx::SqliteConnection;

use super::{Waiting, code_hash, no_such_way};
use crate::{
    app::App,
    authenticator,
    event_log::LogTransaction,
    http::problem::HttpProblem,
    notices::Owner,
    passkey::{self, Assertion, Challenge, NotTaken},
    secrets,
    sign_in::challenge,
    store::{StoreError, factors, passkeys, second_factors::Person},
};

/// What somebody gives as their second factor.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    Code(FactorKind, &'a SecretString),
    Passkey(&'a Assertion),
}

/// What came of a try at a second factor.
pub(super) enum Tried {
    /// The attempt is used up, and in the transaction what was given.
    Right(Box<(LogTransaction, Waiting)>),
    Wrong {
        tries_left: u32,
        /// What was wrong with a passkey.
        passkey: Option<NotTaken>,
    },
}

impl Given<'_> {
    pub fn kind(self) -> FactorKind {
        match self {
            Self::Code(kind, _) => kind,
            Self::Passkey(_) => FactorKind::Passkey,
        }
    }
}

/// With what an account can answer, the first one preferred. A code into the very mailbox is none for who has a factor
/// of their own: whoever reads the mailbox reads it too.
pub async fn available(
    app: &App,
    connection: &mut SqliteConnection,
    account: &Login,
    owner: Option<&Owner>,
) -> Result<Vec<FactorKind>, StoreError> {
    let mut kinds = Vec::new();
    let person = Person::Account(account);
    let has_own = factors::has_own(connection, person).await?;
    if app.web_sign_in.relying_party.is_some() && factors::has_passkey(connection, person).await? {
        kinds.push(FactorKind::Passkey);
    }
    if factors::has_authenticator(connection, person).await? {
        kinds.push(FactorKind::Authenticator);
    }
    if owner.is_some_and(|owner| owner.outside || !has_own) {
        kinds.push(FactorKind::Email);
    }
    if has_own && factors::recovery_codes(connection, person).await?.left > 0 {
        kinds.push(FactorKind::RecoveryCode);
    }
    Ok(kinds)
}

/// What the browser that holds `key` asks its passkeys to sign; none where no attempt of it waits.
pub async fn for_passkeys(app: &App, key: &SecretString) -> Result<Option<Value>, StoreError> {
    let Some(party) = &app.web_sign_in.relying_party else { return Ok(None) };
    let (hash, now) = (secrets::hash_token(key.expose_secret()), app.clock.now());
    let asked = app.web_sign_in.with(|attempts| {
        let account = attempts.get(&hash, now.0)?.about.account.clone();
        Ok::<_, Over>((account, attempts.challenge(&hash, rand::random(), now.0)?))
    });
    let Ok((account, challenge)) = asked else { return Ok(None) };
    let mut connection = app.store.read().acquire().await?;
    let own = passkeys::of(&mut connection, &account).await?;
    Ok(Some(passkey::to_assert(party, Challenge(challenge), &own)))
}

/// What the record says of a sign-in with it.
pub(super) fn how(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Email => "Signed in with password and mailed code.",
        FactorKind::Authenticator => "Signed in with password and authenticator code.",
        FactorKind::RecoveryCode => "Signed in with password and recovery code.",
        FactorKind::Passkey => "Signed in with password and passkey.",
    }
}

/// Takes a try at a second factor, before the answer is looked at.
pub(super) async fn try_once(
    app: &App,
    key: &SecretString,
    account: &Login,
    given: Given<'_>,
) -> Result<Tried, HttpProblem> {
    let (hash, now) = (secrets::hash_token(key.expose_secret()), app.clock.now());
    if let Given::Code(FactorKind::Email, code) = given {
        let typed = code_hash(app, key, code);
        return match app.web_sign_in.with(|attempts| attempts.answer(&hash, &typed, now.0)) {
            Answer::Over => Err(challenge::over(Over)),
            Answer::Wrong(waiting) => Ok(Tried::wrong(&waiting)),
            Answer::Right(done) => Ok(Tried::Right(Box::new((app.log.begin().await?, done)))),
        };
    }
    let taken = app.web_sign_in.with(|attempts| match given {
        Given::Code(..) => attempts.take_try(&hash, now.0).map(|waiting| (waiting, None)),
        Given::Passkey(_) => attempts.take_challenge(&hash, now.0),
    });
    let (waiting, asked) = taken.map_err(challenge::over)?;
    let mut tx = app.log.begin().await?;
    match given {
        Given::Code(kind, code) => {
            if !take(app, &mut tx, account, kind, code).await? {
                return Ok(Tried::wrong(&waiting));
            }
        }
        Given::Passkey(said) => {
            let party = app.web_sign_in.relying_party.as_ref().ok_or_else(no_such_way)?;
            let asked = asked.map(Challenge);
            let taken = passkey::take(app, tx.connection(), party, asked, account, said).await?;
            if let Err(wrong) = taken {
                return Ok(Tried::Wrong { tries_left: waiting.tries_left(), passkey: Some(wrong) });
            }
        }
    }
    // One of several right answers at the same time ends the attempt; the others use nothing up.
    let done = app.web_sign_in.with(|attempts| attempts.finish(&hash));
    Ok(Tried::Right(Box::new((tx, done.ok_or_else(|| challenge::over(Over))?))))
}

impl Tried {
    pub fn wrong(waiting: &Waiting) -> Self {
        Self::Wrong { tries_left: waiting.tries_left(), passkey: None }
    }
}

/// Whether a code that was not mailed is right; uses it up within the transaction.
async fn take(
    app: &App,
    tx: &mut LogTransaction,
    account: &Login,
    kind: FactorKind,
    code: &SecretString,
) -> Result<bool, StoreError> {
    let (person, typed, now) = (Person::Account(account), code.expose_secret().trim(), app.clock.now());
    match kind {
        FactorKind::Authenticator => {
            authenticator::take(&app.server_key, tx.connection(), person, typed, now).await
        }
        FactorKind::RecoveryCode => {
            let hash = secrets::hash_readable_code(typed);
            factors::use_recovery_code(tx.connection(), person, &hash, now).await
        }
        // A mailed code is the attempt's own, and a passkey is no code.
        FactorKind::Email | FactorKind::Passkey => Ok(false),
    }
}
