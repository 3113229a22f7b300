//! The page behind the link "this wasn't me". Opening it does nothing, since mail scanners open links; its button acts,
//! once. It works without a script, and loads nothing.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
    routing::get,
};
use mailcup_wire::Time;
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    client::Client,
    page::{moment, page},
};
use crate::{
    app::App,
    event_log::network_name,
    notices::{
        link::{About, LinkFault, NotMe},
        not_me::{self, Deed},
    },
    store::{StoreError, notices},
};

/// For the public listener.
pub(super) fn routes() -> Router<Arc<App>> {
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
    match not_me::act(&app, client.address, &claim, None).await {
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
    let content = html! {
        @match claim.about {
            About::Seq(_) => {
                p { (claim.login.0) " was signed in to on " (moment(claim.at)) " from " (network_name(claim.network.net())) "." }
            }
            About::Attempt(_) => {
                p {
                    "Somebody who knows the password of " (claim.login.0) " asked for a code on " (moment(claim.at))
                    " from " (network_name(claim.network.net())) "."
                }
            }
        }
        p {
            "If that was not you, press the button. The administrators are then told at once, and for one day nobody \
             can use the account from that network, you neither if you are in it."
        }
        form method="post" { button.danger { "This wasn\u{2019}t me" } }
        p { "If it was you, close this page: nothing has happened." }
    };
    page(StatusCode::OK, "Was this you?", &content)
}

fn done(claim: &NotMe, blocked_until: Option<Time>) -> Response {
    let content = html! {
        p { "The administrators were told." }
        @if let Some(until) = blocked_until {
            p { "Until " (moment(until)) " nobody can use " (claim.login.0) " from " (network_name(claim.network.net())) "." }
        }
        p { "Now change the account\u{2019}s password: somebody else knows it." }
    };
    page(StatusCode::OK, "Done", &content)
}

fn done_before() -> Response {
    let content = html! {
        p { "The administrators were told when the button was pressed first. Nothing more has happened now." }
        p { "If you have not changed the account\u{2019}s password yet, do it now." }
    };
    page(StatusCode::OK, "This was done already", &content)
}

fn refused(fault: LinkFault) -> Response {
    match fault {
        LinkFault::Forged => says(
            StatusCode::NOT_FOUND,
            "This link doesn\u{2019}t work",
            "It is not one of this service, or a part of it is missing: copy it whole from the mail. Nothing has \
             happened.",
        ),
        LinkFault::Expired => says(
            StatusCode::GONE,
            "This link has expired",
            "It worked for seven days. If you think that somebody uses your account, change its password and tell \
             your administrator. Nothing has happened.",
        ),
    }
}

fn failed(error: &StoreError) -> Response {
    tracing::error!(%error, "what an owner said of a sign-in was not written");
    says(
        StatusCode::SERVICE_UNAVAILABLE,
        "That didn\u{2019}t work",
        "The service can\u{2019}t write at this moment. Nothing has happened; try again in a minute.",
    )
}

fn says(status: StatusCode, title: &str, text: &str) -> Response {
    let content: Markup = html! { p { (text) } };
    page(status, title, &content)
}
