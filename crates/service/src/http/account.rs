//! The page of an account's owner: what opens the account, where it is signed in, what happened to it.
//!
//! Everything here is about the account of the session that asks, and of no other. A form is bound to that session; what
//! opens the account to somebody new, or shuts somebody out, needs the password once more.

mod again;
mod app_passwords;
mod devices;
mod factors;
mod history;
mod overview;
mod passkeys;
mod sessions;

use std::sync::Arc;

use axum::{
    Router,
    extract::{FromRequestParts, rejection::FormRejection},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use data_encoding::HEXLOWER;
use mailcup_wire::{Code, Login};
use maud::html;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::form_urlencoded;

use super::{
    page::page,
    problem::HttpProblem,
    web_sign_in::{
        Visit,
        cookies::SESSION,
        go,
        pages::{Trouble, status, told, unreadable},
        trouble, verify,
    },
};
use crate::{
    app::App,
    audit::Actor,
    mail::notice,
    notices::Owner,
    outbox, secrets,
    store::{StoreError, second_factors::Person},
    web_sign_in::{LiveWebSession, ReturnPath},
};

/// Where the page is.
const HOME: &str = "/account";

/// For the public listener.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(HOME, get(overview::show))
        .route("/account/password", get(again::show).post(again::give))
        .route("/account/sessions/end", post(sessions::end))
        .route("/account/sessions/end-others", post(sessions::end_others))
        .route("/account/devices/rename", get(devices::ask_for_name).post(devices::rename))
        .route("/account/devices/revoke", post(devices::revoke))
        .route("/account/app-passwords/new", get(app_passwords::show_new).post(app_passwords::make))
        .route("/account/app-passwords/revoke", post(app_passwords::revoke))
        .route("/account/authenticators/new", get(factors::show_new).post(factors::begin))
        .route("/account/authenticators/confirm", post(factors::confirm))
        .route("/account/authenticators/remove", get(factors::ask_to_remove).post(factors::remove))
        .route("/account/passkeys/new", get(passkeys::show_new).post(passkeys::add))
        .route("/account/passkeys/rename", get(passkeys::ask_for_name).post(passkeys::rename))
        .route("/account/passkeys/remove", get(passkeys::ask_to_remove).post(passkeys::remove))
        .route("/account/recovery-codes", get(factors::ask_for_codes).post(factors::renew_codes))
        .route("/account/sign-ins", get(history::show))
        .route("/account/not-me", get(history::ask).post(history::not_me))
}

/// A browser that is signed in.
#[derive(Debug)]
struct Inside {
    visit: Visit,
    session: Arc<LiveWebSession>,
    token: SecretString,
}

/// Why a request was not carried out, as a page tells it.
#[derive(Debug)]
enum Fault {
    /// What was sent is not what the form asks for.
    Unreadable,
    /// The form was not given to this session.
    OldForm,
    /// There is no such thing of this account.
    Missing(&'static str),
    /// The password is needed once more; then the browser goes on there.
    Password(String),
    /// The session has ended.
    Ended,
    Problem(HttpProblem),
}

/// A form with nothing but its proof.
#[derive(Debug, Deserialize)]
struct TokenForm {
    token: String,
}

/// A form about the name of one thing.
#[derive(Debug, Deserialize)]
struct NameForm {
    token: String,
    id: String,
    name: String,
}

/// A form about one thing.
#[derive(Debug, Deserialize)]
struct IdForm {
    token: String,
    id: String,
}

type Answer = Result<Response, Fault>;

impl FromRequestParts<Arc<App>> for Inside {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let visit = match Visit::from_request_parts(parts, app).await {
            Ok(visit) => visit,
            Err(never) => match never {},
        };
        let token = visit.cookies.get(SESSION).cloned();
        let session = verify::session(app, &visit.cookies, visit.browser.client);
        if let (Some(token), Some(session)) = (token, session) {
            return Ok(Self { visit, session, token });
        }
        let wanted = match parts.method {
            Method::GET => parts.uri.path_and_query().map_or(HOME, |path| path.as_str()),
            _ => HOME,
        };
        Err(go(&format!("/sign-in?return={}", in_query(wanted)), []))
    }
}

impl Inside {
    fn account(&self) -> &Login {
        &self.session.account
    }

    fn person(&self) -> Person<'_> {
        Person::Account(self.account())
    }

    /// Proves that a form is one of ours, for this very session.
    fn form_token(&self, app: &App) -> String {
        let code = app.server_key.authenticate("account form", self.token.expose_secret());
        HEXLOWER.encode(code.as_bytes())
    }

    /// Takes a form that was given to this session.
    fn own(&self, app: &App, token: &str) -> Result<(), Fault> {
        let is_own = self.visit.has_origin && secrets::same(&SecretString::from(self.form_token(app)), token);
        is_own.then_some(()).ok_or(Fault::OldForm)
    }

    /// Asks for the password once more, unless it was given lately; then the browser goes on at `there`.
    fn must_be_fresh(&self, app: &App, there: &str) -> Result<(), Fault> {
        self.session.is_fresh(app.clock.now()).then_some(()).ok_or_else(|| Fault::Password(there.to_owned()))
    }

    fn actor(&self) -> Actor {
        Actor::owner(self.account(), self.visit.browser.client.address)
    }

    /// How the owner is reached; none where mail can't reach them.
    async fn owner(&self, app: &App) -> Result<Option<Owner>, StoreError> {
        let mut connection = app.store.read().acquire().await?;
        let settings = app.settings.notices.load_full();
        Owner::reach(app, &mut connection, self.account(), &settings).await
    }

    /// Mails the owner that something of their account was changed. `what` is a sentence.
    async fn tell_owner(&self, app: &App, what: &str) -> Result<(), StoreError> {
        let Some(owner) = self.owner(app).await? else { return Ok(()) };
        let organization = app.settings.organization_name();
        let browser = &self.visit.browser;
        let address = browser.client.address.map(mailcup_wire::Address::ip);
        let place = address.and_then(|address| app.places.of(address));
        let client = browser.name(&app.clients);
        let occasion = notice::Occasion {
            organization: &organization,
            login: self.account(),
            at: app.clock.now().0.to_zoned_datetime(owner.zone.clone()),
            protocol: mailcup_wire::Protocol::Web,
            address,
            place: place.as_ref(),
            client: client.as_deref(),
            link: None,
        };
        let mut tx = app.log.begin().await?;
        outbox::post(app, &mut tx, &notice::changed(&owner.to, &occasion, what)).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl From<FormRejection> for Fault {
    fn from(_: FormRejection) -> Self {
        Self::Unreadable
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        HttpProblem::from(error).into()
    }
}

impl From<HttpProblem> for Fault {
    fn from(problem: HttpProblem) -> Self {
        match problem.problem().code {
            Code::Unauthenticated => Self::Ended,
            _ => Self::Problem(problem),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Unreadable => unreadable(),
            Self::OldForm => failed("That didn\u{2019}t work", &Trouble::OLD_FORM),
            Self::Missing(what) => {
                let trouble = Trouble { status: StatusCode::NOT_FOUND, text: what.into() };
                failed("There is nothing here", &trouble)
            }
            Self::Password(there) => go(&format!("/account/password?return={}", in_query(&there)), []),
            Self::Ended => go("/sign-in?return=%2Faccount", []),
            Self::Problem(problem) => failed("That didn\u{2019}t work", &trouble(&problem)),
        }
    }
}

fn failed(title: &str, trouble: &Trouble) -> Response {
    let content = html! {
        (told(Some(trouble)))
        (home_link())
    };
    page(trouble.status, title, &content)
}

/// Asks what somebody calls one thing of theirs.
fn rename_page(
    app: &App,
    inside: &Inside,
    (title, action): (&str, &str),
    (id, name): (&str, &str),
    trouble: Option<&Trouble>,
) -> Response {
    let content = html! {
        (told(trouble))
        form method="post" action=(action) {
            input type="hidden" name="token" value=(inside.form_token(app));
            input type="hidden" name="id" value=(id);
            label for="name" { "What you call it" }
            input #name name="name" type="text" required maxlength="120" autocomplete="off" value=(name);
            button { "Rename it" }
        }
        (home_link())
    };
    page(status(trouble), title, &content)
}

fn home_link() -> maud::Markup {
    html! { p { a href=(HOME) { "Back to your account" } } }
}

fn in_query(path: &str) -> String {
    form_urlencoded::byte_serialize(path.as_bytes()).collect()
}

/// A path below this page, and no other.
fn own_path(text: &str) -> ReturnPath {
    let own = text == HOME || text.strip_prefix(HOME).is_some_and(|rest| rest.starts_with('/'));
    ReturnPath::parse(text).filter(|_| own).unwrap_or_else(|| ReturnPath::parse(HOME).unwrap_or_default())
}
