//! The hosted pages in a real Chromium, as a person meets them: `ui/hosted` says what the person does, and has each
//! page looked at by axe with every rule on.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    captcha::{Double, TOKEN},
    roundcube::Webmail,
    support::Stage,
};

const UI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui");

#[tokio::test]
async fn a_person_signs_in_is_signed_out_by_an_admin_signs_in_and_out_again() {
    plays("a person signs in, is signed out by an admin, signs in and out again").await;
}

#[tokio::test]
async fn somebody_else_is_kept_out_with_a_button() {
    plays("somebody else is kept out with a button").await;
}

#[tokio::test]
async fn a_captcha_passes_by_itself_and_is_a_picture_where_that_is_wanted() {
    plays("a captcha passes by itself, and is a picture where that is wanted").await;
}

#[tokio::test]
async fn without_scripts_the_captcha_is_a_picture() {
    plays("without scripts the captcha is a picture").await;
}

#[tokio::test]
async fn of_a_browser_without_a_head_a_captcha_is_asked_for_at_once() {
    plays("of a browser without a head a captcha is asked for at once").await;
}

#[tokio::test]
async fn an_owner_looks_after_the_account() {
    plays("an owner looks after the account").await;
}

#[tokio::test]
async fn an_owner_signs_in_with_an_authenticator_and_with_a_recovery_code() {
    plays("an owner signs in with an authenticator, and with a recovery code").await;
}

#[tokio::test]
async fn an_owner_signs_in_with_a_passkey() {
    let (stage, base) = Stage::set_at_localhost().await;
    play(&stage, "an owner signs in with a passkey", json!({ "base": base })).await;
}

#[tokio::test]
async fn without_a_session_there_is_no_account_to_look_at() {
    plays("without a session there is no account to look at").await;
}

#[tokio::test]
async fn each_providers_captcha_is_loaded_shown_and_believed() {
    for provider in ["turnstile", "hcaptcha", "recaptcha_v2", "recaptcha_v3"] {
        let (double, folder) = (Double::run(provider).await, tempfile::tempdir().unwrap());
        let stage = Stage::set_with(double.settings(folder.path())).await;
        let told = json!({ "provider": { "name": provider, "token": TOKEN } });
        play(&stage, "a provider's captcha is loaded, shown and believed", told).await;
    }
}

#[tokio::test]
async fn roundcube_opens_after_the_sign_in_and_closes_with_its_session() {
    let stage = Stage::asking().await;
    let webmail = Webmail::before(&stage).await;
    let told = json!({ "base": format!("http://127.0.0.1:{}", webmail.nginx.port()) });
    play(&stage, "roundcube opens after the sign-in, and closes with its session", told).await;
}

/// Sets a stage and plays the scene of this name on it.
async fn plays(scene: &str) {
    play(&Stage::set().await, scene, json!({})).await;
}

/// Plays a scene, which is told of the stage, and what `more` says.
async fn play(stage: &Stage, scene: &str, more: Value) {
    let anna = stage.servers.account("anna");
    let output =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hosted").join(scene.replace([' ', ','], "-"));
    fs::create_dir_all(&output).unwrap();
    let mut told = json!({
        "base": format!("http://127.0.0.1:{}", stage.nginx.port()),
        "api": format!("http://{}", stage.service.endpoints().http),
        "token": stage.owner.token(),
        "login": anna.login,
        "password": anna.password,
        "maildir": stage.servers.folder().join("mail").join(&anna.login),
        "output": output,
        "provider": null,
    });
    if let (Value::Object(told), Value::Object(more)) = (&mut told, more) {
        told.extend(more);
    }
    let mut playwright = Command::new("node");
    playwright
        .arg(Path::new(UI).join("node_modules/@playwright/test/cli.js"))
        .args(["test", "--config", "hosted/playwright.config.ts", "--grep", &format!("{scene}$")])
        .current_dir(UI)
        .env("MAILCUP_STAGE", told.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let done = playwright.output().await.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let log = stage.servers.logs();
    assert!(done.status.success(), "{said}\n{}\n{log}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("1 passed"), "{said}");
}
