//! What a webmail may open: the mailbox of an account that is signed in on the web, from where its browser is.

use mailcup_wire::{Address, Reason, ReasonCode};

use super::dovecot::Attempt;
use crate::{app::App, web_sign_in};

/// Why a webmail must not open the account. Nothing for any other mail client: a webmail is known by the address `via`
/// from which it connects, whatever browser's address it carries along in `attempt`.
pub fn refusal(app: &App, attempt: &Attempt, via: Option<Address>) -> Option<Reason> {
    let via = via.filter(|via| app.config.webmails.iter().any(|webmail| webmail.contains(*via)))?;
    let carried = attempt.address.filter(|address| *address != via);
    let is_here = |seen: Option<Address>| carried.is_none() || seen == carried;
    let sessions = app.web_sessions.of(&attempt.login);
    let opens = sessions.iter().any(|session| {
        let seen = session.seen_from();
        is_here(seen) && web_sign_in::is_let_in(app, session, seen)
    });
    (!opens).then(|| {
        let text = match carried {
            Some(address) => {
                format!("A webmail asked, and the account is not signed in on the web from {address}.")
            }
            None => "A webmail asked, and the account is not signed in on the web.".to_owned(),
        };
        Reason::new(ReasonCode::NoWebSession, text)
    })
}
