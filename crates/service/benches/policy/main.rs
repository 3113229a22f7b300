//! What the policy endpoints cost beside the barest servers that answer the same: CPU time of the server's
//! process per request, at 64 connections, over real sockets. The clock stops after the durable flush: a
//! report is answered once its event is on disk, and an accepted message likewise.
//!
//! `cargo bench -p mailcup-service --bench policy`. Absolute figures are the machine's; the ratios of one run
//! are what counts.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod bare;
mod load;
mod process;

use std::time::Duration;

use mailcup_lab::service::{Api, Service, ServiceConfig};
use mailcup_wire::{ApiKeyGrant, MailServerKind, NewApiKey, Scope};

use self::{
    load::{Dovecot, Postfix, Run},
    process::ServerProcess,
};

const CONNECTIONS: usize = 64;
const SIGN_INS_PER_CONNECTION: usize = 800;
const MESSAGES_PER_CONNECTION: usize = 800;
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
    let service = Service::start(ServiceConfig {
        program: Some(env!("CARGO_BIN_EXE_mailcupd").into()),
        ..ServiceConfig::default()
    })
    .await
    .expect("mailcupd starts");
    let owner = service.set_up().await.expect("setup");
    let pid = service.pid().expect("it runs");
    let key = policy_key(&owner).await;

    println!("{:<44} {:>10} {:>12} {:>7}", "", "requests/s", "CPU µs/req.", "ratio");
    dovecot(&service, pid, &key).await;
    postfix(&service, pid).await;
    fan_out(&service, pid, &owner, &key).await;
}

async fn dovecot(service: &Service, pid: u32, key: &str) {
    let bare = ServerProcess::start("bare-axum");
    let load = Dovecot { sign_ins: SIGN_INS_PER_CONNECTION, connections: CONNECTIONS, key };
    let warm_up = Dovecot { sign_ins: 50, ..load };
    warm_up.run(&bare.address, bare.pid()).await;
    warm_up.run(&service.endpoints().http, pid).await;
    let bare = load.run(&bare.address, bare.pid()).await;
    let ours = load.run(&service.endpoints().http, pid).await;
    row("Dovecot allow + report: bare axum handler", bare, None);
    row("Dovecot allow + report: mailcupd", ours, Some(bare));
}

async fn postfix(service: &Service, pid: u32) {
    let bare = ServerProcess::start("bare-responder");
    let ours = &service.endpoints().postfix_policy;
    for (name, states) in [
        ("Postfix RCPT, DATA, END-OF-MESSAGE", &["RCPT", "DATA", "END-OF-MESSAGE"][..]),
        ("Postfix RCPT only", &["RCPT"]),
    ] {
        let load = Postfix { messages: MESSAGES_PER_CONNECTION, connections: CONNECTIONS, states };
        let warm_up = Postfix { messages: 50, ..load };
        warm_up.run(&bare.address, bare.pid()).await;
        warm_up.run(ours, pid).await;
        let theirs = load.run(&bare.address, bare.pid()).await;
        let run = load.run(ours, pid).await;
        row(&format!("{name}: bare tokio responder"), theirs, None);
        row(&format!("{name}: mailcupd"), run, Some(theirs));
    }
}

/// The same sign-ins with nobody and with 50 consoles on the stream; the difference is what delivering costs.
async fn fan_out(service: &Service, pid: u32, owner: &Api, key: &str) {
    let reader = mint(owner, "bench reader", Scope::Read).await;
    let load = Dovecot { sign_ins: FAN_OUT_SIGN_INS, connections: CONNECTIONS, key };
    let alone = load.run(&service.endpoints().http, pid).await;
    let consoles = load::Consoles::connect(&service.endpoints().http, &reader, CONSOLES).await;
    let before = process::cpu(pid);
    let started = std::time::Instant::now();
    let events = FAN_OUT_SIGN_INS * CONNECTIONS;
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

fn row(name: &str, run: Run, bare: Option<Run>) {
    let ratio = bare.map_or_else(String::new, |bare| format!("{:.2}×", run.cpu_micros() / bare.cpu_micros()));
    println!("{name:<44} {:>10.0} {:>12.1} {ratio:>7}", run.per_second(), run.cpu_micros());
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark stay far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}
