//! A service without listeners, called by its router.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, BodyDataStream, Bytes},
    extract::Extension,
    http::{Method, Request, StatusCode, header},
};
use futures_util::StreamExt;
use mailcup_service::{
    app::{App, Limits},
    cli::Serve,
    clock::Clock,
    config::Config,
    http::{self, client::Peer},
    keys::{KEY_PREFIX, LiveKey},
    secrets,
    sessions::{LiveSession, TOKEN_PREFIX},
};
use mailcup_wire::{ApiKeyId, DeviceName, EventId, Problem, ProblemDetails, Role, Scope, SessionId, Time};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// The running service. Its keys `policy`, `read` and `write` have these scopes.
pub struct Service {
    pub app: Arc<App>,
    router: Router,
    folder: TempDir,
}

/// What a request was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub etag: Option<String>,
    pub text: String,
}

/// Server-sent events as they come.
pub struct Frames {
    body: BodyDataStream,
    unread: String,
}

impl Service {
    pub async fn start() -> Self {
        Self::open(TempDir::new().unwrap()).await
    }

    /// The same service after it ended and began anew.
    pub async fn restart(self) -> Self {
        self.app.close().await.unwrap();
        let Self { app, router, folder } = self;
        drop((app, router));
        Self::open(folder).await
    }

    async fn open(folder: TempDir) -> Self {
        let mut config = Config::read(&Serve::default(), []).unwrap();
        config.data_dir = folder.path().to_owned();
        config.sessions_without_key = true;
        let clock = Clock::fixed("2026-11-24T08:00:00Z".parse().map(Time).unwrap());
        let app = App::open(config, clock, Limits::default(), None).await.unwrap();
        for (name, scope) in [("policy", Scope::Policy), ("read", Scope::Read), ("write", Scope::Write)] {
            let secret = secrets::hash_token(&format!("{KEY_PREFIX}{name}"));
            app.keys.begin(secret, LiveKey::new(ApiKeyId::from(name), name, vec![scope], None));
        }
        let peer = Peer { address: SocketAddr::from(([192, 0, 2, 200], 1)), tls: false };
        let router = http::private(&app).layer(Extension(peer));
        Self { app, router, folder }
    }

    pub async fn stop(self) {
        self.app.close().await.unwrap();
    }

    /// Signs in an admin; answers the session's token.
    pub fn sign_in(&self, login: &str, role: Role) -> String {
        let now = self.app.clock.now();
        let token = format!("{TOKEN_PREFIX}{login}");
        let device = DeviceName { id: "d".into(), name: "D".into() };
        let admin = (login.into(), login.into(), role);
        let session = LiveSession::new(SessionId::from(login), admin, device, None, now, now);
        self.app.sessions.begin(secrets::hash_token(&token), session);
        token
    }

    /// Sends a request with JSON as the key `key`.
    pub async fn call(&self, key: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.send(key, method, path, &[], body.map(Value::to_string).unwrap_or_default()).await
    }

    /// Sends a request with any body, as a key or with a session's token.
    pub async fn send(
        &self,
        caller: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        request = request.header(header::CONTENT_TYPE, "application/json");
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token(caller)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let etag = response.headers().get(header::ETAG).map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer { status, etag, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Opens the event stream.
    pub async fn stream(&self, caller: &str, after: Option<&EventId>) -> Frames {
        let mut request = Request::builder().uri("/v1/events/stream").header(header::HOST, "localhost");
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token(caller)));
        if let Some(after) = after {
            request = request.header("last-event-id", after.to_string());
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Frames { body: response.into_body().into_data_stream(), unread: String::new() }
    }
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub fn problem(&self) -> Problem {
        let ProblemDetails { code, detail, details, .. } = self.json();
        Problem { code, message: detail, details }
    }
}

impl Frames {
    /// The name and data of the next event, comments passed over; none at the end.
    pub async fn next_frame(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((frame, rest)) = self.unread.split_once("\n\n") {
                let field =
                    |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = field("event: ").zip(field("data: "));
                let rest = rest.to_owned();
                self.unread = rest;
                if found.is_some() {
                    return found;
                }
                continue;
            }
            let bytes: Bytes = self.body.next().await?.unwrap();
            self.unread.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

fn token(caller: &str) -> String {
    if caller.starts_with(TOKEN_PREFIX) { caller.to_owned() } else { format!("{KEY_PREFIX}{caller}") }
}
