//! The same on the web, straight at the service: a wrong password, an unknown account and a blocked network. Each try is
//! from a network of its own and no account has many, so that no captcha comes between.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Instant};

use futures_util::future::join_all;
use mailcup_lab::mail_servers::MailAccount;
use mailcup_wire::Block;
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    SERVERS, median_of,
    support::{Browser, Stage},
};

const ACCOUNTS: usize = 40;
const KINDS: [&str; 3] = ["wrong password", "unknown account", "blocked network"];
/// Nobody is blocked there.
const FREE: u32 = u32::from_be_bytes([100, 64, 0, 0]);
const BLOCKED: u32 = u32::from_be_bytes([198, 18, 0, 0]);

pub async fn measure(tries: usize) {
    let stages = join_all((0..SERVERS).map(|_| stage())).await;
    let measured = join_all(stages.iter().map(|stage| ask(stage, tries.div_ceil(SERVERS)))).await;
    let mut together: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (kind, mut times) in measured.into_iter().flatten() {
        together.entry(kind).or_default().append(&mut times);
    }
    for (kind, mut times) in together {
        times.sort_by(f64::total_cmp);
        let [low, median, high] = median_of(&times);
        println!(
            "{:<12} {:<26} {:>7} {median:>11.2} {:>23}",
            "Web",
            KINDS[kind],
            times.len(),
            format!("{low:.2} to {high:.2}")
        );
    }
}

async fn stage() -> Stage {
    let stage = Stage::set_among(MailAccount::many(ACCOUNTS), None, Vec::new()).await;
    let block = json!({ "target": { "kind": "network", "network": "198.18.0.0/16" } });
    let _: Block = stage.owner.post("/v1/blocks", &block).await.expect("a block");
    stage
}

async fn ask(stage: &Stage, rounds: usize) -> BTreeMap<usize, Vec<f64>> {
    let mut measured: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for round in 0..rounds {
        for turn in 0..KINDS.len() {
            let kind = (turn + round) % KINDS.len();
            let number = u32::try_from(round * KINDS.len() + kind).expect("not so many");
            let account = &stage.servers.accounts()[round % ACCOUNTS];
            let nobody = format!("nobody-{}@example.org", round % ACCOUNTS);
            let (login, password, network) = match kind {
                0 => (account.login.as_str(), "wrong", FREE),
                1 => (nobody.as_str(), "wrong", FREE),
                _ => (account.login.as_str(), account.password.as_str(), BLOCKED),
            };
            let browser = stage.world_browser(&Ipv4Addr::from(network + number).to_string());
            measured.entry(kind).or_default().push(refused(browser, login, password).await);
        }
    }
    measured
}

/// Milliseconds from the password to its refusal.
async fn refused(mut browser: Browser, login: &str, password: &str) -> f64 {
    let page = browser.get("/sign-in").await;
    let begun = Instant::now();
    let answer = browser.submit(&page, "/sign-in", &[("login", login), ("password", password)]).await;
    let took = begun.elapsed();
    assert!(
        answer.status == StatusCode::FORBIDDEN && !answer.text.contains("Sign-ins like this"),
        "{}",
        answer.text
    );
    took.as_secs_f64() * 1e3
}
