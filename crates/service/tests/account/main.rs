//! The owner's page, with a double of Dovecot for the password.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

mod devices;
mod factors;
mod passkeys;
mod support;

use axum::http::{Method, StatusCode};
use mailcup_wire::{AlertKind, AuditEntry, Block};
use serde_json::{Value, json};

use support::{AGENT, ANNA, BEN, ELSEWHERE, Form, HOME, Page, SESSION, Service, password};

/// The forms that end sessions, by whose they are.
fn sign_outs(page: &Page) -> Vec<Form> {
    page.forms().into_iter().filter(|form| form.action == "/account/sessions/end").collect()
}

#[tokio::test]
async fn the_page_is_for_who_is_signed_in_and_is_found_from_the_other_pages() {
    let service = Service::start().await;
    let mut stranger = service.browser(HOME);
    for path in ["/account", "/account/sign-ins", "/account/app-passwords/new", "/account/not-me?seq=1"] {
        let sent = stranger.get(path).await;
        let query: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        assert_eq!(sent.location, Some(format!("/sign-in?return={query}")));
    }
    let mut anna = service.signed_in(ANNA, HOME).await;
    assert!(anna.get("/sign-out").await.text.contains("href=\"/account\""));
    let page = anna.get("/account").await;
    assert_eq!((page.status, page.title()), (StatusCode::OK, "Your account"));
    for part in [
        "anna@example.org",
        "href=\"/sign-out\"",
        "href=\"/account/sign-ins\"",
        "a…@example.org",
        "whoever reads your mail reads them too",
        AGENT,
        "(this browser)",
        HOME,
        "No other browser is signed in.",
        "There is none yet.",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self' 'sha256-") && !policy.contains("script"),
        "{policy}"
    );
    assert!(!page.text.contains("<script") && !page.text.contains(" style="));
    assert_eq!(page.headers["cache-control"], "no-store");
    service.close().await;
}

#[tokio::test]
async fn an_owner_ends_sessions_of_their_own_and_no_others() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    service.advance(1);
    let mut elsewhere = service.signed_in(ANNA, ELSEWHERE).await;
    service.advance(1);
    let mut third = service.signed_in(ANNA, ELSEWHERE).await;
    let mut ben = service.signed_in(BEN, HOME).await;

    let page = anna.get("/account").await;
    let own = sign_outs(&page);
    assert_eq!(own.len(), 3);
    let of_ben = sign_outs(&ben.get("/account").await).remove(0);

    // Somebody else's session is none.
    let id = of_ben.field("id").to_owned();
    let missing = anna.send_form(&own[0], &[("id", &id)]).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "{}", missing.text);
    // A form of another session, of another account's, or without origin, is refused.
    for token in [of_ben.field("token"), sign_outs(&elsewhere.get("/account").await)[0].field("token"), ""] {
        let refused = anna.send_form(&own[0], &[("token", token)]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(anna.send_form_without_origin(&own[0], &[]).await.status, StatusCode::FORBIDDEN);
    assert!(ben.is_in().await && elsewhere.is_in().await && third.is_in().await);

    // The newest comes first; its next request finds it ended.
    let ended = anna.send_form(&own[0], &[]).await;
    assert_eq!(ended.location.as_deref(), Some("/account?done=sessions#sessions"), "{}", ended.text);
    assert!(!third.is_in().await && elsewhere.is_in().await);
    let page = anna.get("/account?done=sessions").await;
    assert!(page.text.contains("role=\"status\""));
    anna.submit(&page, "/account/sessions/end-others", &[]).await;
    assert!(!elsewhere.is_in().await && anna.is_in().await && ben.is_in().await);

    // Signing this browser out by the list leads where it says so.
    let own = sign_outs(&anna.get("/account").await);
    assert_eq!(anna.send_form(&own[0], &[]).await.location.as_deref(), Some("/sign-out"));
    assert!(!anna.is_in().await);
    let audit: Value = service.api(Method::GET, "/v1/audit", Value::Null).await.json();
    let entries: Vec<AuditEntry> = serde_json::from_value(audit["entries"].clone()).unwrap();
    let ends: Vec<_> = entries.iter().filter(|it| it.action == "web_session.end").collect();
    assert!(
        ends.len() == 3 && ends.iter().all(|it| it.login.as_ref().is_some_and(|by| by.0 == ANNA)),
        "{ends:?}"
    );
    service.close().await;
}

#[tokio::test]
async fn an_app_password_is_made_with_a_fresh_password_shown_once_and_revoked() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let new = "/account/app-passwords/new";
    let page = anna.get(new).await;
    assert_eq!(page.title(), "Make an app password");
    // Five minutes after the sign-in the password is needed once more, also for a form that was open.
    service.advance(5 * 60);
    let stale = anna.submit(&page, new, &[("name", "Phone"), ("imap", "yes")]).await;
    let query: String = url::form_urlencoded::byte_serialize(new.as_bytes()).collect();
    assert_eq!(stale.location, Some(format!("/account/password?return={query}")));
    let page = anna.open_anew(ANNA, new).await;
    let nothing = anna.submit(&page, new, &[("name", "Phone")]).await;
    assert!(nothing.status == StatusCode::UNPROCESSABLE_ENTITY && nothing.text.contains("at least one"));
    let unnamed = anna.submit(&page, new, &[("name", " "), ("imap", "yes")]).await;
    assert!(unnamed.text.contains("A name has 1 to 120 characters"), "{}", unnamed.text);

    let before = service.mails();
    let made =
        anna.submit(&page, new, &[("name", "Phone <1>"), ("imap", "yes"), ("submission", "yes")]).await;
    assert_eq!(made.title(), "Your new app password", "{}", made.text);
    let secret =
        made.text.split("id=\"app-password\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(secret.len(), 29);
    service.mail(&before, "An app password named").await;
    let list = anna.get("/account").await;
    assert!(list.text.contains("Phone &lt;1&gt;") && list.text.contains("For IMAP, SMTP."), "{}", list.text);
    assert!(list.text.contains("Never used.") && !list.text.contains(&secret));
    let path = format!("/v1/accounts/{ANNA}/app-passwords");
    let stored: Value = service.api(Method::GET, &path, Value::Null).await.json();
    assert_eq!(
        (&stored[0]["created_by_login"], &stored[0]["protocols"]),
        (&json!(ANNA), &json!(["imap", "submission"]))
    );

    // It is Anna's alone.
    let mut ben = service.signed_in(BEN, HOME).await;
    let revoke = list.form("/account/app-passwords/revoke");
    let page = ben.get("/account").await;
    let bens = Form { action: revoke.action.clone(), ..page.forms().remove(0) };
    let foreign = ben.send_form(&bens, &[("id", revoke.field("id"))]).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{}", foreign.text);
    assert_eq!(service.app.app_passwords.all().len(), 1);
    let done = anna.send_form(&revoke, &[]).await;
    assert_eq!(done.location.as_deref(), Some("/account?done=revoked#app-passwords"));
    assert!(service.app.app_passwords.all().is_empty());
    assert!(!anna.get("/account").await.text.contains("Phone"));
    service.close().await;
}

#[tokio::test]
async fn the_fifth_wrong_password_ends_the_session_however_many_are_sent_at_once() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    service.advance(600);
    let page = anna.get("/account/password?return=//evil.example").await;
    assert_eq!(page.form("/account/password").field("return"), "/account");
    for _ in 0..4 {
        let wrong = anna.submit(&page, "/account/password", &[("password", "wrong")]).await;
        assert!(wrong.text.contains("The password is wrong."), "{}", wrong.text);
    }
    // A right one begins the count anew.
    let right = anna.submit(&page, "/account/password", &[("password", &password(ANNA))]).await;
    assert_eq!(right.location.as_deref(), Some("/account"));

    let mut copies: Vec<_> = (0..12).map(|_| service.browser(HOME)).collect();
    for copy in &mut copies {
        copy.cookies.clone_from(&anna.cookies);
    }
    let form = page.form("/account/password");
    let tries = copies.iter_mut().map(|copy| copy.send_form(&form, &[("password", "wrong")]));
    let answers = futures_util::future::join_all(tries).await;
    let looked_at = answers.iter().filter(|page| page.text.contains("The password is wrong.")).count();
    assert!(looked_at <= 5, "{looked_at}");
    assert!(!anna.is_in().await);
    assert!(service.app.web_sessions.of(&ANNA.into()).is_empty());
    service.close().await;
}

#[tokio::test]
async fn the_history_says_what_happened_and_not_me_keeps_that_network_away() {
    let service = Service::start().await;
    let mut thief = service.signed_in(ANNA, ELSEWHERE).await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let mut wrong = service.browser(HOME);
    let page = wrong.get("/sign-in").await;
    wrong.submit(&page, "/sign-in", &[("login", ANNA), ("password", "wrong")]).await;
    let mut ben = service.signed_in(BEN, HOME).await;

    let history = anna.get("/account/sign-ins").await;
    let heads: Vec<_> =
        history.text.split("<b>").skip(2).map(|it| it.split("</b>").next().unwrap()).collect();
    let asked = "The password was right; a second factor was asked for";
    assert_eq!(heads, ["The password was wrong", "Signed in", asked, "Signed in", asked]);
    assert!(
        history.text.contains(&format!("over the web, from {ELSEWHERE}, with {AGENT}.")),
        "{}",
        history.text
    );
    let links: Vec<_> = history
        .text
        .split("href=\"/account/not-me")
        .skip(1)
        .map(|it| it.split('"').next().unwrap())
        .collect();
    assert_eq!(links.len(), 4, "a wrong password opened nothing");

    // Somebody else's sign-in, one that there is not, one that opened nothing.
    let path = format!("/account/not-me{}", links[2]);
    assert_eq!(ben.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(anna.get("/account/not-me?seq=999999").await.status, StatusCode::NOT_FOUND);
    assert_eq!(anna.get("/account/not-me?seq=x").await.status, StatusCode::BAD_REQUEST);

    // Opening does nothing; the button acts, once.
    service.advance(600);
    let page = anna.open_anew(ANNA, &path).await;
    assert!(page.title() == "Was this you?" && page.text.contains(ELSEWHERE), "{}", page.text);
    assert!(!page.text.contains("you will be signed out, too") && thief.is_in().await);
    let form = page.form("/account/not-me");
    assert_eq!(anna.send_form_without_origin(&form, &[]).await.status, StatusCode::FORBIDDEN);
    let done = anna.send_form(&form, &[]).await;
    assert_eq!(done.title(), "Done", "{}", done.text);
    assert!(!thief.is_in().await && anna.is_in().await && ben.is_in().await);
    assert_eq!(anna.send_form(&form, &[]).await.title(), "This was done already");
    let again = service.browser(ELSEWHERE).give_password(ANNA).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    let blocks: Value = service.api(Method::GET, "/v1/blocks", Value::Null).await.json();
    let blocks: Vec<Block> = serde_json::from_value(blocks["items"].clone()).unwrap();
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].expires_at.unwrap().as_millis() - service.clock.now().as_millis(), 86_400_000);
    let alerts = service.api(Method::GET, "/v1/alerts", Value::Null).await;
    assert!(alerts.text.contains(&json!(AlertKind::NotMe).to_string()), "{}", alerts.text);
    service.close().await;
}

#[tokio::test]
async fn a_session_of_another_account_takes_no_form_of_the_former_one() {
    let service = Service::start().await;
    let mut browser = service.signed_in(ANNA, HOME).await;
    let page = browser.get("/account/app-passwords/new").await;
    // In another tab, Ben signs in in the same browser.
    let ben = service.signed_in(BEN, HOME).await;
    browser.cookies.insert(SESSION.to_owned(), ben.cookies[SESSION].clone());
    let fields = [("name", "Mine"), ("imap", "yes")];
    let refused = browser.submit(&page, "/account/app-passwords/new", &fields).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(service.app.app_passwords.all().is_empty());
    service.close().await;
}
