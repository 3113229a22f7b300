//! The hosted pages in a real Chromium, as a person meets them: `ui/hosted` says what the person does, and has each
//! page looked at by axe with every rule on.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::json;
use tokio::process::Command;

use crate::support::Stage;

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

/// Sets a stage and plays the scene of this name on it.
async fn plays(scene: &str) {
    play(&Stage::set().await, scene).await;
}

async fn play(stage: &Stage, scene: &str) {
    let anna = stage.servers.account("anna");
    let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hosted").join(scene.replace([' ', ','], "-"));
    fs::create_dir_all(&output).unwrap();
    let told = json!({
        "base": format!("http://127.0.0.1:{}", stage.nginx.port()),
        "api": format!("http://{}", stage.service.endpoints().http),
        "token": stage.owner.token(),
        "login": anna.login,
        "password": anna.password,
        "maildir": stage.servers.folder().join("mail").join(&anna.login),
        "output": output,
    });
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
