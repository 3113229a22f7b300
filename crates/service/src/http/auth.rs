//! Who calls. A handler says by the extractor that it takes who may call it, so that none can forget to ask:
//!
//! | extractor | may call | `x-permission` |
//! | --- | --- | --- |
//! | [`SignedIn`] | any admin, for what is their own | `session` |
//! | [`Reader`] | auditor, admin, owner; a key with scope read or write | `read` |
//! | [`Writer`] | admin, owner; a key with scope write | `write` |
//! | [`OwnerOnly`] | owner | `owner` |
//! | [`MailReader`] | any admin with the permission of its own; a key with scope mail | `mail` |
//! | [`MailSession`] | the same, by a session | `mail` |
//! | [`PolicyCaller`] | a key with scope policy | `policy` |
//!
//! [`Fresh`] around one of them asks for a second factor that was given a short while ago in this session.
//!
//! A session's request is signed by its device's key, and a session must be let in by the access rules, too, at
//! each request.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use mailcup_guard::decision::SignInVerdict;
use mailcup_wire::{AdminId, ApiKeyId, Code, Login, Problem, Role, Scope};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::{
    client::Client,
    problem::HttpProblem,
    proof::{self, Scheme},
};
use crate::{app::App, keys::LiveKey, sessions::LiveSession};

/// Who calls, by a session's token or a key.
#[derive(Debug, Clone)]
pub enum Caller {
    Admin(Arc<LiveSession>),
    Key(Arc<LiveKey>),
}

/// An admin, about what is their own.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Arc<LiveSession>);

/// May read what an auditor reads.
#[derive(Debug, Clone)]
pub struct Reader(pub Caller);

/// May change what an admin changes.
#[derive(Debug, Clone)]
pub struct Writer(pub Caller);

/// An owner, by a session.
#[derive(Debug, Clone)]
pub struct OwnerOnly(pub Arc<LiveSession>);

/// May read the mail in snapshots: a permission that no role brings along.
#[derive(Debug, Clone)]
pub struct MailReader(pub Caller);

/// The same, by a session.
#[derive(Debug, Clone)]
pub struct MailSession(pub Arc<LiveSession>);

/// The same, if a second factor was given a short while ago: for what nobody may do at a desktop that was left
/// unlocked, or with a session that was taken over.
#[derive(Debug, Clone)]
pub struct Fresh<T>(pub T);

/// A caller by a session.
pub trait BySession {
    fn session(&self) -> &LiveSession;
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct PolicyCaller(pub Arc<LiveKey>);

impl Caller {
    /// Fires when the session or key ends or may do other things than before; a stream then closes.
    pub fn ended(&self) -> &CancellationToken {
        match self {
            Self::Admin(session) => &session.ended,
            Self::Key(key) => &key.ended,
        }
    }

    /// The admin, unless a key calls.
    pub fn admin(&self) -> Option<(AdminId, Login)> {
        match self {
            Self::Admin(session) => Some((session.admin.clone(), session.login.clone())),
            Self::Key(_) => None,
        }
    }

    /// The key, unless an admin calls.
    pub fn key(&self) -> Option<&ApiKeyId> {
        match self {
            Self::Admin(_) => None,
            Self::Key(key) => Some(&key.id),
        }
    }

    /// Whether mail in snapshots may be read.
    pub fn may_read_mail(&self) -> bool {
        match self {
            Self::Admin(session) => session.reads_mail,
            Self::Key(key) => key.has(Scope::Mail),
        }
    }

    fn may_read(&self) -> bool {
        match self {
            Self::Admin(session) => match session.role {
                Role::Auditor | Role::Admin | Role::Owner => true,
            },
            Self::Key(key) => key.has(Scope::Read) || key.has(Scope::Write),
        }
    }

    fn may_write(&self) -> bool {
        match self {
            Self::Admin(session) => match session.role {
                Role::Auditor => false,
                Role::Admin | Role::Owner => true,
            },
            Self::Key(key) => key.has(Scope::Write),
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let (scheme, token) = presented(&parts.headers).ok_or_else(|| unauthenticated(NOTHING_GIVEN))?;
        if let Some(session) = app.sessions.find(&token) {
            must_hold(parts, app, &session, scheme, &token)?;
            session.seen(app.clock.now());
            let Ok(client) = Client::from_request_parts(parts, app).await;
            return if is_let_in(app, &session, client) {
                Ok(Self::Admin(session))
            } else {
                Err(refused_here(&session, client))
            };
        }
        let key = key(app, scheme, &token).ok_or_else(|| unauthenticated(ENDED))?;
        Ok(Self::Key(key))
    }
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        match Caller::from_request_parts(parts, app).await? {
            Caller::Admin(session) => Ok(Self(session)),
            Caller::Key(_) => Err(forbidden("Only a signed-in admin can do this, not a key.")),
        }
    }
}

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.may_read() { Ok(Self(caller)) } else { Err(forbidden("This key may not read.")) }
    }
}

impl FromRequestParts<Arc<App>> for Writer {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.may_write() {
            return Ok(Self(caller));
        }
        Err(forbidden("An auditor and a key without the scope write can change nothing."))
    }
}

impl FromRequestParts<Arc<App>> for OwnerOnly {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        match Caller::from_request_parts(parts, app).await? {
            Caller::Admin(session) if session.role == Role::Owner => Ok(Self(session)),
            Caller::Admin(_) | Caller::Key(_) => Err(forbidden("Only an owner can do this.")),
        }
    }
}

impl FromRequestParts<Arc<App>> for MailReader {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.may_read_mail() { Ok(Self(caller)) } else { Err(forbidden(NO_MAIL)) }
    }
}

impl FromRequestParts<Arc<App>> for MailSession {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        match Caller::from_request_parts(parts, app).await? {
            Caller::Admin(session) if session.reads_mail => Ok(Self(session)),
            Caller::Admin(_) => Err(forbidden(NO_MAIL)),
            Caller::Key(_) => Err(forbidden("Only a signed-in admin can do this, not a key.")),
        }
    }
}

impl BySession for MailSession {
    fn session(&self) -> &LiveSession {
        &self.0
    }
}

impl BySession for SignedIn {
    fn session(&self) -> &LiveSession {
        &self.0
    }
}

impl BySession for OwnerOnly {
    fn session(&self) -> &LiveSession {
        &self.0
    }
}

impl<T> FromRequestParts<Arc<App>> for Fresh<T>
where
    T: BySession + FromRequestParts<Arc<App>, Rejection = HttpProblem>,
{
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let caller = T::from_request_parts(parts, app).await?;
        if caller.session().is_fresh(app.clock.now()) {
            return Ok(Self(caller));
        }
        Err(Problem::new(
            Code::ReauthenticationRequired,
            "This needs your password and a second factor again (POST /v1/me/reauthentication); then ask for it \
             once more. Nothing was changed.",
        )
        .into())
    }
}

impl FromRequestParts<Arc<App>> for PolicyCaller {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        policy_key(app, &parts.headers, None).map(Self)
    }
}

/// A mail server's key: from the headers, else as its request's body says it.
pub fn policy_key(
    app: &App,
    headers: &HeaderMap,
    in_body: Option<&SecretString>,
) -> Result<Arc<LiveKey>, HttpProblem> {
    let (scheme, token) = presented(headers)
        .or_else(|| in_body.map(|key| (Scheme::Key, key.expose_secret().to_owned())))
        .ok_or_else(|| unauthenticated(NOTHING_GIVEN))?;
    if let Some(key) = key(app, scheme, &token) {
        if key.has(Scope::Policy) {
            return Ok(key);
        }
        return Err(forbidden("This key lacks the scope policy."));
    }
    match app.sessions.find(&token) {
        Some(_) => Err(forbidden("Only a mail server's key can do this.")),
        None => Err(unauthenticated(ENDED)),
    }
}

/// Refuses a token that does not come from the device that it was given to.
fn must_hold(
    parts: &Parts,
    app: &App,
    session: &LiveSession,
    scheme: Scheme,
    token: &str,
) -> Result<(), HttpProblem> {
    match (session.key, scheme) {
        (Some(key), Scheme::Dpop) => proof::demand(parts, app, key, token),
        (Some(_), Scheme::Bearer | Scheme::Key) => Err(proof::refused(
            "The session is bound to its device's key: send its token as Authorization: DPoP …, with a DPoP \
             proof (RFC 9449).",
        )),
        (None, Scheme::Bearer) if app.config.sessions_without_key => Ok(()),
        (None, _) => Err(unauthenticated(KEYLESS)),
    }
}

fn key(app: &App, scheme: Scheme, secret: &str) -> Option<Arc<LiveKey>> {
    match scheme {
        Scheme::Bearer | Scheme::Key => app.keys.find(secret, app.clock.now()),
        Scheme::Dpop => None,
    }
}

/// Whether the access rules let a session in from where its client is now. Blocks refuse sign-ins alone.
pub(super) fn is_let_in(app: &App, session: &LiveSession, client: Client) -> bool {
    let decision = app.policy.session(&session.login.0, client.address, app.clock.now());
    decision.verdict != SignInVerdict::Refuse
}

fn refused_here(session: &LiveSession, client: Client) -> HttpProblem {
    let from = client.address.map(|address| format!(" from {address}")).unwrap_or_default();
    let message = format!(
        "The access rules don't let {} in{from} now. The session stays: go on from a network that they allow, \
         or ask another admin.",
        session.login
    );
    Problem::new(Code::RefusedHere, message).into()
}

/// What an admin is told who may not read mail, a key that may not, too.
pub(super) const NO_MAIL: &str = "This needs the permission to read the mail in snapshots, which an owner gives; a key needs the scope mail.";
const NOTHING_GIVEN: &str = "Send a session's token as Authorization: DPoP … with a proof, or an API key as Authorization: Bearer … or \
     X-API-Key.";
const KEYLESS: &str =
    "The session has no key of a device, and the service takes none without. Sign in again.";
const ENDED: &str = "The session or key has ended, or never was. Sign in again.";

/// The token or key that the request presents: DPoP, bearer, `X-API-Key`, or the password of basic
/// authentication (for Dovecot).
fn presented(headers: &HeaderMap) -> Option<(Scheme, String)> {
    if let Some(key) = headers.get("x-api-key") {
        return Some((Scheme::Key, key.to_str().ok()?.to_owned()));
    }
    let (name, value) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if let Some(scheme) = Scheme::of_token(name) {
        return Some((scheme, value.trim().to_owned()));
    }
    if name.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(BASE64.decode(value.trim()).ok()?).ok()?;
        return decoded.split_once(':').map(|(_, password)| (Scheme::Key, password.to_owned()));
    }
    None
}

fn unauthenticated(message: &str) -> HttpProblem {
    Problem::new(Code::Unauthenticated, message).into()
}

fn forbidden(message: &str) -> HttpProblem {
    Problem::new(Code::Forbidden, message).into()
}
