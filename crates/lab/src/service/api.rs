use std::time::Duration;

use mailcup_wire::{
    Alert, Block, Challenge, ChallengeAnswer, ChallengeId, Event, EventId, EventPage, FactorKind,
    MailServerKind, MailServerSnippet, NewBlock, Page, ProblemDetails, ServiceInfo, SessionGrant, Setup,
    SetupDone, SignInRequest, SnippetRequest, WhenDown,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

use super::device;
use crate::{LabError, wait};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call of the API gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{status}: {problem:?}")]
    Problem { status: StatusCode, problem: Box<ProblemDetails> },
    #[error("{status} without problem details: {body}")]
    Unexplained { status: StatusCode, body: String },
    #[error("{0:?}")]
    Http(#[from] reqwest::Error),
    #[error("the answer is not what the API promises: {error}\n{body}")]
    Malformed { error: serde_json::Error, body: String },
}

/// A client of the HTTP API, with a bearer token once it has one.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

impl Api {
    /// `base` is the private listener, such as `http://127.0.0.1:8480`.
    pub fn new(base: &str) -> Self {
        super::install_tls();
        Self { base: base.trim_end_matches('/').into(), token: None, http: reqwest::Client::new() }
    }

    /// With a session's token or an API key.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub async fn service_info(&self) -> Result<ServiceInfo, ApiError> {
        self.get("/v1/service").await
    }

    pub async fn setup(&self, setup: &Setup) -> Result<SetupDone, ApiError> {
        self.post("/v1/setup", setup).await
    }

    pub async fn sign_in(&self, login: &str, password: &str) -> Result<Challenge, ApiError> {
        let request = SignInRequest { login: login.into(), password: password.into(), device: device() };
        self.post("/v1/sign-in", &request).await
    }

    /// Gives a client that is signed in.
    pub async fn answer(
        &self,
        challenge: &ChallengeId,
        factor: FactorKind,
        code: &str,
    ) -> Result<Self, ApiError> {
        let answer = ChallengeAnswer { factor, code: code.into() };
        let grant: SessionGrant = self.post(&format!("/v1/sign-in/{challenge}/answer"), &answer).await?;
        Ok(self.with_token(&grant.token))
    }

    pub async fn snippet(&self, server: MailServerKind) -> Result<MailServerSnippet, ApiError> {
        self.post("/v1/mail-servers/snippet", &SnippetRequest { server, when_down: WhenDown::Open }).await
    }

    pub async fn block(&self, block: &NewBlock) -> Result<Block, ApiError> {
        self.post("/v1/blocks", block).await
    }

    /// Every alert, over all pages.
    pub async fn alerts(&self) -> Result<Vec<Alert>, ApiError> {
        self.list("/v1/alerts").await
    }

    /// One page of events after the cursor, or from the beginning.
    pub async fn events(&self, after: Option<&EventId>) -> Result<EventPage, ApiError> {
        match after {
            Some(after) => self.get(&format!("/v1/events?after={after}")).await,
            None => self.get("/v1/events").await,
        }
    }

    /// Every event after the cursor, over all pages.
    pub async fn all_events(&self, after: Option<&EventId>) -> Result<Vec<Event>, ApiError> {
        let mut all = Vec::new();
        let mut cursor = after.cloned();
        loop {
            let page = self.events(cursor.as_ref()).await?;
            all.extend(page.events);
            if !page.more {
                return Ok(all);
            }
            cursor = all.last().map(|event: &Event| event.id.clone());
        }
    }

    /// Waits for the first event after the cursor that is wanted.
    pub async fn await_event(
        &self,
        after: Option<&EventId>,
        deadline: Duration,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Event, LabError> {
        let mut seen = Vec::new();
        let mut cursor = after.cloned();
        let found = wait::until("no such event was recorded", deadline, async || {
            match self.all_events(cursor.as_ref()).await {
                Ok(events) => {
                    cursor = events.last().map(|event| event.id.clone()).or(cursor.take());
                    let found = events.iter().find(|event| wanted(event)).cloned();
                    seen.extend(events);
                    found.map(Ok)
                }
                Err(error) => Some(Err(LabError::from(error))),
            }
        })
        .await;
        found.flatten().map_err(|error| error.with_evidence(&format!("recorded: {seen:#?}")))
    }

    /// Waits for an alert that is wanted.
    pub async fn await_alert(
        &self,
        deadline: Duration,
        wanted: impl Fn(&Alert) -> bool,
    ) -> Result<Alert, LabError> {
        let found = wait::until("no such alert was opened", deadline, async || match self.alerts().await {
            Ok(alerts) => alerts.into_iter().find(|alert| wanted(alert)).map(Ok),
            Err(error) => Some(Err(LabError::from(error))),
        });
        found.await.flatten()
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        read(self.request(Method::GET, path).send().await?).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        read(self.request(Method::POST, path).json(body).send().await?).await
    }

    /// Changes the resource as it is now: reads its entity tag first.
    pub async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        let now = self.request(Method::GET, path).send().await?.error_for_status()?;
        let tag = now.headers().get(header::ETAG).cloned();
        let request = self.request(method, path).json(body);
        let request = match tag {
            Some(tag) => request.header(header::IF_MATCH, tag),
            None => request,
        };
        read(request.send().await?).await
    }

    /// A whole list, over all its pages.
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ApiError> {
        let mut all = Vec::new();
        let mut page: Page<T> = self.get(path).await?;
        loop {
            all.append(&mut page.items);
            let Some(next) = page.next else { return Ok(all) };
            let join = if path.contains('?') { '&' } else { '?' };
            page = self.get(&format!("{path}{join}cursor={next}")).await?;
        }
    }

    /// A request to be sent as it is, for tests of odd ones.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base)).timeout(REQUEST_TIMEOUT);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    let status = response.status();
    let body = response.text().await?;
    if !status.is_success() {
        return Err(match serde_json::from_str(&body) {
            Ok(problem) => ApiError::Problem { status, problem: Box::new(problem) },
            Err(_) => ApiError::Unexplained { status, body },
        });
    }
    // An answer without content reads as `()`.
    let text = if body.is_empty() { "null" } else { &body };
    serde_json::from_str(text).map_err(|error| ApiError::Malformed { error, body })
}
