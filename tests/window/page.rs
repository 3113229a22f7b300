//! The console's window as its user sees it: labels, buttons, words.

use std::{fs, ops::Deref, path::Path, process::Command, time::Duration};

use mailcup_lab::{
    desktop::{Desktop, Window},
    wait,
};
use thirtyfour::{By, WebElement};

pub const SOON: Duration = Duration::from_secs(15);
/// Notes what the window's policy refuses, and what fails in a page's scripts.
const WATCH: &str = "window.refused = []; document.addEventListener('securitypolicyviolation', \
                     event => window.refused.push(`${event.violatedDirective} ${event.blockedURI}`)); \
                     window.faults = []; addEventListener('error', event => window.faults.push(event.message)); \
                     addEventListener('unhandledrejection', event => window.faults.push(\
                     `${event.reason} ${event.reason?.stack}`))";

pub const CONSOLE: &str = env!("CARGO_BIN_EXE_mailcup-console");

pub struct Page(Window);

impl Deref for Page {
    type Target = Window;

    fn deref(&self) -> &Window {
        &self.0
    }
}

impl Page {
    /// Opens the console on this desktop.
    pub async fn open(desktop: &Desktop) -> Self {
        Self(desktop.open(Path::new(CONSOLE), &[], &[]).await.unwrap())
    }

    pub fn into_window(self) -> Window {
        self.0
    }

    /// Quits the console as the end of a desktop session does: closing its window would leave it in the tray.
    pub async fn quit(self) {
        let pid = self.pid().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(asked.success());
        let ended = wait::until("the console quits", SOON, async || {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.is_empty().then_some(())
        });
        ended.await.unwrap();
        // Its session with the driver ended with it.
        drop(self.0.close().await);
    }

    /// Waits until these words are on the page.
    pub async fn see(&self, words: &str) {
        let seen = wait::until(words, SOON, async || self.words().await.contains(words).then_some(())).await;
        assert!(seen.is_ok(), "“{words}” does not stand on the page, which says:\n{}", self.words().await);
    }

    pub async fn see_no_more(&self, words: &str) {
        let gone =
            wait::until(words, SOON, async || (!self.words().await.contains(words)).then_some(())).await;
        assert!(gone.is_ok(), "“{words}” still stands on the page:\n{}", self.words().await);
    }

    /// What the page says.
    pub async fn words(&self) -> String {
        let script = "return document.body ? document.body.innerText.replace(/\\s+/g, ' ') : ''";
        let said = self.execute(script, Vec::new()).await;
        said.ok().and_then(|said| said.json().as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Types into the field with this label, in place of what stands there.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Chooses an option of the list with this label.
    pub async fn choose(&self, label: &str, option: &str) {
        let path = format!(".//option[contains(normalize-space(), '{option}')]");
        self.field(label).await.find(By::XPath(path)).await.unwrap().click().await.unwrap();
    }

    /// Presses the button, link, menu entry, tick or radio button that says this.
    pub async fn press(&self, words: &str) {
        let says = |tag: &str| {
            format!(
                "//{tag}[starts-with(normalize-space(), '{words}') or @aria-label='{words}' or @title='{words}']"
            )
        };
        let path = ["button", "a", "label"].map(says).join(" | ");
        let pressed = wait::until(words, SOON, async || {
            for element in self.find_all(By::XPath(path.as_str())).await.ok()? {
                if element.is_clickable().await.unwrap_or(false) && element.click().await.is_ok() {
                    return Some(());
                }
            }
            None
        });
        let pressed = pressed.await.is_ok();
        assert!(pressed, "“{words}” can't be pressed on the page, which says:\n{}", self.words().await);
    }

    /// Goes to an address inside the window.
    pub async fn go(&self, address: &str) {
        self.execute(format!("location.hash = '#{address}'"), Vec::new()).await.unwrap();
    }

    pub async fn address(&self) -> String {
        let hash = self.execute("return location.hash", Vec::new()).await.unwrap();
        hash.json().as_str().unwrap_or_default().trim_start_matches('#').to_owned()
    }

    /// The exact text of the block to copy with this label.
    pub async fn copied(&self, label: &str) -> String {
        let path = format!("//pre[@aria-label='{label}']/code");
        let found = wait::until(label, SOON, async || self.find(By::XPath(path.as_str())).await.ok()).await;
        found.unwrap().prop("textContent").await.unwrap().unwrap()
    }

    /// From now on, what its policy refuses and what fails in its scripts is noted.
    pub async fn watch_faults(&self) {
        self.execute(WATCH, Vec::new()).await.unwrap();
    }

    /// Nothing was refused and nothing failed since [`Page::watch_faults`].
    pub async fn must_be_faultless(&self) {
        let refused = self.execute("return window.refused", Vec::new()).await.unwrap();
        assert_eq!(refused.json(), &serde_json::json!([]), "the page breaks the window's own policy");
        let faults = self.execute("return window.faults", Vec::new()).await.unwrap();
        assert_eq!(faults.json(), &serde_json::json!([]), "a page's script failed");
    }

    /// The page's picture, once it is painted.
    pub async fn painted(&self, file: &Path) {
        let frames = "const done = arguments[arguments.length - 1]; \
                      requestAnimationFrame(() => requestAnimationFrame(() => done(document.fonts.status)))";
        self.execute_async(frames, Vec::new()).await.unwrap();
        self.picture(file).await.unwrap();
    }

    async fn field(&self, label: &str) -> WebElement {
        let path = format!(
            "//*[@id=//label[normalize-space()='{label}' or starts-with(normalize-space(), '{label} ')]/@for]"
        );
        let found = wait::until(label, SOON, async || {
            let field = self.find(By::XPath(path.as_str())).await.ok()?;
            field.is_displayed().await.ok()?.then_some(field)
        });
        let found = found.await;
        assert!(found.is_ok(), "no field “{label}” on the page, which says:\n{}", self.words().await);
        found.unwrap()
    }
}
