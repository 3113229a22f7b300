//! What happened to the account lately, and the owner's word that something was not them.

use std::sync::Arc;

use axum::{
    extract::{Form, Query, State},
    http::StatusCode,
};
use jiff::tz::TimeZone;
use mailcup_wire::{EventBody, EventFilter, EventKind, Outcome, Protocol, ReasonCode, SignIn, Time};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Answer, Fault, Inside, home_link, overview::moment};
use crate::{
    app::App,
    clients::Clients,
    event_log::network_name,
    http::{page::page, web_sign_in::Submitted},
    mail::notice,
    notices::{
        link::{self, About, NotMe},
        not_me::{self, Deed},
    },
    store::{
        StoreError,
        events::{self, EventRow},
        notices,
        search::{self, Patience},
    },
};

/// Sign-ins that are shown.
const SHOWN: usize = 50;

/// What an owner signs in over: an admin of the same login is somebody else.
const OVER: [Protocol; 5] =
    [Protocol::Web, Protocol::Imap, Protocol::Pop3, Protocol::Submission, Protocol::Sieve];

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    seq: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct NotMeForm {
    token: String,
    seq: u64,
}

/// A sign-in of the account.
struct Entry {
    seq: u64,
    at: Time,
    sign_in: SignIn,
}

pub(super) async fn show(State(app): State<Arc<App>>, inside: Inside) -> Answer {
    let filter = EventFilter {
        account: Some(inside.account().0.clone()),
        kinds: vec![EventKind::SignIn],
        protocols: OVER.to_vec(),
        ..EventFilter::default()
    };
    let limit = u32::try_from(SHOWN).unwrap_or(u32::MAX);
    let found = search::search(app.store.read(), &filter, None, limit, Patience::default()).await?;
    let entries: Vec<Entry> = found.rows.into_iter().filter_map(|row| entry(&inside, &row)).collect();
    let zone = inside.owner(&app).await?.map_or(TimeZone::UTC, |owner| owner.zone);
    let content = html! {
        p { "Sign-ins to " b { (inside.account().0) } ", the newest first" @if found.next.is_some() { ", at most " (SHOWN) } "." }
        @if entries.is_empty() { p.quiet { "There are none yet." } } @else {
            ul.list { @for entry in &entries { (line(entry, &zone, &app.clients)) } }
        }
        (home_link())
    };
    Ok(page(StatusCode::OK, "Sign-in history", &content))
}

pub(super) async fn ask(
    State(app): State<Arc<App>>,
    inside: Inside,
    which: Result<Query<Which>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    let Query(Which { seq }) = which.map_err(|_| Fault::Unreadable)?;
    let (entry, claim) = own_entry(&app, &inside, seq).await?;
    inside.must_be_fresh(&app, &format!("/account/not-me?seq={seq}"))?;
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    if notices::is_used(&mut connection, &claim.id()).await? {
        return Ok(said_before());
    }
    drop(connection);
    let zone = inside.owner(&app).await?.map_or(TimeZone::UTC, |owner| owner.zone);
    let here = inside.visit.browser.client.address.is_some_and(|it| claim.network.contains(it));
    let content = html! {
        p { (told(&entry, &zone, &app.clients)) }
        p {
            "If that was not you, press the button. The administrators are told at once, every other browser is signed \
             out, and for one day nobody can use your account from " (network_name(claim.network.net())) "."
        }
        @if here { p.wrong { "You are in that network now: you will be signed out, too." } }
        form method="post" action="/account/not-me" {
            input type="hidden" name="token" value=(inside.form_token(&app));
            input type="hidden" name="seq" value=(seq);
            button.danger { "This wasn\u{2019}t me" }
        }
        p { a href="/account/sign-ins" { "It was me" } }
    };
    Ok(page(StatusCode::OK, "Was this you?", &content))
}

pub(super) async fn not_me(
    State(app): State<Arc<App>>,
    inside: Inside,
    form: Submitted<NotMeForm>,
) -> Answer {
    let Form(form) = form?;
    inside.own(&app, &form.token)?;
    let (_, claim) = own_entry(&app, &inside, form.seq).await?;
    inside.must_be_fresh(&app, &format!("/account/not-me?seq={}", form.seq))?;
    let from = inside.visit.browser.client.address;
    match not_me::act(&app, from, &claim, Some(&inside.session)).await? {
        Deed::DoneBefore => Ok(said_before()),
        Deed::Done { blocked_until } => {
            let zone = inside.owner(&app).await?.map_or(TimeZone::UTC, |owner| owner.zone);
            let content = html! {
                p { "The administrators were told." }
                @if let Some(until) = blocked_until {
                    p { "Until " (moment(until, &zone)) " nobody can use your account from " (network_name(claim.network.net())) "." }
                }
                p { "Now change your password: somebody else knows it. Then revoke app passwords that you don\u{2019}t know." }
                (home_link())
            };
            Ok(page(StatusCode::OK, "Done", &content))
        }
    }
}

fn said_before() -> axum::response::Response {
    let content = html! {
        p { "You said so already. The administrators were told then; nothing more has happened now." }
        p { "If you have not changed your password yet, do it now." }
        (home_link())
    };
    page(StatusCode::OK, "This was done already", &content)
}

/// A sign-in of this account that somebody with its password made, and what its owner says of it.
async fn own_entry(app: &App, inside: &Inside, seq: u64) -> Result<(Entry, NotMe), Fault> {
    let missing = || Fault::Missing("There is no such sign-in to your account.");
    let row = events::get(app.store.read(), seq).await?.ok_or_else(missing)?;
    let entry = entry(inside, &row).filter(can_be_foreign).ok_or_else(missing)?;
    let address = entry.sign_in.address.ok_or_else(missing)?;
    let now = app.clock.now();
    let claim = NotMe {
        login: inside.account().clone(),
        network: address.client_network(),
        about: About::Seq(seq),
        at: entry.at,
        expires_at: Time::from(now.0.saturating_add(link::LIFE).unwrap_or(now.0)),
    };
    Ok((entry, claim))
}

fn entry(inside: &Inside, row: &EventRow) -> Option<Entry> {
    let EventBody::SignIn(sign_in) = serde_json::from_str(&row.body).ok()? else { return None };
    let is_own = sign_in.login == *inside.account() && OVER.contains(&sign_in.protocol);
    is_own.then_some(Entry { seq: row.seq, at: row.at, sign_in })
}

/// Whether somebody had a right password, so that its owner may have something to say.
fn can_be_foreign(entry: &Entry) -> bool {
    entry.sign_in.address.is_some()
        && matches!(entry.sign_in.outcome, Outcome::Succeeded | Outcome::Challenged)
}

fn line(entry: &Entry, zone: &TimeZone, clients: &Clients) -> Markup {
    html! {
        li {
            p { b { (outcome(&entry.sign_in)) } }
            p.quiet { (told(entry, zone, clients)) }
            @if can_be_foreign(entry) {
                p {
                    a href={ "/account/not-me?seq=" (entry.seq) }
                        aria-label={ "This wasn\u{2019}t me: " (moment(entry.at, zone)) } { "This wasn\u{2019}t me" }
                }
            }
        }
    }
}

/// When, how and from where.
fn told(entry: &Entry, zone: &TimeZone, clients: &Clients) -> String {
    let SignIn { protocol, address, client, place, .. } = &entry.sign_in;
    let from = address.map(|address| format!(", from {address}"));
    let place = place.as_ref().and_then(notice::place_words).map(|place| format!(" ({place})"));
    let device = client.as_deref().and_then(|client| device(*protocol, client, clients));
    let device = device.map(|device| format!(", with {device}"));
    let rest: String = [from, place, device].into_iter().flatten().collect();
    format!("{}, over {}{rest}.", moment(entry.at, zone), notice::short(*protocol))
}

/// What the browser or mail program calls itself.
fn device(protocol: Protocol, client: &str, clients: &Clients) -> Option<String> {
    match protocol {
        Protocol::Web => Some(clients.name(client)),
        Protocol::Api | Protocol::Imap | Protocol::Pop3 | Protocol::Submission | Protocol::Sieve => {
            notice::program(client)
        }
    }
}

/// What came of it, in words.
fn outcome(sign_in: &SignIn) -> &'static str {
    let first = sign_in.reasons.first().map(|reason| reason.code);
    match (sign_in.outcome, first) {
        (Outcome::Succeeded, Some(ReasonCode::AppPassword)) => "Signed in with an app password",
        (Outcome::Succeeded, _) => "Signed in",
        (Outcome::Challenged, _) => "The password was right; a second factor was asked for",
        (Outcome::Failed, Some(ReasonCode::WrongCode)) => "The second factor was wrong",
        (Outcome::Failed, _) => "The password was wrong",
        (Outcome::Refused, Some(ReasonCode::FactorMissing)) => {
            "Refused: the required second factor is missing"
        }
        (Outcome::Refused, Some(ReasonCode::AppPasswordLimited)) => {
            "Refused: the app password is not for that program, network or time"
        }
        (Outcome::Refused, Some(ReasonCode::MainPasswordRefused)) => {
            "Refused: an app password is needed there"
        }
        (Outcome::Refused, Some(ReasonCode::CaptchaAsked | ReasonCode::CaptchaWrong)) => {
            "Stopped at the check for people"
        }
        (Outcome::Refused, _) => "Refused",
    }
}
