//! Passkeys of accounts, made and used by a security key in software: added, used, refused, renamed, removed, reset.

use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use mailcup_lab::security_key::{SecurityKey, Signed, USER_PRESENT};
use mailcup_wire::{AuditPage, EventBody, EventPage, FactorKind, Outcome, SignIn};
use serde_json::{Value, json};

use crate::{
    factors::{ANSWER, answer, asked, covered, is_in, recovery_codes, say},
    support::{ANNA, BEN, Browser, ELSEWHERE, HOME, Page, Service},
};

const NEW: &str = "/account/passkeys/new";
const RENAME: &str = "/account/passkeys/rename";
const REMOVE: &str = "/account/passkeys/remove";
const SIGN: &str = "/sign-in/passkey";
const ORIGIN: &str = "https://mail.example.org";

/// Has device or browser say something else.
type Lie = fn(&mut SecurityKey);

fn key() -> SecurityKey {
    SecurityKey::before(ORIGIN).unwrap()
}

/// What a page asks the browser for.
fn options(page: &Page) -> Value {
    serde_json::from_str(&page.attribute("data-options")).unwrap()
}

async fn enrol(browser: &mut Browser<'_>, key: &mut SecurityKey, name: &str) -> Page {
    let page = browser.get(NEW).await;
    create(browser, &page, key, name).await
}

async fn create(browser: &mut Browser<'_>, page: &Page, key: &mut SecurityKey, name: &str) -> Page {
    let made = key.create(&options(page)).unwrap().fields();
    let mut fields: Vec<_> = made.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("name", name));
    browser.submit(page, NEW, &fields).await
}

async fn send(browser: &mut Browser<'_>, page: &Page, signed: &Signed) -> Page {
    let signed = signed.fields();
    let fields: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.submit(page, SIGN, &fields).await
}

/// Answers the sign-in that waits.
async fn sign(browser: &mut Browser<'_>, key: &mut SecurityKey) -> Page {
    let page = browser.get(ANSWER).await;
    let signed = key.sign(&options(&page)).unwrap();
    send(browser, &page, &signed).await
}

/// The path of a link in the list of factors.
async fn link(browser: &mut Browser<'_>, path: &str) -> String {
    let overview = browser.get("/account").await;
    let rest =
        overview.text.split(&format!("href=\"{path}")).nth(1).unwrap_or_else(|| panic!("{}", overview.text));
    format!("{path}{}", rest.split('"').next().unwrap())
}

/// The newest sign-in in the log.
async fn last_sign_in(service: &Service) -> SignIn {
    let page: EventPage = service.api(Method::GET, "/v1/events?limit=500", Value::Null).await.json();
    let sign_ins = page.events.into_iter().filter_map(|event| match event.body {
        EventBody::SignIn(sign_in) => Some((event.id.seq, sign_in)),
        _ => None,
    });
    sign_ins.max_by_key(|(seq, _)| *seq).unwrap().1
}

#[tokio::test]
async fn a_passkey_is_made_named_and_then_asked_for() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let page = anna.get(NEW).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("; script-src 'self'; worker-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(page.text.contains("<noscript><p>Passkeys need JavaScript"), "{}", page.text);
    let asked_for = options(&page);
    assert_eq!(asked_for["rp"]["id"], "mail.example.org");
    assert_eq!((&asked_for["attestation"], &asked_for["excludeCredentials"]), (&json!("none"), &json!([])));
    assert_eq!(asked_for["authenticatorSelection"]["userVerification"], "preferred");
    assert!(!asked_for["user"]["id"].as_str().unwrap().contains("anna"));

    let (mut laptop, before) = (key(), service.mails());
    let done = create(&mut anna, &page, &mut laptop, "My <laptop>").await;
    assert_eq!((done.title(), recovery_codes(&done).len()), ("Your passkey is set up", 10), "{}", done.text);
    service.mail(&before, "was added").await;
    let overview = anna.get("/account").await;
    assert!(overview.text.contains("My &lt;laptop&gt;") && overview.text.contains("10 of them are left"));
    let person = covered(&service).await;
    assert_eq!(person.factors, [FactorKind::Passkey, FactorKind::RecoveryCode]);
    assert!(!person.own_mailbox && person.lacks.is_none());

    // No mail goes into the mailbox any more; other ways are links.
    let (mut second, before) = (service.browser(ELSEWHERE), service.mails());
    let page = asked(&mut second, ANNA).await;
    assert_eq!(page.title(), "Use your passkey");
    assert!(page.text.contains("with=recovery_code") && !page.text.contains("with=email"), "{}", page.text);
    assert!(page.text.contains("<noscript><p>A passkey needs JavaScript"), "{}", page.text);
    let known = options(&page)["allowCredentials"].as_array().unwrap().len();
    assert_eq!(known, 1);
    assert_eq!(options(&second.get(ANSWER).await), options(&page), "a page that is open twice asks the same");
    assert!(is_in(&sign(&mut second, &mut laptop).await) && second.is_in().await);
    assert_eq!(service.mails(), before);
    let record = last_sign_in(&service).await;
    assert_eq!(record.reasons[0].text, "Signed in with password and passkey.");
    assert!(anna.get("/account").await.text.contains("Last used on"));

    // A second one brings no new codes, and the first one is not made again.
    let again = enrol(&mut anna, &mut laptop, "The same").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("set up already"), "{}", again.text);
    assert_eq!(options(&again)["excludeCredentials"].as_array().unwrap().len(), 1);
    let added = create(&mut anna, &again, &mut key(), "Phone").await;
    assert_eq!(added.location.as_deref(), Some("/account?done=passkey#factors"), "{}", added.text);

    let rename = link(&mut anna, RENAME).await;
    let page = anna.get(&rename).await;
    assert_eq!(anna.submit(&page, RENAME, &[("name", "")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(anna.submit(&page, RENAME, &[("name", "Old laptop")]).await.location.is_some());
    assert!(anna.get("/account").await.text.contains("<b>Old laptop</b>"));
    service.close().await;
}

#[tokio::test]
async fn what_is_not_signed_for_this_sign_in_on_this_site_is_refused() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let mut laptop = key();
    enrol(&mut anna, &mut laptop, "Laptop").await;
    let lies: [(Lie, &str); 3] = [
        (|key| "https://mail.example.com".clone_into(&mut key.origin), "on a page of another site"),
        (|key| key.party = Some("example.org".to_owned()), "bound to another site"),
        (|key| key.flags = 0, "nobody confirmed it"),
    ];
    for (lie, why) in lies {
        let mut browser = service.browser(HOME);
        asked(&mut browser, ANNA).await;
        lie(&mut laptop);
        let refused = sign(&mut browser, &mut laptop).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.text.contains("That passkey was not taken."), "{}", refused.text);
        assert!(refused.text.contains("You have 2 tries."), "{}", refused.text);
        let record = last_sign_in(&service).await;
        assert_eq!(record.outcome, Outcome::Failed);
        assert!(record.reasons[0].text.contains(why), "{record:?}");
        ORIGIN.clone_into(&mut laptop.origin);
        (laptop.party, laptop.flags) = (None, USER_PRESENT);
        assert!(is_in(&sign(&mut browser, &mut laptop).await), "{why}");
    }

    // What was signed for one browser is of no use to another, nor twice, nor later.
    let mut first = service.browser(HOME);
    let page = asked(&mut first, ANNA).await;
    let signed = laptop.sign(&options(&page)).unwrap();
    let mut thief = service.browser(ELSEWHERE);
    let of_thief = asked(&mut thief, ANNA).await;
    assert_ne!(options(&of_thief)["challenge"], options(&page)["challenge"]);
    assert_eq!(send(&mut thief, &of_thief, &signed).await.status, StatusCode::FORBIDDEN);
    assert!(is_in(&send(&mut first, &page, &signed).await));
    assert_eq!(send(&mut thief, &of_thief, &signed).await.status, StatusCode::FORBIDDEN);
    let record = last_sign_in(&service).await;
    assert!(record.reasons[0].text.contains("has not signed what was asked"), "{record:?}");

    let mut slow = service.browser(HOME);
    let page = asked(&mut slow, ANNA).await;
    let signed = laptop.sign(&options(&page)).unwrap();
    service.advance(600);
    assert_eq!(send(&mut slow, &page, &signed).await.title(), "This sign-in is over");
    service.close().await;
}

#[tokio::test]
async fn a_passkey_of_somebody_else_opens_nothing() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let mut ben = service.signed_in(BEN, HOME).await;
    let (mut of_anna, mut of_ben) = (key(), key());
    enrol(&mut anna, &mut of_anna, "Anna's").await;
    enrol(&mut ben, &mut of_ben, "Ben's").await;
    let mut browser = service.browser(HOME);
    asked(&mut browser, ANNA).await;
    assert_eq!(sign(&mut browser, &mut of_ben).await.status, StatusCode::FORBIDDEN);
    assert!(last_sign_in(&service).await.reasons[0].text.contains("none of this account"));
    let page = browser.get(ANSWER).await;
    let own = of_anna.sign(&options(&page)).unwrap();
    let forged = Signed {
        credential: own.credential.clone(),
        user: own.user.clone(),
        ..of_ben.sign(&options(&page)).unwrap()
    };
    assert_eq!(send(&mut browser, &page, &forged).await.status, StatusCode::FORBIDDEN);
    assert!(last_sign_in(&service).await.reasons[0].text.contains("its signature is wrong"));
    assert!(is_in(&sign(&mut browser, &mut of_anna).await));

    // Ben can't make Anna's his own, nor look after it.
    let taken = enrol(&mut ben, &mut of_anna, "Mine").await;
    assert_eq!(taken.status, StatusCode::CONFLICT, "{}", taken.text);
    for path in [link(&mut anna, RENAME).await, link(&mut anna, REMOVE).await] {
        assert_eq!(ben.get(&path).await.status, StatusCode::NOT_FOUND);
    }
    let rename = link(&mut anna, RENAME).await;
    let page = anna.get(&rename).await;
    let of_others = page.form(RENAME).field("id").to_owned();
    let rename = link(&mut ben, RENAME).await;
    let page = ben.get(&rename).await;
    let refused = ben.submit(&page, RENAME, &[("id", &of_others), ("name", "Mine")]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    service.close().await;
}

#[tokio::test]
async fn a_counter_that_went_back_is_refused_and_told() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let mut laptop = key();
    enrol(&mut anna, &mut laptop, "Laptop").await;
    let mut browser = service.browser(HOME);
    asked(&mut browser, ANNA).await;
    assert!(is_in(&sign(&mut browser, &mut laptop).await));
    let mut browser = service.browser(HOME);
    asked(&mut browser, ANNA).await;
    laptop.counter = Some(2);
    let refused = sign(&mut browser, &mut laptop).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let record = last_sign_in(&service).await;
    assert_eq!(record.outcome, Outcome::Refused);
    let why = &record.reasons[0].text;
    assert!(why.contains("\u{201c}Laptop\u{201d}") && why.contains("counter went back from 2 to 2"), "{why}");
    let audit: AuditPage = service.api(Method::GET, "/v1/audit", Value::Null).await.json();
    let entry = audit.entries.iter().find(|entry| entry.action == "account_factor.copied").unwrap();
    assert_eq!((entry.target.as_str(), &entry.login), (ANNA, &None));
    assert!(entry.details.contains("counter went back"), "{entry:?}");
    // The device itself has counted on, and goes on.
    assert!(is_in(&sign(&mut browser, &mut laptop).await));
    service.close().await;
}

#[tokio::test]
async fn one_of_many_at_once_signs_in_and_three_tries_end_it() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let mut laptop = key();
    enrol(&mut anna, &mut laptop, "Laptop").await;
    for is_right in [true, false] {
        let mut browser = service.browser(HOME);
        let page = asked(&mut browser, ANNA).await;
        let mut signed = laptop.sign(&options(&page)).unwrap();
        if !is_right {
            signed.signature.reverse();
        }
        let mut copies: Vec<_> = (0..6).map(|_| service.browser(HOME)).collect();
        for copy in &mut copies {
            copy.cookies.clone_from(&browser.cookies);
        }
        let answers = join_all(copies.iter_mut().map(|copy| send(copy, &page, &signed))).await;
        assert_eq!(answers.iter().filter(|answer| is_in(answer)).count(), usize::from(is_right));
        assert!(answers.iter().filter(|answer| answer.text.contains("was not taken")).count() <= 2);
        assert_eq!(browser.get(ANSWER).await.title(), "This sign-in is over");
    }
    service.close().await;
}

#[tokio::test]
async fn a_new_passkey_is_made_for_this_session_in_time_and_by_a_form_of_ours() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let mut ben = service.signed_in(BEN, HOME).await;
    let page = anna.get(NEW).await;
    // Made for what another session was asked.
    let made = key().create(&options(&ben.get(NEW).await)).unwrap().fields();
    let mut fields: Vec<_> = made.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("name", "Planted"));
    let refused = anna.submit(&page, NEW, &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    assert!(refused.text.contains("has not signed what was asked"), "{}", refused.text);
    // What was asked once is not asked again.
    let late = create(&mut anna, &page, &mut key(), "Late").await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", late.text);
    assert_eq!(anna.send_form_without_origin(&late.form(NEW), &fields).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        anna.submit(&late, NEW, &[("name", "Nothing"), ("client_data", "!")]).await.status,
        StatusCode::BAD_REQUEST
    );

    let page = anna.get(NEW).await;
    service.advance(600);
    let asked = create(&mut anna, &page, &mut key(), "Old").await;
    assert_eq!(asked.location.as_deref(), Some("/account/password?return=%2Faccount%2Fpasskeys%2Fnew"));
    anna.open_anew(ANNA, "/account/recovery-codes").await;
    let late = create(&mut anna, &page, &mut key(), "Old").await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", late.text);
    assert_eq!(covered(&service).await.factors, [FactorKind::Email]);
    service.close().await;
}

#[tokio::test]
async fn the_last_passkey_stays_while_the_policy_requires_one_and_an_owner_resets_it() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let mut laptop = key();
    let codes = recovery_codes(&enrol(&mut anna, &mut laptop, "Laptop").await);
    let required = json!({
        "require": "required", "from": "2026-01-01T00:00:00Z", "grace_days": 1, "outside_address": true,
    });
    say(&service, ANNA, required).await;
    assert!(covered(&service).await.lacks.is_none(), "a passkey is what it takes");
    service.advance(600);
    let remove = link(&mut anna, REMOVE).await;
    let page = anna.open_anew(ANNA, &remove).await;
    assert!(page.text.contains("It is the only one that you have"), "{}", page.text);
    assert_eq!(anna.submit(&page, REMOVE, &[]).await.status, StatusCode::CONFLICT);
    // A code stands in for it, without a script.
    let mut second = service.browser(ELSEWHERE);
    asked(&mut second, ANNA).await;
    assert!(is_in(&answer(&mut second, "recovery_code", &codes[0]).await));
    let mut third = service.browser(ELSEWHERE);
    asked(&mut third, ANNA).await;
    assert!(is_in(&sign(&mut third, &mut laptop).await));

    say(&service, ANNA, json!({ "require": "optional" })).await;
    let before = service.mails();
    assert!(anna.submit(&page, REMOVE, &[]).await.location.is_some());
    service.mail(&before, "was removed").await;
    assert_eq!(covered(&service).await.factors, [FactorKind::Email], "recovery codes went with it");

    enrol(&mut anna, &mut laptop, "Laptop").await;
    service.advance(700);
    service.reauthenticate().await;
    let before = service.mails();
    let reset = service.api(Method::DELETE, &format!("/v1/accounts/{ANNA}/factors"), Value::Null).await;
    assert_eq!(reset.status, StatusCode::NO_CONTENT, "{}", reset.text);
    service.mail(&before, "has taken away the authenticators, passkeys").await;
    assert!(!anna.is_in().await && !second.is_in().await);
    assert_eq!(covered(&service).await.factors, [FactorKind::Email]);
    service.close().await;
}

#[tokio::test]
async fn a_site_without_a_name_offers_no_passkeys() {
    for url in ["https://192.0.2.7", "http://mail.example.org"] {
        let service = Service::start_at(url).await;
        let mut anna = service.signed_in(ANNA, HOME).await;
        let overview = anna.get("/account").await;
        assert!(overview.text.contains("Add an authenticator") && !overview.text.contains("passkeys/new"));
        assert_eq!(anna.get(NEW).await.status, StatusCode::NOT_FOUND);
        service.close().await;
    }
}
