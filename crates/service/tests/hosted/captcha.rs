//! The captcha of the sign-in, with a real Dovecot for the password.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use mailcup_wire::{Outcome, ReasonCode};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::{Browser, DEVICE, ELSEWHERE, HOME, Page, SIGN_IN, Stage};

/// Failures of a network at an account, from which on a captcha is asked for.
const FAILURES: usize = 3;

impl Page {
    pub fn asks_for_a_captcha(&self) -> bool {
        ["data-challenge=", "name=\"letters\"", "data-sitekey="].iter().any(|it| self.text.contains(it))
    }

    /// Its proof of work, solved.
    pub fn solution(&self) -> String {
        let challenge = self.text.split("data-challenge=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut challenge: Value =
            serde_json::from_str(&challenge.replace("&quot;", "\"").replace("&amp;", "&")).unwrap();
        let text = |name: &str| challenge[name].as_str().unwrap().to_owned();
        let (salt, wanted) =
            (text("salt"), data_encoding::HEXLOWER.decode(text("challenge").as_bytes()).unwrap());
        let most = challenge["maxnumber"].as_u64().unwrap();
        let solves = |number: &u64| Sha256::digest(format!("{salt}{number}")).as_slice() == wanted;
        challenge["number"] = (0..=most).find(solves).unwrap().into();
        BASE64.encode(challenge.to_string())
    }

    fn keeps_login(&self, login: &str) -> bool {
        self.text.contains(&format!("value=\"{login}\""))
    }
}

/// Fails until a captcha is asked for; answers the page that asks.
async fn provoke(browser: &mut Browser, login: &str) -> Page {
    let mut page = browser.get("/sign-in").await;
    for _ in 0..FAILURES {
        assert!(!page.asks_for_a_captcha());
        page = browser.submit(&page, "/sign-in", &[("login", login), ("password", "wrong")]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
    }
    assert!(page.asks_for_a_captcha(), "{}", page.text);
    page
}

#[tokio::test]
async fn a_captcha_is_asked_for_after_failures_and_no_request_skips_it() {
    let stage = Stage::set().await;
    let account = stage.servers.account("anna").clone();
    let (login, password) = (account.login.as_str(), account.password.as_str());
    let mut thief = stage.browser(ELSEWHERE);
    let page = provoke(&mut thief, login).await;
    assert!(page.keeps_login(login) && !page.text.contains("value=\"wrong\""), "{}", page.text);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("; script-src 'self'; worker-src 'self'; img-src data:"), "{policy}");
    assert!(!page.text.contains("://"), "nothing comes from elsewhere");
    assert_eq!(stage.outcomes("anna").await, [Outcome::Failed; FAILURES]);

    // The right password, but no captcha: by the form without it, and with words that it does not know.
    let fields = [("login", login), ("password", password)];
    for extra in [None, Some(("altcha", "e30=")), Some(("captcha", "none")), Some(("letters", "ABCDEF"))] {
        let fields: Vec<_> = fields.into_iter().chain(extra).collect();
        let refused = thief.submit(&page, "/sign-in", &fields).await;
        assert_eq!((refused.status, refused.location.as_deref()), (StatusCode::FORBIDDEN, None), "{extra:?}");
        assert!(refused.asks_for_a_captcha() && refused.keeps_login(login));
    }
    let events = stage.sign_ins("anna").await;
    let codes: Vec<_> = events.iter().skip(FAILURES).map(|it| (it.outcome, it.reasons[0].code)).collect();
    let (asked, wrong) =
        ((Outcome::Refused, ReasonCode::CaptchaAsked), (Outcome::Refused, ReasonCode::CaptchaWrong));
    assert_eq!(codes, [asked, wrong, asked, wrong]);
    let text = &events[FAILURES].reasons[0].text;
    assert!(text.contains("3 sign-ins from this network to this account failed within an hour."), "{text}");

    // Another account does not suffer, nor does another network at this one.
    let mut anna = stage.browser(HOME);
    assert!(!anna.get("/sign-in").await.asks_for_a_captcha());
    let asked = stage.give_password(&mut anna, "anna", "/").await;
    assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);

    // Solved, the password is looked at: once.
    let page = thief.submit(&page, "/sign-in", &fields).await;
    let solution = page.solution();
    let with =
        |password: &'static str| [("login", login), ("password", password), ("altcha", solution.as_str())];
    let failed = thief.submit(&page, "/sign-in", &with("wrong")).await;
    assert!(failed.text.contains("Login or password is wrong."), "{}", failed.text);
    assert!(failed.asks_for_a_captcha());
    let used = thief.submit(&page, "/sign-in", &with("wrong")).await;
    assert!(!used.text.contains("Login or password is wrong."), "{}", used.text);
    let last = stage.sign_ins("anna").await.pop().unwrap();
    assert!(last.reasons[0].text.contains("used before"), "{:?}", last.reasons);
}

#[tokio::test]
async fn a_solution_is_of_its_browser_and_opens_the_way_for_the_right_password() {
    let stage = Stage::set().await;
    let account = stage.servers.account("ben").clone();
    let (login, password) = (account.login.as_str(), account.password.as_str());
    let mut ben = stage.browser(HOME);
    let page = provoke(&mut ben, login).await;
    let solution = page.solution();
    let fields = [("login", login), ("password", password), ("altcha", solution.as_str())];

    let mut other = stage.browser(HOME);
    let others = other.get("/sign-in").await;
    assert_ne!(other.cookies[SIGN_IN], ben.cookies[SIGN_IN]);
    let foreign = other.submit(&others, "/sign-in", &fields).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert!(stage.sign_ins("ben").await.pop().unwrap().reasons[0].text.contains("none of ours"));

    let asked = ben.submit(&page, "/sign-in", &fields).await;
    assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);
    let page = ben.get("/sign-in/code").await;
    let done = ben.submit(&page, "/sign-in/code", &[("code", &stage.code("ben", 1).await)]).await;
    assert_eq!(done.location.as_deref(), Some("/"));

    // Whoever got in is trusted again there.
    let mut again = stage.browser(HOME);
    let asked = stage.give_password(&mut again, "ben", "/").await;
    assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_asked_for_a_captcha_alike() {
    let stage = Stage::set().await;
    let texts = async |login: &str| {
        let mut browser = stage.browser(HOME);
        let page = provoke(&mut browser, login).await;
        let next = browser.submit(&page, "/sign-in", &[("login", login), ("password", "wrong")]).await;
        let said = |page: &Page| {
            page.text.split("role=\"alert\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
        };
        (next.status, said(&page), said(&next))
    };
    assert_eq!(texts("clara@example.org").await, texts("nobody@example.org").await);
}

#[tokio::test]
async fn what_strangers_try_brings_a_verified_browser_no_captcha() {
    let stage = Stage::set().await;
    let mut anna = stage.browser(HOME);
    let page = stage.sign_in(&mut anna, "anna", "/").await;
    assert_eq!(page.location.as_deref(), Some("/"), "{}", page.text);
    let device = anna.cookies[DEVICE].clone();
    // Ten failures at her account, never three of one network.
    for last in 20..25 {
        let mut thief = stage.browser(&format!("127.0.{last}.1"));
        for _ in 0..2 {
            stage.give(&mut thief, "anna", "wrong", "/").await;
        }
    }
    let asked = stage.give_password(&mut stage.browser("127.0.30.1"), "anna", "/").await;
    assert!(asked.status == StatusCode::FORBIDDEN && asked.asks_for_a_captcha(), "{}", asked.text);
    // Nobody else's browser is spared, nor one whose cookie is forged.
    let mut ben = stage.browser("127.0.31.1");
    stage.sign_in(&mut ben, "ben", "/").await;
    let forged = format!("{}0", &device[..device.len() - 1]);
    for cookie in [&ben.cookies[DEVICE], &forged] {
        let mut other = stage.browser("127.0.32.1");
        other.cookies.insert(DEVICE.to_owned(), cookie.clone());
        let asked = stage.give_password(&mut other, "anna", "/").await;
        assert!(asked.asks_for_a_captcha(), "{cookie}: {}", asked.text);
    }
    let mut known = stage.browser("127.0.33.1");
    known.cookies.insert(DEVICE.to_owned(), device);
    let on = stage.give_password(&mut known, "anna", "/").await;
    assert_eq!(on.location.as_deref(), Some("/sign-in/code"), "{}", on.text);
}

#[tokio::test]
async fn a_machine_is_asked_at_once_and_a_password_manager_is_not() {
    let stage = Stage::set().await;
    for tool in ["curl/8.5.0", "python-requests/2.32"] {
        let mut machine = stage.browser(ELSEWHERE);
        machine.headers = vec![("user-agent", tool.to_owned())];
        let page = machine.get("/sign-in").await;
        assert!(page.asks_for_a_captcha(), "{tool}");
    }
    // It fills the form and sends it within a moment; a form that does not say when it was given counts as such.
    let account = stage.servers.account("anna").clone();
    let at_once = async |has_language: bool| {
        let mut browser = stage.browser(HOME);
        browser.has_language = has_language;
        let page = browser.get("/sign-in").await;
        let fields = [("login", account.login.as_str()), ("password", &account.password), ("given", "")];
        browser.submit(&page, "/sign-in", &fields).await
    };
    let asked = at_once(true).await;
    assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);
    let asked = at_once(false).await;
    assert!(asked.status == StatusCode::FORBIDDEN && asked.asks_for_a_captcha(), "{}", asked.text);
}

#[tokio::test]
async fn without_a_script_there_is_a_picture_and_another_one() {
    let stage = Stage::set().await;
    let login = "anna@example.org";
    let mut anna = stage.browser(HOME);
    let page = provoke(&mut anna, login).await;
    let ticket = |page: &Page| page.hidden().into_iter().find(|(name, _)| name == "ticket").unwrap().1;
    let png = page.text.split("data:image/png;base64,").nth(1).unwrap().split('"').next().unwrap();
    assert!(BASE64.decode(png).unwrap().starts_with(b"\x89PNG"));
    assert!(page.text.contains("<noscript>"));

    let fields = [("login", login), ("password", ""), ("another", "picture")];
    let other = anna.submit(&page, "/sign-in", &fields).await;
    assert_eq!(other.status, StatusCode::OK);
    assert!(other.keeps_login(login) && other.text.contains("name=\"letters\""), "{}", other.text);
    assert_ne!(ticket(&other), ticket(&page));
    let policy = other.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("img-src data:") && !policy.contains("script-src"), "{policy}");
    assert_eq!(stage.outcomes("anna").await.len(), FAILURES, "another picture is no attempt");

    // Each picture is for one answer.
    let fields = [("login", login), ("password", "x"), ("letters", "no no no")];
    for wanted in ["it was wrong", "used before"] {
        let wrong = anna.submit(&other, "/sign-in", &fields).await;
        assert!(wrong.status == StatusCode::FORBIDDEN && wrong.keeps_login(login), "{}", wrong.text);
        let last = stage.sign_ins("anna").await.pop().unwrap();
        assert!(last.reasons[0].text.contains(wanted), "{:?}", last.reasons);
    }
}

#[tokio::test]
async fn a_providers_captcha_stands_beside_ours_and_gives_way_to_it() {
    // A provider's double that believes one token, until it is gone.
    let double = Double::run("turnstile").await;
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set_with(double.settings(folder.path())).await;
    let account = stage.servers.account("anna").clone();
    let (login, password) = (account.login.as_str(), account.password.as_str());
    let mut anna = stage.browser(HOME);
    let calm = anna.get("/sign-in").await;
    assert!(!calm.headers["content-security-policy"].to_str().unwrap().contains("cloudflare"));
    let page = provoke(&mut anna, login).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    for part in [
        "script-src 'self' https://challenges.cloudflare.com;",
        "frame-src https://challenges.cloudflare.com",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(page.text.contains("class=\"cf-turnstile\" data-sitekey=\"1x00000000000000000000AA\""));

    let with =
        |token: &'static str| [("login", login), ("password", password), ("cf-turnstile-response", token)];
    let refused = anna.submit(&page, "/sign-in", &with("another token")).await;
    assert!(
        refused.status == StatusCode::FORBIDDEN && refused.text.contains("cf-turnstile"),
        "{}",
        refused.text
    );
    let let_on = anna.submit(&page, "/sign-in", &with(TOKEN)).await;
    assert_eq!(let_on.location.as_deref(), Some("/sign-in/code"), "{}", let_on.text);
    let asked = double.heard.lock().unwrap().pop().unwrap();
    assert_eq!(asked, format!("secret=a+secret&response={TOKEN}&remoteip={HOME}"));

    // Ours is always there, and is what is asked for once the provider is away.
    let mut ben = stage.browser(ELSEWHERE);
    let page = provoke(&mut ben, login).await;
    let ours = ben.get("/sign-in?captcha=embedded").await;
    assert!(ours.text.contains("data-challenge=") && !ours.text.contains("cf-turnstile"));
    double.end();
    let fallen = ben.submit(&page, "/sign-in", &with(TOKEN)).await;
    assert_eq!(fallen.status, StatusCode::FORBIDDEN);
    assert!(
        fallen.text.contains("data-challenge=") && !fallen.text.contains("cf-turnstile"),
        "{}",
        fallen.text
    );
    let said = stage.sign_ins("anna").await.pop().unwrap().reasons[0].text.clone();
    assert!(said.contains("can't be reached") && !said.contains("a secret"), "{said}");
    let solution = fallen.solution();
    let fields = [("login", login), ("password", password), ("altcha", solution.as_str())];
    let let_on = ben.submit(&fallen, "/sign-in", &fields).await;
    assert_eq!(let_on.location.as_deref(), Some("/sign-in/code"), "{}", let_on.text);
}

/// The token that the double believes.
pub const TOKEN: &str = "XXXX.DUMMY.TOKEN.XXXX";

/// A provider's `siteverify`, as it publishes it.
pub struct Double {
    provider: &'static str,
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Double {
    pub async fn run(provider: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/siteverify", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let hears = Arc::clone(&heard);
        let answer = async move |body: String| {
            let is_right = body.contains(&format!("response={TOKEN}&"));
            hears.lock().unwrap().push(body);
            let no = json!({ "success": false, "error-codes": ["invalid-input-response"] });
            let mut yes = json!({ "success": true, "hostname": "mail.example.org", "error-codes": [] });
            if provider == "recaptcha_v3" {
                yes["action"] = "sign_in".into();
                yes["score"] = 0.9.into();
            }
            // A connection that is kept would outlive the listener.
            ([(header::CONNECTION, "close")], axum::Json(if is_right { yes } else { no }))
        };
        let router = axum::Router::new().route("/siteverify", axum::routing::post(answer));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { provider, url, heard, serving }
    }

    /// What the service is told of the provider, with its secret in this folder.
    pub fn settings(&self, folder: &Path) -> Vec<(String, String)> {
        let secret = folder.join("secret");
        fs::write(&secret, "a secret\n").unwrap();
        let settings = [
            ("MAILCUP_CAPTCHA_PROVIDER", self.provider),
            ("MAILCUP_CAPTCHA_SITE_KEY", "1x00000000000000000000AA"),
            ("MAILCUP_CAPTCHA_SECRET_FILE", secret.to_str().unwrap()),
            ("MAILCUP_CAPTCHA_VERIFY_URL", &self.url),
        ];
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Hears no more.
    fn end(&self) {
        self.serving.abort();
    }
}
