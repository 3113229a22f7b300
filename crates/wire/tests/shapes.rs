//! How the types look in JSON. A change here breaks consoles in the field: make it only on purpose.

#![expect(clippy::unwrap_used, reason = "a text that can't be parsed fails the test")]

use mailcup_wire::{
    Address, Alert, AlertKind, AlertState, Block, BlockTarget, Code, Details, Event, EventBody, EventFilter,
    FieldProblem, MailTransport, Network, Outcome, Problem, Protocol, Reason, ReasonCode, Relay,
    RelaySecurity, Severity, SignIn, Submission, SubmissionOutcome, SystemFact, Time,
};

fn time() -> Time {
    Time::from_millis(1_795_507_200_120)
}

fn event(body: EventBody) -> Event {
    Event { id: "0192f0c4b7a1e5d3:4711".parse().unwrap(), at: time(), body }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn a_refused_sign_in() {
    let sign_in = SignIn {
        login: "anna@example.org".into(),
        protocol: Protocol::Imap,
        address: Some(address("::ffff:203.0.113.77")),
        outcome: Outcome::Refused,
        reasons: vec![Reason {
            block: Some("b1".into()),
            ..Reason::new(ReasonCode::BlockedAddress, "203.0.113.77 is blocked until 09:00")
        }],
        server: Some("mail.example.org".into()),
        client: None,
        tls: true,
        place: None,
    };
    insta::assert_json_snapshot!(event(EventBody::SignIn(sign_in)), @r#"
    {
      "id": "0192f0c4b7a1e5d3:4711",
      "at": "2026-11-24T08:00:00.12Z",
      "body": {
        "type": "sign_in",
        "login": "anna@example.org",
        "protocol": "imap",
        "address": "203.0.113.77",
        "outcome": "refused",
        "reasons": [
          {
            "code": "blocked_address",
            "text": "203.0.113.77 is blocked until 09:00",
            "block": "b1"
          }
        ],
        "server": "mail.example.org",
        "client": null,
        "tls": true
      }
    }
    "#);
}

#[test]
fn every_body_reads_back_what_it_writes() {
    let bodies = [
        EventBody::Submission(Submission {
            login: Some("anna@example.org".into()),
            address: Some(address("2001:db8::7")),
            sender: Some("anna@example.org".into()),
            recipients: 3,
            outcome: SubmissionOutcome::Accepted,
            reasons: Vec::new(),
            size: 1200,
            place: None,
        }),
        EventBody::Alert(alert()),
        EventBody::Block(Block {
            id: "b1".into(),
            target: BlockTarget::Network { network: "203.0.113.0/24".parse().unwrap() },
            note: String::new(),
            created_at: time(),
            created_by: None,
            created_by_login: None,
            expires_at: Some(time()),
            lifted_at: None,
            lifted_by_login: None,
            cause: None,
            version: 1,
        }),
        EventBody::System(SystemFact::ClockJumped { seconds: -90 }),
        EventBody::System(SystemFact::Stopped),
    ];
    for body in bodies {
        let event = event(body);
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{text}");
    }
}

#[test]
fn an_empty_filter_matches_all() {
    assert_eq!(serde_json::from_str::<EventFilter>("{}").unwrap(), EventFilter::default());
}

#[test]
fn a_problem_names_its_fields() {
    let problem = Problem::field("domains.0", "“exa mple” is not a domain");
    assert_eq!(problem.code, Code::Invalid);
    let fields = vec![FieldProblem { field: "domains.0".into(), message: problem.message.clone() }];
    assert_eq!(problem.details, Some(Details::Fields { fields }));
}

#[test]
fn a_relay_shows_that_it_has_a_password_but_not_which() {
    let transport = MailTransport::Relay(Relay {
        host: "smtp.example.org".into(),
        port: 587,
        security: RelaySecurity::StartTls,
        username: Some("mailcup".into()),
        has_password: true,
    });
    insta::assert_json_snapshot!(transport, @r#"
    {
      "kind": "relay",
      "host": "smtp.example.org",
      "port": 587,
      "security": "start_tls",
      "username": "mailcup",
      "has_password": true
    }
    "#);
}

fn alert() -> Alert {
    Alert {
        id: "a1".into(),
        kind: AlertKind::RepeatedFailures,
        severity: Severity::Attention,
        state: AlertState::Open,
        title: "5 failed sign-ins for anna@example.org".into(),
        text: "Five different passwords were tried within 10 minutes.".into(),
        login: Some("anna@example.org".into()),
        network: Some("203.0.113.77".parse::<Network>().unwrap()),
        accounts: vec!["anna@example.org".into()],
        accounts_total: 1,
        addresses: vec![address("203.0.113.77")],
        addresses_total: 1,
        count: 5,
        first_at: time(),
        last_at: time(),
        evidence: vec!["0192f0c4b7a1e5d3:4711".parse().unwrap()],
        snoozed_until: None,
        history: Vec::new(),
        version: 1,
    }
}
