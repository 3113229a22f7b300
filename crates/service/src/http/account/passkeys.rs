//! Passkeys of the owner: to add, to name and to remove.

use std::sync::Arc;

use axum::extract::{Form, Query, State, rejection::QueryRejection};
use jiff::{SignedDuration, tz::TimeZone};
use mailcup_wire::{FactorId, Time};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::{
    Answer, Fault, IdForm, Inside, NameForm,
    factors::{self as own_factors, Factor, Which},
    home_link,
    overview::moment,
    rename_page,
};
use crate::{
    app::App,
    audit,
    http::{
        page::page_with,
        web_sign_in::{
            Submitted, go,
            pages::{Trouble, status, told},
            passkey as form, trouble,
        },
    },
    passkey::{self, Challenge, RelyingParty},
    setup,
    store::{
        StoreError, factors,
        passkeys::{self, PasskeyRow},
    },
};

pub(super) const NEW: &str = "/account/passkeys/new";
const RENAME: &str = "/account/passkeys/rename";
const RENAMING: (&str, &str) = ("Rename a passkey", RENAME);
const REMOVE: &str = "/account/passkeys/remove";

/// A browser that is asked for a new passkey has it made within this long.
const LIFE: SignedDuration = SignedDuration::from_mins(10);

const NO_PASSKEY: Fault = Fault::Missing("There is no such passkey of yours.");

#[derive(Debug, Deserialize)]
pub(super) struct NewForm {
    token: String,
    name: String,
    #[serde(flatten)]
    made: form::CreationForm,
}

pub(super) async fn show_new(State(app): State<Arc<App>>, inside: Inside) -> Answer {
    inside.must_be_fresh(&app, NEW)?;
    new_page(&app, &inside, "", None).await
}

/// Adds a passkey that the browser made. Who had nothing of the kind gets recovery codes with it.
pub(super) async fn add(State(app): State<Arc<App>>, inside: Inside, form: Submitted<NewForm>) -> Answer {
    let Form(form) = form.map_err(|_| Fault::Unreadable)?;
    inside.own(&app, &form.token)?;
    inside.must_be_fresh(&app, NEW)?;
    let party = party(&app)?;
    let now = app.clock.now();
    let asked = inside.session.take_challenge(now).map(Challenge);
    let name = match setup::acceptable_name("name", &form.name) {
        Ok(name) => name,
        Err(problem) => return new_page(&app, &inside, &form.name, Some(&trouble(&problem))).await,
    };
    let (account, person) = (inside.account(), inside.person());
    let mut tx = app.log.begin().await?;
    let is_first = !factors::has_own(tx.connection(), person).await?;
    let said = (name, &form.made.into());
    let added = match passkey::add(tx.connection(), party, asked, account, said, now).await {
        Ok(added) => added,
        Err(problem) => {
            drop(tx);
            return new_page(&app, &inside, &form.name, Some(&trouble(&problem))).await;
        }
    };
    own_factors::added(&app, &inside, tx, is_first, &factor(&added)).await
}

pub(super) async fn ask_for_name(
    State(app): State<Arc<App>>,
    inside: Inside,
    which: Result<Query<Which>, QueryRejection>,
) -> Answer {
    let Query(Which { id }) = which.map_err(|_| Fault::Unreadable)?;
    let row = find(&app, &inside, &id).await?;
    Ok(rename_page(&app, &inside, RENAMING, (&row.id.0, &row.name), None))
}

pub(super) async fn rename(State(app): State<Arc<App>>, inside: Inside, form: Submitted<NameForm>) -> Answer {
    let Form(form) = form.map_err(|_| Fault::Unreadable)?;
    inside.own(&app, &form.token)?;
    let (id, account) = (FactorId(form.id), inside.account());
    let name = match setup::acceptable_name("name", &form.name) {
        Ok(name) => name,
        Err(problem) => {
            return Ok(rename_page(&app, &inside, RENAMING, (&id.0, &form.name), Some(&trouble(&problem))));
        }
    };
    let mut tx = app.log.begin().await?;
    if !passkeys::rename(tx.connection(), account, &id, &name).await? {
        return Err(NO_PASSKEY);
    }
    let details = json!({ "id": id });
    audit::record(&mut tx, &inside.actor(), "account_factor.rename", &account.0, &details).await?;
    tx.commit().await?;
    Ok(go("/account?done=renamed#factors", []))
}

pub(super) async fn ask_to_remove(
    State(app): State<Arc<App>>,
    inside: Inside,
    which: Result<Query<Which>, QueryRejection>,
) -> Answer {
    let Query(Which { id }) = which.map_err(|_| Fault::Unreadable)?;
    let row = find(&app, &inside, &id).await?;
    inside.must_be_fresh(&app, &format!("{REMOVE}?id={}", row.id))?;
    let is_last = own_factors::has_one_left(&app, &inside).await?;
    let what = html! {
        b { (row.name) } " signs you in no more. Your device keeps it until you delete it there, too."
    };
    Ok(own_factors::removal_page(&app, &inside, &factor(&row), &what, is_last))
}

pub(super) async fn remove(State(app): State<Arc<App>>, inside: Inside, form: Submitted<IdForm>) -> Answer {
    let Form(form) = form.map_err(|_| Fault::Unreadable)?;
    inside.own(&app, &form.token)?;
    let row = find(&app, &inside, &form.id).await?;
    inside.must_be_fresh(&app, &format!("{REMOVE}?id={}", row.id))?;
    let account = inside.account();
    let mut tx = app.log.begin().await?;
    if !passkeys::remove(tx.connection(), account, &row.id).await? {
        return Err(NO_PASSKEY);
    }
    own_factors::removed(&app, &inside, tx, &factor(&row)).await
}

fn factor(row: &PasskeyRow) -> Factor<'_> {
    let done = ["passkey", "passkey-removed"];
    Factor { id: &row.id, kind: "passkey", article: "a", name: &row.name, removal: REMOVE, done }
}

/// A passkey in the list of factors.
pub(super) fn line(row: &PasskeyRow, zone: &TimeZone) -> Markup {
    html! {
        li {
            p { b { (row.name) } }
            p.quiet {
                "Passkey, added on " (moment(row.created_at, zone)) "."
                @if let Some(at) = row.last_used_at { " Last used on " (moment(at, zone)) "." }
            }
            p {
                a href={ (RENAME) "?id=" (row.id) } aria-label={ "Rename the passkey " (row.name) } { "Rename" }
                " \u{b7} "
                a href={ (REMOVE) "?id=" (row.id) } aria-label={ "Remove the passkey " (row.name) } { "Remove" }
            }
        }
    }
}

async fn find(app: &App, inside: &Inside, id: &str) -> Result<PasskeyRow, Fault> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let own = passkeys::of(&mut connection, inside.account()).await?;
    own.into_iter().find(|row| row.id.0 == id).ok_or(NO_PASSKEY)
}

fn party(app: &App) -> Result<&RelyingParty, Fault> {
    let missing = Fault::Missing("There are no passkeys at this address; your administrator knows why.");
    app.web_sign_in.relying_party.as_ref().ok_or(missing)
}

/// Asks the browser to make a passkey.
async fn new_page(app: &App, inside: &Inside, name: &str, trouble: Option<&Trouble>) -> Answer {
    let party = party(app)?;
    let challenge = rand::random();
    let until = app.clock.now().0.saturating_add(LIFE).map(Time::from);
    inside.session.ask(challenge, until.map_err(|_| Fault::Ended)?);
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let own = passkeys::of(&mut connection, inside.account()).await?;
    drop(connection);
    let options = passkey::to_create(app, party, Challenge(challenge), inside.account(), &own);
    let fields = html! {
        input type="hidden" name="token" value=(inside.form_token(app));
        label for="name" { "What you call it" }
        input #name name="name" type="text" required maxlength="120" autocomplete="off" value=(name)
            aria-describedby="name-note";
        p #name-note.quiet { "So that you know it again, such as \u{201c}My laptop\u{201d}." }
        button { "Make a passkey" }
    };
    let without =
        "Passkeys need JavaScript, which does not run here. Allow it for this page, or add an authenticator.";
    let content = html! {
        (told(trouble))
        p {
            "A passkey is kept by your device, your phone or a security key, and unlocked as you unlock that. It works \
             on this site alone, so that nobody can coax it out of you."
        }
        (form::form(NEW, (party, &options), &form::CREATION, &fields, without))
        (home_link())
    };
    Ok(page_with(status(trouble), "Add a passkey", &content, &form::ALLOWED))
}
