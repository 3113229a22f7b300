//! Second factors: what an admin has, and whether what they typed is right.

use mailcup_guard::second_factor::{Ask, Lack};
use mailcup_wire::{Admin, ChallengeId, Code, FactorKind, Outcome, Problem, ReasonCode};
use secrecy::{ExposeSecret, SecretString};

use super::{SignInAttempt, challenge::Waiting, code_hash, reason};
use crate::{
    app::App,
    authenticator,
    event_log::LogTransaction,
    http::problem::HttpProblem,
    second_factors, secrets,
    store::{StoreError, factors, second_factors::Person},
};

/// With what an admin can answer now.
pub(super) struct Available {
    /// None: they can't sign in.
    pub kinds: Vec<FactorKind>,
    /// What they lack.
    pub lacks: Option<Lack>,
}

/// With what an admin can answer now, by policy. Within a session a code by mail is taken also of who lacks the
/// authenticator that is required: they need it to add one.
pub(super) async fn available(app: &App, admin: &Admin, in_session: bool) -> Result<Available, HttpProblem> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let demand = second_factors::of_admin(app, &mut connection, admin).await?;
    let by_mail = match demand.ask {
        Ask::Nothing | Ask::Code => true,
        Ask::Strong => false,
        Ask::Refuse => in_session,
    };
    let mut kinds = Vec::new();
    let person = Person::Admin(&admin.id);
    if factors::has_authenticator(&mut connection, person).await? {
        kinds.push(FactorKind::Authenticator);
    }
    if by_mail {
        kinds.push(FactorKind::Email);
    }
    let left = factors::recovery_codes(&mut connection, person).await?.left;
    if left > 0 || factors::is_recovering(&mut connection, &admin.id, app.clock.now()).await? {
        kinds.push(FactorKind::RecoveryCode);
    }
    Ok(Available { kinds, lacks: demand.lacks })
}

/// Records that somebody's right password was of no use, and answers what to do about it.
pub(super) async fn refuse(
    app: &App,
    attempt: &SignInAttempt<'_>,
    lacks: Option<Lack>,
) -> Result<HttpProblem, HttpProblem> {
    let text = "The password was right, but the authenticator that is required is missing.";
    let missing = reason(ReasonCode::FactorMissing, text);
    app.log.append_sign_in(attempt.event(Outcome::Refused, vec![missing]), None).await?;
    let since = lacks.map(|lack| lack.until.strftime(" since %-d %B %Y").to_string()).unwrap_or_default();
    let message = format!(
        "An authenticator is required of you{since}, and you have none. Ask an owner to reset your second factors: \
         that gives you time to set one up. Where no owner can, \u{201c}mailcupd admin recover\u{201d} on the server lets you in."
    );
    Ok(Problem::new(Code::FactorRequired, message).into())
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
            Ok(authenticator::take(&app.server_key, tx.connection(), Person::Admin(admin), typed, now)
                .await?)
        }
        // Admins have none.
        FactorKind::Passkey => Ok(false),
        FactorKind::RecoveryCode => {
            let hash = secrets::hash_readable_code(typed);
            Ok(factors::use_recovery_code(tx.connection(), Person::Admin(admin), &hash, now).await?
                || factors::use_recovery(tx.connection(), admin, &hash, now).await?)
        }
    }
}
