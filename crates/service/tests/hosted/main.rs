//! The hosted sign-in with a real Dovecot for the password, a real Postfix for the code, and Debian's nginx in front of
//! a page.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

mod captcha;
mod chromium;
mod risk;
mod roundcube;
mod support;
mod webmail;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use mailcup_lab::{outbox::readable, wait};
use mailcup_wire::{AlertKind, Outcome, ReasonCode, WebSession};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use support::{Browser, ELSEWHERE, HOME, Page, SESSION, SIGN_IN, SOON, Stage};

fn mail_of(page: &Page) -> &str {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.text.split(['[', ']']).nth(1).unwrap()
}

#[tokio::test]
async fn a_page_behind_nginx_opens_after_password_and_code_and_closes_with_the_session() {
    let stage = Stage::set().await;
    let mut anna = stage.browser(HOME);

    // Sent to the sign-in from a page, and back to that very page.
    let sent = anna.get("/mail/?_task=mail&_mbox=INBOX").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let sign_in = sent.location.unwrap();
    assert_eq!(sign_in, "/sign-in?return=%2Fmail%2F%3F_task%3Dmail%26_mbox%3DINBOX");
    let page = anna.get(&sign_in).await;
    assert_eq!(page.title(), "Sign in to Example");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self' 'sha256-"), "{policy}");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(!page.text.contains("<script") && !page.text.contains("http"), "{}", page.text);

    let account = stage.servers.account("anna").clone();
    let fields = [("login", account.login.as_str()), ("password", &account.password)];
    let asked = anna.submit(&page, "/sign-in", &fields).await;
    assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);
    // A code is no session yet.
    assert_eq!(anna.get("/mail/").await.status, StatusCode::SEE_OTHER);

    let mail = stage.mail("anna", 1).await;
    for part in ["127.0.0.5", "Firefox on Linux", "the web", "https://mail.example.org/not-me?t="] {
        assert!(readable(&mail).contains(part), "{part}: {mail}");
    }
    let page = anna.get("/sign-in/code").await;
    assert!(page.text.contains("a…@example.org") && !page.text.contains("anna@"), "{}", page.text);
    let done = anna.submit(&page, "/sign-in/code", &[("code", &support::code_in(&mail))]).await;
    assert_eq!(done.location.as_deref(), Some("/mail/?_task=mail&_mbox=INBOX"));
    assert!(!anna.cookies.contains_key(SIGN_IN));
    assert_eq!(mail_of(&anna.get("/mail/").await), "anna@example.org");
    assert_eq!(stage.outcomes("anna").await, [Outcome::Challenged, Outcome::Succeeded]);
    let event = stage.sign_ins("anna").await.pop().unwrap();
    assert_eq!(event.address, HOME.parse().ok());
    assert!(event.client.unwrap().contains("Firefox/128.0"));

    // A copy of the cookie is of no use once it is signed out.
    let mut copy = stage.browser(HOME);
    copy.cookies.clone_from(&anna.cookies);
    assert_eq!(mail_of(&copy.get("/").await), "anna@example.org");
    let page = anna.get("/sign-out").await;
    let out = anna.submit(&page, "/sign-out", &[]).await;
    assert_eq!((out.status, out.title()), (StatusCode::OK, "You are signed out"));
    // Which browser it is stays known, and opens nothing.
    assert_eq!(anna.cookies.keys().collect::<Vec<_>>(), [support::DEVICE]);
    assert_eq!(anna.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(copy.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_a_browser_adds_to_a_request_gets_it_nowhere() {
    let stage = Stage::set().await;
    let mut stranger = stage.browser(ELSEWHERE);
    for (name, value) in [
        ("x-mailcup-account", "anna@example.org"),
        ("x-forwarded-uri", "/"),
        ("x-original-uri", "/sign-in"),
        ("x-forwarded-for", "127.0.0.5"),
        ("x-original-method", "OPTIONS"),
        ("authorization", "Basic YW5uYTphbm5h"),
    ] {
        stranger.headers = vec![(name, value.to_owned())];
        assert_eq!(stranger.get("/mail/").await.status, StatusCode::SEE_OTHER, "{name}");
    }
    stranger.headers.clear();
    for path in
        ["/mailcup-verify", "/auth/verify", "//mail/", "/%2e/mail", "/sign-in/../mail/", "/sign-out/x"]
    {
        let page = stranger.get(path).await;
        assert!(page.status != StatusCode::OK && !page.text.contains("mail of"), "{path}: {page:?}");
    }

    // Ben's own session stays Ben's, whatever is added to it.
    let mut ben = stage.browser(HOME);
    stage.sign_in(&mut ben, "ben", "/").await;
    ben.headers = vec![("x-mailcup-account", "anna@example.org".to_owned())];
    assert_eq!(mail_of(&ben.get("/").await), "ben@example.org");
    ben.headers = vec![("x-mailcup-account", "anna@example.org".to_owned()); 2];
    assert_eq!(mail_of(&ben.get("/").await), "ben@example.org");
    ben.headers.clear();

    let session = ben.cookies[SESSION].clone();
    for (name, value) in [
        (SESSION, session[1..].to_owned()),
        (SESSION, format!("{session}x")),
        (SESSION, format!("\"{session}\"")),
        (SESSION, format!("{session}; {SESSION}={}", "a".repeat(40))),
        (SIGN_IN, session.clone()),
        ("mailcup-session", session.clone()),
        ("__host-mailcup-session", session.clone()),
    ] {
        let mut thief = stage.browser(HOME);
        thief.cookies.insert(name.to_owned(), value.clone());
        assert_eq!(thief.get("/").await.status, StatusCode::SEE_OTHER, "{name}={value}");
    }
}

#[tokio::test]
async fn a_sign_in_leads_to_no_other_host_and_its_forms_are_of_its_own_browser() {
    let stage = Stage::set().await;
    for evil in [
        "//evil.example",
        "/%5Cevil.example",
        "https://evil.example/",
        "%2F%2Fevil.example",
        "/%09/evil.example",
    ] {
        let mut anna = stage.browser(HOME);
        let page = anna.get(&format!("/sign-in?return={evil}")).await;
        let back = page.hidden().into_iter().find(|(name, _)| name == "return").unwrap();
        assert_eq!(back.1, "/", "{evil}");
    }
    let mut anna = stage.browser(HOME);
    let page = anna.get("/sign-in").await;
    let account = stage.servers.account("anna").clone();
    let with = |hidden: Vec<(String, String)>| {
        let mut all = hidden;
        all.push(("login".to_owned(), account.login.clone()));
        all.push(("password".to_owned(), account.password.clone()));
        all
    };
    let forged =
        vec![("token".to_owned(), "0".repeat(64)), ("return".to_owned(), "//evil.example".to_owned())];
    assert_eq!(anna.post("/sign-in", &with(forged)).await.status, StatusCode::FORBIDDEN);

    // The form of one browser in another one, and a request that a foreign page sends.
    let mut other = stage.browser(ELSEWHERE);
    other.get("/sign-in").await;
    assert_eq!(other.post("/sign-in", &with(page.hidden())).await.status, StatusCode::FORBIDDEN);
    let mut bare = stage.browser(HOME);
    assert_eq!(bare.post("/sign-in", &with(page.hidden())).await.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.outcomes("anna").await, [], "none of them was a sign-in");
}

#[tokio::test]
async fn a_code_works_once_for_three_tries_and_in_the_browser_that_asked() {
    let stage = Stage::set().await;
    let mut anna = stage.browser(HOME);
    stage.give_password(&mut anna, "anna", "/").await;
    let code = stage.code("anna", 1).await;

    // Another browser has its own attempt, and the code of the first is wrong there.
    let mut thief = stage.browser(ELSEWHERE);
    stage.give_password(&mut thief, "anna", "/").await;
    stage.code("anna", 2).await;
    let page = thief.get("/sign-in/code").await;
    let wrong = thief.submit(&page, "/sign-in/code", &[("code", &code)]).await;
    assert_eq!((wrong.status, wrong.title()), (StatusCode::FORBIDDEN, "Enter the code"));
    assert!(wrong.text.contains("You have 2 tries."), "{}", wrong.text);

    // Another code comes after a wait, and gives no further tries.
    let early = thief.submit(&page, "/sign-in/resend", &[]).await;
    assert_eq!(early.status, StatusCode::TOO_MANY_REQUESTS, "{}", early.text);
    let second = thief.submit(&page, "/sign-in/code", &[("code", "000 000")]).await;
    assert!(second.text.contains("You have one try left."), "{}", second.text);
    let third = thief.submit(&page, "/sign-in/code", &[("code", &code)]).await;
    assert_eq!(third.title(), "This sign-in is over");
    let fourth = thief.submit(&page, "/sign-in/code", &[("code", &code)]).await;
    assert_eq!(fourth.title(), "This sign-in is over");
    assert!(!thief.cookies.contains_key(SESSION));

    // Anna's own goes on, once.
    let page = anna.get("/sign-in/code").await;
    let keep = anna.cookies.clone();
    let done = anna.submit(&page, "/sign-in/code", &[("code", &code)]).await;
    assert_eq!(done.location.as_deref(), Some("/"));
    let mut again = stage.browser(HOME);
    again.cookies = keep;
    let used = again.submit(&page, "/sign-in/code", &[("code", &code)]).await;
    assert_eq!(used.title(), "This sign-in is over");
    assert!(!again.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn requests_at_the_same_time_get_three_tries_and_one_session() {
    let stage = Stage::set().await;
    // The right code twenty times at once: one session.
    let mut anna = stage.browser(HOME);
    stage.give_password(&mut anna, "anna", "/").await;
    let page = anna.get("/sign-in/code").await;
    let code = stage.code("anna", 1).await;
    let answers = at_once(&stage, &anna, &page, vec![code; 20]).await;
    let sessions: BTreeSet<_> = answers.iter().filter_map(|(_, session)| session.clone()).collect();
    assert_eq!(sessions.len(), 1, "{answers:?}");
    let succeeded = async |name: &str| {
        let outcomes = stage.outcomes(name).await;
        outcomes.into_iter().filter(|outcome| *outcome == Outcome::Succeeded).count()
    };
    assert_eq!(succeeded("anna").await, 1);

    // Twenty guesses at once: three are looked at, whichever come first.
    let mut ben = stage.browser(HOME);
    stage.give_password(&mut ben, "ben", "/").await;
    let page = ben.get("/sign-in/code").await;
    let code = stage.code("ben", 1).await;
    let wrong = if code == "111111" { "222222" } else { "111111" };
    let answers = at_once(&stage, &ben, &page, vec![wrong.to_owned(); 20]).await;
    assert!(answers.iter().all(|(_, session)| session.is_none()));
    let failed =
        stage.outcomes("ben").await.into_iter().filter(|outcome| *outcome == Outcome::Failed).count();
    assert_eq!(failed, 3);
    let late = ben.submit(&page, "/sign-in/code", &[("code", &code)]).await;
    assert_eq!(late.title(), "This sign-in is over");
}

/// Sends codes from copies of a browser at the same time; answers status and session of each.
async fn at_once(
    stage: &Stage,
    like: &Browser,
    page: &Page,
    codes: Vec<String>,
) -> Vec<(StatusCode, Option<String>)> {
    let requests = codes.into_iter().map(|code| {
        let mut browser = stage.browser(HOME);
        browser.cookies.clone_from(&like.cookies);
        async move {
            let answer = browser.submit(page, "/sign-in/code", &[("code", &code)]).await;
            (answer.status, browser.cookies.get(SESSION).cloned())
        }
    });
    futures_util::future::join_all(requests).await
}

#[tokio::test]
async fn a_refusal_tells_nothing_apart() {
    let stage = Stage::set().await;
    let block = json!({ "target": { "kind": "account", "login": "clara@example.org" }, "note": "" });
    let _: Value = stage.owner.post("/v1/blocks", &block).await.unwrap();
    let (clara, anna) = (stage.servers.account("clara").clone(), stage.servers.account("anna").clone());
    let tries = [
        ("a wrong password", anna.login.as_str(), "wrong"),
        ("an unknown account", "nobody@example.org", "wrong"),
        ("a blocked account, its password right", clara.login.as_str(), clara.password.as_str()),
        ("a blocked account, its password wrong", clara.login.as_str(), "wrong"),
    ];
    let mut seen = Vec::new();
    for (what, login, password) in tries {
        let mut browser = stage.browser(HOME);
        let page = browser.get("/sign-in").await;
        let begun = Instant::now();
        let answer = browser.submit(&page, "/sign-in", &[("login", login), ("password", password)]).await;
        let took = begun.elapsed();
        // What the browser itself sent, and the page's own marks.
        let own = page.hidden().into_iter().chain(answer.hidden()).map(|(_, value)| value);
        let own = own.filter(|value| value != "/").chain([login.to_owned()]);
        let text = own.fold(answer.text.clone(), |text, value| text.replace(&value, ""));
        seen.push((what, answer.status, text, took));
    }
    for (what, status, text, took) in &seen {
        assert_eq!((*status, text), (StatusCode::FORBIDDEN, &seen[0].2), "{what}");
        assert!(*took >= Duration::from_millis(300), "{what}: {took:?}");
    }
    assert!(seen[0].2.contains("Login or password is wrong."));
    assert_eq!(stage.outcomes("clara").await, [Outcome::Refused; 2]);
    let reasons = &stage.sign_ins("clara").await[0].reasons;
    assert_eq!(reasons[0].code, ReasonCode::BlockedAccount);
    assert!(stage.servers.mailbox("clara").is_empty(), "no code was mailed");
}

#[tokio::test]
async fn not_me_ends_the_attempt_and_every_session_and_keeps_the_network_away() {
    let stage = Stage::set().await;
    let mut anna = stage.browser(HOME);
    stage.sign_in(&mut anna, "anna", "/").await;
    let mut thief = stage.browser(ELSEWHERE);
    stage.give_password(&mut thief, "anna", "/").await;
    let mail = readable(&stage.mail("anna", 2).await);
    let link = mail.split("https://mail.example.org").nth(1).unwrap().split_whitespace().next().unwrap();

    // Opening it does nothing.
    let page = anna.get(link).await;
    assert_eq!((page.status, page.title()), (StatusCode::OK, "Was this you?"), "{}", page.text);
    assert!(page.text.contains("asked for a code") && page.text.contains("127.0.0.9"), "{}", page.text);
    assert_eq!(thief.get("/sign-in/code").await.title(), "Enter the code");
    assert_eq!(mail_of(&anna.get("/").await), "anna@example.org");

    let done = anna.post(link, &[]).await;
    assert_eq!((done.status, done.title()), (StatusCode::OK, "Done"), "{}", done.text);
    assert_eq!(thief.get("/sign-in/code").await.title(), "This sign-in is over");
    assert_eq!(anna.get("/").await.status, StatusCode::SEE_OTHER, "every session of the account has ended");
    let again = stage.give_password(&mut thief, "anna", "/").await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "the network is kept away");
    let raised = async || {
        let alerts = stage.owner.alerts().await.unwrap();
        alerts.into_iter().find(|alert| alert.kind == AlertKind::NotMe)
    };
    wait::until("an alert is raised", SOON, raised).await.unwrap();
    stage.sign_in(&mut anna, "anna", "/").await;
    assert_eq!(mail_of(&anna.get("/").await), "anna@example.org", "from home it works as before");
}

#[tokio::test]
async fn rules_blocks_and_a_stopped_service_count_at_the_next_request() {
    let mut stage = Stage::set().await;
    let mut anna = stage.browser(HOME);
    stage.sign_in(&mut anna, "anna", "/").await;
    let mut moved = stage.browser(ELSEWHERE);
    moved.cookies.clone_from(&anna.cookies);
    assert_eq!(mail_of(&moved.get("/").await), "anna@example.org");
    let rule = json!({
        "scope": { "kind": "account", "login": "anna@example.org" }, "action": "allow",
        "networks": ["127.0.0.5/32"], "enabled": true, "mode": "enforced", "protocols": ["web"],
    });
    let edit = json!({ "rules": [{ "kind": "create", "terms": rule }] });
    let added: Result<Value, _> = stage.owner.post("/v1/policy", &edit).await;
    added.unwrap();
    assert_eq!(moved.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(mail_of(&anna.get("/").await), "anna@example.org");

    // An admin ends it.
    let mut second = stage.browser(HOME);
    stage.sign_in(&mut second, "anna", "/").await;
    let path = "/v1/accounts/anna@example.org/sessions";
    let sessions: Vec<WebSession> = stage.owner.get(path).await.unwrap();
    let clients: Vec<_> =
        sessions.iter().map(|session| (session.client.as_deref(), session.address)).collect();
    assert_eq!(clients, [(Some("Firefox on Linux"), HOME.parse().ok()); 2]);
    let end = async |path: String| stage.owner.request(Method::DELETE, &path).send().await.unwrap().status();
    assert_eq!(end(format!("{path}/{}", sessions[0].id)).await, StatusCode::NO_CONTENT);
    assert_eq!(end(format!("{path}/{}", sessions[0].id)).await, StatusCode::NOT_FOUND);
    assert_eq!(second.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(mail_of(&anna.get("/").await), "anna@example.org");
    assert_eq!(end(path.to_owned()).await, StatusCode::NO_CONTENT);
    assert_eq!(anna.get("/").await.status, StatusCode::SEE_OTHER);
    let audit: Value = stage.owner.get("/v1/audit").await.unwrap();
    assert!(audit.to_string().contains("web_session.end"), "{audit}");
    stage.sign_in(&mut anna, "anna", "/").await;

    // Over a restart the session lives on; without the service nobody gets in.
    stage.service.stop();
    assert_eq!(anna.get("/").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    stage.service.run().await.unwrap();
    assert_eq!(mail_of(&anna.get("/").await), "anna@example.org");
}

#[tokio::test]
async fn a_sign_in_gives_what_the_policy_asks_of_its_account() {
    let stage = Stage::set().await;
    let say = async |scope: Value, rule: Value| {
        let body = json!({ "scope": scope, "rule": rule, "confirm": true });
        let said: Result<Value, _> =
            stage.owner.change(Method::PUT, "/v1/second-factors/policy", &body).await;
        said.unwrap();
    };
    let account = |login: &str| json!({ "kind": "account", "login": login });
    // Long in force, and nobody has time any more.
    let outside = json!({
        "require": "required", "from": "2026-01-01T00:00:00Z", "grace_days": 1, "outside_address": true,
    });
    say(json!({ "kind": "organization" }), outside).await;
    say(account("anna@example.org"), json!({ "require": "off" })).await;
    say(account("clara@example.org"), json!({ "require": "optional" })).await;

    // Off: the password alone, and no mail.
    let mut anna = stage.browser(HOME);
    let done = stage.give_password(&mut anna, "anna", "/mail/").await;
    assert_eq!(done.location.as_deref(), Some("/mail/"), "{}", done.text);
    assert_eq!(mail_of(&anna.get("/mail/").await), "anna@example.org");
    assert_eq!(stage.outcomes("anna").await, [Outcome::Succeeded]);
    assert!(stage.servers.mailbox("anna").is_empty());

    // Required, and there is no address outside the mailbox: nobody gets in, and no code is mailed.
    let mut ben = stage.browser(HOME);
    let refused = stage.give_password(&mut ben, "ben", "/").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("outside your mailbox"), "{}", refused.text);
    assert_eq!(ben.get("/").await.status, StatusCode::SEE_OTHER);
    let event = stage.sign_ins("ben").await.pop().unwrap();
    assert_eq!((event.outcome, event.reasons[0].code), (Outcome::Refused, ReasonCode::FactorMissing));
    assert!(stage.servers.mailbox("ben").is_empty());

    // Optional: the password alone until there is an address outside the mailbox.
    let mut clara = stage.browser(HOME);
    let done = stage.give_password(&mut clara, "clara", "/").await;
    assert_eq!(done.location.as_deref(), Some("/"), "{}", done.text);
    // It may be known already, from the sign-in.
    let _: Result<Value, _> =
        stage.owner.post("/v1/accounts", &json!({ "login": "clara@example.org", "name": "" })).await;
    let notices = json!({ "mode": null, "zone": null, "address": "ben@example.org", "last_sent_at": null, "version": 0 });
    let set: Result<Value, _> =
        stage.owner.change(Method::PUT, "/v1/accounts/clara@example.org/notices", &notices).await;
    set.unwrap();
    let mut again = stage.browser(HOME);
    let asked = stage.give_password(&mut again, "clara", "/").await;
    assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);
    let page = again.get("/sign-in/code").await;
    let code = stage.code("ben", 1).await;
    let done = again.submit(&page, "/sign-in/code", &[("code", &code)]).await;
    assert_eq!(done.location.as_deref(), Some("/"));
    let path = "/v1/second-factors/coverage?text=clara@";
    let covered: mailcup_wire::FactorCoverage = stage.owner.get(path).await.unwrap();
    assert!(covered.people[0].last_used_at.is_some() && !covered.people[0].own_mailbox, "{covered:?}");
}
