//! The lab's own test: a plan is carried out on real servers, and each attempt ends as it must.

use mailcup_lab::{
    mail_servers::{MailServers, MailServersConfig},
    traffic::{Cause, Pace, Password, Plan, PlanConfig, drive},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carry_a_plan_out_on_real_servers() {
    let servers = MailServers::start(MailServersConfig::default()).await.unwrap();
    let logins = servers.accounts().iter().map(|account| account.login.clone());
    let from = "2026-11-02T08:00:00Z".parse().unwrap();
    let config = PlanConfig { attacks_per_day: 100.0, per_day: 6_000.0, ..PlanConfig::new(11, logins, from) };
    let plan: Vec<_> = Plan::new(&config).take(300).collect();
    assert!(plan.iter().any(|attempt| attempt.address.is_ipv6()));
    let mut wrong_turns = Vec::new();
    let tally = drive(plan, servers.ports(), servers.accounts(), Pace::Unbound, 32, |carried| {
        let known = servers.accounts().iter().any(|account| account.login == *carried.attempt.login);
        let must_pass = known && carried.attempt.password == Password::Right;
        if !carried.answer.as_ref().is_ok_and(|answer| answer.accepted == must_pass) {
            wrong_turns.push(format!("{carried:?}"));
        }
    })
    .await;
    eprintln!("{tally:?}");
    assert_eq!(wrong_turns, Vec::<String>::new());
    assert_eq!(tally.total(), 300);
    assert!(tally.accepted[&Cause::Usual] > 50);
}
