//! A service without listeners, called by its router, and what a person does with it.

use std::{collections::HashSet, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, BodyDataStream},
    extract::Extension,
    http::{Method, Request, Response, StatusCode, header},
};
use futures_util::StreamExt;
use mailcup_lab::outbox::{Outbox, six_digits};
use mailcup_service::{
    app::{App, Limits},
    cli::Serve,
    clock::Clock,
    config::Config,
    http::{self, client::Peer},
};
use mailcup_wire::{
    Challenge, Code, Details, FactorKind, Problem, ProblemDetails, SessionGrant, SetupDone, Time,
};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tower::ServiceExt;

pub const LOGIN: &str = "olga@example.org";
pub const PASSWORD: &str = "a long password for the owner";

pub struct Service {
    pub app: Arc<App>,
    pub clock: Clock,
    router: Router,
    folder: TempDir,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub etag: Option<String>,
    pub retry_after: Option<String>,
    pub text: String,
}

impl Service {
    /// A new service whose clock stands, with mail going into its local outbox.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with another configuration.
    pub async fn start_with(configure: impl FnOnce(&mut Config)) -> Self {
        let clock = Clock::fixed("2026-11-24T08:00:00Z".parse().map(Time).unwrap());
        Self::open(TempDir::new().unwrap(), clock, configure).await
    }

    /// Ends; begins anew so many seconds later.
    pub async fn restart_after(self, seconds: i64) -> Self {
        self.app.close().await.unwrap();
        self.advance(seconds);
        let Self { app, clock, router, folder, tasks } = self;
        drop((app, router));
        for task in tasks {
            task.await.unwrap();
        }
        Self::open(folder, clock, |_| {}).await
    }

    async fn open(folder: TempDir, clock: Clock, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::read(&Serve::default(), []).unwrap();
        config.data_dir = folder.path().to_owned();
        config.sessions_without_key = true;
        config.trusted_proxies = vec!["192.0.2.200/32".parse().unwrap()];
        configure(&mut config);
        let app = App::open(config, clock.clone(), Limits::default(), None).await.unwrap();
        let (outbox, stop) = (Arc::clone(&app.outbox), app.stop.clone());
        let tasks = vec![
            tokio::spawn(async move { outbox.run(stop).await }),
            tokio::spawn(mailcup_service::outbox::watch(Arc::clone(&app))),
            tokio::spawn(mailcup_service::policy::trial::run(Arc::clone(&app))),
        ];
        let peer = Peer { address: SocketAddr::from(([192, 0, 2, 200], 1)), tls: false };
        let router = http::private(&app).layer(Extension(peer));
        Self { app, clock, router, folder, tasks }
    }

    /// A service with its owner, and the owner's token on the device `owners-device`.
    pub async fn set_up() -> (Self, SetupDone) {
        Self::start().await.owned().await
    }

    /// Gives it its owner.
    pub async fn owned(self) -> (Self, SetupDone) {
        let service = self;
        let token = service.app.setup_token.get().unwrap().token().expose_secret().to_owned();
        let answer = service.call("", Method::POST, "/v1/setup", setup(&token)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let done = answer.json();
        (service, done)
    }

    pub fn setup_token_file(&self) -> PathBuf {
        self.folder.path().join("setup-token")
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.set(Time::from_millis(self.clock.now().as_millis() + seconds * 1000));
    }

    /// Sends JSON with a session's token or a key; an empty one sends none.
    pub async fn call(&self, token: &str, method: Method, path: &str, body: Value) -> Answer {
        self.send(token, method, path, &[], body).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(token, Method::GET, path, Value::Null).await
    }

    pub async fn send(
        &self,
        token: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        Answer::of(self.raw(request.body(body).unwrap()).await).await
    }

    pub async fn raw(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Opens the event stream; its body goes on until the service ends it.
    pub async fn stream(&self, token: &str) -> BodyDataStream {
        let request = Request::builder()
            .uri("/v1/events/stream")
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let response = self.raw(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().into_data_stream()
    }

    /// Gives the right password from a device.
    pub async fn challenge(&self, login: &str, password: &str, device: &str) -> Answer {
        let body =
            json!({ "login": login, "password": password, "device": { "id": device, "name": "A test" } });
        self.call("", Method::POST, "/v1/sign-in", body).await
    }

    pub async fn answer(&self, challenge: &Challenge, factor: FactorKind, code: &str) -> Answer {
        let path = format!("/v1/sign-in/{}/answer", challenge.id);
        self.call("", Method::POST, &path, json!({ "factor": factor, "code": code })).await
    }

    /// Signs in with the code from the mail.
    pub async fn sign_in(&self, login: &str, password: &str, device: &str) -> SessionGrant {
        let before = self.mails();
        let challenge: Challenge = self.challenge(login, password, device).await.json();
        let code = self.mailed_code(&before).await;
        self.answer(&challenge, FactorKind::Email, &code).await.json()
    }

    fn outbox(&self) -> Outbox {
        Outbox::of(self.folder.path())
    }

    /// Paths of all mails that have gone out.
    pub fn mails(&self) -> HashSet<PathBuf> {
        self.outbox().mails()
    }

    /// The next mail after those in `before` that holds `part`.
    pub async fn mail(&self, before: &HashSet<PathBuf>, part: &str) -> String {
        self.outbox().mail(before, part).await.unwrap()
    }

    pub async fn mailed_code(&self, before: &HashSet<PathBuf>) -> String {
        six_digits(&self.mail(before, "is your MailCup code").await).unwrap().to_owned()
    }

    /// Adds an admin with a role; signs them in.
    pub async fn admin(&self, owner: &str, login: &str, role: &str) -> SessionGrant {
        let body = json!({
            "login": login, "name": "Somebody", "email": login, "role": role, "password": PASSWORD,
        });
        let answer = self.call(owner, Method::POST, "/v1/admins", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        self.sign_in(login, PASSWORD, &format!("device-of-{role}")).await
    }

    /// Makes a key; answers its secret.
    pub async fn key(&self, owner: &str, scope: &str) -> String {
        let body = json!({ "name": scope, "scopes": [scope] });
        let answer = self.call(owner, Method::POST, "/v1/api-keys", body).await;
        answer.json::<Value>()["secret"].as_str().unwrap().to_owned()
    }
}

impl Answer {
    pub async fn of(response: Response<Body>) -> Self {
        let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (etag, retry_after) = (text(header::ETAG), text(header::RETRY_AFTER));
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Self { status, etag, retry_after, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub fn problem(&self) -> Problem {
        Problem::from(self.json::<ProblemDetails>())
    }

    pub fn code(&self) -> Code {
        self.problem().code
    }

    /// The field that is wrong.
    pub fn field(&self) -> String {
        match self.problem().details {
            Some(Details::Fields { fields }) => fields[0].field.clone(),
            other => panic!("{other:?}"),
        }
    }
}

/// Waits until a stream ends, whatever it still says before.
pub async fn ended(mut stream: BodyDataStream) {
    let end = async { while let Some(Ok(_)) = stream.next().await {} };
    tokio::time::timeout(Duration::from_secs(5), end).await.unwrap();
}

/// A request for setup with this token.
pub fn setup(token: &str) -> Value {
    json!({
        "token": token, "organization": "Example", "domains": ["Example.org"],
        "owner": { "login": "Olga@example.org", "name": "Olga", "email": LOGIN, "password": PASSWORD },
        "device": { "id": "owners-device", "name": "Desk" },
    })
}
