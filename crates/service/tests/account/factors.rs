//! Authenticators and recovery codes of accounts: added, used, refused, removed, reset.

use axum::http::{Method, StatusCode};
use data_encoding::BASE32_NOPAD;
use futures_util::future::join_all;
use mailcup_wire::{FactorCoverage, FactorKind, FactorPerson};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::support::{ANNA, BEN, Browser, ELSEWHERE, HOME, Page, Service};

const NEW: &str = "/account/authenticators/new";
const CONFIRM: &str = "/account/authenticators/confirm";
const REMOVE: &str = "/account/authenticators/remove";
pub const ANSWER: &str = "/sign-in/code";

/// Seconds of a time step.
const STEP: i64 = 30;

/// An authenticator app.
struct App(Vec<u8>);

/// What somebody has after setting an authenticator up.
struct SetUp {
    app: App,
    recovery_codes: Vec<String>,
    overview: Page,
}

impl App {
    fn scan(page: &Page) -> Self {
        let key = page.text.split("id=\"key\">").nth(1).unwrap().split('<').next().unwrap();
        Self(BASE32_NOPAD.decode(key.replace(' ', "").as_bytes()).unwrap())
    }

    /// The code that it shows so many steps from now.
    fn code(&self, service: &Service, steps: i64) -> String {
        let totp = Builder::new()
            .with_secret(Secret::from(self.0.as_slice()))
            .with_account_name("a")
            .build()
            .unwrap();
        let seconds = service.clock.now().as_millis() / 1000 + steps * STEP;
        totp.generate(u64::try_from(seconds).unwrap()).to_string()
    }
}

async fn set_up(service: &Service, browser: &mut Browser<'_>) -> SetUp {
    let page = browser.get(NEW).await;
    let page = browser.submit(&page, NEW, &[("name", "My <phone>")]).await;
    let (app, before) = (App::scan(&page), service.mails());
    let done = browser.submit(&page, CONFIRM, &[("code", &app.code(service, 0))]).await;
    assert_eq!(done.title(), "Your authenticator is set up", "{}", done.text);
    service.mail(&before, "was added").await;
    SetUp { app, recovery_codes: recovery_codes(&done), overview: browser.get("/account").await }
}

/// The codes that a page shows.
pub fn recovery_codes(page: &Page) -> Vec<String> {
    let codes = page.text.split("id=\"recovery-codes\"").nth(1).unwrap().split("</ul>").next().unwrap();
    codes.split("<li>").skip(1).map(|it| it.split('<').next().unwrap().to_owned()).collect()
}

/// Gives the password, and is asked for a second factor.
pub async fn asked(browser: &mut Browser<'_>, login: &str) -> Page {
    let asked = browser.give_password(login).await;
    assert_eq!(asked.location.as_deref(), Some(ANSWER), "{}", asked.text);
    browser.get(ANSWER).await
}

pub async fn answer(browser: &mut Browser<'_>, factor: &str, code: &str) -> Page {
    let page = browser.get(&format!("{ANSWER}?with={factor}")).await;
    browser.submit(&page, ANSWER, &[("factor", factor), ("code", code)]).await
}

pub fn is_in(page: &Page) -> bool {
    page.location.as_deref() == Some("/")
}

pub async fn say(service: &Service, login: &str, rule: Value) {
    service.reauthenticate().await;
    let body = json!({ "scope": { "kind": "account", "login": login }, "rule": rule, "confirm": true });
    let said = service.api(Method::PUT, "/v1/second-factors/policy", body).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.text);
}

pub async fn covered(service: &Service) -> FactorPerson {
    let path = "/v1/second-factors/coverage?text=anna@";
    let mut covered: FactorCoverage = service.api(Method::GET, path, Value::Null).await.json();
    covered.people.remove(0)
}

#[tokio::test]
async fn an_authenticator_is_set_up_with_a_code_and_then_asked_for() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    assert_eq!(covered(&service).await.factors, [FactorKind::Email]);
    let page = anna.get(NEW).await;
    let unnamed = anna.submit(&page, NEW, &[("name", "")]).await;
    assert!(unnamed.text.contains("A name has 1 to 120 characters"), "{}", unnamed.text);
    let begun = anna.submit(&page, NEW, &[("name", "My <phone>")]).await;
    assert!(begun.text.contains("<svg id=\"qr\" role=\"img\" aria-label="), "{}", begun.text);
    assert!(!begun.text.contains(" style=") && !begun.text.contains("<script"));
    let app = App::scan(&begun);
    assert_eq!(app.0.len(), 20);

    // A wrong code shows the same key again; until a right one it is asked for nowhere.
    let wrong = anna.submit(&begun, CONFIRM, &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(App::scan(&wrong).0, app.0);
    assert!(asked(&mut service.browser(HOME), ANNA).await.text.contains("was mailed to"));
    let before = service.mails();
    let done = anna.submit(&wrong, CONFIRM, &[("code", &app.code(&service, 0))]).await;
    assert_eq!(done.text.matches("<li>").count(), 10, "{}", done.text);
    service.mail(&before, "was added").await;
    let again = anna.submit(&wrong, CONFIRM, &[("code", &app.code(&service, 1))]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "it is confirmed already");
    let page = anna.get("/account").await;
    assert!(
        page.text.contains("My &lt;phone&gt;") && page.text.contains("10 of them are left"),
        "{}",
        page.text
    );
    assert!(
        page.text.contains("none is taken while you have a passkey or an authenticator"),
        "{}",
        page.text
    );
    let person = covered(&service).await;
    assert_eq!(person.factors, [FactorKind::Authenticator, FactorKind::RecoveryCode]);
    assert!(!person.own_mailbox);

    // The step that set it up signs nobody in; the next one does, and no mail is sent.
    let before = service.mails();
    let mut second = service.browser(ELSEWHERE);
    let page = asked(&mut second, ANNA).await;
    assert!(
        page.text.contains("your authenticator shows now") && !page.text.contains("mailed"),
        "{}",
        page.text
    );
    let replayed = answer(&mut second, "authenticator", &app.code(&service, 0)).await;
    assert_eq!(replayed.status, StatusCode::FORBIDDEN);
    let early = answer(&mut second, "authenticator", &app.code(&service, 2)).await;
    assert!(early.text.contains("You have one try left."), "{}", early.text);
    assert!(is_in(&answer(&mut second, "authenticator", &app.code(&service, 1)).await));
    assert_eq!(service.mails(), before);
    service.close().await;
}

#[tokio::test]
async fn a_code_is_taken_once_of_whoever_sends_it_at_the_same_time() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let SetUp { app, recovery_codes, .. } = set_up(&service, &mut anna).await;
    service.advance(STEP);
    for (factor, code) in
        [("authenticator", app.code(&service, 0)), ("recovery_code", recovery_codes[0].clone())]
    {
        // An account has a handful of attempts at a time; the oldest give way.
        service.advance(1);
        let mut browsers: Vec<_> = (0..4).map(|_| service.browser(HOME)).collect();
        for browser in &mut browsers {
            asked(browser, ANNA).await;
        }
        let answers = join_all(browsers.iter_mut().map(|browser| answer(browser, factor, &code))).await;
        assert_eq!(answers.iter().filter(|page| is_in(page)).count(), 1, "{factor}");
    }
    service.close().await;
}

#[tokio::test]
async fn three_tries_end_a_sign_in_however_many_are_sent_at_once() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let SetUp { app, .. } = set_up(&service, &mut anna).await;
    service.advance(STEP);
    let mut thief = service.browser(ELSEWHERE);
    asked(&mut thief, ANNA).await;
    let mut copies: Vec<_> = (0..10).map(|_| service.browser(ELSEWHERE)).collect();
    for copy in &mut copies {
        copy.cookies.clone_from(&thief.cookies);
    }
    let form = thief.get(ANSWER).await.form(ANSWER);
    let tries = copies.iter_mut().enumerate().map(|(n, copy)| {
        let factor = if n % 2 == 0 { "authenticator" } else { "recovery_code" };
        let form = form.clone();
        async move { copy.send_form(&form, &[("factor", factor), ("code", "000000")]).await }
    });
    let answers = join_all(tries).await;
    assert!(answers.iter().filter(|page| page.text.contains("The code is wrong.")).count() <= 2);
    // The right code comes too late.
    let late = thief.send_form(&form, &[("factor", "authenticator"), ("code", &app.code(&service, 0))]).await;
    assert_eq!(late.title(), "This sign-in is over", "{}", late.text);
    service.close().await;
}

#[tokio::test]
async fn a_recovery_code_works_once_for_its_account_and_new_ones_replace_it() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let mut ben = service.signed_in(BEN, HOME).await;
    let of_anna = set_up(&service, &mut anna).await.recovery_codes;
    let of_ben = set_up(&service, &mut ben).await.recovery_codes;
    let mut browser = service.browser(HOME);
    asked(&mut browser, ANNA).await;
    assert_eq!(answer(&mut browser, "recovery_code", &of_ben[0]).await.status, StatusCode::FORBIDDEN);
    let typed = of_anna[0].to_uppercase().replace('-', " ");
    assert!(is_in(&answer(&mut browser, "recovery_code", &typed).await));
    let mut browser = service.browser(HOME);
    asked(&mut browser, ANNA).await;
    assert_eq!(answer(&mut browser, "recovery_code", &of_anna[0]).await.status, StatusCode::FORBIDDEN);

    let page = anna.get("/account/recovery-codes").await;
    let before = service.mails();
    let renewed = anna.submit(&page, "/account/recovery-codes", &[]).await;
    assert_eq!(renewed.text.matches("<li>").count(), 10);
    service.mail(&before, "New recovery codes were made").await;
    assert_eq!(answer(&mut browser, "recovery_code", &of_anna[1]).await.status, StatusCode::FORBIDDEN);
    service.close().await;
}

#[tokio::test]
async fn a_code_into_the_very_mailbox_is_none_for_who_has_an_authenticator() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    set_up(&service, &mut anna).await;
    let before = service.mails();
    let mut browser = service.browser(HOME);
    let page = asked(&mut browser, ANNA).await;
    let mut form = page.form(ANSWER);
    let refused = browser.send_form(&form, &[("factor", "email"), ("code", "123456")]).await;
    assert!(refused.text.contains("Choose another way"), "{}", refused.text);
    "/sign-in/resend".clone_into(&mut form.action);
    assert!(browser.send_form(&form, &[]).await.text.contains("Choose another way"));
    assert_eq!(service.mails(), before);

    // Outside of it, it is another way.
    let notices = json!({ "mode": null, "zone": null, "address": "anna@elsewhere.example", "last_sent_at": null, "version": 0 });
    let set = service.api(Method::PUT, &format!("/v1/accounts/{ANNA}/notices"), notices).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    asked(&mut browser, ANNA).await;
    assert_eq!(service.mails(), before, "none is mailed before it is wanted");
    let page = browser.get("/sign-in/code?with=email").await;
    let sent = browser.submit(&page, "/sign-in/resend", &[]).await;
    assert_eq!(sent.location.as_deref(), Some("/sign-in/code?with=email"), "{}", sent.text);
    let mail = service.mail(&before, "is your code for").await;
    let code = crate::support::code_in(&mail);
    assert!(is_in(&answer(&mut browser, "email", code).await));
    service.close().await;
}

#[tokio::test]
async fn the_last_factor_stays_while_the_policy_requires_one_and_an_owner_resets_it() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let mut ben = service.signed_in(BEN, HOME).await;
    let SetUp { app, overview, .. } = set_up(&service, &mut anna).await;
    let remove = overview.text.split(&format!("href=\"{REMOVE}")).nth(1).unwrap().split('"').next().unwrap();
    let remove = format!("{REMOVE}{remove}");
    assert_eq!(ben.get(&remove).await.status, StatusCode::NOT_FOUND, "it is Anna's alone");
    let required = json!({
        "require": "required", "from": "2026-01-01T00:00:00Z", "grace_days": 1, "outside_address": true,
    });
    say(&service, ANNA, required).await;
    // An authenticator is what it takes.
    assert!(covered(&service).await.lacks.is_none());
    service.advance(600);
    let mut second = service.browser(ELSEWHERE);
    asked(&mut second, ANNA).await;
    assert!(is_in(&answer(&mut second, "authenticator", &app.code(&service, 0)).await));

    let page = anna.open_anew(ANNA, &remove).await;
    assert!(
        page.title() == "Remove an authenticator?" && page.text.contains("It is the only one that you have"),
        "{}",
        page.text
    );
    let refused = anna.submit(&page, REMOVE, &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert!(anna.get("/account").await.text.contains("10 of them are left"));
    assert_eq!(anna.send_form_without_origin(&page.form(REMOVE), &[]).await.status, StatusCode::FORBIDDEN);
    say(&service, ANNA, json!({ "require": "optional" })).await;
    let before = service.mails();
    assert!(anna.submit(&page, REMOVE, &[]).await.location.is_some());
    service.mail(&before, "was removed").await;
    assert_eq!(covered(&service).await.factors, [FactorKind::Email], "recovery codes went with it");

    // What an owner of the service takes away: the factors and every session.
    set_up(&service, &mut anna).await;
    let path = format!("/v1/accounts/{ANNA}/factors");
    service.advance(700);
    let stale = service.api(Method::DELETE, &path, Value::Null).await;
    assert!(stale.text.contains("reauthentication_required"), "{}", stale.text);
    service.reauthenticate().await;
    let before = service.mails();
    let reset = service.api(Method::DELETE, &path, Value::Null).await;
    assert_eq!(reset.status, StatusCode::NO_CONTENT, "{}", reset.text);
    service.mail(&before, "has taken away the authenticators").await;
    assert!(!anna.is_in().await && !second.is_in().await && ben.is_in().await);
    assert_eq!(covered(&service).await.factors, [FactorKind::Email]);
    let nobody = service.api(Method::DELETE, "/v1/accounts/nobody@example.org/factors", Value::Null).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    service.close().await;
}
