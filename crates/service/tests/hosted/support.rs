//! A webmail behind nginx as docs/web-sign-in.md sets it up, a mail server that checks passwords, and browsers.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use mailcup_lab::{
    free_port,
    mail_servers::{MailAccount, MailServers, MailServersConfig},
    nginx::Nginx,
    outbox::six_digits,
    service::{Api, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{EventBody, Outcome, Protocol, SignIn};
use reqwest::{Client, Response, StatusCode, header, redirect::Policy};
use serde_json::{Value, json};

pub const SOON: Duration = Duration::from_secs(20);
pub const HOME: &str = "127.0.0.5";
pub const ELSEWHERE: &str = "127.0.0.9";
pub const SIGN_IN: &str = "__Host-mailcup-sign-in";
pub const DEVICE: &str = "__Host-mailcup-device";
pub const SESSION: &str = "__Host-mailcup-session";

const GUIDE: &str = include_str!("../../../../docs/web-sign-in.md");

/// All parts, running.
pub struct Stage {
    pub servers: MailServers,
    pub service: Service,
    pub owner: Api,
    pub nginx: Nginx,
}

/// A browser: it keeps cookies, follows nothing by itself, and sends what it is told to.
pub struct Browser {
    client: Client,
    base: String,
    pub cookies: BTreeMap<String, String>,
    /// Sent with every request.
    pub headers: Vec<(&'static str, String)>,
    pub has_language: bool,
}

/// A page as a person sees it.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub location: Option<String>,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Stage {
    pub async fn set() -> Self {
        Self::set_with(Vec::new()).await
    }

    /// With more of the service's configuration, as environment variables.
    pub async fn set_with(more: Vec<(String, String)>) -> Self {
        Self::set_in(None, more).await
    }

    /// With its pages at a port of `localhost`, where browsers have passkeys without HTTPS; answers where.
    pub async fn set_at_localhost() -> (Self, String) {
        let port = free_port();
        let base = format!("http://localhost:{port}");
        let mut stage = Self::set_with(vec![("MAILCUP_PUBLIC_URL".to_owned(), base.clone())]).await;
        stage.nginx = start_nginx(&stage.service.endpoints().public, Some(port)).await;
        (stage, base)
    }

    /// With a service whose state lies there.
    pub async fn set_in(data_dir: Option<PathBuf>, more: Vec<(String, String)>) -> Self {
        Self::set_among(MailServersConfig::default().accounts, data_dir, more).await
    }

    /// The same, with these accounts.
    pub async fn set_among(
        accounts: Vec<MailAccount>,
        data_dir: Option<PathBuf>,
        more: Vec<(String, String)>,
    ) -> Self {
        let servers =
            MailServers::start(MailServersConfig { accounts, ..MailServersConfig::default() }).await.unwrap();
        let socket = format!("unix:{}", servers.auth_socket().display());
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut env = vec![
            variable("MAILCUP_WEB_SIGN_IN_DOVECOT_AUTH_SOCKET", &socket),
            variable("MAILCUP_HTTP_TRUSTED_PROXIES", "127.0.0.1/32"),
            variable("MAILCUP_PUBLIC_URL", "https://mail.example.org"),
        ];
        env.extend(more);
        let config = ServiceConfig {
            program: Some(env!("CARGO_BIN_EXE_mailcupd").into()),
            data_dir,
            env,
            ..ServiceConfig::default()
        };
        let service = Service::start(config).await.unwrap();
        let owner = service.set_up().await.unwrap();
        let relay = json!({
            "from": "mailcup@example.org",
            "relay": { "host": "127.0.0.1", "port": servers.ports().relay, "security": "none" },
        });
        let _: Value = owner.change(reqwest::Method::PUT, "/v1/settings/mail", &relay).await.unwrap();
        let nginx = start_nginx(&service.endpoints().public, None).await;
        Self { servers, service, owner, nginx }
    }

    /// A browser at an address.
    pub fn browser(&self, address: &str) -> Browser {
        let client = Client::builder()
            .redirect(Policy::none())
            .local_address(Some(address.parse().unwrap()))
            .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
            .build();
        Browser {
            client: client.unwrap(),
            base: format!("http://127.0.0.1:{}", self.nginx.port()),
            cookies: BTreeMap::new(),
            headers: Vec::new(),
            has_language: true,
        }
    }

    /// A browser at any address of the world, as a trusted proxy tells of it.
    pub fn world_browser(&self, address: &str) -> Browser {
        let (_, port) = self.service.endpoints().public.rsplit_once(':').unwrap();
        let mut browser = self.browser("127.0.0.1").at(port.parse().unwrap());
        browser.headers.push(("x-forwarded-for", address.to_owned()));
        browser
    }

    /// The newest mail to an account, once it has so many.
    pub async fn mail(&self, name: &str, count: usize) -> String {
        let arrived = async || Some(self.servers.mailbox(name)).filter(|mails| mails.len() >= count);
        wait::until("no mail came", SOON, arrived).await.unwrap().pop().unwrap()
    }

    /// The code in an account's n-th mail.
    pub async fn code(&self, name: &str, count: usize) -> String {
        code_in(&self.mail(name, count).await)
    }

    /// Signs in with password and code, and answers where that led.
    pub async fn sign_in(&self, browser: &mut Browser, name: &str, path: &str) -> Page {
        let mails = self.servers.mailbox(name).len();
        let asked = self.give_password(browser, name, path).await;
        assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);
        let page = browser.get("/sign-in/code").await;
        browser.submit(&page, "/sign-in/code", &[("code", &self.code(name, mails + 1).await)]).await
    }

    pub async fn give_password(&self, browser: &mut Browser, name: &str, path: &str) -> Page {
        let password = self.servers.account(name).password.clone();
        self.give(browser, name, &password, path).await
    }

    /// Types a password that may be a wrong one.
    pub async fn give(&self, browser: &mut Browser, name: &str, password: &str, path: &str) -> Page {
        let account = self.servers.account(name);
        let page = browser.get(&format!("/sign-in?return={path}")).await;
        let fields = [("login", account.login.as_str()), ("password", password)];
        browser.submit(&page, "/sign-in", &fields).await
    }

    /// What the log says of an account on the web.
    pub async fn sign_ins(&self, name: &str) -> Vec<SignIn> {
        self.over(name, Protocol::Web).await
    }

    /// What the log says of an account over a protocol.
    pub async fn over(&self, name: &str, protocol: Protocol) -> Vec<SignIn> {
        let login = &self.servers.account(name).login;
        let events = self.owner.all_events(None).await.unwrap();
        let sign_ins = events.into_iter().filter_map(|event| match event.body {
            EventBody::SignIn(it) => Some(it),
            _ => None,
        });
        sign_ins.filter(|it| it.login.0 == *login && it.protocol == protocol).collect()
    }

    pub async fn outcomes(&self, name: &str) -> Vec<Outcome> {
        self.sign_ins(name).await.iter().map(|it| it.outcome).collect()
    }
}

impl Browser {
    /// The same before another server.
    pub fn at(self, port: u16) -> Self {
        Self { base: format!("http://127.0.0.1:{port}"), ..self }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        let request = self.client.get(format!("{}{path}", self.base));
        self.send(request).await
    }

    /// Sends a form with these fields and the page's other hidden ones.
    pub async fn submit(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let mut all = page.hidden();
        all.retain(|(name, _)| fields.iter().all(|(own, _)| own != name));
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.post(action, &all).await
    }

    pub async fn post(&mut self, action: &str, fields: &[(String, String)]) -> Page {
        let request = self.client.post(format!("{}{action}", self.base)).header(header::ORIGIN, &self.base);
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(form.finish())).await
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder) -> Page {
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        if self.has_language {
            request = request.header(header::ACCEPT_LANGUAGE, "en");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        self.keep_cookies(&response);
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        Page {
            status: response.status(),
            location: header(header::LOCATION),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    fn keep_cookies(&mut self, response: &Response) {
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let is_bound =
                cookie.starts_with("__Host-") && cookie.contains("; Path=/; Secure; HttpOnly; SameSite=Lax");
            assert!(is_bound || cookie.starts_with("roundcube_"), "{cookie}");
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0") || value == "-del-" {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Page {
    /// Its first form's hidden fields.
    pub fn hidden(&self) -> Vec<(String, String)> {
        let form = self.text.split("<form").nth(1).unwrap_or_else(|| panic!("no form: {}", self.text));
        let form = form.split("</form>").next().unwrap();
        let inputs = form.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
        let part = |input: &str, name: &str| {
            let value = input.split(&format!("{name}=\"")).nth(1).and_then(|it| it.split('"').next());
            let value = value.unwrap_or_default();
            value.replace("&amp;", "&")
        };
        inputs.map(|input| (part(input, "name"), part(input, "value"))).collect()
    }

    pub fn title(&self) -> &str {
        self.text.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap_or_default()
    }
}

/// The code in a mail.
pub fn code_in(mail: &str) -> String {
    six_digits(mail).unwrap_or_else(|| panic!("no code: {mail}")).to_owned()
}

/// The guide's own configuration, with this test's port of the service.
pub fn guide(public: &str) -> String {
    let block = GUIDE.split("```nginx\n").nth(1).unwrap().split("```").next().unwrap();
    block.replace("127.0.0.1:8481", public)
}

/// The webmail tells what reaches it. nginx listens at another port, too, if that is given.
async fn start_nginx(public: &str, also: Option<u16>) -> Nginx {
    let block = guide(public);
    let also = also.map(|port| format!("listen 127.0.0.1:{port};")).unwrap_or_default();
    Nginx::start(|port, folder| {
        let webmail = format!("unix:{}/webmail", folder.display());
        let block = block.replace("http://127.0.0.1:8080", &format!("http://{webmail}"));
        format!(
            "server {{ listen 127.0.0.1:{port}; {also} {block} }}
             server {{ listen {webmail}; location / {{ default_type text/plain;
               return 200 \"mail of [$http_x_mailcup_account] at $request_uri\"; }} }}"
        )
    })
    .await
    .unwrap()
}
