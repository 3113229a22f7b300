//! Becoming an admin by an invitation, and what owners can do about admins and their sessions.

use axum::http::{Method, StatusCode};
use mailcup_wire::{Admin, AdminAccess, AuditPage, Code, FactorKind, Invitation, InvitationGrant, Role};
use serde_json::{Value, json};

use crate::{
    settings::{MAIL, dead_relay},
    support::{Answer, PASSWORD, Service, ended},
};

const ANNA: &str = "anna@example.org";

async fn invite(service: &Service, owner: &str) -> Answer {
    let body = json!({ "login": ANNA, "name": "Anna", "email": "anna@example.net", "role": "admin" });
    service.call(owner, Method::POST, "/v1/invitations", body).await
}

async fn accept(service: &Service, code: &str, password: &str) -> Answer {
    let body = json!({ "code": code, "password": password });
    service.call("", Method::POST, "/v1/invitations/accept", body).await
}

#[tokio::test]
async fn an_invited_admin_sets_a_password_and_signs_in() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let before = service.mails();
    let answer = invite(&service, owner).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let grant: InvitationGrant = answer.json();
    let code = grant.code.unwrap();
    let mail = service.mail(&before, "Invitation to MailCup").await;
    assert!(mail.contains(&code), "the mail has the same code: {mail}");
    let listed = service.get(owner, "/v1/invitations").await;
    assert!(!listed.text.contains(&code));
    assert_eq!(listed.json::<Vec<Invitation>>(), [grant.invitation]);
    assert_eq!(invite(&service, owner).await.code(), Code::Conflict, "nobody is invited twice at once");

    assert_eq!(accept(&service, "mci_wrong", PASSWORD).await.field(), "code");
    assert_eq!(accept(&service, &code, "short").await.field(), "password");
    let accepted = accept(&service, &format!(" {code}\n"), PASSWORD).await;
    assert_eq!(accepted.status, StatusCode::CREATED, "{}", accepted.text);
    assert_eq!(accepted.json::<Admin>().role, Role::Admin);
    assert_eq!(accept(&service, &code, PASSWORD).await.field(), "code", "a code works once");
    assert!(service.get(owner, "/v1/invitations").await.json::<Vec<Invitation>>().is_empty());
    assert_eq!(invite(&service, owner).await.code(), Code::Conflict, "there is such an admin now");
    service.sign_in(ANNA, PASSWORD, "annas-device").await;

    let audit: AuditPage = service.get(owner, "/v1/audit").await.json();
    let whole = serde_json::to_string(&audit).unwrap();
    assert!(whole.contains("invitation.accept") && !whole.contains(&code) && !whole.contains(PASSWORD));
}

#[tokio::test]
async fn an_invitation_ends_after_a_week_by_revoking_and_by_another_code() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let grant: InvitationGrant = invite(&service, owner).await.json();
    let path = format!("/v1/invitations/{}", grant.invitation.id);
    service.advance(7 * 86_400 - 1);
    let again = service.call(owner, Method::POST, &format!("{path}/resend"), Value::Null).await;
    let again: InvitationGrant = again.json();
    assert_eq!(accept(&service, &grant.code.unwrap(), PASSWORD).await.field(), "code", "another was sent");
    service.advance(7 * 86_400);
    let code = again.code.unwrap();
    assert_eq!(accept(&service, &code, PASSWORD).await.field(), "code", "a week is over");
    let sent: InvitationGrant =
        service.call(owner, Method::POST, &format!("{path}/resend"), Value::Null).await.json();
    let revoked = service.call(owner, Method::DELETE, &path, Value::Null).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    assert_eq!(accept(&service, &sent.code.unwrap(), PASSWORD).await.field(), "code", "it was revoked");
    assert_eq!(service.call(owner, Method::DELETE, &path, Value::Null).await.code(), Code::NotFound);
}

#[tokio::test]
async fn the_waiting_mail_of_an_invitation_goes_with_its_code() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let before = service.get(owner, MAIL).await.etag.unwrap();
    let set = service.send(owner, Method::PUT, MAIL, &[("if-match", &before)], dead_relay()).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let waiting = async || {
        let mails = sqlx::query_scalar(
            "SELECT body FROM outbox WHERE state = 0 AND body LIKE '%mci\\_%' ESCAPE '\\'",
        );
        let mails: Vec<String> = mails.fetch_all(service.app.store.read()).await.unwrap();
        mails
    };
    let path = |grant: &InvitationGrant| format!("/v1/invitations/{}", grant.invitation.id);

    let grant: InvitationGrant = invite(&service, owner).await.json();
    let first = waiting().await;
    assert_eq!((first.len(), grant.code.as_deref()), (1, None));
    let resend = format!("{}/resend", path(&grant));
    assert_eq!(service.call(owner, Method::POST, &resend, Value::Null).await.status, StatusCode::OK);
    let second = waiting().await;
    assert_eq!(second.len(), 1, "one code, one mail");
    assert_ne!(first, second);
    let revoked = service.call(owner, Method::DELETE, &path(&grant), Value::Null).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    assert!(waiting().await.is_empty());

    invite(&service, owner).await;
    assert_eq!(waiting().await.len(), 1);
    let anna = json!({ "login": ANNA, "name": "Anna", "email": ANNA, "role": "admin", "password": PASSWORD });
    let added = service.call(owner, Method::POST, "/v1/admins", anna).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    assert!(waiting().await.is_empty(), "nobody needs it any more");
}

#[tokio::test]
async fn an_invitation_ends_with_the_owner_who_made_it_and_with_the_admin_it_is_for() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let pending = async || service.get(owner, "/v1/invitations").await.json::<Vec<Invitation>>();
    let is_named = async |action: &str, id: &str| {
        let audit: AuditPage = service.get(owner, "/v1/audit").await.json();
        let named = audit.entries.iter().any(|entry| entry.action == action && entry.details.contains(id));
        assert!(named, "{id}: {audit:?}");
    };

    // Made an admin directly, and removed: the code must not bring them back.
    let code = invite(&service, owner).await.json::<InvitationGrant>().code.unwrap();
    let id = pending().await[0].id.0.clone();
    let anna = service.admin(owner, ANNA, "owner").await;
    assert!(pending().await.is_empty(), "there is such an admin now");
    is_named("admin.create", &id).await;

    // Invited by an owner who is none any more.
    let invited = async |by: &str, login: &str| {
        let body = json!({ "login": login, "name": "Ida", "email": login, "role": "owner" });
        let answer = service.call(by, Method::POST, "/v1/invitations", body).await;
        answer.json::<InvitationGrant>()
    };
    let kept = [invited(owner, "kept@example.org").await.invitation];
    let by_anna = invited(&anna.token, "ida@example.org").await;
    let path = format!("/v1/admins/{}", anna.admin.id);
    let change = async |change: Value| {
        let etag = service.get(owner, &path).await.etag.unwrap();
        let answer = service.send(owner, Method::PATCH, &path, &[("if-match", &etag)], change).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    };
    change(json!({ "name": "Anna the owner" })).await;
    assert_eq!(pending().await.len(), 2, "another name changes nothing");
    change(json!({ "role": "admin" })).await;
    assert_eq!(pending().await, kept);
    is_named("admin.change", &by_anna.invitation.id.0).await;
    assert_eq!(accept(&service, &by_anna.code.unwrap(), PASSWORD).await.field(), "code");

    // Invited by an owner who is gone.
    change(json!({ "role": "owner" })).await;
    let by_anna = invited(&anna.token, "ida@example.org").await;
    let removed = service.call(owner, Method::DELETE, &path, Value::Null).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(pending().await, kept);
    is_named("admin.remove", &by_anna.invitation.id.0).await;
    assert_eq!(accept(&service, &by_anna.code.unwrap(), PASSWORD).await.field(), "code");
    assert_eq!(accept(&service, &code, PASSWORD).await.field(), "code", "it was for one who is gone");
}

#[tokio::test]
async fn an_owner_sees_and_ends_single_sessions() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let first = service.admin(owner, ANNA, "admin").await;
    let second = service.sign_in(ANNA, PASSWORD, "another-device").await;
    let path = format!("/v1/admins/{}", first.admin.id);
    let access: AdminAccess = service.get(owner, &format!("{path}/access")).await.json();
    assert_eq!(access.sessions.len(), 2);
    assert!(access.sessions.iter().all(|session| !session.current));
    assert_eq!(access.factors[0].kind, FactorKind::Email);
    let stream = service.stream(&first.token).await;
    let one = format!("{path}/sessions/{}", first.session.id);
    assert_eq!(service.call(owner, Method::DELETE, &one, Value::Null).await.status, StatusCode::NO_CONTENT);
    ended(stream).await;
    assert_eq!(service.get(&first.token, "/v1/session").await.code(), Code::Unauthenticated);
    assert_eq!(service.get(&second.token, "/v1/session").await.status, StatusCode::OK);
    assert_eq!(service.call(owner, Method::DELETE, &one, Value::Null).await.code(), Code::NotFound);
    let foreign = format!("/v1/admins/{}/sessions/{}", done.grant.admin.id, second.session.id);
    assert_eq!(service.call(owner, Method::DELETE, &foreign, Value::Null).await.code(), Code::NotFound);
}
