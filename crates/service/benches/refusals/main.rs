//! How long a real Dovecot and Postfix take to refuse: a wrong password, an unknown account, a blocked network, and a
//! main password that policy forbids; then how long the web sign-in takes. From outside they should be alike.
//!
//! `cargo xtask bench refusals -- TRIES [web]`, with `web` for that alone. Every mail server is asked by one client at a time, since Dovecot answers
//! refusals that wait together at the same moment; several mail servers are asked beside each other. The kinds take
//! turns, so that what else the machine does falls on all alike. Beside each median stands the interval in which the
//! true one lies with 99 %.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures, and ends where it fails"
)]

#[path = "../../tests/hosted/support.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod support;
mod web;

use std::{collections::BTreeMap, time::Instant};

use futures_util::future::join_all;
use mailcup_lab::{
    LabError,
    clients::{Answer, ImapClient, MailProtocol, Mechanism, Pop3Client, SmtpClient, Source},
    mail_servers::{MailAccount, MailServers, MailServersConfig},
    service::{Api, Service, ServiceConfig},
};
use mailcup_wire::{Account, Block, MailServerKind, MainPasswords};
use reqwest::Method;
use serde_json::json;

const TRIES: usize = 200;
/// Dovecot takes half a second for a refusal, in which its machine does nothing.
const SERVERS: usize = 12;
const PROTOCOLS: [MailProtocol; 3] = [MailProtocol::Imap, MailProtocol::Pop3, MailProtocol::Submission];
const KINDS: [Kind; 4] = [
    Kind { name: "wrong password", login: "ben@example.org", password: "wrong", from: "127.0.0.5" },
    Kind { name: "unknown account", login: "nobody@example.org", password: "wrong", from: "127.0.0.5" },
    Kind {
        name: "blocked network",
        login: "ben@example.org",
        password: "correct horse ben",
        from: "127.0.0.70",
    },
    Kind {
        name: "forbidden main password",
        login: "anna@example.org",
        password: "correct horse anna",
        from: "127.0.0.5",
    },
];

#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    login: &'static str,
    password: &'static str,
    from: &'static str,
}

/// Milliseconds of each try, by protocol and kind.
type Measured = BTreeMap<(usize, usize), Vec<f64>>;

fn main() {
    let tries = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(TRIES);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let is_web_alone = std::env::args().any(|argument| argument == "web");
    if !is_web_alone {
        runtime.block_on(measure(tries));
    }
    runtime.block_on(web::measure(tries));
}

async fn measure(tries: usize) {
    let program = Some(env!("CARGO_BIN_EXE_mailcupd").into());
    let service =
        Service::start(ServiceConfig { program, ..ServiceConfig::default() }).await.expect("mailcupd starts");
    let owner = service.set_up().await.expect("setup");
    set_policy(&owner).await;
    let mut all = Vec::new();
    for _ in 0..SERVERS {
        let config = MailServersConfig {
            accounts: MailAccount::dozen(),
            dovecot_snippet: service.snippet(MailServerKind::Dovecot).await.expect("a snippet"),
            postfix_snippet: service.snippet(MailServerKind::Postfix).await.expect("a snippet"),
            ..MailServersConfig::default()
        };
        all.push(MailServers::start(config).await.expect("mail servers start"));
    }
    let rounds = tries.div_ceil(SERVERS);
    let measured = join_all(all.iter().map(|servers| ask(servers, rounds))).await;
    let mut together = Measured::new();
    for (key, mut times) in measured.into_iter().flatten() {
        together.entry(key).or_default().append(&mut times);
    }
    report(&together);
}

async fn set_policy(owner: &Api) {
    let account = json!({ "login": "anna@example.org" });
    let _: Account = owner.post("/v1/accounts", &account).await.expect("an account");
    let change = json!({
        "scope": { "kind": "account", "login": "anna@example.org" }, "refused": true, "confirm": true,
    });
    let request = owner.request(Method::PUT, "/v1/main-passwords").json(&change);
    let answer = request.send().await.expect("an answer").error_for_status().expect("a policy");
    let _: MainPasswords = answer.json().await.expect("the policy");
    let block = json!({ "target": { "kind": "network", "network": "127.0.0.64/26" } });
    let _: Block = owner.post("/v1/blocks", &block).await.expect("a block");
}

async fn ask(servers: &MailServers, rounds: usize) -> Measured {
    let mut measured = Measured::new();
    for round in 0..rounds {
        for (protocol_index, protocol) in PROTOCOLS.into_iter().enumerate() {
            for turn in 0..KINDS.len() {
                let kind_index = (turn + round) % KINDS.len();
                let took = refused(servers, protocol, KINDS[kind_index]).await.expect("an answer");
                measured.entry((protocol_index, kind_index)).or_default().push(took);
            }
        }
    }
    measured
}

/// Milliseconds from the password to its refusal.
async fn refused(servers: &MailServers, protocol: MailProtocol, kind: Kind) -> Result<f64, LabError> {
    let source: Source = kind.from.parse().expect("an address");
    let ports = servers.ports();
    let (answer, took): (Answer, _) = match protocol {
        MailProtocol::Imap => {
            let mut client = ImapClient::connect(ports, source).await?;
            let begun = Instant::now();
            (client.login(kind.login, kind.password).await?, begun.elapsed())
        }
        MailProtocol::Pop3 => {
            let mut client = Pop3Client::connect(ports, source).await?;
            let begun = Instant::now();
            (client.login(kind.login, kind.password).await?, begun.elapsed())
        }
        MailProtocol::Submission | MailProtocol::Sieve => {
            let mut client = SmtpClient::connect(ports, source).await?;
            let begun = Instant::now();
            (client.login(Mechanism::Plain, kind.login, kind.password).await?, begun.elapsed())
        }
    };
    assert!(!answer.accepted, "{}: {answer:?}", kind.name);
    Ok(took.as_secs_f64() * 1e3)
}

fn report(measured: &Measured) {
    println!("{:<12} {:<26} {:>7} {:>11} {:>23}", "", "", "tries", "median ms", "99 % interval");
    for ((protocol, kind), times) in measured {
        let mut times = times.clone();
        times.sort_by(f64::total_cmp);
        let [low, median, high] = median_of(&times);
        println!(
            "{:<12} {:<26} {:>7} {median:>11.2} {:>23}",
            format!("{:?}", PROTOCOLS[*protocol]),
            KINDS[*kind].name,
            times.len(),
            format!("{low:.2} to {high:.2}"),
        );
    }
}

/// The median of sorted times between the bounds of its 99 % interval, which the order of the times gives: 1.29 roots
/// of their number away from the middle.
fn median_of(sorted: &[f64]) -> [f64; 3] {
    let (middle, away) = (sorted.len() / 2, sorted.len().isqrt() * 129 / 100);
    [middle.saturating_sub(away), middle, (middle + away).min(sorted.len() - 1)].map(|rank| sorted[rank])
}
