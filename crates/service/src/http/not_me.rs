//! The page behind the link "this wasn't me". Opening it does nothing, since mail scanners open links; its button acts,
//! once. It works without a script, and loads nothing.

use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use data_encoding::BASE64;
use mailcup_wire::Time;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::client::Client;
use crate::{
    app::App,
    notices::{
        link::{LinkFault, NotMe},
        not_me::{self, Deed},
    },
    store::{StoreError, notices},
};

/// For the public listener.
pub(super) fn page() -> Router<Arc<App>> {
    Router::new().route("/not-me", get(show).post(press))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Token {
    t: String,
}

async fn show(State(app): State<Arc<App>>, Query(token): Query<Token>) -> Response {
    let claim = match NotMe::read(&token.t, &app.server_key, app.clock.now()) {
        Ok(claim) => claim,
        Err(fault) => return refused(fault),
    };
    match is_used(&app, &claim).await {
        Ok(true) => done_before(),
        Ok(false) => ask(&claim),
        Err(error) => failed(&error),
    }
}

async fn press(State(app): State<Arc<App>>, client: Client, Query(token): Query<Token>) -> Response {
    let claim = match NotMe::read(&token.t, &app.server_key, app.clock.now()) {
        Ok(claim) => claim,
        Err(fault) => return refused(fault),
    };
    match not_me::act(&app, client.address, &claim).await {
        Ok(Deed::Done { blocked_until }) => done(&claim, blocked_until),
        Ok(Deed::DoneBefore) => done_before(),
        Err(error) => failed(&error),
    }
}

async fn is_used(app: &App, claim: &NotMe) -> Result<bool, StoreError> {
    let mut connection = app.store.read().acquire().await?;
    notices::is_used(&mut connection, &claim.id()).await
}

fn ask(claim: &NotMe) -> Response {
    let text = format!(
        "<p>{login} was signed in to on {at} from {network}.</p>\
         <p>If that was not you, press the button. The administrators are then told at once, and for one day nobody \
         can use the account from that network, you neither if you are in it.</p>\
         <form method=\"post\"><button>This wasn\u{2019}t me</button></form>\
         <p>If it was you, close this page: nothing has happened.</p>",
        login = escaped(&claim.login.0),
        at = moment(claim.at),
        network = escaped(&claim.network.to_string()),
    );
    answer(StatusCode::OK, "Was this sign-in yours?", &text)
}

fn done(claim: &NotMe, blocked_until: Option<Time>) -> Response {
    let mut text = String::from("<p>The administrators were told.</p>");
    if let Some(until) = blocked_until {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "<p>Until {until} nobody can use {login} from {network}.</p>",
            until = moment(until),
            login = escaped(&claim.login.0),
            network = escaped(&claim.network.to_string()),
        );
    }
    text.push_str("<p>Now change the account\u{2019}s password: whoever signed in knows it.</p>");
    answer(StatusCode::OK, "Done", &text)
}

fn done_before() -> Response {
    let text = "<p>The administrators were told when the button was pressed first. Nothing more has happened now.</p>\
                <p>If you have not changed the account\u{2019}s password yet, do it now.</p>";
    answer(StatusCode::OK, "This was done already", text)
}

fn refused(fault: LinkFault) -> Response {
    match fault {
        LinkFault::Forged => answer(
            StatusCode::NOT_FOUND,
            "This link doesn\u{2019}t work",
            "<p>It is not one of this service, or a part of it is missing: copy it whole from the mail. Nothing has \
             happened.</p>",
        ),
        LinkFault::Expired => answer(
            StatusCode::GONE,
            "This link has expired",
            "<p>It worked for seven days. If you think that somebody uses your account, change its password and tell \
             your administrator. Nothing has happened.</p>",
        ),
    }
}

fn failed(error: &StoreError) -> Response {
    tracing::error!(%error, "what an owner said of a sign-in was not written");
    answer(
        StatusCode::SERVICE_UNAVAILABLE,
        "That didn\u{2019}t work",
        "<p>The service can\u{2019}t write at this moment. Nothing has happened; try again in a minute.</p>",
    )
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;\
color:#1c1c1f;background:#fff}h1{font-size:1.25rem}button{font:inherit;padding:.5rem 1rem;border:0;border-radius:6px;\
color:#fff;background:#b3261e;cursor:pointer}@media(prefers-color-scheme:dark){body{color:#e6e6e9;background:#17171a}}";

/// Lets the page have its own style and form, and nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = BASE64.encode(&Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

fn answer(status: StatusCode, title: &str, text: &str) -> Response {
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1>{text}</main></body></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        // With no referrer at all a browser would post the form with the origin null.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (status, headers, body).into_response()
}

fn moment(at: Time) -> String {
    at.0.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
