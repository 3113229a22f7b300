//! Risk on the web: a stolen password abroad, and a network that tries many accounts.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use mailcup_lab::{places, service::write_history, traffic::Attempt, wait};
use mailcup_wire::{Block, BlockCause, BlockTarget, Outcome, ReasonCode, RiskSettings};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{DEVICE, ELSEWHERE, HOME, SOON, Stage};

const BERLIN: &str = "141.20.1.1";
const LAGOS: &str = "41.190.1.1";

/// Anna reads her mail in Berlin up to an hour ago, Ben did up to ten days ago.
async fn abroad(folder: &Path, level: &str) -> Stage {
    let (data_dir, countries) = (folder.join("data"), folder.join("countries.mmdb"));
    places::write_countries(&countries, places::country_of).unwrap();
    let in_berlin = |login, hours_ago| {
        let last = Timestamp::now() - SignedDuration::from_hours(hours_ago);
        Attempt::each_day(login, BERLIN.parse().unwrap(), 20, last)
    };
    let mut past: Vec<_> =
        in_berlin("anna@example.org", 1).chain(in_berlin("ben@example.org", 240)).collect();
    past.sort_by_key(|attempt| attempt.at);
    assert_eq!(write_history(&data_dir, past.into_iter()).unwrap(), 40);
    let env = vec![("MAILCUP_PLACES_COUNTRY".to_owned(), countries.display().to_string())];
    let stage = Stage::set_in(Some(data_dir), env).await;
    stage.enforce(level).await;
    stage
}

impl Stage {
    async fn enforce(&self, level: &str) {
        let settings = json!({ "level": level, "enforced": true, "version": 0 });
        let _: RiskSettings = self.owner.change(Method::PUT, "/v1/settings/risk", &settings).await.unwrap();
    }
}

#[tokio::test]
async fn a_stolen_password_from_abroad_is_refused_like_a_wrong_one() {
    let folder = tempfile::tempdir().unwrap();
    let stage = abroad(folder.path(), "balanced").await;
    let refused = stage.give_password(&mut stage.world_browser(LAGOS), "anna", "/").await;
    let wrong = stage.give(&mut stage.world_browser("203.0.113.9"), "clara", "wrong", "/").await;
    assert_eq!((refused.status, refused.title()), (wrong.status, wrong.title()));
    let sign_ins = stage.sign_ins("anna").await;
    let [seen] = &sign_ins[..] else { panic!("{sign_ins:?}") };
    assert_eq!((seen.outcome, seen.reasons[0].code), (Outcome::Refused, ReasonCode::StolenPassword));
    let set = async || stage.owner.list::<Block>("/v1/blocks").await.unwrap().pop();
    let block = wait::until("no block was set", SOON, set).await.unwrap();
    assert_eq!(block.cause, Some(BlockCause::StolenPassword));
    // Whoever came through nginx, never nginx.
    let (login, network) = ("anna@example.org".into(), LAGOS.parse().unwrap());
    assert_eq!(block.target, BlockTarget::AccountNetwork { login, network });
}

#[tokio::test]
async fn a_verified_browser_on_a_journey_is_asked_for_a_code_and_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stage = abroad(folder.path(), "balanced").await;
    let mut home = stage.world_browser(BERLIN);
    let page = stage.sign_in(&mut home, "anna", "/").await;
    assert_eq!(page.location.as_deref(), Some("/"), "{}", page.text);
    let mut away = stage.world_browser(LAGOS);
    away.cookies.insert(DEVICE.to_owned(), home.cookies[DEVICE].clone());
    let asked = stage.give_password(&mut away, "anna", "/").await;
    assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);
    let sign_ins = stage.sign_ins("anna").await;
    let seen = sign_ins.last().unwrap();
    assert_eq!((seen.outcome, seen.reasons[0].code), (Outcome::Challenged, ReasonCode::CodeRequested));
    let page = away.get("/sign-in/code").await;
    let done = away.submit(&page, "/sign-in/code", &[("code", &stage.code("anna", 2).await)]).await;
    assert_eq!(done.location.as_deref(), Some("/"), "{}", done.text);
}

#[tokio::test]
async fn what_is_merely_odd_is_asked_for_a_code_where_the_policy_asks_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let stage = abroad(folder.path(), "strict").await;
    let off = json!({ "scope": { "kind": "organization" }, "rule": { "require": "off" } });
    let _: Value = stage.owner.change(Method::PUT, "/v1/second-factors/policy", &off).await.unwrap();
    // Nobody knows anything of Clara yet.
    let home = stage.give_password(&mut stage.browser(HOME), "clara", "/").await;
    assert_ne!(home.location.as_deref(), Some("/sign-in/code"), "{}", home.text);

    let mut browser = stage.world_browser(LAGOS);
    let asked = stage.give_password(&mut browser, "ben", "/").await;
    assert_eq!(asked.location.as_deref(), Some("/sign-in/code"), "{}", asked.text);
    let sign_ins = stage.sign_ins("ben").await;
    let seen = sign_ins.last().unwrap();
    assert_eq!((seen.outcome, seen.reasons[0].code), (Outcome::Challenged, ReasonCode::CodeRequested));
    assert!(seen.reasons[0].text.contains("never signed in from NG before"), "{}", seen.reasons[0].text);
    let page = browser.get("/sign-in/code").await;
    let done = browser.submit(&page, "/sign-in/code", &[("code", &stage.code("ben", 1).await)]).await;
    assert_eq!(done.location.as_deref(), Some("/"), "{}", done.text);
}

#[tokio::test]
async fn whoever_tries_many_accounts_is_asked_for_a_captcha_and_then_kept_out() {
    let stage = Stage::set().await;
    stage.enforce("balanced").await;
    let mut thief = stage.browser(ELSEWHERE);
    for name in ["anna", "ben", "clara", "david", "emma"] {
        let page = stage.give(&mut thief, name, "wrong", "/").await;
        assert!(!page.asks_for_a_captcha(), "each of them once");
    }
    let asked = stage.give_password(&mut thief, "felix", "/").await;
    assert!(asked.asks_for_a_captcha(), "{}", asked.text);
    let sign_ins = stage.sign_ins("felix").await;
    assert_eq!(sign_ins[0].reasons[0].code, ReasonCode::CaptchaAsked);
    assert!(sign_ins[0].reasons[0].text.contains("Passwords of many accounts are tried"), "{sign_ins:?}");
    let at_home = stage.give_password(&mut stage.browser(HOME), "felix", "/").await;
    assert_eq!(at_home.location.as_deref(), Some("/sign-in/code"), "{}", at_home.text);
}
