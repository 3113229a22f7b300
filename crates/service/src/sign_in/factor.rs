//! Second factors: what an admin has, and whether what they typed is right.

use mailcup_wire::{AdminId, ChallengeId, FactorKind};
use secrecy::{ExposeSecret, SecretString};

use super::{challenge::Waiting, code_hash};
use crate::{
    app::App,
    authenticator,
    event_log::LogTransaction,
    http::problem::HttpProblem,
    secrets,
    store::{StoreError, factors},
};

/// Kinds of factor with which an admin can answer now.
pub(super) async fn available(app: &App, admin: &AdminId) -> Result<Vec<FactorKind>, HttpProblem> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let mut kinds = Vec::new();
    if factors::authenticators(&mut connection, admin).await?.iter().any(|row| row.confirmed) {
        kinds.push(FactorKind::Authenticator);
    }
    kinds.push(FactorKind::Email);
    let (left, ..) = factors::recovery_codes(&mut connection, admin).await?;
    if left > 0 || factors::is_recovering(&mut connection, admin, app.clock.now()).await? {
        kinds.push(FactorKind::RecoveryCode);
    }
    Ok(kinds)
}

/// Whether a code is right; uses it up within the transaction.
pub(super) async fn take(
    app: &App,
    tx: &mut LogTransaction,
    id: &ChallengeId,
    waiting: &Waiting,
    kind: FactorKind,
    code: &SecretString,
) -> Result<bool, HttpProblem> {
    let typed = code.expose_secret().trim();
    let (admin, now) = (&waiting.about.admin, app.clock.now());
    match kind {
        FactorKind::Email => {
            let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
            Ok(waiting.is_code(&code_hash(app, id, &digits)))
        }
        FactorKind::Authenticator => {
            for row in factors::authenticators(tx.connection(), admin).await? {
                if !row.confirmed {
                    continue;
                }
                let Some(step) = authenticator::step_of(&app.server_key, &row, typed, now) else { continue };
                if factors::take_step(tx.connection(), &row.id, step, now).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        FactorKind::RecoveryCode => {
            let hash = secrets::hash_readable_code(typed);
            Ok(factors::use_recovery_code(tx.connection(), admin, &hash, now).await?
                || factors::use_recovery(tx.connection(), admin, &hash, now).await?)
        }
    }
}
