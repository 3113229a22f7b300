//! Debian's Roundcube with our plugin, behind nginx as the guide sets it up.

use std::path::Path;

use mailcup_lab::{nginx::Nginx, roundcube::Roundcube};
use mailcup_wire::{Outcome, Protocol};
use reqwest::StatusCode;

use crate::support::{Browser, ELSEWHERE, HOME, Page, Stage, guide};

pub struct Webmail {
    roundcube: Roundcube,
    pub nginx: Nginx,
}

impl Webmail {
    pub async fn before(stage: &Stage) -> Self {
        let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/roundcube/mailcup");
        let plugin = plugin.canonicalize().unwrap();
        let roundcube = Roundcube::start(stage.servers.ports(), &plugin).await.unwrap();
        let guide = guide(&stage.service.endpoints().public);
        let (before, rest) = guide.split_once("    proxy_pass http://127.0.0.1:8080;\n").unwrap();
        let php =
            format!("{}fastcgi_param HTTP_X_MAILCUP_ACCOUNT $mailcup_account;\n}}\n", roundcube.location());
        assert!(rest.ends_with("}\n"), "{rest}");
        let block = format!(
            "{before}{php}location ~ ^/(skins|program/js|program/resources)/ {{ {} }}",
            roundcube.root()
        );
        let nginx = Nginx::start(|port, _| format!("server {{ listen 127.0.0.1:{port}; {block} }}"));
        Self { nginx: nginx.await.unwrap(), roundcube }
    }

    /// Signs in on Roundcube's own page, which is open in a browser that signed in on the web.
    async fn sign_in(&self, browser: &mut Browser, login: &str, password: &str) -> Page {
        let page = browser.get("/").await;
        assert_eq!(page.status, StatusCode::OK, "{}\n{}", page.text, self.roundcube.log());
        browser.submit(&page, "/?_task=login", &[("_user", login), ("_pass", password)]).await
    }
}

#[tokio::test]
async fn roundcube_opens_the_mailbox_of_whoever_is_signed_in_on_the_web_alone() {
    let stage = Stage::asking().await;
    let webmail = Webmail::before(&stage).await;
    let port = webmail.nginx.port();
    let (a, b) = (stage.servers.account("anna").clone(), stage.servers.account("ben").clone());

    let mut anna = stage.browser(HOME).at(port);
    assert_eq!(anna.get("/?_task=mail").await.status, StatusCode::SEE_OTHER);
    stage.sign_in(&mut anna, "anna", "/").await;
    let page = anna.get("/").await;
    assert!(page.text.contains("value=\"anna@example.org\""), "{page:?}\n{}", webmail.roundcube.log());
    let other = webmail.sign_in(&mut anna, &b.login, &b.password).await;
    let told =
        "You are signed in as anna@example.org. Only that mailbox opens here; sign out to open another.";
    assert!(other.text.contains(told), "{}\n{}", other.text, webmail.roundcube.log());
    let own = webmail.sign_in(&mut anna, &a.login, &a.password).await;
    assert_eq!(own.status, StatusCode::FOUND, "{}\n{}", own.text, webmail.roundcube.log());
    let mailbox = anna.get("/?_task=mail").await;
    assert!(
        mailbox.text.contains("anna@example.org") && mailbox.text.contains("messagelist"),
        "{}",
        mailbox.text
    );
    let event = stage.over("anna", Protocol::Imap).await.pop().unwrap();
    assert_eq!((event.outcome, event.address), (Outcome::Succeeded, HOME.parse().ok()));

    // Ben has Anna's session of Roundcube, and a header of her name.
    let mut ben = stage.browser(ELSEWHERE).at(port);
    stage.sign_in(&mut ben, "ben", "/").await;
    for (name, value) in &anna.cookies {
        if name.starts_with("roundcube_") {
            ben.cookies.insert(name.clone(), value.clone());
        }
    }
    for name in ["x-mailcup-account", "x_mailcup_account", "X-MAILCUP-ACCOUNT"] {
        ben.headers = vec![(name, a.login.clone())];
        let page = ben.get("/?_task=mail").await;
        assert!(
            !page.text.contains("messagelist") && !page.text.contains("anna@example.org"),
            "{name}: {}",
            page.text
        );
    }
    assert!(stage.over("ben", Protocol::Imap).await.is_empty());

    // Out on the web is out of Roundcube.
    let page = anna.get("/sign-out").await;
    anna.submit(&page, "/sign-out", &[]).await;
    assert_eq!(anna.get("/?_task=mail").await.status, StatusCode::SEE_OTHER);
}
