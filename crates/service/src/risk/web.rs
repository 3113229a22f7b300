//! What risk makes of sign-ins on the web and to the console.
//!
//! Before the password is looked at, only attacks on passwords count, as for mail programs. With the right password a
//! sign-in on the web is judged by all signals, and may be asked for a second factor where mail programs can only be
//! delayed. The console always asks for one, so that nothing more is judged there: an admin on a journey is not locked
//! out.

use mailcup_guard::{
    decision::SignInVerdict,
    risk::signals::{Assessment, Password, Signal},
};
use mailcup_wire::{Login, Protocol, Reason};

use super::{Visitor, noted, refusal};
use crate::{app::App, http::client::Client, web_sign_in::Browser};

/// What a right password leads to.
#[derive(Debug)]
pub enum Judged {
    /// Go on, with what is to be noted.
    Go(Option<Reason>),
    /// Ask for a second factor, for these reasons, in sentences.
    Ask(String),
    /// As if the password were wrong.
    Refuse(Reason),
}

/// Why a sign-in is refused before its password is looked at.
pub fn refused(app: &App, client: Client, login: &Login, protocol: Protocol) -> Option<Reason> {
    let found = before(app, client, login, protocol)?;
    (found.answer() == SignInVerdict::Refuse).then(|| refusal(&found, Password::NotRight))
}

/// Whether a captcha is due since the client's network tries passwords of many accounts. What is tried at one account
/// is left out, since it counts for accounts that exist alone: the captcha would tell.
pub fn is_spraying(app: &App, browser: &Browser, login: &Login) -> bool {
    before(app, browser.client, login, Protocol::Web).is_some_and(|found| {
        found.answer() != SignInVerdict::Allow
            && found.signals.iter().any(|signal| matches!(signal, Signal::PasswordSpraying { .. }))
    })
}

/// Judges a sign-in on the web whose password is right. From a browser in which a second factor of the account was given
/// before, nobody is refused who can give one again.
pub fn judged(app: &App, browser: &Browser, account: &Login, is_known: bool) -> Judged {
    let visitor = Visitor {
        login: &account.0,
        protocol: Protocol::Web,
        address: browser.client.address,
        client: browser.agent.as_deref(),
        password: Password::Right,
    };
    let Some(found) = app.risk.judge(&visitor, app.clock.now()) else { return Judged::Go(None) };
    match found.answer() {
        SignInVerdict::Allow => Judged::Go(noted(&found)),
        SignInVerdict::Delay(_) | SignInVerdict::Challenge => Judged::Ask(super::sentences(&found.signals)),
        SignInVerdict::Refuse if is_known => Judged::Ask(super::sentences(&found.signals)),
        SignInVerdict::Refuse => Judged::Refuse(refusal(&found, Password::Right)),
    }
}

fn before(app: &App, client: Client, login: &Login, protocol: Protocol) -> Option<Assessment> {
    let visitor = Visitor {
        login: &login.0,
        protocol,
        address: client.address,
        client: None,
        password: Password::NotRight,
    };
    app.risk.judge(&visitor, app.clock.now())
}
