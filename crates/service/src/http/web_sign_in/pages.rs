//! What the pages say.

use std::borrow::Cow;

use axum::{http::StatusCode, response::Response};
use mailcup_wire::{Login, Time};
use maud::{Markup, html};

use super::{Asking, captcha::Check};
use crate::{
    http::page::{moment, page, page_with},
    web_sign_in::Waiting,
};

/// Why a form is shown once more.
#[derive(Debug)]
pub(in crate::http) struct Trouble {
    pub status: StatusCode,
    pub text: Cow<'static, str>,
}

impl Trouble {
    pub const OLD_FORM: Self = Self {
        status: StatusCode::FORBIDDEN,
        text: Cow::Borrowed(
            "This page was open too long, or your browser keeps no cookies for it. Nothing has happened; try again.",
        ),
    };
}

pub(super) fn password(
    organization: &str,
    asking: &Asking<'_>,
    token: &str,
    given: &str,
    check: &Check,
) -> Response {
    let Asking { return_to, login, trouble, .. } = *asking;
    let content = html! {
        (told(trouble))
        form method="post" action="/sign-in" {
            input type="hidden" name="token" value=(token);
            input type="hidden" name="return" value=(return_to.as_str());
            input type="hidden" name="given" value=(given);
            label for="login" { "Mail address" }
            input #login name="login" type="text" inputmode="email" autocomplete="username" autocapitalize="none"
                spellcheck="false" required maxlength="320" value=(login.0);
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password" required maxlength="1024";
            (check.content)
            div.row { button { "Go on" } (check.button) }
        }
        p.quiet { "A code is then mailed to you." }
    };
    page_with(status(trouble), &format!("Sign in to {organization}"), &content, &check.allowed)
}

pub(super) fn code(
    organization: &str,
    waiting: &Waiting,
    token: &str,
    trouble: Option<&Trouble>,
) -> Response {
    let tries = match waiting.tries_left() {
        1 => "You have one try left.".to_owned(),
        n => format!("You have {n} tries."),
    };
    let content = html! {
        (told(trouble))
        p { "A code of six digits was mailed to " (waiting.about.sent_to()) "." }
        form method="post" action="/sign-in/code" {
            input type="hidden" name="token" value=(token);
            label for="code" { "Code" }
            input #code.code name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required
                maxlength="20" aria-describedby="limits";
            p #limits.quiet {
                (tries) " The code works until " (moment(Time::from(waiting.expires_at()))) "."
            }
            button { "Sign in to " (organization) }
        }
        form method="post" action="/sign-in/resend" {
            input type="hidden" name="token" value=(token);
            button.plain { "Mail another code" }
        }
        p { a href="/sign-in" { "Begin anew" } }
    };
    page(status(trouble), "Enter the code", &content)
}

pub(super) fn over() -> Response {
    let content = html! {
        p { "It took too long, the code was wrong too often, or it was ended. No code of it works any more." }
        p { a href="/sign-in" { "Begin anew" } }
    };
    page(StatusCode::FORBIDDEN, "This sign-in is over", &content)
}

pub(super) fn sign_out(organization: &str, account: Option<&Login>, token: &str) -> Response {
    let content = html! {
        @match account {
            Some(account) => {
                p { "You are signed in to " (organization) " as " (account.0) "." }
                p { a href="/account" { "Your account" } }
                form method="post" action="/sign-out" {
                    input type="hidden" name="token" value=(token);
                    button { "Sign out" }
                }
            }
            None => {
                p { "You are not signed in to " (organization) "." }
                p { a href="/sign-in" { "Sign in" } }
            }
        }
    };
    page(StatusCode::OK, "Sign out", &content)
}

pub(super) fn signed_out(organization: &str) -> Response {
    let content = html! {
        p { "You are no longer signed in to " (organization) " in this browser." }
        p { a href="/sign-in" { "Sign in again" } }
    };
    page(StatusCode::OK, "You are signed out", &content)
}

pub(in crate::http) fn unreadable() -> Response {
    let content = html! {
        p { "What your browser sent is not what the form asks for. Nothing has happened." }
        p { a href="/sign-in" { "Begin anew" } }
    };
    page(StatusCode::BAD_REQUEST, "That didn\u{2019}t work", &content)
}

pub(in crate::http) fn told(trouble: Option<&Trouble>) -> Markup {
    html! { @if let Some(trouble) = trouble { p.wrong role="alert" { (trouble.text) } } }
}

pub(in crate::http) fn status(trouble: Option<&Trouble>) -> StatusCode {
    trouble.map_or(StatusCode::OK, |trouble| trouble.status)
}
