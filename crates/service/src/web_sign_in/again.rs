//! The password once more, within a session: what changes an account needs it.
//!
//! No captcha stands before it. Who holds a session has a handful of wrong passwords in all, however many they send at
//! once; then the session ends.

use std::sync::Arc;

use mailcup_wire::{Code, Outcome, Problem, Reason, ReasonCode};
use secrecy::{ExposeSecret, SecretString};

use super::{Browser, LiveWebSession, Verdict, Which, end_sessions, event, not_configured, unclear};
use crate::{app::App, audit::Actor, http::problem::HttpProblem, sign_in, throttle::Whose};

/// Checks the password of a session's account; right, the account may be changed for a while.
pub async fn give_password(
    app: &Arc<App>,
    browser: &Browser,
    session: &LiveWebSession,
    password: &SecretString,
) -> Result<(), HttpProblem> {
    let dovecot = app.web_sign_in.passwords.as_ref().ok_or_else(not_configured)?;
    let guess = Whose::guess(browser.client.address, &session.account.0);
    app.throttle.take(guess.clone())?;
    if !session.take_password() {
        return Err(ended());
    }
    let verdict = if super::can_be_asked(password) {
        dovecot.check(&session.account, password, browser.client.address).await
    } else {
        Ok(Verdict::Wrong)
    };
    match verdict {
        Ok(Verdict::Right(account)) if account == session.account => {
            session.password_given(app.clock.now());
            app.throttle.succeeded(&guess);
            Ok(())
        }
        Ok(Verdict::Right(_) | Verdict::Wrong) => Err(wrong(app, browser, session, password).await?),
        Err(error) => {
            session.give_password_back();
            app.throttle.give_back(guess);
            Err(unclear(&error))
        }
    }
}

/// Records a wrong password, and ends a session that had the last one.
async fn wrong(
    app: &Arc<App>,
    browser: &Browser,
    session: &LiveWebSession,
    password: &SecretString,
) -> Result<HttpProblem, HttpProblem> {
    let account = &session.account;
    let reason = Reason::new(ReasonCode::WrongPassword, "The password was wrong, within a session.");
    let mark = sign_in::password_mark(app, account, password.expose_secret());
    app.log.append_sign_in(event(account, browser, Outcome::Failed, vec![reason]), Some(mark)).await?;
    if !session.is_out_of_passwords() {
        return Ok(Problem::field("password", "The password is wrong.").into());
    }
    let mut tx = app.log.begin().await?;
    let actor = Actor::owner(account, browser.client.address);
    end_sessions(app, &mut tx, &actor, account, Which::One(session.id.clone())).await?;
    tx.commit().await?;
    Ok(ended())
}

fn ended() -> HttpProblem {
    Problem::new(Code::Unauthenticated, "The password was wrong too often, so this session has ended.").into()
}
