//! Whether a browser is signed in: for nginx's `auth_request` and for the forward auth of Traefik and Caddy.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use url::form_urlencoded;

use super::{
    Visit,
    cookies::{Cookies, SESSION},
};
use crate::{
    app::App,
    http::client::Client,
    web_sign_in::{self, LiveWebSession, ReturnPath},
};

/// Whose session it is. A proxy sets it anew on what it hands on, whatever a browser sent.
const ACCOUNT: HeaderName = HeaderName::from_static("x-mailcup-account");

/// What Traefik and Caddy say of the request that they ask about.
const FORWARDED_URI: &str = "x-forwarded-uri";

/// 200 with the account while there is a session that blocks and rules let in from there; else 401, or for forward
/// auth a redirect to the sign-in.
pub(super) async fn verify(State(app): State<Arc<App>>, visit: Visit, headers: HeaderMap) -> Response {
    let session = session(&app, &visit.cookies, visit.browser.client);
    // A login that a header can't hold signs nobody in.
    let account = session.and_then(|session| HeaderValue::from_str(&session.account.0).ok());
    if let Some(account) = account {
        return (StatusCode::OK, [(ACCOUNT, account)]).into_response();
    }
    let Some(wanted) = headers.get(FORWARDED_URI) else { return StatusCode::UNAUTHORIZED.into_response() };
    let wanted = wanted.to_str().ok().and_then(ReturnPath::parse).unwrap_or_default();
    let query: String = form_urlencoded::byte_serialize(wanted.as_str().as_bytes()).collect();
    super::go(&format!("/sign-in?return={query}"), [])
}

/// The session of a browser that may be used from where it is.
pub(in crate::http) fn session(app: &App, cookies: &Cookies, client: Client) -> Option<Arc<LiveWebSession>> {
    let session = app.web_sessions.find(cookies.get(SESSION)?.expose_secret())?;
    if !web_sign_in::is_let_in(app, &session, client.address) {
        return None;
    }
    session.is_seen_from(client.address);
    Some(session)
}
