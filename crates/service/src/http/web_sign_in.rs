//! The hosted sign-in: pages that work without a script, and what asks whether a browser is signed in.
//!
//! All of it lies on the host of the page that it protects: a session's cookie is of that host alone, and so is
//! whatever a browser is sent back to.

mod captcha;
pub(super) mod cookies;
pub(super) mod pages;
pub(super) mod passkey;
pub(super) mod verify;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Form, FromRequestParts, Query, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use mailcup_wire::{Code, Login};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use self::cookies::{Cookies, DEVICE, DEVICE_LIFE, SESSION, SIGN_IN};
use super::{
    client::Client,
    page::{self, colors::style},
    problem::HttpProblem,
};
use crate::{
    app::App,
    captcha::{Given, Stopped, gate},
    secrets,
    web_sign_in::{self, Begun, Browser, Given as Factor, Grant, ReturnPath, SESSION_LIFE, device, factor},
};

/// For the public listener.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sign-in", get(show).post(password))
        .route(page::COLORS, get(colors))
        .route("/sign-in/proof.js", get(captcha::proof))
        .route("/sign-in/recaptcha.js", get(captcha::recaptcha))
        .route("/sign-in/passkey.js", get(passkey::passkey_script))
        .route("/sign-in/code", get(show_code).post(code))
        .route("/sign-in/passkey", post(passkey::answer))
        .route("/sign-in/resend", post(resend))
        .route("/sign-out", get(show_sign_out).post(sign_out))
        .route("/auth/verify", get(verify::verify))
}

/// A browser's request for a page.
#[derive(Debug)]
pub(super) struct Visit {
    pub browser: Browser,
    pub cookies: Cookies,
    pub has_origin: bool,
    has_language: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    r#return: String,
    captcha: captcha::Kind,
}

#[derive(Debug, Deserialize)]
struct PasswordForm {
    token: String,
    #[serde(default)]
    r#return: String,
    login: String,
    password: SecretString,
    /// When it was given.
    #[serde(default)]
    given: String,
    /// Nothing but another picture is wanted.
    another: Option<String>,
    #[serde(flatten)]
    captcha: Given,
}

/// The form of a password, to be shown.
#[derive(Debug)]
struct Asking<'a> {
    return_to: &'a ReturnPath,
    login: &'a Login,
    captcha: captcha::Kind,
    trouble: Option<&'a pages::Trouble>,
}

#[derive(Debug, Deserialize)]
struct CodeForm {
    token: String,
    #[serde(default)]
    factor: pages::Way,
    code: SecretString,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CodeWish {
    with: Option<pages::Way>,
}

#[derive(Debug, Deserialize)]
struct TokenForm {
    token: String,
}

pub(super) type Submitted<T> = Result<Form<T>, FormRejection>;

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let client = Client::from_request_parts(parts, app).await?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let cookies = Cookies::read(&parts.headers);
        let device = cookies.get(DEVICE).and_then(|cookie| device::read(&app.server_key, cookie));
        Ok(Self {
            browser: Browser { device, ..Browser::new(client, agent) },
            cookies,
            // That it is no foreign one is checked before any handler.
            has_origin: parts.headers.contains_key(header::ORIGIN),
            has_language: parts.headers.contains_key(header::ACCEPT_LANGUAGE),
        })
    }
}

impl Visit {
    /// The key of this browser's sign-in, and the cookie that gives it one if it has none.
    fn key(&self) -> (SecretString, Option<HeaderValue>) {
        if let Some(key) = self.cookies.get(SIGN_IN) {
            return (key.clone(), None);
        }
        let key = secrets::new_token("");
        let cookie = cookies::set(SIGN_IN, &key, None);
        (key, cookie)
    }

    /// The key of this browser's sign-in, if the form is one that we gave to this very browser.
    fn own_form(&self, app: &App, token: &str) -> Option<&SecretString> {
        let key = self.cookies.get(SIGN_IN).filter(|_| self.has_origin)?;
        secrets::same(&SecretString::from(form_token(app, key)), token).then_some(key)
    }
}

/// The organization's color as a style sheet, which is empty where it has none.
async fn colors(State(app): State<Arc<App>>) -> impl IntoResponse {
    let organization = app.settings.organization.load();
    let accent = organization.as_ref().as_ref().and_then(|organization| organization.accent.as_ref());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("max-age=300")),
    ];
    (headers, accent.and_then(style).unwrap_or_default())
}

async fn show(State(app): State<Arc<App>>, visit: Visit, Query(wish): Query<Wish>) -> Response {
    app.clients.begin();
    let return_to = ReturnPath::parse(&wish.r#return).unwrap_or_default();
    if verify::session(&app, &visit.cookies, visit.browser.client).is_some() {
        return go(return_to.as_str(), []);
    }
    let nobody = Login(String::new());
    let asking = Asking { return_to: &return_to, login: &nobody, captcha: wish.captcha, trouble: None };
    password_page(&app, &visit, &asking).await
}

async fn password(State(app): State<Arc<App>>, visit: Visit, form: Submitted<PasswordForm>) -> Response {
    let Ok(Form(form)) = form else { return pages::unreadable() };
    let return_to = ReturnPath::parse(&form.r#return).unwrap_or_default();
    let login = web_sign_in::typed_login(&form.login);
    let again = Asking {
        return_to: &return_to,
        login: &login,
        captcha: captcha::Kind::again(&form.captcha),
        trouble: None,
    };
    let Some(key) = visit.own_form(&app, &form.token) else {
        let trouble = Some(&pages::Trouble::OLD_FORM);
        return password_page(&app, &visit, &Asking { trouble, ..again }).await;
    };
    if form.another.is_some() {
        return password_page(&app, &visit, &Asking { captcha: captcha::Kind::Picture, ..again }).await;
    }
    let signs = captcha::signs(&app, &visit, key, &form.given);
    let passed = match gate(&app, &visit.browser, key, login.clone(), signs, &form.captcha).await {
        Ok(passed) => passed,
        Err(Stopped::Asked { text, own }) => {
            let trouble = pages::Trouble { status: StatusCode::FORBIDDEN, text: text.into() };
            let kind = captcha::Kind::after(&form.captcha, own);
            return password_page(&app, &visit, &Asking { captcha: kind, trouble: Some(&trouble), ..again })
                .await;
        }
        Err(Stopped::Problem(problem)) => {
            let trouble = trouble(&problem);
            return password_page(&app, &visit, &Asking { trouble: Some(&trouble), ..again }).await;
        }
    };
    match web_sign_in::begin(&app, &visit.browser, passed, form.password, return_to.clone()).await {
        // Another key than the one that the password came under: whoever planted that one is left behind.
        Ok(Begun::Code(key)) => go("/sign-in/code", [cookies::set(SIGN_IN, &key, None)]),
        Ok(Begun::In(grant)) => enter(&app, &grant),
        Err(problem) => {
            let trouble = trouble(&problem);
            password_page(&app, &visit, &Asking { trouble: Some(&trouble), ..again }).await
        }
    }
}

async fn show_code(State(app): State<Arc<App>>, visit: Visit, Query(wish): Query<CodeWish>) -> Response {
    code_page(&app, &visit, wish.with, None).await
}

async fn code(State(app): State<Arc<App>>, visit: Visit, form: Submitted<CodeForm>) -> Response {
    let Ok(Form(form)) = form else { return pages::unreadable() };
    let Some(key) = visit.own_form(&app, &form.token) else {
        return code_page(&app, &visit, Some(form.factor), Some(&pages::Trouble::OLD_FORM)).await;
    };
    let given = Factor::Code(form.factor.kind(), &form.code);
    match web_sign_in::answer(&app, &visit.browser, key, given).await {
        Ok(grant) => enter(&app, &grant),
        Err(problem) => code_page(&app, &visit, Some(form.factor), Some(&trouble(&problem))).await,
    }
}

async fn resend(State(app): State<Arc<App>>, visit: Visit, form: Submitted<TokenForm>) -> Response {
    let Ok(Form(form)) = form else { return pages::unreadable() };
    let Some(key) = visit.own_form(&app, &form.token) else {
        return code_page(&app, &visit, Some(pages::Way::Email), Some(&pages::Trouble::OLD_FORM)).await;
    };
    match web_sign_in::send_again(&app, &visit.browser, key).await {
        Ok(()) => go("/sign-in/code?with=email", []),
        Err(problem) => code_page(&app, &visit, Some(pages::Way::Email), Some(&trouble(&problem))).await,
    }
}

async fn show_sign_out(State(app): State<Arc<App>>, visit: Visit) -> Response {
    let (key, cookie) = visit.key();
    let account =
        verify::session(&app, &visit.cookies, visit.browser.client).map(|session| session.account.clone());
    let page = pages::sign_out(&app.settings.organization_name(), account.as_ref(), &form_token(&app, &key));
    with_cookies(page, [cookie])
}

async fn sign_out(State(app): State<Arc<App>>, visit: Visit, form: Submitted<TokenForm>) -> Response {
    let Ok(Form(form)) = form else { return pages::unreadable() };
    if visit.own_form(&app, &form.token).is_none() {
        return go("/sign-out", []);
    }
    if let Some(token) = visit.cookies.get(SESSION)
        && let Err(error) = web_sign_in::sign_out(&app, token).await
    {
        tracing::error!(%error, "the row of a session that has ended was not deleted");
    }
    let page = pages::signed_out(&app.settings.organization_name());
    with_cookies(page, [cookies::remove(SESSION), cookies::remove(SIGN_IN)])
}

async fn password_page(app: &App, visit: &Visit, asking: &Asking<'_>) -> Response {
    let (key, cookie) = visit.key();
    let organization = app.settings.organization_name();
    let check = captcha::check(app, visit, &key, asking).await;
    let given = captcha::stamp(app, &key);
    let page = pages::password(&organization, asking, &form_token(app, &key), &given, &check);
    with_cookies(page, [cookie])
}

/// The page of the attempt that waits; where none does, that it is over.
async fn code_page(
    app: &App,
    visit: &Visit,
    way: Option<pages::Way>,
    trouble: Option<&pages::Trouble>,
) -> Response {
    let now = app.clock.now();
    let waiting = visit.cookies.get(SIGN_IN).and_then(|key| Some((key, app.web_sign_in.waiting(key, now)?)));
    let Some((key, waiting)) = waiting else { return pages::over() };
    let way = pages::Way::of_page(&waiting, way);
    let options = match way {
        pages::Way::Passkey => factor::for_passkeys(app, key).await,
        pages::Way::Email | pages::Way::Authenticator | pages::Way::RecoveryCode => Ok(None),
    };
    let options = match options {
        Ok(options) => options,
        Err(error) => return HttpProblem::from(error).into_response(),
    };
    let page = pages::CodePage {
        organization: &app.settings.organization_name(),
        waiting: &waiting,
        way,
        token: &form_token(app, key),
        passkeys: app.web_sign_in.relying_party.as_ref().zip(options.as_ref()),
        trouble,
    };
    pages::code(&page)
}

/// Proves that a form is one of ours, for the browser that holds `key`.
fn form_token(app: &App, key: &SecretString) -> String {
    let code = app.server_key.authenticate("web form", key.expose_secret());
    data_encoding::HEXLOWER.encode(code.as_bytes())
}

pub(super) fn trouble(problem: &HttpProblem) -> pages::Trouble {
    let problem = problem.problem();
    let status = match problem.code {
        Code::SignInRefused | Code::WrongCode => StatusCode::FORBIDDEN,
        code => StatusCode::from_u16(code.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
    };
    pages::Trouble { status, text: problem.message.clone().into() }
}

/// Gives a browser its session, and sends it where it came from.
fn enter(app: &App, Grant { token, device, return_to }: &Grant) -> Response {
    let session = cookies::set(SESSION, token, Some(SESSION_LIFE));
    let device = cookies::set(DEVICE, &device::signed(&app.server_key, device), Some(DEVICE_LIFE));
    go(return_to.as_str(), [session, device, cookies::remove(SIGN_IN)])
}

/// Sends a browser on, by GET, to a path of the host that it is on.
pub(super) fn go<const N: usize>(path: &str, cookies: [Option<HeaderValue>; N]) -> Response {
    // A path in a form that a header can't hold is none of ours.
    let Ok(path) = HeaderValue::from_str(path) else { return pages::unreadable() };
    with_cookies((StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response(), cookies)
}

pub(super) fn with_cookies<const N: usize>(
    mut page: Response,
    cookies: [Option<HeaderValue>; N],
) -> Response {
    let headers: &mut HeaderMap = page.headers_mut();
    for cookie in cookies.into_iter().flatten() {
        headers.append(header::SET_COOKIE, cookie);
    }
    page
}
