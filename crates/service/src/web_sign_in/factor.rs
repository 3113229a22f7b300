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
    store::{StoreError, account_factors as rows},
};

/// With what an account can answer, the first one preferred. A code into the very mailbox is none for who has an
/// authenticator: whoever reads the mailbox reads it too.
pub async fn available(
    connection: &mut SqliteConnection,
    account: &Login,
    owner: Option<&Owner>,
) -> Result<Vec<FactorKind>, StoreError> {
    let mut kinds = Vec::new();
    let has_own = rows::has_authenticator(connection, account).await?;
    if has_own {
        kinds.push(FactorKind::Authenticator);
    }
    if owner.is_some_and(|owner| owner.outside || !has_own) {
        kinds.push(FactorKind::Email);
    }
    if has_own && rows::recovery_codes(connection, account).await?.left > 0 {
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
    let (typed, now) = (code.expose_secret().trim(), app.clock.now());
    match kind {
        FactorKind::Authenticator => {
            for row in rows::authenticators(tx.connection(), account).await? {
                if !row.confirmed {
                    continue;
                }
                let step = authenticator::step_of(&app.server_key, &row.seed, row.last_step, typed, now);
                let Some(step) = step else { continue };
                if rows::take_step(tx.connection(), &row.id, step, now).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        FactorKind::RecoveryCode => {
            let hash = secrets::hash_readable_code(typed);
            rows::use_recovery_code(tx.connection(), account, &hash, now).await
        }
        // A mailed code is the attempt's own.
        FactorKind::Email => Ok(false),
    }
}
