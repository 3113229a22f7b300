//! Sending limits on a real Postfix and Dovecot, with the snippets that the service makes.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use mailcup_lab::{
    clients::{ImapClient, Mechanism, OutgoingMessage, SmtpClient, Source, Submitted},
    mail_servers::{MailAccount, MailServers, MailServersConfig},
    service::{Api, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{
    AlertKind, EventBody, MailServerKind, PolicyChanged, PolicyItem, ReasonCode, Submission,
    SubmissionOutcome,
};
use serde_json::json;

/// Not a known network of anybody.
const ELSEWHERE: &str = "203.0.113.77";
const SOON: Duration = Duration::from_secs(10);

/// A real mail server that asks a real service.
struct Stage {
    servers: MailServers,
    service: Service,
    owner: Api,
}

impl Stage {
    /// `postfix` may change the snippet as an admin would.
    async fn set(postfix: impl Fn(String) -> String) -> Self {
        let service = Service::start(ServiceConfig {
            program: Some(env!("CARGO_BIN_EXE_mailcupd").into()),
            ..ServiceConfig::default()
        })
        .await
        .unwrap();
        let owner = service.set_up().await.unwrap();
        let config = MailServersConfig {
            accounts: MailAccount::many(100),
            dovecot_snippet: service.snippet(MailServerKind::Dovecot).await.unwrap(),
            postfix_snippet: postfix(service.snippet(MailServerKind::Postfix).await.unwrap()),
            ..MailServersConfig::default()
        };
        Self { servers: MailServers::start(config).await.unwrap(), service, owner }
    }

    /// Sets an enforced limit for one account; answers its id.
    async fn limit(&self, name: &str, others: u32, action: &str, text: &str) -> String {
        self.limit_in_mode(name, others, action, text, "enforced").await
    }

    async fn limit_in_mode(&self, name: &str, others: u32, action: &str, text: &str, mode: &str) -> String {
        let terms = json!({
            "scope": { "kind": "account", "login": format!("{name}@example.org") },
            "measure": { "kind": "recipients", "window": "hour" }, "per": "account",
            "known": null, "others": others, "action": action, "text": text, "enabled": true, "mode": mode,
        });
        let change = json!({ "limits": [{ "kind": "create", "terms": terms }] });
        let changed: PolicyChanged = self.owner.post("/v1/policy", &change).await.unwrap();
        match &changed.items[..] {
            [PolicyItem::SendingLimit(limit)] => limit.id.0.clone(),
            other => panic!("{other:?}"),
        }
    }

    async fn smtp(&self, name: &str) -> SmtpClient {
        let account = self.servers.account(name);
        let source: Source = ELSEWHERE.parse().unwrap();
        let mut smtp = SmtpClient::connect(self.servers.ports(), source).await.unwrap();
        let answer = smtp.login(Mechanism::Plain, &account.login, &account.password).await.unwrap();
        assert!(answer.accepted, "{answer:?}");
        smtp
    }

    async fn imap(&self, name: &str) -> ImapClient {
        let account = self.servers.account(name);
        let source: Source = ELSEWHERE.parse().unwrap();
        let mut imap = ImapClient::connect(self.servers.ports(), source).await.unwrap();
        let answer = imap.login(&account.login, &account.password).await.unwrap();
        assert!(answer.accepted, "{answer:?}");
        imap
    }

    /// Sends one message to one recipient over a connection of its own; answers what the recipient was told. None
    /// if the mail server took it.
    async fn send_one(&self, name: &str, subject: &str) -> Option<String> {
        refusal(&send(&mut self.smtp(name).await, name, &recipients(1), subject).await)
    }

    async fn submissions(&self, name: &str) -> Vec<Submission> {
        let login = format!("{name}@example.org");
        let events = self.owner.all_events(None).await.unwrap();
        let submissions = events.into_iter().filter_map(|event| match event.body {
            EventBody::Submission(it) => Some(it),
            _ => None,
        });
        submissions.filter(|it| it.login.as_ref().is_some_and(|it| it.0 == login)).collect()
    }

    /// Mails of the service to this account, in its local outbox.
    fn notices(&self, name: &str) -> usize {
        let subject = format!("Subject: Sending from {name}@example.org is limited");
        mails(&self.service.data_dir().join("outbox/new")).filter(|mail| mail.contains(&subject)).count()
    }
}

fn mails(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
}

fn recipients(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("user-{:04}@example.org", 13 + index)).collect()
}

async fn send(smtp: &mut SmtpClient, name: &str, recipients: &[String], subject: &str) -> Submitted {
    let sender = format!("{name}@example.org");
    let message = OutgoingMessage { sender: &sender, recipients, subject, body: "Hello" };
    smtp.send(message).await.unwrap()
}

fn refusal(sent: &Submitted) -> Option<String> {
    sent.refusal().map(|answer| answer.line.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_eleventh_recipient_is_refused_and_everything_else_goes_on() {
    let stage = Stage::set(|snippet| snippet).await;
    let id = stage.limit("anna", 10, "reject", "Ten an hour from there. Ask Olga, 555-0100.").await;

    stage.limit_in_mode("ben", 0, "reject", "Not yet.", "report_only").await;

    let mut smtp = stage.smtp("anna").await;
    let sent = send(&mut smtp, "anna", &recipients(12), "To twelve").await;
    assert!(sent.accepted(), "{sent:?}");
    assert!(sent.recipients[..10].iter().all(|answer| answer.accepted), "{sent:?}");
    for refused in &sent.recipients[10..] {
        assert!(refused.line.starts_with("550 5.7.1 ") && refused.line.contains("Ten an hour from there."));
        assert!(refused.line.ends_with("Ask Olga, 555-0100."), "{refused:?}");
    }
    let again = send(&mut smtp, "anna", &recipients(1), "Again").await;
    assert!(refusal(&again).unwrap().contains("Ask Olga"), "{again:?}");
    assert!(stage.send_one("anna", "Over another connection").await.unwrap().contains("Ask Olga"));
    assert_eq!(stage.send_one("ben", "From somebody else").await, None);
    let mut reader = stage.imap("user-0014").await;
    reader.await_message(SOON, |text| text.contains("To twelve")).await.unwrap();
    stage.imap("anna").await.newest_message().await.unwrap();

    let submissions = stage.submissions("anna").await;
    let seen: Vec<_> = submissions.iter().map(|it| (it.outcome, it.recipients)).collect();
    let (rejected, accepted) = (SubmissionOutcome::Rejected, SubmissionOutcome::Accepted);
    assert_eq!(seen, [(rejected, 1), (accepted, 10), (rejected, 1), (rejected, 1)]);
    let reason = &submissions[0].reasons[0];
    assert_eq!(reason.code, ReasonCode::LimitReached);
    assert_eq!(reason.limit.as_ref().map(|limit| &limit.0), Some(&id));
    assert!(
        reason.text.contains("10 recipients an hour from networks that are not known"),
        "{}",
        reason.text
    );

    let ben = stage.submissions("ben").await;
    assert_eq!((ben.len(), ben[0].outcome), (1, accepted));
    assert!(ben[0].reasons.iter().any(|reason| reason.code == ReasonCode::LimitWouldReach), "{ben:?}");

    let counted = |alert: &mailcup_wire::Alert| alert.kind == AlertKind::LimitReached && alert.count == 3;
    let alert = stage.owner.await_alert(SOON, counted).await.unwrap();
    assert_eq!(alert.login.map(|login| login.0).as_deref(), Some("anna@example.org"));
    assert_eq!(alert.evidence.len(), 3);
    let alerts = stage.owner.alerts().await.unwrap();
    assert_eq!(alerts.iter().filter(|alert| alert.kind == AlertKind::LimitReached).count(), 1);
    wait::until("the owner got no mail", SOON, async || (stage.notices("anna") > 0).then_some(()))
        .await
        .unwrap();
    assert_eq!((stage.notices("anna"), stage.notices("ben")), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_defers_or_holds_where_it_says_so() {
    let stage = Stage::set(|snippet| snippet).await;
    stage.limit("clara", 2, "defer", "Come back in an hour.").await;
    stage.limit("david", 2, "hold", "Somebody looks at it first.").await;

    let mut smtp = stage.smtp("clara").await;
    let sent = send(&mut smtp, "clara", &recipients(3), "To three").await;
    assert!(sent.accepted());
    let line = &sent.recipients[2].line;
    assert!(line.starts_with("450 4.7.1 ") && line.ends_with("Come back in an hour."), "{line}");

    let mut smtp = stage.smtp("david").await;
    let held = send(&mut smtp, "david", &recipients(3), "Held").await;
    assert!(held.accepted() && held.refusal().is_none(), "{held:?}");
    let passed = send(&mut smtp, "david", &recipients(2), "Passed").await;
    assert!(passed.refusal().is_none(), "{passed:?}");
    let mut reader = stage.imap("user-0013").await;
    reader.await_message(SOON, |text| text.contains("Passed")).await.unwrap();
    assert!(!reader.newest_message().await.unwrap().unwrap().contains("Subject: Held"));
    assert_eq!(fs::read_dir(stage.servers.folder().join("queue/hold")).unwrap().count(), 1);

    let seen: Vec<_> =
        stage.submissions("david").await.iter().map(|it| (it.outcome, it.recipients)).collect();
    assert_eq!(seen, [(SubmissionOutcome::Held, 3), (SubmissionOutcome::Accepted, 2)]);
}

/// Fails closed, so that nothing goes out uncounted while the service is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_limit_goes_out_at_64_at_once_and_across_a_kill() {
    let mut stage =
        Stage::set(|snippet| snippet.replace("default_action=DUNNO", "default_action=DEFER")).await;
    stage.limit("emma", 10, "reject", "Ten an hour.").await;
    stage.limit("felix", 10, "reject", "Ten an hour.").await;

    let begun = Instant::now();
    let all = join_all((0..64).map(|_| stage.send_one("emma", "One of 64"))).await;
    let taken = all.iter().filter(|refusal| refusal.is_none()).count();
    assert_eq!(taken, 10, "{all:?}");
    assert!(all.iter().flatten().all(|line| line.starts_with("550 5.7.1 ")), "{all:?}");
    eprintln!("64 submissions at once took {:?}", begun.elapsed());

    let mut taken = 0;
    for _ in 0..4 {
        taken += usize::from(stage.send_one("felix", "Before the kill").await.is_none());
    }
    assert_eq!(taken, 4);
    // These meet the kill at any of their steps.
    let sending = join_all((0..12).map(|_| stage.send_one("felix", "Around the kill")));
    let pid = stage.service.pid().unwrap();
    let killing = async {
        let first = wait::until("nothing was recorded", SOON, async || {
            (stage.submissions("felix").await.len() > 4).then_some(())
        });
        first.await.unwrap();
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    };
    let (around, ()) = tokio::join!(sending, killing);
    taken += around.iter().filter(|refusal| refusal.is_none()).count();
    stage.service.kill();
    assert!(stage.send_one("felix", "While it is away").await.unwrap().starts_with('4'));
    stage.service.run().await.unwrap();
    let after = join_all((0..64).map(|_| stage.send_one("felix", "After it"))).await;
    taken += after.iter().filter(|refusal| refusal.is_none()).count();
    assert!((4..=10).contains(&taken), "{taken} went out: {around:?} {after:?}");
    for name in ["felix", "emma"] {
        assert!(stage.send_one(name, "Too much").await.unwrap().contains("Ten an hour."));
    }

    wait::until("the owner got no mail", SOON, async || (stage.notices("felix") > 0).then_some(()))
        .await
        .unwrap();
    assert_eq!((stage.notices("emma"), stage.notices("felix")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_service_is_away_mail_goes_on_as_the_snippet_says() {
    let mut stage = Stage::set(|snippet| snippet).await;
    stage.limit("greta", 0, "reject", "Not from there.").await;
    assert!(stage.send_one("greta", "Refused").await.unwrap().contains("Not from there."));
    let snippet = stage.service.snippet(MailServerKind::Postfix).await.unwrap();
    stage.service.stop();
    let begun = Instant::now();
    assert_eq!(stage.send_one("greta", "Open").await, None);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let closed = snippet.replace("default_action=DUNNO", "default_action=DEFER");
    stage.servers.apply("", &closed).await.unwrap();
    let line = stage.send_one("greta", "Closed").await.unwrap();
    assert!(line.starts_with('4'), "{line}");
    stage.service.run().await.unwrap();
    assert!(stage.send_one("greta", "Refused again").await.unwrap().contains("Not from there."));
}
