//! Second factors of accounts: what one has, and whether what was typed is right.

use mailcup_wire::{FactorKind, Login};
use secrecy::{ExposeSecret, SecretString};
use sqlx::SqliteConnection;

use crate::{
    app::App,
    authenticator,
    event_log::LogTransaction,
    notices::Owner,
    secrets,
    store::{StoreError, factors, second_factors::Person},
};

/// With what an account can answer, the first one preferred. A code into the very mailbox is none for who has an
/// authenticator: whoever reads the mailbox reads it too.
pub async fn available(
    connection: &mut SqliteConnection,
    account: &Login,
    owner: Option<&Owner>,
) -> Result<Vec<FactorKind>, StoreError> {
    let mut kinds = Vec::new();
    let person = Person::Account(account);
    let has_own = factors::has_authenticator(connection, person).await?;
    if has_own {
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

/// What the record says of a sign-in with it.
pub(super) fn how(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Email => "Signed in with password and mailed code.",
        FactorKind::Authenticator => "Signed in with password and authenticator code.",
        FactorKind::RecoveryCode => "Signed in with password and recovery code.",
    }
}

/// Whether a code that was not mailed is right; uses it up within the transaction.
pub(super) async fn take(
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
        // A mailed code is the attempt's own.
        FactorKind::Email => Ok(false),
    }
}
