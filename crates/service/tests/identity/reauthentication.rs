//! Password and second factor again, before sensitive changes.

use axum::http::{Method, StatusCode};
use mailcup_wire::{
    Admin, AuthenticatorEnrolment, Challenge, Code, Details, Factor, FactorKind, NewAdmin, Role, SessionGrant,
};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::support::{LOGIN, PASSWORD, Service};

const FRESH: i64 = 10 * 60;

impl Service {
    /// Gives password and second factor again.
    pub async fn give_again(&self, token: &str) {
        let before = self.mails();
        let body = json!({ "password": PASSWORD });
        let asked = self.call(token, Method::POST, "/v1/me/reauthentication", body).await;
        let code = self.mailed_code(&before).await;
        let answer = self.answer_again(token, &asked.json(), &code).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    }

    async fn answer_again(&self, token: &str, challenge: &Challenge, code: &str) -> crate::support::Answer {
        let path = format!("/v1/me/reauthentication/{}/answer", challenge.id);
        let body = json!({ "factor": FactorKind::Email, "code": code });
        self.call(token, Method::POST, &path, body).await
    }

    pub async fn enrol(&self, token: &str) -> AuthenticatorEnrolment {
        let path = "/v1/me/factors/authenticator";
        let enrolment: AuthenticatorEnrolment =
            self.call(token, Method::POST, path, Value::Null).await.json();
        let secret = Secret::try_from_base32(&enrolment.secret).unwrap();
        let totp = Builder::new().with_secret(secret).with_account_name("test").build().unwrap();
        let now = u64::try_from(self.clock.now().as_millis() / 1000).unwrap();
        let body = json!({ "id": enrolment.id, "code": totp.generate(now).to_string() });
        let confirmed = self.call(token, Method::POST, &format!("{path}/confirm"), body).await;
        assert_eq!(confirmed.status, StatusCode::NO_CONTENT, "{}", confirmed.text);
        enrolment
    }
}

#[tokio::test]
async fn a_sensitive_change_needs_a_factor_of_the_last_ten_minutes() {
    let (service, done) = Service::set_up().await;
    let token = &done.grant.token;
    let admin = format!("/v1/admins/{}", done.grant.admin.id);
    let invited = json!({ "login": "bert", "name": "Bert", "email": "bert@example.org", "role": "admin" });
    let created = json!({
        "login": "carl", "name": "Carl", "email": "carl@example.org", "role": "admin", "password": PASSWORD,
    });
    let sensitive = [
        (Method::PUT, "/v1/me/password", json!({ "current": PASSWORD, "new": "another long password" })),
        (Method::POST, "/v1/me/factors/authenticator", Value::Null),
        (Method::DELETE, "/v1/me/factors/some", Value::Null),
        (Method::POST, "/v1/me/recovery-codes", Value::Null),
        (Method::POST, "/v1/api-keys", json!({ "name": "A key", "scopes": ["read"] })),
        (Method::POST, "/v1/invitations", invited),
        (Method::POST, "/v1/admins", created),
        (Method::PATCH, &admin, json!({ "email": "thief@example.org" })),
        (Method::DELETE, &admin, Value::Null),
        (Method::DELETE, "/v1/admins/some/factors", Value::Null),
        (
            Method::PUT,
            "/v1/second-factors/policy",
            json!({ "scope": { "kind": "organization" }, "rule": null }),
        ),
    ];
    service.advance(FRESH);
    for (method, path, body) in sensitive {
        let answer = service.send(token, method.clone(), path, &[("if-match", "\"1\"")], body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
        assert_eq!(answer.code(), Code::ReauthenticationRequired, "{method} {path}");
    }
    // Everything else goes on.
    assert_eq!(service.get(token, "/v1/session").await.status, StatusCode::OK);

    service.give_again(token).await;
    service.advance(FRESH - 1);
    let codes = service.call(token, Method::POST, "/v1/me/recovery-codes", Value::Null).await;
    assert_eq!(codes.status, StatusCode::OK);
    // It is kept over a restart, and no longer than ten minutes.
    let service = service.restart_after(0).await;
    let codes = service.call(token, Method::POST, "/v1/me/recovery-codes", Value::Null).await;
    assert_eq!(codes.status, StatusCode::OK);
    service.advance(1);
    let codes = service.call(token, Method::POST, "/v1/me/recovery-codes", Value::Null).await;
    assert_eq!(codes.code(), Code::ReauthenticationRequired);
}

#[tokio::test]
async fn it_counts_for_its_own_session_alone_and_wrong_answers_count() {
    let (service, done) = Service::set_up().await;
    let token = &done.grant.token;
    let other: SessionGrant = service.sign_in(LOGIN, PASSWORD, "another-device").await;
    service.advance(FRESH);
    let wrong = json!({ "password": "a wrong password" });
    let answer = service.call(token, Method::POST, "/v1/me/reauthentication", wrong).await;
    assert_eq!(answer.field(), "password");

    let before = service.mails();
    let body = json!({ "password": PASSWORD });
    let challenge: Challenge =
        service.call(token, Method::POST, "/v1/me/reauthentication", body).await.json();
    let code = service.mailed_code(&before).await;
    // It signs nobody in, and is of no use to another session.
    assert_eq!(service.answer(&challenge, FactorKind::Email, &code).await.code(), Code::ChallengeOver);
    let foreign = service.answer_again(&other.token, &challenge, &code).await;
    assert_eq!(foreign.code(), Code::ChallengeOver);
    let other_code = if code == "000000" { "000001" } else { "000000" };
    let wrong = service.answer_again(token, &challenge, other_code).await;
    assert_eq!(wrong.problem().details, Some(Details::TriesLeft { tries: 2 }));
    assert_eq!(service.answer_again(token, &challenge, &code).await.status, StatusCode::NO_CONTENT);
    assert_eq!(service.answer_again(token, &challenge, &code).await.code(), Code::ChallengeOver);

    let renew = async |token: &str| {
        service.call(token, Method::POST, "/v1/me/recovery-codes", Value::Null).await.status
    };
    assert_eq!(renew(token).await, StatusCode::OK);
    assert_eq!(renew(&other.token).await, StatusCode::FORBIDDEN);
    // Nor does a challenge of a sign-in count as one of a session.
    let before = service.mails();
    let sign_in: Challenge = service.challenge(LOGIN, PASSWORD, "another-device").await.json();
    let code = service.mailed_code(&before).await;
    let mixed = service.answer_again(&other.token, &sign_in, &code).await;
    assert_eq!(mixed.code(), Code::ChallengeOver);
}

#[tokio::test]
async fn an_owners_last_authenticator_stays_until_there_is_another() {
    let (service, done) = Service::set_up().await;
    let token = &done.grant.token;
    let first = service.enrol(token).await;
    let remove = async |token: &str, factor: &AuthenticatorEnrolment| {
        let path = format!("/v1/me/factors/{}", factor.id);
        service.call(token, Method::DELETE, &path, Value::Null).await
    };
    assert_eq!(remove(token, &first).await.code(), Code::Conflict);
    let factors: Vec<Factor> = service.get(token, "/v1/me/factors").await.json();
    assert!(factors.iter().any(|factor| factor.kind == FactorKind::Authenticator), "{factors:#?}");
    let second = service.enrol(token).await;
    assert_eq!(remove(token, &first).await.status, StatusCode::NO_CONTENT);
    assert_eq!(remove(token, &second).await.code(), Code::Conflict);

    // Who is no owner may go back to codes by e-mail.
    let admin = service.admin(token, "bert@example.org", "admin").await.token;
    let factor = service.enrol(&admin).await;
    assert_eq!(remove(&admin, &factor).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn another_e_mail_address_is_told_to_the_old_one() {
    let (service, done) = Service::set_up().await;
    let token = &done.grant.token;
    let new = NewAdmin {
        login: "bert@example.org".into(),
        name: "Bert".into(),
        email: "bert@example.net".into(),
        role: Role::Admin,
        password: PASSWORD.into(),
    };
    let body = serde_json::to_value(&new).unwrap();
    let admin: Admin = service.call(token, Method::POST, "/v1/admins", body).await.json();
    let before = service.mails();
    let change = json!({ "email": "bert@elsewhere.example" });
    let path = format!("/v1/admins/{}", admin.id);
    let changed = service.send(token, Method::PATCH, &path, &[("if-match", "\"1\"")], change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let mail = service.mail(&before, "another e-mail address").await;
    assert!(mail.contains("To: bert@example.net"), "{mail}");
    assert!(!mail.contains("elsewhere"), "it does not say where to: {mail}");
}
