//! The hosted pages in a real Chromium, as a person meets them: each looked at by axe with every rule on, light and
//! dark, on a desk and on a small phone.

use std::{fs, path::PathBuf};

use mailcup_lab::{chromium::Chromium, wait};
use mailcup_wire::{AlertKind, Outcome};
use reqwest::Method;
use thirtyfour::By;

use crate::support::{SOON, Stage, six_digits};

const DESK: u32 = 1024;
/// WCAG 2.2, success criterion 1.4.10.
const PHONE: u32 = 320;

const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/node_modules/axe-core/axe.min.js");

const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    const told = (violation) => violation.id + ': ' + violation.nodes.map((node) => node.html).join(' | ');
    axe.run().then((result) => done(result.violations.map(told)), (error) => done([String(error)]));";

struct Person {
    chromium: Chromium,
    base: String,
    axe: String,
}

impl Person {
    async fn before(stage: &Stage) -> Self {
        let axe = fs::read_to_string(AXE).expect("axe-core, which `npm ci` in ui installs");
        let base = format!("http://127.0.0.1:{}", stage.nginx.port());
        Self { chromium: Chromium::start().await.unwrap(), base, axe }
    }

    async fn go(&self, path: &str) {
        self.chromium.goto(format!("{}{path}", self.base)).await.unwrap();
    }

    /// The path that the address bar shows.
    async fn path(&self) -> String {
        let url = self.chromium.current_url().await.unwrap();
        url[url::Position::BeforePath..].to_owned()
    }

    async fn words(&self) -> String {
        // A page that gives way to the next one says nothing.
        let said =
            self.chromium.execute("return document.body ? document.body.innerText : ''", Vec::new()).await;
        said.ok().and_then(|said| said.convert().ok()).unwrap_or_default()
    }

    async fn see(&self, words: &str) {
        let seen = wait::until(words, SOON, async || self.words().await.contains(words).then_some(())).await;
        assert!(seen.is_ok(), "“{words}” does not stand on the page, which says:\n{}", self.words().await);
    }

    /// Types into the field with this label, by keyboard alone.
    async fn fill(&self, label: &str, text: &str) {
        let path = format!("//input[@id=//label[normalize-space()='{label}']/@for]");
        let field = self.chromium.find(By::XPath(path)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    async fn press(&self, button: &str) {
        let path = format!("//*[self::button or self::a][normalize-space()='{button}']");
        self.chromium.find(By::XPath(path)).await.unwrap().click().await.unwrap();
    }

    /// Looks at the page as it is, four times, and keeps a picture of each.
    async fn look(&self, name: &str) {
        for (width, is_dark) in [(DESK, false), (DESK, true), (PHONE, true), (PHONE, false)] {
            self.chromium.set_look(width, is_dark).await.unwrap();
            let how = format!("{name}, {width} px, {}", if is_dark { "dark" } else { "light" });
            self.chromium.execute(self.axe.as_str(), Vec::new()).await.unwrap();
            let found = self.chromium.execute_async(RUN_AXE, Vec::new()).await.unwrap();
            let found: Vec<String> = found.convert().unwrap();
            assert!(found.is_empty(), "{how}: {found:#?}");
            let wide = "return document.documentElement.scrollWidth";
            let wide: u32 = self.chromium.execute(wide, Vec::new()).await.unwrap().convert().unwrap();
            assert!(wide <= width, "{how}: the page is {wide} px wide");
            let picture = self.chromium.screenshot_as_png().await.unwrap();
            fs::write(pictures().join(format!("{}.png", how.replace(", ", "-").replace(' ', ""))), picture)
                .unwrap();
        }
        self.chromium.set_look(DESK, false).await.unwrap();
    }
}

/// Where pictures of the pages are kept for people to look at.
fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hosted");
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn a_person_signs_in_and_out_again_in_chromium() {
    let stage = Stage::set().await;
    let anna = stage.servers.account("anna").clone();
    let person = Person::before(&stage).await;

    person.go("/mail/?_mbox=INBOX").await;
    person.see("Sign in to Example").await;
    person.look("password").await;
    person.fill("Mail address", &anna.login).await;
    person.fill("Password", "not this one").await;
    person.press("Go on").await;
    person.see("Login or password is wrong.").await;
    person.look("wrong password").await;

    person.fill("Mail address", &anna.login).await;
    person.fill("Password", &anna.password).await;
    person.press("Go on").await;
    person.see("A code of six digits was mailed to a…@example.org.").await;
    person.look("code").await;
    let code = stage.code("anna", 1).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    person.fill("Code", wrong).await;
    person.press("Sign in to Example").await;
    person.see("The code is wrong.").await;
    person.see("You have 2 tries.").await;
    person.look("wrong code").await;
    person.fill("Code", &code).await;
    person.press("Sign in to Example").await;
    person.see("mail of [anna@example.org]").await;
    assert_eq!(person.path().await, "/mail/?_mbox=INBOX");

    // Ended by an admin: the next request leads to the sign-in, and back.
    let ended = stage.owner.request(Method::DELETE, &format!("/v1/accounts/{}/sessions", anna.login));
    ended.send().await.unwrap().error_for_status().unwrap();
    person.go("/mail/").await;
    person.see("Sign in to Example").await;
    person.fill("Mail address", &anna.login).await;
    person.fill("Password", &anna.password).await;
    person.press("Go on").await;
    person.see("Enter the code").await;
    person.fill("Code", &stage.code("anna", 2).await).await;
    person.press("Sign in to Example").await;
    person.see("mail of [anna@example.org] at /mail/").await;

    person.go("/sign-out").await;
    person.see("You are signed in to Example as anna@example.org.").await;
    person.look("sign out").await;
    person.press("Sign out").await;
    person.see("You are signed out").await;
    person.look("signed out").await;
    person.press("Sign in again").await;
    person.see("Mail address").await;
    person.chromium.close().await.unwrap();
}

#[tokio::test]
async fn somebody_else_is_kept_out_with_a_button_in_chromium() {
    let stage = Stage::set().await;
    let anna = stage.servers.account("anna").clone();
    let person = Person::before(&stage).await;
    person.go("/mail/").await;
    person.fill("Mail address", &anna.login).await;
    person.fill("Password", &anna.password).await;
    person.press("Go on").await;
    person.see("Enter the code").await;
    let mail = stage.mail("anna", 1).await;
    let code = six_digits(&mail);
    let link = mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let link = link.split("https://mail.example.org").nth(1).unwrap().split_whitespace().next().unwrap();

    // Opening the link does nothing: scanners of mail do it.
    person.go(link).await;
    person.see("Somebody who knows the password of anna@example.org asked for a code").await;
    person.look("not me").await;
    assert_eq!(stage.outcomes("anna").await, [Outcome::Challenged]);
    person.chromium.find(By::Tag("button")).await.unwrap().click().await.unwrap();
    let alerted = wait::until("no alert", SOON, async || {
        let alerts = stage.owner.alerts().await.unwrap();
        alerts.iter().any(|alert| alert.kind == AlertKind::NotMe).then_some(())
    });
    alerted.await.unwrap();
    person.look("not me done").await;

    person.go("/sign-in/code").await;
    person.see("This sign-in is over").await;
    person.look("over").await;
    person.press("Begin anew").await;
    person.fill("Mail address", &anna.login).await;
    person.fill("Password", &anna.password).await;
    person.press("Go on").await;
    // The network is blocked for the account; that looks like a wrong password.
    person.see("Login or password is wrong.").await;
    assert!(!code.is_empty());
    person.chromium.close().await.unwrap();
}

#[tokio::test]
async fn a_captcha_solves_itself_in_chromium_and_is_a_picture_where_that_is_wanted() {
    let stage = Stage::set().await;
    let anna = stage.servers.account("anna").clone();
    let person = Person::before(&stage).await;
    person.go("/mail/").await;
    for _ in 0..3 {
        person.see("Sign in to Example").await;
        person.fill("Mail address", &anna.login).await;
        person.fill("Password", "not this one").await;
        person.press("Go on").await;
        person.see("Login or password is wrong.").await;
    }
    person.see("Check passed.").await;
    person.look("captcha").await;

    person.press("Type letters from a picture instead").await;
    person.see("Letters and digits in the picture").await;
    person.look("captcha as a picture").await;
    person.fill("Mail address", &anna.login).await;
    person.press("Another picture").await;
    person.see("Letters and digits in the picture").await;
    person.press("Let the browser pass the check instead").await;

    // Whether the check is done by then or not.
    person.see("Type letters from a picture instead").await;
    person.fill("Mail address", &anna.login).await;
    person.fill("Password", &anna.password).await;
    person.press("Go on").await;
    person.see("A code of six digits was mailed to").await;
    person.chromium.close().await.unwrap();
}
