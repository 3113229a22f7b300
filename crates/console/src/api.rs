//! The service's HTTP API, by its wire types.

mod backup_targets;
mod backups;
mod devices;
mod logs;
mod people;
mod policy;
mod resources;
mod second_factors;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use mailcup_wire::{
    Account, Alert, AlertChange, AlertId, AuthenticatorConfirmation, AuthenticatorEnrolment, Block,
    BlockChange, BlockId, Challenge, ChallengeAnswer, ChallengeId, Code, DeviceName, EventId, EventPage,
    Factor, FactorId, MailServer, MailServerSnippet, NewBlock, Organization, Page, PasswordChange, Problem,
    ProblemDetails, RESTORED_FROM, RecoveryCodes, RestoredFrom, ServiceHealth, ServiceInfo, SessionGrant,
    Setup, SetupDone, SignInRequest, SnippetRequest, TestMail, TestMailResult, Time,
    desktop::{Certificate, Credentials},
};
use reqwest::{Client, Method, Request, RequestBuilder, Response, StatusCode, header, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{
    device_key::DeviceKey,
    trust::{self, Untrusted},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// A relay may take its time.
const MAIL_TIMEOUT: Duration = Duration::from_secs(90);
/// The service writes something every 15 seconds.
const STREAM_SILENCE: Duration = Duration::from_secs(40);
const EVENTS_A_PAGE: u32 = 1_000;
/// Seconds that a service's clock may be off without a word.
const CLOCKS_APART: i64 = 5;

/// A client of one service; with a session's token once signed in. Every request goes out by [`Api::accepted`],
/// which signs it.
#[derive(Clone)]
pub struct Api {
    http: Client,
    base: Url,
    token: Option<SecretString>,
    /// What the requests put back, for the audit log.
    restored_from: Option<String>,
    /// Signs requests; none before the console has its key.
    key: Option<DeviceKey>,
    /// By how many seconds the service's clock is ahead of this computer's, once that mattered.
    ahead: Arc<AtomicI64>,
    /// What the last try ended with, where that is a certificate.
    untrusted: Arc<Mutex<Option<Untrusted>>>,
}

impl Api {
    /// `pinned` is the certificate that an admin trusts by hand; none leaves it to the system's roots.
    pub fn new(base: Url, embedded: bool, pinned: Option<Certificate>) -> Result<Self, Problem> {
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(STREAM_SILENCE)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("mailcup-console/", env!("CARGO_PKG_VERSION")));
        if embedded {
            builder = builder.no_proxy();
        }
        if base.scheme() == "https" {
            let config =
                trust::tls(pinned).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
            builder = builder.tls_backend_preconfigured(config);
        }
        let http = builder.build().map_err(|error| Problem::new(Code::Internal, spelled_out(&error)))?;
        Ok(Self {
            http,
            base,
            token: None,
            restored_from: None,
            key: None,
            ahead: Arc::default(),
            untrusted: Arc::default(),
        })
    }

    /// As this install: signs with its key, for the session of `token`.
    #[must_use]
    pub fn by(mut self, key: Option<DeviceKey>, token: Option<SecretString>) -> Self {
        self.key = key;
        self.token = token;
        self
    }

    /// The same, but what it asks for puts back what a snapshot holds.
    #[must_use]
    pub fn restoring(mut self, from: &RestoredFrom) -> Self {
        self.restored_from = Some(from.to_string());
        self
    }

    pub fn token(&self) -> Option<&SecretString> {
        self.token.as_ref()
    }

    /// What the service showed at the last try, if it ended because that is not trusted.
    pub fn untrusted(&self) -> Option<Untrusted> {
        self.untrusted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub async fn service_info(&self, challenge: Option<&str>) -> Result<ServiceInfo, Problem> {
        let request = self.request(Method::GET, "service");
        self.read(request.query(&challenge.map(|nonce| [("challenge", nonce)]))).await
    }

    pub async fn setup(&self, setup: &Setup) -> Result<SetupDone, Problem> {
        self.send(Method::POST, "setup", setup).await
    }

    pub async fn sign_in(&self, credentials: Credentials, device: DeviceName) -> Result<Challenge, Problem> {
        let request = SignInRequest { login: credentials.login, password: credentials.password, device };
        self.send(Method::POST, "sign-in", &request).await
    }

    pub async fn answer(&self, id: &ChallengeId, answer: &ChallengeAnswer) -> Result<SessionGrant, Problem> {
        self.send(Method::POST, &format!("sign-in/{id}/answer"), answer).await
    }

    pub async fn resend_code(&self, id: &ChallengeId) -> Result<Challenge, Problem> {
        self.send(Method::POST, &format!("sign-in/{id}/resend"), &()).await
    }

    pub async fn sign_out(&self) -> Result<(), Problem> {
        self.without_content(self.request(Method::DELETE, "session")).await
    }

    pub async fn organization(&self) -> Result<Organization, Problem> {
        self.get("organization").await
    }

    /// Events after the cursor, oldest first.
    pub async fn events_after(&self, cursor: &EventId) -> Result<EventPage, Problem> {
        self.events(("after", cursor.to_string())).await
    }

    /// Events from that moment on, oldest first.
    pub async fn events_since(&self, since: Time) -> Result<EventPage, Problem> {
        self.events(("since", since.to_string())).await
    }

    async fn events(&self, from: (&str, String)) -> Result<EventPage, Problem> {
        let query = [("limit", EVENTS_A_PAGE.to_string()), from];
        self.read(self.request(Method::GET, "events").query(&query)).await
    }

    /// The stream of events after the cursor, as bytes.
    pub async fn stream(&self, cursor: Option<&EventId>) -> Result<Response, Problem> {
        let mut request =
            self.http.get(self.url("events/stream")).header(header::ACCEPT, "text/event-stream");
        if let Some(cursor) = cursor {
            request = request.header("last-event-id", cursor.to_string());
        }
        self.accepted(request).await
    }

    pub async fn alerts(&self) -> Result<Vec<Alert>, Problem> {
        self.list("alerts").await
    }

    pub async fn blocks(&self) -> Result<Vec<Block>, Problem> {
        self.list("blocks").await
    }

    pub async fn accounts(&self) -> Result<Vec<Account>, Problem> {
        self.list("accounts").await
    }

    pub async fn change_alert(
        &self,
        id: &AlertId,
        change: &AlertChange,
        version: u32,
    ) -> Result<Alert, Problem> {
        self.replace(Method::PATCH, &format!("alerts/{id}"), change, version).await
    }

    pub async fn create_block(&self, block: &NewBlock) -> Result<Block, Problem> {
        self.send(Method::POST, "blocks", block).await
    }

    pub async fn change_block(
        &self,
        id: &BlockId,
        change: &BlockChange,
        version: u32,
    ) -> Result<Block, Problem> {
        self.replace(Method::PATCH, &format!("blocks/{id}"), change, version).await
    }

    pub async fn lift_block(&self, id: &BlockId) -> Result<Block, Problem> {
        self.read(self.request(Method::DELETE, &format!("blocks/{id}"))).await
    }

    pub async fn send_test_mail(&self, to: String) -> Result<TestMailResult, Problem> {
        let request = self.request(Method::POST, "settings/mail/test").timeout(MAIL_TIMEOUT);
        self.read(request.json(&TestMail { to })).await
    }

    pub async fn factors(&self) -> Result<Vec<Factor>, Problem> {
        self.get("me/factors").await
    }

    pub async fn enrol_authenticator(&self) -> Result<AuthenticatorEnrolment, Problem> {
        self.send(Method::POST, "me/factors/authenticator", &()).await
    }

    pub async fn confirm_authenticator(&self, answer: &AuthenticatorConfirmation) -> Result<(), Problem> {
        self.without_content(self.request(Method::POST, "me/factors/authenticator/confirm").json(answer))
            .await
    }

    pub async fn remove_factor(&self, id: &FactorId) -> Result<(), Problem> {
        self.without_content(self.request(Method::DELETE, &format!("me/factors/{id}"))).await
    }

    pub async fn renew_recovery_codes(&self) -> Result<RecoveryCodes, Problem> {
        self.send(Method::POST, "me/recovery-codes", &()).await
    }

    pub async fn change_password(&self, change: &PasswordChange) -> Result<(), Problem> {
        self.without_content(self.request(Method::PUT, "me/password").json(change)).await
    }

    pub async fn mail_server_snippet(&self, request: &SnippetRequest) -> Result<MailServerSnippet, Problem> {
        self.send(Method::POST, "mail-servers/snippet", request).await
    }

    pub async fn service_health(&self) -> Result<ServiceHealth, Problem> {
        self.get("service/health").await
    }

    pub async fn mail_servers(&self) -> Result<Vec<MailServer>, Problem> {
        self.list("mail-servers").await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        self.read(self.request(Method::GET, path)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Problem> {
        self.read(self.request(method, path).json(body)).await
    }

    async fn replace<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        version: u32,
    ) -> Result<T, Problem> {
        let request = self.request(method, path).header(header::IF_MATCH, format!("\"{version}\""));
        self.read(request.json(body)).await
    }

    async fn without_content(&self, request: RequestBuilder) -> Result<(), Problem> {
        self.accepted(request).await.map(drop)
    }

    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Problem> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let request = self.request(Method::GET, path);
            let query: Vec<_> = cursor.iter().map(|cursor| ("cursor", cursor)).collect();
            let page: Page<T> = self.read(request.query(&query)).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(items),
            }
        }
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Problem> {
        let answer = self.accepted(request).await?;
        let body = answer.bytes().await.map_err(|error| unreachable_because(&error))?;
        serde_json::from_slice(&body).map_err(|error| {
            let message = format!(
                "The service answered what this console does not understand ({error}). Are both of the same version?"
            );
            Problem::new(Code::Internal, message)
        })
    }

    async fn accepted(&self, request: RequestBuilder) -> Result<Response, Problem> {
        let (client, request) = request.build_split();
        let request = request.map_err(|error| unreachable_because(&error))?;
        let again = request.try_clone();
        let refused = match self.answered(&client, request).await? {
            Ok(response) => return Ok(response),
            Err(refused) => refused,
        };
        // A clock that is wrong, here or there, keeps nobody out: what counts is the service's.
        if refused.problem.code == Code::ProofRefused
            && let Some(request) = again
            && self.learns_time(refused.at)
        {
            return self.answered(&client, request).await?.map_err(|refused| refused.problem);
        }
        Err(refused.problem)
    }

    async fn answered(
        &self,
        client: &Client,
        request: Request,
    ) -> Result<Result<Response, Refused>, Problem> {
        let answer = client.execute(self.signed(request)?).await;
        let untrusted = answer.as_ref().err().and_then(|error| trust::untrusted(error)).cloned();
        *self.untrusted.lock().unwrap_or_else(PoisonError::into_inner) = untrusted;
        let response = answer.map_err(|error| unreachable_because(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(Ok(response));
        }
        let at = said_time(response.headers());
        let body = response.bytes().await.map_err(|error| unreachable_because(&error))?;
        let problem = match serde_json::from_slice::<ProblemDetails>(&body) {
            Ok(details) => details.into(),
            Err(_) => foreign(status),
        };
        Ok(Err(Refused { problem, at }))
    }

    /// Whether the service's clock is found to be another one than was thought.
    fn learns_time(&self, at: Option<Timestamp>) -> bool {
        let Some(at) = at else { return false };
        let ahead = at.as_second() - Timestamp::now().as_second();
        let thought = self.ahead.swap(ahead, Ordering::Relaxed);
        (ahead - thought).abs() > CLOCKS_APART
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path)).timeout(ANSWER_TIMEOUT);
        match &self.restored_from {
            Some(from) => request.header(RESTORED_FROM, from),
            None => request,
        }
    }

    /// A request with a proof by this install's key, and with the token of the session bound to it.
    fn signed(&self, mut request: Request) -> Result<Request, Problem> {
        let Some(key) = &self.key else { return Ok(request) };
        let token = self.token.as_ref().map(SecretString::expose_secret);
        let (here, ahead) = (Timestamp::now(), SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed)));
        // A service may say any time: one at the end of all time is nobody's.
        let now = here.checked_add(ahead).unwrap_or(here);
        let proof = key.proof(request.method().as_str(), request.url(), token, now)?;
        let headers = request.headers_mut();
        headers.insert("dpop", header_value(&proof)?);
        if let Some(token) = token {
            let mut value = header_value(&format!("DPoP {token}"))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.base.as_str().trim_end_matches('/'), mailcup_wire::API_VERSION)
    }
}

/// What a service answers that refuses.
struct Refused {
    problem: Problem,
    /// When, by its own clock.
    at: Option<Timestamp>,
}

fn said_time(headers: &header::HeaderMap) -> Option<Timestamp> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    Some(rfc2822::parse(date).ok()?.timestamp())
}

fn header_value(text: &str) -> Result<header::HeaderValue, Problem> {
    header::HeaderValue::from_str(text).map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

/// What stands there is not a MailCup service, or something before it answers in its place.
fn foreign(status: StatusCode) -> Problem {
    let message = format!("What answers at this address is not MailCup's service (HTTP status {status}).");
    Problem::new(Code::Unreachable, message)
}

fn unreachable_because(error: &reqwest::Error) -> Problem {
    if let Some(untrusted) = trust::untrusted(error) {
        return Problem::new(Code::Unreachable, format!("Nothing was sent, since {untrusted}."));
    }
    Problem::new(Code::Unreachable, format!("The service can't be reached: {}.", spelled_out(error)))
}

/// An error with its causes; reqwest's own text leaves them out.
pub fn spelled_out(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "it did not answer in time".to_owned() } else { String::new() };
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut last = None;
    while let Some(error) = cause {
        last = Some(error.to_string());
        cause = error.source();
    }
    if text.is_empty() {
        text = last.unwrap_or_else(|| error.to_string());
    }
    text
}
