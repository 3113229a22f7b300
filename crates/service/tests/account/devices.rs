//! Browsers as devices: known by a signed cookie, verified by a factor, renamed and forgotten; and the pages' color.

use axum::http::{Method, StatusCode, header};
use mailcup_wire::{AccountDevice, Organization};
use serde_json::{Value, json};

use super::support::{AGENT, ANNA, BEN, ELSEWHERE, HOME, Service};

const DEVICE: &str = "__Host-mailcup-device";

async fn devices(service: &Service, login: &str) -> Vec<AccountDevice> {
    service.api(Method::GET, &format!("/v1/accounts/{login}/devices"), Value::Null).await.json()
}

#[tokio::test]
async fn a_browser_is_known_again_verified_by_a_factor_renamed_and_forgotten() {
    let service = Service::start().await;
    let mut anna = service.signed_in(ANNA, HOME).await;
    let cookie = anna.cookies[DEVICE].clone();
    let [first] = &devices(&service, ANNA).await[..] else { panic!("one browser") };
    assert!(first.verified_at.is_some() && first.name == AGENT, "{first:?}");
    assert_eq!(first.address.map(|address| address.to_string()).as_deref(), Some(HOME));

    // The same browser signs in anew and is no other one; a second browser is.
    service.advance(60);
    anna.cookies.retain(|name, _| name == DEVICE);
    let mut again = service.signed_in_with(anna, ANNA).await;
    assert_eq!(again.cookies[DEVICE], cookie);
    service.advance(60);
    let mut other = service.signed_in(ANNA, ELSEWHERE).await;
    let known = devices(&service, ANNA).await;
    assert_eq!(known.len(), 2);
    assert_eq!(known[1].id, first.id, "the one that signed in last comes first");
    assert!(known[1].last_at > first.last_at && known[1].verified_at == first.verified_at);
    assert!(devices(&service, BEN).await.is_empty());

    // It is named, and keeps its name.
    let page = again.get("/account").await;
    assert!(page.text.contains("Known browsers") && page.text.contains("(this browser)"), "{}", page.text);
    let rename = format!("/account/devices/rename?id={}", first.id);
    let page = again.get(&rename).await;
    let done = again.submit(&page, "/account/devices/rename", &[("name", "Kitchen & co")]).await;
    assert_eq!(done.location.as_deref(), Some("/account?done=device-renamed#devices"), "{}", done.text);
    let wrong = again.submit(&page, "/account/devices/rename", &[("name", " ")]).await;
    assert!(wrong.text.contains("1 to 120 characters"), "{}", wrong.text);
    assert!(again.get("/account").await.text.contains("Kitchen &amp; co"));

    // Somebody else's is none.
    let mut ben = service.signed_in(BEN, HOME).await;
    assert_eq!(ben.get(&rename).await.status, StatusCode::NOT_FOUND);
    let form = ben.get("/account").await.form("/account/devices/revoke");
    let foreign = ben.send_form(&form, &[("id", &first.id.0)]).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{}", foreign.text);
    assert_eq!(ben.send_form_without_origin(&form, &[]).await.status, StatusCode::FORBIDDEN);

    // Forgotten by its owner, its sessions end, and the other's stay.
    let page = other.get("/account").await;
    let forms = page.forms().into_iter().filter(|form| form.action == "/account/devices/revoke");
    let of_first = forms.into_iter().find(|form| form.field("id") == first.id.0).unwrap();
    let done = other.send_form(&of_first, &[]).await;
    assert_eq!(done.location.as_deref(), Some("/account?done=device-revoked#devices"), "{}", done.text);
    assert!(!again.is_in().await && other.is_in().await && ben.is_in().await);

    // By an admin, likewise; then there is nothing left to forget.
    let [left] = &devices(&service, ANNA).await[..] else { panic!("one browser") };
    let path = format!("/v1/accounts/{ANNA}/devices/{}", left.id);
    let revoked = service.api(Method::DELETE, &path, Value::Null).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT, "{}", revoked.text);
    assert!(!other.is_in().await);
    assert_eq!(service.api(Method::DELETE, &path, Value::Null).await.status, StatusCode::NOT_FOUND);
    service.close().await;
}

#[tokio::test]
async fn a_cookie_that_is_not_ours_names_no_device() {
    let service = Service::start().await;
    let anna = service.signed_in(ANNA, HOME).await;
    let own = anna.cookies[DEVICE].clone();
    let [first] = &devices(&service, ANNA).await[..] else { panic!("one browser") };
    let (id, code) = own.split_once('.').unwrap();
    assert_eq!(id, first.id.0);
    for forged in
        [id.to_owned(), format!("{id}.{}", "0".repeat(code.len())), format!("{}.{code}", "0".repeat(24))]
    {
        service.advance(1);
        let mut thief = service.browser(ELSEWHERE);
        thief.cookies.insert(DEVICE.to_owned(), forged.clone());
        let thief = service.signed_in_with(thief, ANNA).await;
        let given = &thief.cookies[DEVICE];
        assert!(!given.starts_with(id) && *given != forged, "{forged}: {given}");
    }
    assert_eq!(devices(&service, ANNA).await.len(), 4);
    service.close().await;
}

#[tokio::test]
async fn without_a_factor_a_browser_is_known_and_not_verified_and_a_reset_takes_it_back() {
    let service = Service::start().await;
    service.reauthenticate().await;
    let off = json!({ "scope": { "kind": "organization" }, "rule": { "require": "off" } });
    let set = service.api(Method::PUT, "/v1/second-factors/policy", off).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let mut anna = service.browser(HOME);
    let page = anna.give_password(ANNA).await;
    assert_eq!(page.location.as_deref(), Some("/"), "{}", page.text);
    assert_eq!(devices(&service, ANNA).await[0].verified_at, None);
    assert!(anna.get("/account").await.text.contains("Not verified."));

    let on = json!({ "scope": { "kind": "organization" }, "rule": null });
    service.api(Method::PUT, "/v1/second-factors/policy", on).await;
    anna.cookies.retain(|name, _| name == DEVICE);
    service.advance(60);
    service.signed_in_with(anna, ANNA).await;
    assert!(devices(&service, ANNA).await[0].verified_at.is_some());
    let reset = service.api(Method::DELETE, &format!("/v1/accounts/{ANNA}/factors"), Value::Null).await;
    assert_eq!(reset.status, StatusCode::NO_CONTENT, "{}", reset.text);
    assert_eq!(devices(&service, ANNA).await[0].verified_at, None);
    service.close().await;
}

#[tokio::test]
async fn pages_have_the_organizations_color_made_readable() {
    let service = Service::start().await;
    let mut stranger = service.browser(HOME);
    let page = stranger.get("/sign-in").await;
    assert!(page.text.contains("<link rel=\"stylesheet\" href=\"/sign-in/colors\">"), "{}", page.text);
    assert_eq!(stranger.get("/sign-in/colors").await.text, "");
    let change = |accent: Value| json!({ "name": "Example", "domains": ["example.org"], "accent": accent });
    for wrong in ["red", "#12", "#123456}body{display:none"] {
        let refused = service.api(Method::PUT, "/v1/organization", change(json!(wrong))).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(refused.text.contains("#2457c5"), "{}", refused.text);
    }
    let set = service.api(Method::PUT, "/v1/organization", change(json!("#FFD400"))).await;
    assert_eq!(set.json::<Organization>().accent.map(|color| color.0).as_deref(), Some("#ffd400"));
    let style = stranger.get("/sign-in/colors").await;
    assert_eq!(style.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    // Yellow is too light for a white page, and as it is on a dark one.
    assert!(style.text.contains("dark){:root{--accent:#ffd400;"), "{}", style.text);
    assert!(!style.text.starts_with(":root{--accent:#ffd400"), "{}", style.text);
    service.close().await;
}
