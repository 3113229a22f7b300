//! App passwords as Dovecot asks for them: through its passdb for OAuth 2.0 with the password grant (RFC 6749, section
//! 4.3) whether one is right, through introspection (RFC 7662) whose it is, and at the second request of its auth
//! policy whether it may be used here and now.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use mailcup_guard::{access::Scope, app_password::Against};
use mailcup_wire::{Address, AppPasswordId, Login, Reason, ReasonCode, Time};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::dovecot::Attempt;
use crate::{
    app::App,
    app_passwords::LiveAppPassword,
    http::{auth, body::Json, problem::Answer},
};

/// What opened an account, as the mail server says once the password was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It was not said, or not yet.
    Unsaid,
    /// The mail server asks for app passwords, and none was given.
    MainPassword,
    AppPassword(AppPasswordId),
}

/// The fields of a form that are read.
struct Form(Vec<(String, SecretString)>);

/// Says whether an app password is right (OAuth 2.0, password grant). The key may stand in the form as
/// `client_secret`.
///
/// What it takes does not depend on whether the account exists or has app passwords.
#[utoipa::path(
    post, path = "/policy/dovecot/grant", tag = "policy",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A token for introspection"), (status = 400, description = "`invalid_grant`")),
    extensions(("x-permission" = json!("policy"))),
)]
pub async fn grant(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Answer<Response> {
    let form = Form::read(&body);
    auth::policy_key(&app, &headers, form.get("client_secret"))?;
    let login = Login(form.get("username").map_or("", ExposeSecret::expose_secret).to_lowercase());
    let empty = SecretString::default();
    let found = app.app_passwords.find(&app.server_key, &login, form.get("password").unwrap_or(&empty));
    Ok(match found {
        Some(app_password) => {
            let token = app.app_passwords.grant(app_password);
            let answer = json!({ "access_token": token.expose_secret(), "token_type": "Bearer" });
            Json(answer).into_response()
        }
        None => (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response(),
    })
}

/// Says whose app password a token was granted for, once (OAuth 2.0, introspection).
#[utoipa::path(
    post, path = "/policy/dovecot/introspect", tag = "policy",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "`active`, `username` and `app_password`, its id")),
    extensions(("x-permission" = json!("policy"))),
)]
pub async fn introspect(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Answer<Response> {
    let form = Form::read(&body);
    auth::policy_key(&app, &headers, form.get("client_secret"))?;
    let token = form.get("token").map_or("", ExposeSecret::expose_secret);
    let answer = match app.app_passwords.granted(token) {
        Some(it) => json!({ "active": true, "username": it.login, "app_password": it.id }),
        None => json!({ "active": false }),
    };
    Ok(Json(answer).into_response())
}

impl Proof {
    /// As an auth policy request says it: `stage` is `after` once a passdb was asked, `app_password` the id that
    /// introspection gave.
    pub fn read(stage: &str, app_password: &str) -> Self {
        match (stage, app_password) {
            ("after", "") => Self::MainPassword,
            ("after", id) => Self::AppPassword(id.into()),
            _ => Self::Unsaid,
        }
    }
}

/// Why what opened the account must not open it here and now; nothing where it may.
pub fn refusal(app: &App, attempt: &Attempt, proof: &Proof, now: Time) -> Vec<Reason> {
    match proof {
        Proof::Unsaid => Vec::new(),
        Proof::MainPassword => app
            .app_passwords
            .main_refused_by(&attempt.login, attempt.protocol)
            .map(|scope| main_password_refused(&scope))
            .into_iter()
            .collect(),
        Proof::AppPassword(id) => match app.app_passwords.get(id) {
            Some(live) if live.login == attempt.login => limited(&live, attempt, now),
            Some(_) | None => vec![Reason {
                app_password: Some(id.clone()),
                ..Reason::new(ReasonCode::AppPasswordLimited, "The app password was revoked.")
            }],
        },
    }
}

/// The reason of a sign-in that an app password opened. Counts as a use of it.
pub fn opened(app: &App, id: &AppPasswordId, attempt: &Attempt, now: Time) -> Reason {
    let text = match app.app_passwords.get(id) {
        Some(live) => {
            live.used_at(now, attempt.address);
            format!("The app password “{}” was right.", live.name)
        }
        None => "An app password that was revoked this moment was right.".to_owned(),
    };
    Reason { app_password: Some(id.clone()), ..Reason::new(ReasonCode::AppPassword, text) }
}

fn limited(live: &LiveAppPassword, attempt: &Attempt, now: Time) -> Vec<Reason> {
    let protocol = mailcup_policy::protocol(attempt.protocol);
    let against = live.limits.against(protocol, attempt.address.map(Address::ip), now.0);
    let reason = |against: &Against| {
        let why = match against {
            Against::Protocol => "is not for this protocol",
            Against::Network => "is not for this network",
            Against::Expired => "has expired",
        };
        let text = format!("The app password “{}” was right, but it {why}.", live.name);
        Reason { app_password: Some(live.id.clone()), ..Reason::new(ReasonCode::AppPasswordLimited, text) }
    };
    against.iter().map(reason).collect()
}

fn main_password_refused(scope: &Scope) -> Reason {
    let whose = match scope {
        Scope::Organization => "the organization".to_owned(),
        Scope::Domain(domain) => domain.to_string(),
        Scope::Account(login) => login.to_string(),
    };
    let text = format!(
        "The account's own password was right, but by the policy of {whose} mail programs need an app password."
    );
    Reason::new(ReasonCode::MainPasswordRefused, text)
}

impl Form {
    fn read(body: &[u8]) -> Self {
        let fields = url::form_urlencoded::parse(body);
        Self(fields.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect())
    }

    fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opened_an_account_is_known_after_a_passdb_was_asked() {
        assert_eq!(Proof::read("", ""), Proof::Unsaid);
        assert_eq!(Proof::read("", "a1"), Proof::Unsaid);
        assert_eq!(Proof::read("after", ""), Proof::MainPassword);
        assert_eq!(Proof::read("after", "a1"), Proof::AppPassword("a1".into()));
    }

    #[test]
    fn a_form_as_dovecot_sends_it_is_read() {
        let form = Form::read(b"grant_type=password&username=anna@x&password=a+b%26c%3d&client_secret=mck_1");
        assert_eq!(form.get("password").unwrap().expose_secret(), "a b&c=");
        assert_eq!(form.get("username").unwrap().expose_secret(), "anna@x");
        assert!(form.get("token").is_none());
    }
}
