//! The part of the sign-in's page that asks for a captcha.

mod provider;

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
};
use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use maud::{Markup, html};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::form_urlencoded;

use super::{Asking, Visit};
use crate::{
    app::App,
    captcha::{Bound, Given, Own, SIGN_IN, Signs, picture, suspicions},
    http::page::Allowed,
    secrets,
};

const PROOF: &str = include_str!("proof.js");
const RECAPTCHA: &str = include_str!("recaptcha.js");

/// Which captcha a page shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(super) enum Kind {
    /// Where behaviour is suspicious.
    #[default]
    IfNeeded,
    /// In any case.
    Needed,
    /// Of our own: solved by the browser, or a picture where it runs no scripts.
    Embedded,
    /// Of our own, as a picture.
    Picture,
}

/// What a captcha adds to a page.
#[derive(Debug, Default)]
pub(super) struct Check {
    pub content: Markup,
    /// Beside the form's own button.
    pub button: Markup,
    pub allowed: Allowed,
}

impl From<String> for Kind {
    fn from(text: String) -> Self {
        match text.as_str() {
            "embedded" => Self::Embedded,
            "picture" => Self::Picture,
            _ => Self::IfNeeded,
        }
    }
}

impl Kind {
    /// What is asked for next of somebody who gave this.
    pub fn after(given: &Given, own: bool) -> Self {
        match (own, given.is_picture()) {
            (true, true) => Self::Picture,
            (true, false) => Self::Embedded,
            (false, _) => Self::Needed,
        }
    }

    /// What is asked for, where something is, of somebody who gave this and was let through.
    pub fn again(given: &Given) -> Self {
        if given.is_own() { Self::after(given, true) } else { Self::IfNeeded }
    }
}

/// The script that solves a proof of work.
pub(super) async fn proof() -> impl IntoResponse {
    script(PROOF)
}

/// The script that gets a token of reCAPTCHA v3.
pub(super) async fn recaptcha() -> impl IntoResponse {
    script(RECAPTCHA)
}

/// A script of ours.
pub(super) fn script(text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text)
}

/// The captcha of a page; nothing where none is needed.
pub(super) async fn check(app: &App, visit: &Visit, key: &SecretString, asking: &Asking<'_>) -> Check {
    let is_needed = asking.captcha != Kind::IfNeeded
        || suspicions(app, &visit.browser, visit.has_language, asking.login).await.map_or_else(
            |error| {
                tracing::error!(%error, "a captcha is shown for want of knowing whether it is needed");
                true
            },
            |suspicions| !suspicions.is_empty(),
        );
    if !is_needed {
        return Check::default();
    }
    let query: String = form_urlencoded::byte_serialize(asking.return_to.as_str().as_bytes()).collect();
    let is_own = matches!(asking.captcha, Kind::Embedded | Kind::Picture);
    if let Some(provider) = app.captcha.provider.as_ref().filter(|_| !is_own) {
        return provider::check(provider, &query);
    }
    let own = Own::new(app, &visit.browser, Bound { purpose: SIGN_IN, browser: key }).await;
    if asking.captcha == Kind::Picture { with_picture(&own, &query) } else { with_proof(&own, &query) }
}

/// What the request tells of its sender.
pub(super) fn signs(app: &App, visit: &Visit, key: &SecretString, given: &str) -> Signs {
    let millis = given.split_once('.').and_then(|(millis, code)| {
        let millis = millis.parse().ok()?;
        secrets::same(&stamp_code(app, key, millis).into(), code).then_some(millis)
    });
    // A form that does not say when it was given was not given at all.
    let typed_for = millis.map_or(0, |millis| app.clock.now().as_millis().saturating_sub(millis));
    Signs { has_language: visit.has_language, typed_for: Some(SignedDuration::from_millis(typed_for)) }
}

/// Says when a form was given, to the browser that holds `key`.
pub(super) fn stamp(app: &App, key: &SecretString) -> String {
    let millis = app.clock.now().as_millis();
    format!("{millis}.{}", stamp_code(app, key, millis))
}

fn stamp_code(app: &App, key: &SecretString, millis: i64) -> String {
    let text = format!("{}\0{millis}", key.expose_secret());
    HEXLOWER.encode(app.server_key.authenticate("web form given", &text).as_bytes())
}

/// The proof of work, which a script solves; where none runs, the picture.
fn with_proof(own: &Own, query: &str) -> Check {
    let challenge = serde_json::to_string(&own.proof).unwrap_or_default();
    let content = html! {
        div #check.check data-challenge=(challenge) hidden {
            p #check-said role="status" {}
            p { a href={ "/sign-in?captcha=picture&return=" (query) } { "Type letters from a picture instead" } }
        }
        input #altcha type="hidden" name="altcha";
        noscript { (picture(own)) }
        script src="/sign-in/proof.js" defer {}
    };
    let button = html! { noscript { (another()) } };
    Check { content, button, allowed: Allowed { scripts: true, pictures: true, elsewhere: None } }
}

fn with_picture(own: &Own, query: &str) -> Check {
    let content = html! {
        (picture(own))
        p { a href={ "/sign-in?captcha=embedded&return=" (query) } { "Let the browser pass the check instead" } }
    };
    Check { content, button: another(), allowed: Allowed { pictures: true, ..Allowed::default() } }
}

fn picture(own: &Own) -> Markup {
    let Some(picture) = &own.picture else {
        return html! { p { "No picture can be drawn at this moment. Try again in a minute." } };
    };
    html! {
        div.check {
            img src={ "data:image/png;base64," (picture.png) } width=(picture::WIDTH) height=(picture::HEIGHT)
                alt="Six letters and digits in a picture, to be typed below.";
            input type="hidden" name="ticket" value=(picture.ticket);
            label for="letters" { "Letters and digits in the picture" }
            input #letters.code name="letters" type="text" autocomplete="off" autocapitalize="characters"
                spellcheck="false" maxlength="20" required aria-describedby="letters-note";
            p #letters-note.quiet {
                "Capital or small letters are the same. If you can\u{2019}t see the picture: with JavaScript, this page \
                 passes the check by itself."
            }
        }
    }
}

fn another() -> Markup {
    html! { button.plain name="another" value="picture" formnovalidate { "Another picture" } }
}
