//! Passwords for the owner's mail programs.

use std::sync::Arc;

use axum::{
    extract::{Form, State},
    http::StatusCode,
    response::Response,
};
use jiff::tz::TimeZone;
use mailcup_wire::{AppPassword, AppPasswordGrant, AppPasswordId, Code, NewAppPassword, Protocol};
use maud::{Markup, html};
use serde::Deserialize;
use sqlx::SqliteConnection;

use super::{Answer, Fault, IdForm, Inside, home_link, overview::moment};
use crate::{
    app::App,
    http::{
        app_passwords,
        page::page,
        web_sign_in::{
            Submitted, go,
            pages::{Trouble, status, told},
            trouble,
        },
    },
    mail::notice,
    store::StoreError,
};

const NEW: &str = "/account/app-passwords/new";

const PROTOCOLS: [(Protocol, &str, &str); 4] = [
    (Protocol::Imap, "imap", "Read mail (IMAP)"),
    (Protocol::Pop3, "pop3", "Fetch mail (POP3)"),
    (Protocol::Submission, "submission", "Send mail (SMTP)"),
    (Protocol::Sieve, "sieve", "Change mail filters (ManageSieve)"),
];

/// A ticked box is a field, one that is not ticked is none.
#[derive(Debug, Default, Deserialize)]
pub(super) struct NewForm {
    token: String,
    name: String,
    imap: Option<String>,
    pop3: Option<String>,
    submission: Option<String>,
    sieve: Option<String>,
}

impl NewForm {
    fn has(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Imap => self.imap.is_some(),
            Protocol::Pop3 => self.pop3.is_some(),
            Protocol::Submission => self.submission.is_some(),
            Protocol::Sieve => self.sieve.is_some(),
            Protocol::Web | Protocol::Api => false,
        }
    }
}

pub(super) async fn show_new(State(app): State<Arc<App>>, inside: Inside) -> Answer {
    inside.must_be_fresh(&app, NEW)?;
    let ticked = Some(String::new());
    let usual = NewForm { imap: ticked.clone(), submission: ticked, ..NewForm::default() };
    Ok(form_page(&app, &inside, &usual, None))
}

pub(super) async fn make(State(app): State<Arc<App>>, inside: Inside, form: Submitted<NewForm>) -> Answer {
    let Form(form) = form?;
    inside.own(&app, &form.token)?;
    inside.must_be_fresh(&app, NEW)?;
    let protocols: Vec<Protocol> =
        PROTOCOLS.iter().map(|(protocol, ..)| *protocol).filter(|it| form.has(*it)).collect();
    if protocols.is_empty() {
        let text = "Tick at least one thing that the program may do.";
        let trouble = Trouble { status: StatusCode::UNPROCESSABLE_ENTITY, text: text.into() };
        return Ok(form_page(&app, &inside, &form, Some(&trouble)));
    }
    let new = NewAppPassword { name: form.name.clone(), protocols, networks: Vec::new(), expires_at: None };
    match app_passwords::make(&app, &inside.actor(), inside.account().clone(), new).await {
        Ok(made) => {
            let what = format!("An app password named \u{201c}{}\u{201d} was made.", made.app_password.name);
            inside.tell_owner(&app, &what).await?;
            Ok(made_page(&made))
        }
        Err(problem) => Ok(form_page(&app, &inside, &form, Some(&trouble(&problem)))),
    }
}

pub(super) async fn revoke(State(app): State<Arc<App>>, inside: Inside, form: Submitted<IdForm>) -> Answer {
    let Form(form) = form?;
    inside.own(&app, &form.token)?;
    let is_own = |it: &AppPassword| it.login == *inside.account();
    match app_passwords::end(&app, &inside.actor(), &AppPasswordId(form.id), is_own).await {
        Ok(_) => Ok(go("/account?done=revoked#app-passwords", [])),
        Err(problem) if problem.problem().code == Code::NotFound => {
            Err(Fault::Missing("There is no such app password of yours."))
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The part of the page that lists them.
pub(super) async fn section(
    app: &App,
    connection: &mut SqliteConnection,
    inside: &Inside,
    zone: &TimeZone,
) -> Result<Markup, StoreError> {
    let mut living = app_passwords::of_account(app, connection, inside.account()).await?;
    living.retain(|it| it.revoked_at.is_none());
    let refuses_main = app.app_passwords.main_refused_by(inside.account(), Protocol::Imap).is_some();
    let token = inside.form_token(app);
    Ok(html! {
        section #app-passwords aria-labelledby="app-passwords-title" {
            h2 #app-passwords-title { "App passwords" }
            p {
                "A mail program can\u{2019}t ask for a second factor. Give each one a password of its own, which you can \
                 take back."
                @if refuses_main { " Your own password opens no mail program here." }
            }
            @if living.is_empty() { p.quiet { "There is none yet." } } @else {
                ul.list { @for it in &living { (line(it, &token, zone)) } }
            }
            p { a href=(NEW) { "Make an app password" } }
        }
    })
}

fn line(it: &AppPassword, token: &str, zone: &TimeZone) -> Markup {
    let over: Vec<&str> = it.protocols.iter().map(|protocol| notice::short(*protocol)).collect();
    html! {
        li {
            p { b { (it.name) } }
            p.quiet {
                "For " (over.join(", ")) ". Made on " (moment(it.created_at, zone)) ". "
                @match it.last_used_at {
                    Some(at) => {
                        "Last used on " (moment(at, zone))
                        @if let Some(from) = it.last_used_from { " from " (from) }
                        "."
                    }
                    None => "Never used.",
                }
                @if !it.networks.is_empty() {
                    " Only from " (it.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) "."
                }
                @if let Some(end) = it.expires_at { " Ends on " (moment(end, zone)) "." }
            }
            form method="post" action="/account/app-passwords/revoke" {
                input type="hidden" name="token" value=(token);
                input type="hidden" name="id" value=(it.id.0);
                button.plain aria-label={ "Revoke the app password " (it.name) } { "Revoke" }
            }
        }
    }
}

fn form_page(app: &App, inside: &Inside, form: &NewForm, trouble: Option<&Trouble>) -> Response {
    let content = html! {
        (told(trouble))
        form method="post" action=(NEW) {
            input type="hidden" name="token" value=(inside.form_token(app));
            label for="name" { "For which program or device" }
            input #name name="name" type="text" required maxlength="120" autocomplete="off" value=(form.name)
                aria-describedby="name-note";
            p #name-note.quiet { "So that you know it again, such as \u{201c}Thunderbird on my laptop\u{201d}." }
            fieldset {
                legend { "What it may do" }
                @for (protocol, field, words) in PROTOCOLS {
                    label.tick {
                        input type="checkbox" name=(field) value="yes" checked[form.has(protocol)];
                        span { (words) }
                    }
                }
            }
            button { "Make it" }
        }
        (home_link())
    };
    page(status(trouble), "Make an app password", &content)
}

fn made_page(made: &AppPasswordGrant) -> Response {
    let AppPasswordGrant { app_password, password } = made;
    let content = html! {
        p { "This is the password for " b { (app_password.name) } ". Type or paste it there now, with the user name "
            b { (app_password.login.0) } "." }
        p #app-password.secret { (password) }
        p { "It is shown this once: it can\u{2019}t be looked up again, only revoked." }
        (home_link())
    };
    page(StatusCode::OK, "Your new app password", &content)
}
