//! What the pages say.

use std::borrow::Cow;

use axum::{http::StatusCode, response::Response};
use mailcup_wire::{FactorKind, Login, Time};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::{Asking, captcha::Check, passkey};
use crate::{
    http::page::{moment, page, page_with},
    passkey::RelyingParty,
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
        p.quiet { "You are then asked for a second factor, such as a code by mail or your passkey." }
    };
    page_with(status(trouble), &format!("Sign in to {organization}"), &content, &check.allowed)
}

/// How somebody answers, as forms and addresses name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    #[default]
    Email,
    Authenticator,
    RecoveryCode,
    Passkey,
}

/// The page that asks for the second factor.
#[derive(Debug)]
pub(super) struct CodePage<'a> {
    pub organization: &'a str,
    pub waiting: &'a Waiting,
    pub way: Way,
    pub token: &'a str,
    /// What the browser is asked for, where it is asked for a passkey.
    pub passkeys: Option<(&'a RelyingParty, &'a Value)>,
    pub trouble: Option<&'a Trouble>,
}

impl Way {
    pub fn kind(self) -> FactorKind {
        match self {
            Self::Email => FactorKind::Email,
            Self::Authenticator => FactorKind::Authenticator,
            Self::RecoveryCode => FactorKind::RecoveryCode,
            Self::Passkey => FactorKind::Passkey,
        }
    }

    /// The one that was chosen, where the account has it, else the preferred one.
    pub fn of_page(waiting: &Waiting, chosen: Option<Self>) -> Self {
        let factors = &waiting.about.factors;
        let chosen = chosen.filter(|way| factors.contains(&way.kind()));
        chosen.or_else(|| factors.first().copied().map(Self::of)).unwrap_or_default()
    }

    fn of(kind: FactorKind) -> Self {
        match kind {
            FactorKind::Email => Self::Email,
            FactorKind::Authenticator => Self::Authenticator,
            FactorKind::RecoveryCode => Self::RecoveryCode,
            FactorKind::Passkey => Self::Passkey,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Authenticator => "authenticator",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
        }
    }

    fn instead(self) -> &'static str {
        match self {
            Self::Email => "Have a code mailed to you instead",
            Self::Authenticator => "Use your authenticator instead",
            Self::RecoveryCode => "Use a recovery code instead",
            Self::Passkey => "Use your passkey instead",
        }
    }
}

/// Asks for a second factor.
pub(super) fn code(asked: &CodePage<'_>) -> Response {
    let CodePage { organization, waiting, way, token, passkeys, trouble } = *asked;
    let others = waiting.about.factors.iter().copied().map(Way::of).filter(|other| *other != way);
    let sent_to = waiting.about.sent_to().unwrap_or_default();
    let content = html! {
        (told(trouble))
        @match way {
            Way::Email if waiting.has_code() => {
                p { "A code of six digits was mailed to " (sent_to) "." }
                (code_form(organization, waiting, way, token))
                (mail_form(token, "Mail another code", true))
            }
            Way::Email => {
                p { "A code of six digits can be mailed to " (sent_to) "." }
                (mail_form(token, "Mail the code", false))
            }
            Way::Authenticator => {
                p { "Type the code that your authenticator shows now." }
                (code_form(organization, waiting, way, token))
            }
            Way::RecoveryCode => {
                p { "Type one of the recovery codes that you have kept. It works once." }
                (code_form(organization, waiting, way, token))
            }
            Way::Passkey => {
                p { "Your browser asks for the passkey that you set up: this device, your phone, or a security key." }
                @if let Some(passkeys) = passkeys { (passkey_form(asked, passkeys)) }
            }
        }
        @for other in others { p { a href={ "/sign-in/code?with=" (other.name()) } { (other.instead()) } } }
        p { a href="/sign-in" { "Begin anew" } }
    };
    match way {
        Way::Passkey => page_with(status(trouble), "Use your passkey", &content, &passkey::ALLOWED),
        Way::Email | Way::Authenticator | Way::RecoveryCode => {
            page(status(trouble), "Enter the code", &content)
        }
    }
}

fn passkey_form(asked: &CodePage<'_>, passkeys: (&RelyingParty, &Value)) -> Markup {
    let content = html! {
        input type="hidden" name="token" value=(asked.token);
        button aria-describedby="limits" { "Sign in to " (asked.organization) }
        p #limits.quiet { (limits(asked.waiting, asked.way)) }
    };
    let without =
        "A passkey needs JavaScript, which does not run here. Choose another way, or allow it for this page.";
    passkey::form("/sign-in/passkey", passkeys, &passkey::ASSERTION, &content, without)
}

fn code_form(organization: &str, waiting: &Waiting, way: Way, token: &str) -> Markup {
    let is_digits = way != Way::RecoveryCode;
    let what = if is_digits { "Code" } else { "Recovery code" };
    html! {
        form method="post" action="/sign-in/code" {
            input type="hidden" name="token" value=(token);
            input type="hidden" name="factor" value=(way.name());
            label for="code" { (what) }
            input #code.code name="code" type="text" inputmode=(if is_digits { "numeric" } else { "text" })
                autocomplete=(if is_digits { "one-time-code" } else { "off" }) autocapitalize="none" spellcheck="false"
                required maxlength=(if is_digits { 20 } else { 40 }) aria-describedby="limits";
            p #limits.quiet { (limits(waiting, way)) }
            button { "Sign in to " (organization) }
        }
    }
}

/// How often and how long it may be tried.
fn limits(waiting: &Waiting, way: Way) -> String {
    let tries = match waiting.tries_left() {
        1 => "You have one try left.".to_owned(),
        n => format!("You have {n} tries."),
    };
    let what = if way == Way::Email { "The code works" } else { "There is time" };
    format!("{tries} {what} until {}.", moment(Time::from(waiting.expires_at())))
}

fn mail_form(token: &str, text: &str, is_plain: bool) -> Markup {
    html! {
        form method="post" action="/sign-in/resend" {
            input type="hidden" name="token" value=(token);
            button.plain[is_plain] { (text) }
        }
    }
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
