//! Second factors of the owner: authenticators and recovery codes, to add and to remove, and the list of all of them.

use std::sync::Arc;

use axum::{
    extract::{Form, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use jiff::tz::TimeZone;
use mailcup_guard::second_factor::Rule;
use mailcup_wire::{AuthenticatorEnrolment, Code, FactorId, Problem, RecoveryCodes};
use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sqlx::SqliteConnection;

use super::{Answer, Fault, IdForm, Inside, TokenForm, home_link, overview::moment, passkeys};
use crate::{
    app::App,
    audit, authenticator,
    event_log::LogTransaction,
    http::{
        page::page,
        problem::HttpProblem,
        web_sign_in::{
            Submitted, go,
            pages::{Trouble, status, told},
            trouble,
        },
    },
    notices::Owner,
    second_factors, setup,
    sign_in::masked,
    store::{
        StoreError,
        factors::{self, AuthenticatorRow},
        passkeys as passkey_rows,
    },
    throttle::Whose,
};

const NEW: &str = "/account/authenticators/new";
const CONFIRM: &str = "/account/authenticators/confirm";
const REMOVE: &str = "/account/authenticators/remove";
const CODES: &str = "/account/recovery-codes";

#[derive(Debug, Deserialize)]
pub(super) struct NewForm {
    token: String,
    name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ConfirmForm {
    token: String,
    id: String,
    code: SecretString,
}

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    pub id: String,
}

pub(super) async fn show_new(State(app): State<Arc<App>>, inside: Inside) -> Answer {
    inside.must_be_fresh(&app, NEW)?;
    Ok(name_page(&app, &inside, "", None))
}

/// Begins to add an authenticator; it is of use after its confirmation.
pub(super) async fn begin(State(app): State<Arc<App>>, inside: Inside, form: Submitted<NewForm>) -> Answer {
    let Form(form) = form.map_err(|_| Fault::Unreadable)?;
    inside.own(&app, &form.token)?;
    inside.must_be_fresh(&app, NEW)?;
    match enrol(&app, &inside, &form.name).await {
        Ok(shown) => Ok(confirm_page(&app, &inside, &shown, None)),
        Err(problem) => Ok(name_page(&app, &inside, &form.name, Some(&trouble(&problem)))),
    }
}

/// Confirms a new authenticator with a code from it. Who had nothing of the kind gets recovery codes with it.
pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    inside: Inside,
    form: Submitted<ConfirmForm>,
) -> Answer {
    let Form(form) = form.map_err(|_| Fault::Unreadable)?;
    inside.own(&app, &form.token)?;
    inside.must_be_fresh(&app, NEW)?;
    let codes = Whose::Codes(inside.account().0.clone());
    app.throttle.take(codes.clone())?;
    let now = app.clock.now();
    let mut tx = app.log.begin().await?;
    let person = inside.person();
    let own = factors::authenticators(tx.connection(), person).await?;
    let row = own.iter().find(|row| row.id.0 == form.id && !row.confirmed);
    let row = row.ok_or(Fault::Missing("This authenticator is not waiting for its first code any more."))?;
    let code = form.code.expose_secret();
    let is_first = !factors::has_own(tx.connection(), person).await?;
    if !authenticator::take_step(&app.server_key, tx.connection(), person, row, code, now).await? {
        drop(tx);
        let text = "The code is wrong. Take the one that the app shows now, and check that the phone\u{2019}s clock is right.";
        let trouble = Trouble { status: StatusCode::UNPROCESSABLE_ENTITY, text: text.into() };
        let shown = authenticator::shown(&app, inside.account(), row)?;
        return Ok(confirm_page(&app, &inside, &shown, Some(&trouble)));
    }
    app.throttle.give_back(codes);
    added(&app, &inside, tx, is_first, &Factor::authenticator(row)).await
}

pub(super) async fn ask_to_remove(
    State(app): State<Arc<App>>,
    inside: Inside,
    which: Result<Query<Which>, QueryRejection>,
) -> Answer {
    let Query(Which { id }) = which.map_err(|_| Fault::Unreadable)?;
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let own = factors::authenticators(&mut connection, inside.person()).await?;
    let row = own.iter().find(|row| row.id.0 == id).ok_or(NO_AUTHENTICATOR)?;
    let path = format!("{REMOVE}?id={}", row.id);
    inside.must_be_fresh(&app, &path)?;
    drop(connection);
    let is_last = has_one_left(&app, &inside).await?;
    let what = html! { "Codes of " b { (row.name()) } " sign you in no more." };
    Ok(removal_page(&app, &inside, &Factor::authenticator(row), &what, is_last))
}

pub(super) async fn remove(State(app): State<Arc<App>>, inside: Inside, form: Submitted<IdForm>) -> Answer {
    let Form(form) = form.map_err(|_| Fault::Unreadable)?;
    inside.own(&app, &form.token)?;
    let id = FactorId(form.id);
    let mut tx = app.log.begin().await?;
    let own = factors::authenticators(tx.connection(), inside.person()).await?;
    let row = own.iter().find(|row| row.id == id).ok_or(NO_AUTHENTICATOR)?;
    inside.must_be_fresh(&app, &format!("{REMOVE}?id={id}"))?;
    factors::remove_authenticator(tx.connection(), inside.person(), &id).await?;
    removed(&app, &inside, tx, &Factor::authenticator(row)).await
}

pub(super) async fn ask_for_codes(State(app): State<Arc<App>>, inside: Inside) -> Answer {
    inside.must_be_fresh(&app, CODES)?;
    let content = html! {
        p { "You get ten codes. Each signs you in once, for when your phone is not at hand. The ones that you have now \
             stop working." }
        form method="post" action=(CODES) {
            input type="hidden" name="token" value=(inside.form_token(&app));
            button { "Make ten new codes" }
        }
        (home_link())
    };
    Ok(page(StatusCode::OK, "New recovery codes?", &content))
}

pub(super) async fn renew_codes(
    State(app): State<Arc<App>>,
    inside: Inside,
    form: Submitted<TokenForm>,
) -> Answer {
    let Form(form) = form.map_err(|_| Fault::Unreadable)?;
    inside.own(&app, &form.token)?;
    inside.must_be_fresh(&app, CODES)?;
    let mut tx = app.log.begin().await?;
    if !factors::has_own(tx.connection(), inside.person()).await? {
        let text = "Recovery codes stand in for a passkey or an authenticator: add one first.";
        return Err(HttpProblem::from(Problem::new(Code::Conflict, text)).into());
    }
    let codes = setup::new_recovery_codes(&app, &mut tx, inside.person()).await?;
    let actor = inside.actor();
    audit::record(&mut tx, &actor, "account_factor.renew", &inside.account().0, &json!({})).await?;
    tx.commit().await?;
    inside.tell_owner(&app, "New recovery codes were made; the former ones work no more.").await?;
    Ok(codes_page("Your recovery codes", &codes))
}

/// The part of the page that lists them.
pub(super) async fn section(
    app: &App,
    connection: &mut SqliteConnection,
    inside: &Inside,
    owner: Option<&Owner>,
    zone: &TimeZone,
) -> Result<Markup, StoreError> {
    let mut own = factors::authenticators(connection, inside.person()).await?;
    own.retain(|row| row.confirmed);
    let own_passkeys = passkey_rows::of(connection, inside.account()).await?;
    let has_own = !own.is_empty() || !own_passkeys.is_empty();
    let codes = factors::recovery_codes(connection, inside.person()).await?;
    Ok(html! {
        section #factors aria-labelledby="factors-title" {
            h2 #factors-title { "Second factors" }
            ul.list {
                @for row in &own_passkeys { (passkeys::line(row, zone)) }
                @for row in &own { (authenticator_line(row, zone)) }
                @if has_own {
                    li {
                        p { b { "Recovery codes" } }
                        p.quiet { (codes.left) " of them are left." }
                        p { a href=(CODES) { "Make new recovery codes" } }
                    }
                }
                (mail_line(owner, !has_own))
            }
            @if app.web_sign_in.relying_party.is_some() { p { a href=(passkeys::NEW) { "Add a passkey" } } }
            p { a href=(NEW) { "Add an authenticator" } }
        }
    })
}

const NO_AUTHENTICATOR: Fault = Fault::Missing("There is no such authenticator of yours.");

fn authenticator_line(row: &AuthenticatorRow, zone: &TimeZone) -> Markup {
    html! {
        li {
            p { b { (row.name()) } }
            p.quiet {
                "Authenticator, added on " (moment(row.created_at, zone)) "."
                @if let Some(at) = row.last_used_at { " Last used on " (moment(at, zone)) "." }
            }
            p { a href={ (REMOVE) "?id=" (row.id) } aria-label={ "Remove the authenticator " (row.name()) } { "Remove" } }
        }
    }
}

fn mail_line(owner: Option<&Owner>, is_only: bool) -> Markup {
    html! {
        li {
            p { b { "Codes by mail" } }
            p.quiet {
                @match owner {
                    None => "No code can be mailed to you: your administrator has set no address.",
                    Some(owner) if owner.outside => { "They go to " (masked(&owner.to)) "." }
                    Some(owner) if is_only => {
                        "They go to " (masked(&owner.to)) ". That is the mailbox that they protect: whoever reads your \
                         mail reads them too. A passkey or an authenticator is safer."
                    }
                    Some(_) => "They would go to the mailbox that they protect, so none is taken while you have a passkey or an authenticator.",
                }
            }
        }
    }
}

async fn enrol(app: &App, inside: &Inside, name: &str) -> Result<AuthenticatorEnrolment, HttpProblem> {
    let name = setup::acceptable_name("name", name)?;
    authenticator::begin(app, inside.person(), inside.account(), Some(name)).await
}

/// Whether the account has a single factor of its own.
pub(super) async fn has_one_left(app: &App, inside: &Inside) -> Result<bool, StoreError> {
    let mut connection = app.store.read().acquire().await?;
    let authenticators = factors::authenticators(&mut connection, inside.person()).await?;
    let confirmed = authenticators.iter().filter(|row| row.confirmed).count();
    Ok(confirmed + passkey_rows::of(&mut connection, inside.account()).await?.len() == 1)
}

/// A factor that comes or goes.
pub(super) struct Factor<'a> {
    pub id: &'a FactorId,
    /// "authenticator"
    pub kind: &'static str,
    pub article: &'static str,
    pub name: &'a str,
    /// Where its removal is asked for.
    pub removal: &'static str,
    /// What the page of the account says of it once it came, or went.
    pub done: [&'static str; 2],
}

impl<'a> Factor<'a> {
    fn authenticator(row: &'a AuthenticatorRow) -> Self {
        let done = ["authenticator", "removed"];
        Self { id: &row.id, kind: "authenticator", article: "an", name: row.name(), removal: REMOVE, done }
    }

    fn said(&self, what: &str) -> String {
        format!("The {} \u{201c}{}\u{201d} was {what}.", self.kind, self.name)
    }
}

/// Ends the addition of a factor: records it, makes recovery codes for who had nothing of the kind, tells the owner.
pub(super) async fn added(
    app: &Arc<App>,
    inside: &Inside,
    mut tx: LogTransaction,
    is_first: bool,
    factor: &Factor<'_>,
) -> Answer {
    let details = json!({ "id": factor.id });
    audit::record(&mut tx, &inside.actor(), "account_factor.add", &inside.account().0, &details).await?;
    let made =
        if is_first { Some(setup::new_recovery_codes(app, &mut tx, inside.person()).await?) } else { None };
    tx.commit().await?;
    inside.tell_owner(app, &factor.said("added")).await?;
    Ok(match made {
        Some(codes) => codes_page(&format!("Your {} is set up", factor.kind), &codes),
        None => go(&format!("/account?done={}#factors", factor.done[0]), []),
    })
}

/// Asks whether a factor is to go; `what` says what it then does no more.
pub(super) fn removal_page(
    app: &App,
    inside: &Inside,
    factor: &Factor<'_>,
    what: &Markup,
    is_last: bool,
) -> Response {
    let content = html! {
        p { (what) }
        @if is_last {
            p {
                "It is the only one that you have: your recovery codes go with it, and codes are mailed to you again."
            }
        }
        form method="post" action=(factor.removal) {
            input type="hidden" name="token" value=(inside.form_token(app));
            input type="hidden" name="id" value=(factor.id.0);
            button.danger { "Remove it" }
        }
        (home_link())
    };
    page(StatusCode::OK, &format!("Remove {} {}?", factor.article, factor.kind), &content)
}

/// Ends the removal of a factor, whose row is gone in the transaction. The recovery codes go with the last factor that
/// they stand in for, if the policy lets that one go.
pub(super) async fn removed(
    app: &Arc<App>,
    inside: &Inside,
    mut tx: LogTransaction,
    factor: &Factor<'_>,
) -> Answer {
    if !factors::has_own(tx.connection(), inside.person()).await? {
        must_do_without(app, tx.connection(), inside).await?;
        factors::remove_all(tx.connection(), inside.person()).await?;
    }
    let details = json!({ "id": factor.id });
    audit::record(&mut tx, &inside.actor(), "account_factor.remove", &inside.account().0, &details).await?;
    tx.commit().await?;
    inside.tell_owner(app, &factor.said("removed")).await?;
    Ok(go(&format!("/account?done={}#factors", factor.done[1]), []))
}

/// Refuses that the last factor of its own goes of an account of which more than mail can give is required.
async fn must_do_without(
    app: &App,
    connection: &mut SqliteConnection,
    inside: &Inside,
) -> Result<(), HttpProblem> {
    let settings = app.settings.notices.load_full();
    let owner = Owner::reach(app, connection, inside.account(), &settings).await?;
    let demand = second_factors::of_account(app, connection, inside.account(), owner.as_ref()).await?;
    let (_, rule) = app.second_factors.policy().of_account(&inside.account().0);
    if !matches!(rule, Rule::Required(_)) || demand.lacks.is_none() {
        return Ok(());
    }
    let text = "A second factor is required of you, and this is your last one. Add another one first, then remove it.";
    Err(Problem::new(Code::Conflict, text).into())
}

fn name_page(app: &App, inside: &Inside, name: &str, trouble: Option<&Trouble>) -> Response {
    let content = html! {
        (told(trouble))
        p { "An authenticator is an app on your phone, or a password safe, that shows a new code every 30 seconds." }
        form method="post" action=(NEW) {
            input type="hidden" name="token" value=(inside.form_token(app));
            label for="name" { "What you call it" }
            input #name name="name" type="text" required maxlength="120" autocomplete="off" value=(name)
                aria-describedby="name-note";
            p #name-note.quiet { "So that you know it again, such as \u{201c}My phone\u{201d}." }
            button { "Go on" }
        }
        (home_link())
    };
    page(status(trouble), "Add an authenticator", &content)
}

fn confirm_page(
    app: &App,
    inside: &Inside,
    shown: &AuthenticatorEnrolment,
    trouble: Option<&Trouble>,
) -> Response {
    let content = html! {
        (told(trouble))
        p { "Scan this with the app, or type the key into it. Then give the code that it shows." }
        (qr_code(&shown.uri))
        p { "Key: " code #key { (in_groups(&shown.secret)) } }
        form method="post" action=(CONFIRM) {
            input type="hidden" name="token" value=(inside.form_token(app));
            input type="hidden" name="id" value=(shown.id.0);
            label for="code" { "Code" }
            input #code.code name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required
                maxlength="20";
            button { "Set it up" }
        }
        (home_link())
    };
    page(status(trouble), "Add an authenticator", &content)
}

fn codes_page(title: &str, RecoveryCodes { codes }: &RecoveryCodes) -> Response {
    let content = html! {
        p { "These are your recovery codes. Each signs you in once, in place of your passkey or authenticator. Print \
             or write them down, and keep them where your phone is not." }
        ul #recovery-codes.secret { @for code in codes { li { (code) } } }
        p { "They are shown this once." }
        (home_link())
    };
    page(StatusCode::OK, title, &content)
}

/// Black on white in either theme, so that any camera reads it, with the quiet zone of four modules.
fn qr_code(uri: &str) -> Markup {
    let Ok(code) = QrCode::with_error_correction_level(uri, EcLevel::M) else { return html! {} };
    let width = code.width();
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let modules: Vec<String> =
        dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + 4, at / width + 4)).collect();
    let path = modules.concat();
    let side = width + 8;
    html! {
        svg #qr role="img" aria-label="The same key as a QR code" width="232" height="232"
            viewBox={ "0 0 " (side) " " (side) } shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    }
}

/// In groups of four, which are easier to type.
fn in_groups(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}
