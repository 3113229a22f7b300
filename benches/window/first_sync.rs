//! The first sync of all events, with somebody pressing links meanwhile.

use std::time::{Duration, Instant};

use mailcup_lab::{
    desktop::Desktop,
    service::{OWNER, Service},
};

use crate::{first_run, measured, page::Page, percentile, prepare, row};

const LONGEST: Duration = Duration::from_mins(20);
const PRESS_EVERY: Duration = Duration::from_secs(1);

pub async fn measure(desktop: &Desktop, service: &Service, events: u64) -> Page {
    let page = Page::open(desktop).await;
    page.see("Welcome to MailCup").await;
    page.press("Connect to a service").await;
    page.fill("Address of the service", &format!("http://{}", service.endpoints().http)).await;
    page.press("Connect").await;
    page.fill("Login", OWNER.login).await;
    page.fill("Password", OWNER.password).await;
    page.press("Sign in").await;
    page.see("Six-digit code").await;
    prepare(&page).await;
    page.fill("Six-digit code", &first_run::outbox_code(service).await).await;
    let begun = Instant::now();
    let mut answers = Vec::new();
    let mut slowest = (String::new(), 0.0);
    while !page.words().await.contains("Up to date") {
        assert!(begun.elapsed() < LONGEST, "the sync goes on and on:\n{}", page.words().await);
        tokio::time::sleep(PRESS_EVERY).await;
        let answer = measured(&page, &format!("press({})", answers.len())).await;
        let took = answer["answered"].as_f64().unwrap_or(f64::NAN);
        if took < 0.0 || took > slowest.1 {
            slowest = (answer["named"].as_str().unwrap_or_default().to_owned(), took);
        }
        answers.push(took);
    }
    let took = begun.elapsed().as_secs_f64();
    row(&format!("First sync of {events} events"), &format!("{took:.0} s"), "under 90 s");
    let count = answers.len();
    row(
        &format!("Meanwhile {count} presses, each answered (p50, p95)"),
        &format!("{:.0} ms, {:.0} ms", percentile(&mut answers, 50), percentile(&mut answers, 95)),
        "under 100 ms",
    );
    row("  the slowest", &format!("{:.0} ms", slowest.1), &slowest.0);
    page
}
