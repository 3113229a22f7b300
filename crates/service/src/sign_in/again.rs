//! Giving password and second factor again within a session, which sensitive changes need.

use std::sync::Arc;

use mailcup_guard::one_time_code::Over;
use mailcup_wire::{Challenge, ChallengeAnswer, ChallengeId, Outcome, Problem, Protocol, ReasonCode};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Bound, Passed, SignInAttempt, ask_for_factor, challenge, decide, pass, password_mark, reason,
    send_code_to, with,
};
use crate::{
    app::App,
    audit::{self, Actor},
    http::{client::Client, problem::HttpProblem},
    sessions::LiveSession,
    store::{StoreError, admins, sessions},
    throttle::Whose,
};

/// Checks the password and asks for a second factor.
pub async fn begin(
    app: &App,
    client: Client,
    session: &LiveSession,
    password: SecretString,
) -> Result<Challenge, HttpProblem> {
    let guess = Whose::guess(client.address, &session.login.0);
    app.throttle.take(guess.clone())?;
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let row = admins::get(&mut connection, &session.admin).await?.ok_or_else(|| challenge::over(Over))?;
    drop(connection);
    let attempt = SignInAttempt { login: &session.login, client, device: &session.device };
    let (_, noted) = decide(app, client, &session.login, Protocol::Api);
    let mark = password_mark(app, &session.login, password.expose_secret());
    if !app.passwords.check(password, Some(&row.password)).await? {
        let wrong = reason(ReasonCode::WrongPassword, "The password was wrong, within a session.");
        app.log.append_sign_in(attempt.event(Outcome::Failed, with(wrong, noted)), Some(mark)).await?;
        return Err(Problem::field("password", "The password is wrong.").into());
    }
    app.throttle.give_back(guess);
    let challenge = ask_for_factor(app, &attempt, bound(session), &row).await?;
    let asked =
        reason(ReasonCode::CodeRequested, "The password was given again; a second factor was asked for.");
    app.log.append_sign_in(attempt.event(Outcome::Challenged, with(asked, noted)), None).await?;
    Ok(challenge)
}

/// Sends a one-time code by mail.
pub async fn send_code(
    app: &App,
    client: Client,
    session: &LiveSession,
    id: &ChallengeId,
) -> Result<Challenge, HttpProblem> {
    send_code_to(app, client, &bound(session), id).await
}

/// Checks the second factor; what needs a fresh one may then be done for a while.
pub async fn answer(
    app: &Arc<App>,
    client: Client,
    session: &LiveSession,
    id: &ChallengeId,
    answer: &ChallengeAnswer,
) -> Result<(), HttpProblem> {
    let Passed { mut tx, admin, pending, reasons } = pass(app, client, &bound(session), id, answer).await?;
    let now = app.clock.now();
    let attempt = SignInAttempt { login: &pending.login, client, device: &pending.device };
    let given =
        reason(ReasonCode::Credentials, "Password and second factor were given again, within a session.");
    tx.append_sign_in(attempt.event(Outcome::Succeeded, with(given, reasons)), None);
    sessions::factor_given(tx.connection(), &session.id, now).await?;
    let actor = Actor::admin(&admin, client.address);
    let details = serde_json::json!({ "session": session.id });
    audit::record(&mut tx, &actor, "session.reauthenticate", &session.device.name, &details).await?;
    let (app, id) = (Arc::clone(app), session.id.clone());
    tx.after_commit(move || app.sessions.factor_given(&id, now));
    tx.commit().await?;
    Ok(())
}

fn bound(session: &LiveSession) -> Bound {
    Bound { key: session.key, session: Some(session.id.clone()) }
}
