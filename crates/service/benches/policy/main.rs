//! What the policy endpoints cost beside the barest servers that read the same requests and answer the same, over
//! real sockets, with 10,000 accounts, 1,000 access rules, and limits that count for everybody. A report, and the
//! end of a message, are answered once their event is on disk. A message of the RCPT rows is left after 25 recipients,
//! so that each of them is an event too.
//!
//! `cargo bench -p mailcup-service --bench policy`. Absolute figures are the machine's; the ratios of one run
//! are what counts: of requests per second (clients and server share the processors), and of the CPU time of the
//! server's process.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod bare;
mod load;
mod networks;
mod policy;
mod process;

use std::time::Duration;

use mailcup_lab::service::{Api, Service, ServiceConfig};
use mailcup_wire::{ApiKeyGrant, MailServerKind, NewApiKey, Scope};

use self::{
    load::{Dovecot, Postfix, Run},
    process::ServerProcess,
};

const ACCOUNTS: usize = 10_000;
const CONNECTIONS: [usize; 2] = [8, 64];
const SIGN_INS: usize = 51_200;
const MESSAGES: usize = 51_200;
/// Of each pair of rows, the round whose ratio is the middle one is printed.
const ROUNDS: usize = 3;
const RECIPIENTS: usize = 25;
const CONSOLES: usize = 50;
const FAN_OUT_SIGN_INS: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.get(1).map(String::as_str) {
        Some("bare-axum") => runtime.block_on(bare::axum()),
        Some("bare-responder") => runtime.block_on(bare::responder()),
        _ => runtime.block_on(measure()),
    }
}

async fn measure() {
    networks::measure();
    let service = Service::start(ServiceConfig {
        program: Some(env!("CARGO_BIN_EXE_mailcupd").into()),
        ..ServiceConfig::default()
    })
    .await
    .expect("mailcupd starts");
    let owner = service.set_up().await.expect("setup");
    let pid = service.pid().expect("it runs");
    let key = policy_key(&owner).await;
    policy::set(&owner).await;

    println!("{:<52} {:>10} {:>9} {:>7} {:>9} {:>7}", "", "requests/s", "ratio", "p99 ms", "CPU µs", "ratio");
    for connections in CONNECTIONS {
        postfix(&service, pid, connections).await;
    }
    for connections in CONNECTIONS {
        dovecot(&service, pid, &key, connections).await;
    }
    fan_out(&service, pid, &owner, &key).await;
}

async fn dovecot(service: &Service, pid: u32, key: &str, connections: usize) {
    let bare = ServerProcess::start("bare-axum");
    for commands in [&["allow"][..], &["allow", "report"]] {
        let name = format!("Dovecot {}, {connections} connections", commands.join(" + "));
        let load = Dovecot { sign_ins: SIGN_INS / connections, connections, commands, key };
        let warm_up = Dovecot { sign_ins: 3_200 / connections, ..load };
        warm_up.run(&bare.address, bare.pid()).await;
        warm_up.run(&service.endpoints().http, pid).await;
        let ours = &service.endpoints().http;
        let round = async || (load.run(&bare.address, bare.pid()).await, load.run(ours, pid).await);
        rows(&name, "bare axum", &middle_of(round).await);
    }
}

async fn postfix(service: &Service, pid: u32, connections: usize) {
    let bare = ServerProcess::start("bare-responder");
    let ours = &service.endpoints().postfix_policy;
    let loads = [
        (
            "RCPT",
            Postfix {
                messages: MESSAGES / connections / RECIPIENTS,
                recipients: RECIPIENTS,
                finished: false,
                connections,
            },
        ),
        (
            "whole messages",
            Postfix { messages: MESSAGES / connections, recipients: 1, finished: true, connections },
        ),
    ];
    for (name, load) in loads {
        let name = format!("Postfix {name}, {connections} connections");
        let warm_up = Postfix { messages: load.messages / 16, ..load };
        warm_up.run(&bare.address, bare.pid()).await;
        warm_up.run(ours, pid).await;
        let round = async || (load.run(&bare.address, bare.pid()).await, load.run(ours, pid).await);
        rows(&name, "bare tokio", &middle_of(round).await);
    }
}

/// The same sign-ins with nobody and with 50 consoles on the stream; the difference is what delivering costs.
async fn fan_out(service: &Service, pid: u32, owner: &Api, key: &str) {
    let reader = mint(owner, "bench reader", Scope::Read).await;
    let connections = 64;
    let load = Dovecot { sign_ins: FAN_OUT_SIGN_INS, connections, commands: &["allow", "report"], key };
    let alone = load.run(&service.endpoints().http, pid).await;
    let consoles = load::Consoles::connect(&service.endpoints().http, &reader, CONSOLES).await;
    let before = process::cpu(pid);
    let started = std::time::Instant::now();
    let events = FAN_OUT_SIGN_INS * connections;
    load.run(&service.endpoints().http, pid).await;
    consoles.all_received(events, Duration::from_mins(1)).await;
    let wall = started.elapsed();
    let cpu = process::cpu(pid).saturating_sub(before);
    let delivered = events * CONSOLES;
    let extra = cpu.saturating_sub(alone.cpu);
    println!(
        "Event stream to {CONSOLES} consoles: {:.0} deliveries/s, {:.2} CPU µs/delivery",
        count(delivered) / wall.as_secs_f64(),
        extra.as_secs_f64() * 1e6 / count(delivered),
    );
}

async fn policy_key(owner: &Api) -> String {
    let snippet = owner.snippet(MailServerKind::Dovecot).await.expect("a snippet");
    let line =
        snippet.text.lines().find(|line| line.starts_with("auth_policy_server_api_header")).expect("a key");
    line.rsplit(' ').next().expect("a key").to_owned()
}

async fn mint(owner: &Api, name: &str, scope: Scope) -> String {
    let new = NewApiKey { name: name.into(), scopes: vec![scope] };
    let grant: ApiKeyGrant = owner.post("/v1/api-keys", &new).await.expect("a key");
    grant.secret
}

async fn middle_of(round: impl AsyncFn() -> (Run, Run)) -> (Run, Run) {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round().await);
    }
    rounds.sort_by(|(theirs, ours), (their_other, our_other)| {
        let ratio = ours.per_second() / theirs.per_second();
        ratio.total_cmp(&(our_other.per_second() / their_other.per_second()))
    });
    rounds.swap_remove(rounds.len() / 2)
}

fn rows(name: &str, bare: &str, (theirs, ours): &(Run, Run)) {
    for (who, run, beside) in [(bare, theirs, None), ("mailcupd", ours, Some(theirs))] {
        let ratio = |of: &dyn Fn(&Run) -> f64| {
            beside.map_or_else(String::new, |beside| format!("{:.2}", of(run) / of(beside)))
        };
        println!(
            "{:<52} {:>10.0} {:>9} {:>7.2} {:>9.1} {:>7}",
            format!("{name}: {who}"),
            run.per_second(),
            ratio(&Run::per_second),
            run.p99_millis(),
            run.cpu_micros(),
            ratio(&Run::cpu_micros),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark stay far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}
