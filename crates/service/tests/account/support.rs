//! A service without listeners whose clock stands, a double of Dovecot's auth socket, and browsers.

use std::{
    collections::{BTreeMap, HashSet},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::Extension,
    http::{HeaderMap, Method, Request, Response, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use mailcup_lab::outbox::{Outbox, six_digits};
use mailcup_service::{
    app::{App, Limits},
    cli::Serve,
    clock::Clock,
    config::{Config, PolicyAddress},
    http::{self, client::Peer},
};
use mailcup_wire::{Challenge, SetupDone, Time};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixListener,
    task::JoinHandle,
};
use tower::ServiceExt as _;

/// No rules of clients lie beside tests: a browser goes by its own words.
pub const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
pub const ANNA: &str = "anna@example.org";
pub const BEN: &str = "ben@example.org";
pub const HOME: &str = "198.51.100.5";
pub const ELSEWHERE: &str = "203.0.113.9";
pub const SESSION: &str = "__Host-mailcup-session";

const PASSWORD: &str = "a long password for the owner";

pub struct Service {
    pub app: Arc<App>,
    pub clock: Clock,
    private: Router,
    public: Router,
    owner: String,
    folder: TempDir,
    tasks: Vec<JoinHandle<()>>,
}

pub struct Browser<'a> {
    service: &'a Service,
    address: IpAddr,
    pub cookies: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub location: Option<String>,
    pub headers: HeaderMap,
    pub text: String,
}

/// A form of a page.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

/// The account's password is its login backwards.
pub fn password(login: &str) -> String {
    login.chars().rev().collect()
}

impl Service {
    pub async fn start() -> Self {
        Self::start_at("https://mail.example.org").await
    }

    /// With its pages at this address.
    pub async fn start_at(public_url: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let dovecot = folder.path().join("auth");
        let listener = UnixListener::bind(&dovecot).unwrap();
        let clock = Clock::fixed("2026-11-24T08:00:00Z".parse().map(Time).unwrap());
        let mut config = Config::read(&Serve::default(), []).unwrap();
        config.data_dir = folder.path().join("data");
        config.sessions_without_key = true;
        config.dovecot_auth_socket = Some(PolicyAddress::Unix(dovecot));
        config.allowed_hosts = vec!["mail.example.org".to_owned()];
        config.public_url = Some(public_url.parse().unwrap());
        let app = App::open(config, clock.clone(), Limits::default(), None).await.unwrap();
        let (outbox, stop) = (Arc::clone(&app.outbox), app.stop.clone());
        let tasks = vec![
            tokio::spawn(async move { outbox.run(stop).await }),
            tokio::spawn(answer_as_dovecot(listener)),
        ];
        let peer = Peer { address: SocketAddr::from(([127, 0, 0, 1], 1)), tls: false };
        let (private, public) = (http::private(&app).layer(Extension(peer)), http::public(&app));
        let mut service = Self { app, clock, private, public, owner: String::new(), folder, tasks };
        let token = service.app.setup_token.get().unwrap().token().expose_secret().to_owned();
        let done: SetupDone = service.api(Method::POST, "/v1/setup", setup(&token)).await.json();
        service.owner = done.grant.token;
        for login in [ANNA, BEN] {
            service.api(Method::POST, "/v1/accounts", json!({ "login": login, "name": "" })).await;
        }
        service
    }

    /// What the owner of the service asks of its API; what they write begins from what is there.
    pub async fn api(&self, method: Method, path: &str, body: Value) -> Page {
        let mut request = Request::builder().method(&method).uri(path).header(header::HOST, "localhost");
        if !self.owner.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.owner));
        }
        if method == Method::PUT {
            let now = Box::pin(self.api(Method::GET, path, Value::Null)).await;
            if let Some(tag) = now.headers.get(header::ETAG) {
                request = request.header(header::IF_MATCH, tag);
            }
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap();
        Page::of(self.private.clone().oneshot(request).await.unwrap()).await
    }

    /// The owner of the service gives password and second factor once more.
    pub async fn reauthenticate(&self) {
        let before = self.mails();
        let password = json!({ "password": PASSWORD });
        let asked = self.api(Method::POST, "/v1/me/reauthentication", password).await;
        let challenge: Challenge = asked.json();
        let mail = self.mail(&before, "is your MailCup code").await;
        let path = format!("/v1/me/reauthentication/{}/answer", challenge.id);
        let answer = json!({ "factor": "email", "code": code_in(&mail) });
        assert_eq!(self.api(Method::POST, &path, answer).await.status, StatusCode::NO_CONTENT);
    }

    pub fn browser(&self, address: &str) -> Browser<'_> {
        Browser { service: self, address: address.parse().unwrap(), cookies: BTreeMap::new() }
    }

    /// A browser in which an account is signed in, with a mailed code.
    pub async fn signed_in(&self, login: &str, address: &str) -> Browser<'_> {
        self.signed_in_with(self.browser(address), login).await
    }

    /// The same in a browser that has cookies.
    pub async fn signed_in_with<'a>(&'a self, mut browser: Browser<'a>, login: &str) -> Browser<'a> {
        let before = self.mails();
        let asked = browser.give_password(login).await;
        assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);
        let mail = self.mail(&before, "is your code for").await;
        let page = browser.get("/sign-in/code").await;
        let done = browser.submit(&page, "/sign-in/code", &[("code", code_in(&mail))]).await;
        assert_eq!(done.location.as_deref(), Some("/"), "{}", done.text);
        browser
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.set(Time::from_millis(self.clock.now().as_millis() + seconds * 1000));
    }

    fn outbox(&self) -> Outbox {
        Outbox::of(&self.folder.path().join("data"))
    }

    /// Paths of all mails that have gone out.
    pub fn mails(&self) -> HashSet<PathBuf> {
        self.outbox().mails()
    }

    /// The next mail after those in `before` that holds `part`.
    pub async fn mail(&self, before: &HashSet<PathBuf>, part: &str) -> String {
        self.outbox().mail(before, part).await.unwrap()
    }

    pub async fn close(self) {
        self.app.close().await.unwrap();
        for task in self.tasks {
            task.abort();
        }
    }
}

impl Browser<'_> {
    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, None, true).await
    }

    /// Sends the page's form of this action with these fields.
    pub async fn submit(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        self.send_form(&page.form(action), fields).await
    }

    pub async fn send_form(&mut self, form: &Form, fields: &[(&str, &str)]) -> Page {
        let (action, body) = (form.action.clone(), encoded(form, fields));
        self.send(Method::POST, &action, Some(body), true).await
    }

    /// The same from a page that does not say where it is.
    pub async fn send_form_without_origin(&mut self, form: &Form, fields: &[(&str, &str)]) -> Page {
        let (action, body) = (form.action.clone(), encoded(form, fields));
        self.send(Method::POST, &action, Some(body), false).await
    }

    /// Types an account's right password.
    pub async fn give_password(&mut self, login: &str) -> Page {
        let page = self.get("/sign-in").await;
        self.submit(&page, "/sign-in", &[("login", login), ("password", &password(login))]).await
    }

    /// Opens a page that needs the password once more, and gives it.
    pub async fn open_anew(&mut self, login: &str, path: &str) -> Page {
        let asked = self.get(path).await;
        let there = asked.location.unwrap_or_else(|| panic!("{}", asked.text));
        assert!(there.starts_with("/account/password?return="), "{there}");
        let page = self.get(&there).await;
        let on = self.submit(&page, "/account/password", &[("password", &password(login))]).await;
        assert_eq!(on.location.as_deref(), Some(path), "{}", on.text);
        self.get(path).await
    }

    /// Whether it is signed in.
    pub async fn is_in(&mut self) -> bool {
        self.get("/account").await.status == StatusCode::OK
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<String>, has_origin: bool) -> Page {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "mail.example.org")
            .header(header::USER_AGENT, AGENT)
            .header(header::ACCEPT_LANGUAGE, "en");
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if has_origin {
                request = request.header(header::ORIGIN, "https://mail.example.org");
            }
        }
        let mut request = request.body(body.map_or_else(Body::empty, Body::from)).unwrap();
        request.extensions_mut().insert(Peer { address: SocketAddr::new(self.address, 1), tls: true });
        let page = Page::of(self.service.public.clone().oneshot(request).await.unwrap()).await;
        for cookie in page.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
            }
        }
        page
    }
}

impl Page {
    pub async fn of(response: Response<Body>) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let location = headers.get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Self { status, location, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn title(&self) -> &str {
        self.text.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap_or_default()
    }

    pub fn forms(&self) -> Vec<Form> {
        let forms = self.text.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap());
        let read = |form: &str| {
            let hidden = form.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
            Form {
                action: attribute(form, "action"),
                fields: hidden.map(|it| (attribute(it, "name"), attribute(it, "value"))).collect(),
            }
        };
        forms.map(read).collect()
    }

    /// The first attribute of this name.
    pub fn attribute(&self, name: &str) -> String {
        attribute(&self.text, name)
    }

    /// The first form of this action.
    pub fn form(&self, action: &str) -> Form {
        let form = self.forms().into_iter().find(|form| form.action == action);
        form.unwrap_or_else(|| panic!("no form for {action}: {}", self.text))
    }
}

impl Form {
    pub fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str()).unwrap()
    }
}

/// The code in a mail.
pub fn code_in(mail: &str) -> &str {
    six_digits(mail).unwrap_or_else(|| panic!("no code: {mail}"))
}

fn encoded(form: &Form, fields: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    let own = form.fields.iter().filter(|(name, _)| fields.iter().all(|(given, _)| given != name));
    text.extend_pairs(own);
    text.extend_pairs(fields);
    text.finish()
}

fn attribute(text: &str, name: &str) -> String {
    let value = text.split(&format!("{name}=\"")).nth(1).and_then(|it| it.split('"').next());
    value.unwrap_or_default().replace("&quot;", "\"").replace("&amp;", "&")
}

/// Says yes to a password that is its login backwards.
async fn answer_as_dovecot(listener: UnixListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let (read, mut write) = stream.into_split();
            write.write_all(b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nDONE\n").await.unwrap();
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let Some((_, resp)) = line.split_once("resp=") else { continue };
                let plain = String::from_utf8(BASE64.decode(resp).unwrap()).unwrap();
                let mut parts = plain.split('\0').skip(1);
                let (login, given) = (parts.next().unwrap(), parts.next().unwrap());
                let answer = if given == password(login) {
                    format!("OK\t1\tuser={login}\n")
                } else {
                    format!("FAIL\t1\tuser={login}\n")
                };
                write.write_all(answer.as_bytes()).await.unwrap();
            }
        });
    }
}

fn setup(token: &str) -> Value {
    json!({
        "token": token, "organization": "Example", "domains": ["example.org"],
        "owner": {
            "login": "olga@example.org", "name": "Olga", "email": "olga@example.org",
            "password": PASSWORD,
        },
        "device": { "id": "owners-device", "name": "Desk" },
    })
}
