//! Signing in.

use axum::http::{Method, StatusCode};
use mailcup_wire::{
    Alert, AlertKind, AuditPage, AuthenticatorEnrolment, Challenge, Code, Details, EventBody, EventPage,
    Factor, FactorKind, Outcome, Page, SessionGrant, Time,
};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::support::{LOGIN, PASSWORD, Service, ended};

/// Outcomes of all sign-ins at the service, oldest first.
async fn outcomes(service: &Service, token: &str) -> Vec<Outcome> {
    let page: EventPage = service.get(token, "/v1/events?limit=500").await.json();
    let sign_in = |event: &mailcup_wire::Event| match &event.body {
        EventBody::SignIn(sign_in) => Some(sign_in.outcome),
        _ => None,
    };
    page.events.iter().filter_map(sign_in).collect()
}

#[tokio::test]
async fn a_password_and_a_mailed_code_sign_in_once_and_a_new_device_is_told() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let without_id = |answer: crate::support::Answer| {
        let mut value: Value = answer.json();
        value["request_id"].take();
        value
    };
    let wrong = without_id(service.challenge(LOGIN, "wrong password", "new-device").await);
    let nobody = without_id(service.challenge("nobody@example.org", PASSWORD, "new-device").await);
    assert_eq!(wrong, nobody);

    let before = service.mails();
    let challenge: Challenge = service.challenge("OLGA@example.org", PASSWORD, "new-device").await.json();
    assert_eq!(challenge.sent_to.as_deref(), Some("o…@example.org"));
    let code = service.mailed_code(&before).await;
    let other = if code == "000000" { "000001" } else { "000000" };
    let answer = service.answer(&challenge, FactorKind::Email, other).await;
    assert_eq!(answer.code(), Code::WrongCode);
    assert_eq!(answer.problem().details, Some(Details::TriesLeft { tries: 2 }));

    let before = service.mails();
    let grant: SessionGrant = service.answer(&challenge, FactorKind::Email, &code).await.json();
    assert_eq!(service.get(&grant.token, "/v1/session").await.status, StatusCode::OK);
    assert_eq!(service.answer(&challenge, FactorKind::Email, &code).await.code(), Code::ChallengeOver);
    let notice = service.mail(&before, "New device").await;
    assert!(notice.contains("192.0.2.200"), "{notice}");
    let alerts: Page<Alert> = service.get(owner, "/v1/alerts").await.json();
    assert_eq!(alerts.items.iter().map(|alert| alert.kind).collect::<Vec<_>>(), [AlertKind::AdminNewDevice]);
    let expected =
        [Outcome::Failed, Outcome::Failed, Outcome::Challenged, Outcome::Failed, Outcome::Succeeded];
    assert_eq!(outcomes(&service, owner).await, expected);
}

#[tokio::test]
async fn three_wrong_codes_end_a_challenge_and_another_mail_gives_no_more_tries() {
    let (service, _) = Service::set_up().await;
    let before = service.mails();
    let challenge: Challenge = service.challenge(LOGIN, PASSWORD, "new-device").await.json();
    service.mailed_code(&before).await;
    for _ in 0..2 {
        assert_eq!(service.answer(&challenge, FactorKind::Email, "nothing").await.code(), Code::WrongCode);
    }
    let resend = format!("/v1/sign-in/{}/resend", challenge.id);
    assert_eq!(service.call("", Method::POST, &resend, Value::Null).await.code(), Code::TooMany);
    service.advance(31);
    let before = service.mails();
    let again: Challenge = service.call("", Method::POST, &resend, Value::Null).await.json();
    assert_eq!(again.tries_left, 1);
    let code = service.mailed_code(&before).await;
    assert_eq!(service.answer(&challenge, FactorKind::Email, "nothing").await.code(), Code::ChallengeOver);
    assert_eq!(service.answer(&challenge, FactorKind::Email, &code).await.code(), Code::ChallengeOver);
}

#[tokio::test]
async fn a_code_is_of_no_use_after_ten_minutes_or_for_another_challenge() {
    let (service, _) = Service::set_up().await;
    let before = service.mails();
    let first: Challenge = service.challenge(LOGIN, PASSWORD, "new-device").await.json();
    let code = service.mailed_code(&before).await;
    let second: Challenge = service.challenge(LOGIN, PASSWORD, "new-device").await.json();
    let answer = service.answer(&second, FactorKind::Email, &code).await;
    assert_eq!(answer.code(), Code::WrongCode, "one in a million fails by chance");
    service.advance(600);
    assert_eq!(service.answer(&first, FactorKind::Email, &code).await.code(), Code::ChallengeOver);
}

#[tokio::test]
async fn an_authenticator_code_is_taken_once() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let path = "/v1/me/factors/authenticator";
    let enrolment: AuthenticatorEnrolment = service.call(owner, Method::POST, path, Value::Null).await.json();
    assert!(enrolment.uri.starts_with("otpauth://totp/"), "{}", enrolment.uri);
    let totp = Builder::new()
        .with_secret(Secret::try_from_base32(&enrolment.secret).unwrap())
        .with_account_name("test")
        .build()
        .unwrap();
    let code = |time: Time| totp.generate(u64::try_from(time.as_millis() / 1000).unwrap()).to_string();
    let confirm = format!("{path}/confirm");
    let wrong = json!({ "id": enrolment.id, "code": "12345" });
    assert_eq!(service.call(owner, Method::POST, &confirm, wrong).await.field(), "code");
    let first = code(service.clock.now());
    let right = json!({ "id": enrolment.id, "code": first });
    assert_eq!(service.call(owner, Method::POST, &confirm, right).await.status, StatusCode::NO_CONTENT);

    let challenge: Challenge = service.challenge(LOGIN, PASSWORD, "owners-device").await.json();
    assert_eq!(challenge.factors[0], FactorKind::Authenticator);
    assert_eq!(challenge.sent_to, None);
    let used = service.answer(&challenge, FactorKind::Authenticator, &first).await;
    assert_eq!(used.code(), Code::WrongCode, "the code that confirmed it is spent");
    service.advance(30);
    let next = code(service.clock.now());
    let answer = service.answer(&challenge, FactorKind::Authenticator, &next).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let challenge: Challenge = service.challenge(LOGIN, PASSWORD, "owners-device").await.json();
    let replayed = service.answer(&challenge, FactorKind::Authenticator, &next).await;
    assert_eq!(replayed.code(), Code::WrongCode);

    let removed =
        service.call(owner, Method::DELETE, &format!("/v1/me/factors/{}", enrolment.id), Value::Null).await;
    assert_eq!(removed.code(), Code::Conflict, "an owner's last one stays");
    let factors: Vec<Factor> = service.get(owner, "/v1/me/factors").await.json();
    assert!(factors.iter().any(|factor| factor.kind == FactorKind::Authenticator));
}

#[tokio::test]
async fn a_recovery_code_works_once_and_new_ones_replace_the_old() {
    let (service, done) = Service::set_up().await;
    let [code, other, ..] = &done.recovery_codes.codes[..] else { panic!() };
    let challenge: Challenge = service.challenge(LOGIN, PASSWORD, "owners-device").await.json();
    let typed = code.to_uppercase().replace('-', " ");
    let grant: SessionGrant = service.answer(&challenge, FactorKind::RecoveryCode, &typed).await.json();
    let challenge: Challenge = service.challenge(LOGIN, PASSWORD, "owners-device").await.json();
    assert_eq!(service.answer(&challenge, FactorKind::RecoveryCode, code).await.code(), Code::WrongCode);
    let factors: Vec<Factor> = service.get(&grant.token, "/v1/me/factors").await.json();
    assert_eq!(factors.iter().find_map(|factor| factor.left), Some(9));
    service.call(&grant.token, Method::POST, "/v1/me/recovery-codes", Value::Null).await;
    assert_eq!(service.answer(&challenge, FactorKind::RecoveryCode, other).await.code(), Code::WrongCode);
}

#[tokio::test]
async fn a_block_looks_like_a_wrong_password() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let block = json!({
        "target": { "kind": "address", "address": "192.0.2.200" }, "note": "", "confirm_self": true,
    });
    let answer = service.call(owner, Method::POST, "/v1/blocks", block).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let refused = service.challenge(LOGIN, PASSWORD, "owners-device").await;
    let wrong = service.challenge(LOGIN, "wrong password", "owners-device").await;
    assert_eq!(refused.code(), Code::SignInRefused);
    assert_eq!(refused.problem(), wrong.problem());
    assert_eq!(outcomes(&service, owner).await, [Outcome::Refused, Outcome::Refused]);
}

#[tokio::test]
async fn guesses_are_slowed_down_from_their_network_only() {
    let (service, _) = Service::set_up().await;
    for _ in 0..6 {
        service.challenge(LOGIN, "a wrong guess", "new-device").await;
    }
    let answer = service.challenge(LOGIN, PASSWORD, "new-device").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::TOO_MANY_REQUESTS, Code::TooMany));
    service.advance(10);
    assert_eq!(service.challenge(LOGIN, PASSWORD, "new-device").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_the_same_time_are_counted_one_after_the_other() {
    let (service, _) = Service::set_up().await;
    let guesses = (0..40).map(|_| service.challenge(LOGIN, "a wrong guess", "new-device"));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.code() == Code::SignInRefused).count();
    let too_many = answers.iter().filter(|answer| answer.code() == Code::TooMany).count();
    assert_eq!((looked_at, too_many), (6, 34));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn many_refused_sign_ins_at_once_keep_nobody_waiting() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let block = json!({
        "target": { "kind": "address", "address": "192.0.2.200" }, "note": "", "confirm_self": true,
    });
    assert_eq!(service.call(owner, Method::POST, "/v1/blocks", block).await.status, StatusCode::CREATED);
    for _ in 0..20 {
        service.advance(3600);
        let tries = (0..12).map(|_| service.challenge(LOGIN, PASSWORD, "new-device"));
        for answer in futures_util::future::join_all(tries).await {
            assert!(matches!(answer.code(), Code::SignInRefused | Code::TooMany), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn an_ended_session_works_nowhere_and_its_stream_ends_at_once() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let grant = service.sign_in(LOGIN, PASSWORD, "new-device").await;
    let stream = service.stream(&grant.token).await;
    assert_eq!(
        service.call(&grant.token, Method::DELETE, "/v1/session", Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    ended(stream).await;
    assert_eq!(service.get(&grant.token, "/v1/session").await.code(), Code::Unauthenticated);
    assert_eq!(service.get(&grant.token, "/v1/events").await.code(), Code::Unauthenticated);

    let grant = service.sign_in(LOGIN, PASSWORD, "new-device").await;
    let stream = service.stream(&grant.token).await;
    let path = format!("/v1/me/sessions/{}", grant.session.id);
    assert_eq!(service.call(owner, Method::DELETE, &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    ended(stream).await;

    let grant = service.sign_in(LOGIN, PASSWORD, "new-device").await;
    let change = json!({ "current": PASSWORD, "new": "another long password" });
    let changed = service.call(owner, Method::PUT, "/v1/me/password", change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.text);
    assert_eq!(service.get(&grant.token, "/v1/session").await.code(), Code::Unauthenticated);
    assert_eq!(service.get(owner, "/v1/session").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_whose_end_was_not_written_lives_on_and_is_ended_by_the_next_try() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let store = service.app.log.store();
    let change = async |sql: &'static str| {
        let mut tx = store.write().await.unwrap();
        sqlx::query(sql).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    for of in ["/v1/me".to_owned(), format!("/v1/admins/{}", done.grant.admin.id)] {
        let grant = service.sign_in(LOGIN, PASSWORD, "another-device").await;
        let path = format!("{of}/sessions/{}", grant.session.id);
        change("CREATE TRIGGER full BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'not written'); END")
            .await;
        let failed = service.call(owner, Method::DELETE, &path, Value::Null).await;
        assert!(failed.status.is_server_error(), "{} {}", failed.status, failed.text);
        assert_eq!(service.get(&grant.token, "/v1/session").await.status, StatusCode::OK, "{of}");
        change("DROP TRIGGER full").await;
        let done = service.call(owner, Method::DELETE, &path, Value::Null).await;
        assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.text);
        assert_eq!(service.get(&grant.token, "/v1/session").await.code(), Code::Unauthenticated);
    }
    let audit: AuditPage = service.get(owner, "/v1/audit").await.json();
    let ended: Vec<_> = audit.entries.iter().filter(|entry| entry.action == "session.end").collect();
    assert_eq!(ended.len(), 2);
    assert!(ended.iter().all(|entry| entry.target == LOGIN && entry.details.contains("A test")), "{ended:?}");
}

#[tokio::test]
async fn a_session_expires_in_the_middle_of_work() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    service.advance(13 * 24 * 3600);
    assert_eq!(service.get(owner, "/v1/session").await.status, StatusCode::OK);
    service.advance(14 * 24 * 3600);
    let body = json!({ "name": "New name", "domains": ["example.org"] });
    let late = service.send(owner, Method::PUT, "/v1/organization", &[("if-match", "\"1\"")], body).await;
    assert_eq!((late.status, late.code()), (StatusCode::UNAUTHORIZED, Code::Unauthenticated));
}
