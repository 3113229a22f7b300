//! Browsers in which the account is signed in.

use std::sync::Arc;

use axum::extract::{Form, State};
use jiff::tz::TimeZone;
use mailcup_wire::SessionId;
use maud::{Markup, html};

use super::{Answer, Fault, IdForm, Inside, TokenForm, overview::moment};
use crate::{
    app::App,
    http::web_sign_in::{Submitted, go},
    web_sign_in::{Which, end_sessions},
};

const DONE: &str = "/account?done=sessions#sessions";

pub(super) async fn end(State(app): State<Arc<App>>, inside: Inside, form: Submitted<IdForm>) -> Answer {
    let Form(form) = form?;
    inside.own(&app, &form.token)?;
    let id = SessionId(form.id);
    let is_this = id == inside.session.id;
    let mut tx = app.log.begin().await?;
    if end_sessions(&app, &mut tx, &inside.actor(), inside.account(), Which::One(id)).await? == 0 {
        return Err(Fault::Missing("This browser is not signed in to your account any more."));
    }
    tx.commit().await?;
    Ok(go(if is_this { "/sign-out" } else { DONE }, []))
}

pub(super) async fn end_others(
    State(app): State<Arc<App>>,
    inside: Inside,
    form: Submitted<TokenForm>,
) -> Answer {
    let Form(form) = form?;
    inside.own(&app, &form.token)?;
    let mut tx = app.log.begin().await?;
    let others = Which::Others(inside.session.id.clone());
    end_sessions(&app, &mut tx, &inside.actor(), inside.account(), others).await?;
    tx.commit().await?;
    Ok(go(DONE, []))
}

/// The part of the page that lists them.
pub(super) fn section(app: &App, inside: &Inside, zone: &TimeZone) -> Markup {
    let sessions = app.web_sessions.of(inside.account());
    let token = inside.form_token(app);
    html! {
        section #sessions aria-labelledby="sessions-title" {
            h2 #sessions-title { "Signed-in browsers" }
            ul.list {
                @for session in &sessions {
                    @let name = session.client.as_deref().unwrap_or("An unknown browser");
                    @let is_this = session.id == inside.session.id;
                    @let since = moment(session.created_at, zone);
                    li {
                        p { b { (name) } @if is_this { " (this browser)" } }
                        p.quiet {
                            "Signed in on " (since)
                            @if let Some(address) = session.address { " from " (address) }
                            ". Last used on " (moment(session.last_seen_at(), zone)) "."
                        }
                        form method="post" action="/account/sessions/end" {
                            input type="hidden" name="token" value=(token);
                            input type="hidden" name="id" value=(session.id.0);
                            button.plain aria-label={ "Sign out " (name) ", signed in on " (since) } { "Sign out" }
                        }
                    }
                }
            }
            @if sessions.len() > 1 {
                form method="post" action="/account/sessions/end-others" {
                    input type="hidden" name="token" value=(token);
                    button.plain { "Sign out all other browsers" }
                }
            } @else {
                p.quiet { "No other browser is signed in." }
            }
        }
    }
}
