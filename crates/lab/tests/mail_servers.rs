//! The lab's own test: Postfix and Dovecot start, tell good from bad passwords, deliver mail, and ask the
//! auth policy that a snippet names.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mailcup_lab::{
    clients::{
        ImapClient, MailProtocol, Mechanism, OutgoingMessage, Pop3Client, SmtpClient, Source, sign_in,
    },
    mail_servers::{MailAccount, MailServers, MailServersConfig},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const ALL: [MailProtocol; 4] =
    [MailProtocol::Imap, MailProtocol::Pop3, MailProtocol::Submission, MailProtocol::Sieve];

fn source(address: &str) -> Source {
    address.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tell_good_from_bad_passwords_and_deliver_mail() {
    let begun = Instant::now();
    let servers =
        MailServers::start(MailServersConfig { accounts: MailAccount::many(250), ..Default::default() })
            .await
            .unwrap();
    eprintln!("servers up after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10));
    let ports = servers.ports();
    let anna = servers.account("anna").clone();

    let attempts = ALL.into_iter().flat_map(|protocol| {
        ["127.0.0.5", "127.0.0.9", "203.0.113.77", "2001:db8::7"].map(|address| (protocol, address))
    });
    // Together, since Dovecot takes half a second for each wrong password.
    join_all(attempts.map(async |(protocol, address)| {
        let from = source(address);
        let good = sign_in(ports, protocol, from, &anna.login, &anna.password).await.unwrap();
        assert!(good.accepted, "{protocol:?} from {address}: {good:?}");
        let bad = sign_in(ports, protocol, from, &anna.login, "wrong").await.unwrap();
        assert!(!bad.accepted, "{protocol:?} from {address}: {bad:?}");
        let nobody = sign_in(ports, protocol, from, "nobody@example.org", "wrong").await.unwrap();
        assert_eq!(bad.line, nobody.line);
    }))
    .await;
    let last = servers.account("user-0250@example.org").clone();
    let mut imap = ImapClient::connect(ports, source("127.0.0.5")).await.unwrap();
    imap.identify(&[("name", "Thunderbird"), ("version", "140.0")]).await.unwrap();
    assert!(imap.login(&last.login, &last.password).await.unwrap().accepted);
    assert_eq!(imap.newest_message().await.unwrap(), None);

    let mut smtp = SmtpClient::connect(ports, source("127.0.0.5")).await.unwrap();
    assert!(smtp.login(Mechanism::Login, &anna.login, &anna.password).await.unwrap().accepted);
    let recipients = [last.login.clone(), "ben@example.org".into(), "far@example.com".into()];
    let message = OutgoingMessage {
        sender: &anna.login,
        recipients: &recipients,
        subject: "Lunch",
        body: "At noon?\n.\nAnna",
    };
    let sent = smtp.send(message).await.unwrap();
    assert!(sent.accepted() && sent.refusal().is_none(), "{sent:?}");
    let text = imap.await_message(Duration::from_secs(10), |text| text.contains("Lunch")).await.unwrap();
    assert!(text.contains("At noon?\r\n.\r\nAnna"), "{text}");

    let unknown = ["nobody@example.org".into(), anna.login.clone()];
    let partly = smtp.send(OutgoingMessage { recipients: &unknown, ..message }).await.unwrap();
    assert!(partly.accepted());
    assert!(partly.refusal().unwrap().line.starts_with("550 "), "{partly:?}");

    let mut relay = SmtpClient::connect_relay(ports).await.unwrap();
    let to_ben = ["ben@example.org".into()];
    let code =
        OutgoingMessage { sender: "mailcup@example.org", recipients: &to_ben, subject: "Code", body: "123" };
    assert!(relay.send(code).await.unwrap().accepted());
    let ben = servers.account("ben");
    let mut imap = ImapClient::connect(ports, source("127.0.0.5")).await.unwrap();
    imap.login(&ben.login, &ben.password).await.unwrap();
    imap.await_message(Duration::from_secs(10), |text| text.contains("Subject: Code")).await.unwrap();
    let mut pop3 = Pop3Client::connect(ports, source("127.0.0.5")).await.unwrap();
    pop3.login(&ben.login, &ben.password).await.unwrap();
    assert_eq!(pop3.message_count().await.unwrap(), 2);

    let mut stranger = SmtpClient::connect(ports, source("127.0.0.9")).await.unwrap();
    let refused = stranger.send(message).await.unwrap();
    assert!(!refused.accepted());

    let (folder, open) = (servers.folder().to_owned(), *ports);
    let ended = Instant::now();
    drop(servers);
    eprintln!("servers down after {:?}", ended.elapsed());
    assert!(!folder.exists());
    for port in [open.imap.direct, open.pop3.proxied, open.submission.direct, open.relay, open.lmtp] {
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "port {port} is still open");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ask_the_policies_that_the_snippets_name() {
    let (auth_port, mut auth) = auth_policy("203.0.113.66").await;
    let (mail_port, mut mail) = postfix_policy().await;
    let mut servers = MailServers::start(MailServersConfig::default()).await.unwrap();
    let anna = servers.account("anna").clone();
    let ports = *servers.ports();
    let from = source("203.0.113.66");
    assert!(sign_in(&ports, MailProtocol::Imap, from, &anna.login, &anna.password).await.unwrap().accepted);

    let begun = Instant::now();
    servers
        .apply(
            &format!(
                "cat >$DOVECOT_CONFIG_DIR/conf.d/05-mailcup.conf <<END\n\
                 auth_policy_server_url = http://127.0.0.1:{auth_port}/policy/dovecot\n\
                 auth_policy_hash_nonce = lab\nauth_policy_server_api_header = X-API-Key: k1\nEND\n"
            ),
            &format!(
                "postconf -e 'asked = check_policy_service inet:127.0.0.1:{mail_port}, \
                 permit_sasl_authenticated, reject'\n\
                 for service in $(postconf -P '*/*/smtpd_sasl_auth_enable' | sed 's|/smtpd_sasl.*||'); do\n\
                 postconf -P \"$service/smtpd_recipient_restrictions=\\$asked\"\ndone\npostfix reload\n"
            ),
        )
        .await
        .unwrap();
    eprintln!("snippets applied after {:?}", begun.elapsed());

    for protocol in ALL {
        let refused = sign_in(&ports, protocol, from, &anna.login, &anna.password).await.unwrap();
        let wrong = sign_in(&ports, protocol, source("127.0.0.5"), &anna.login, "wrong").await.unwrap();
        assert_eq!(refused, wrong, "{protocol:?}");
        let good =
            sign_in(&ports, protocol, source("2001:db8::7"), &anna.login, &anna.password).await.unwrap();
        assert!(good.accepted, "{protocol:?} {good:?}");
    }
    let mut seen = Vec::new();
    while let Ok(request) = auth.try_recv() {
        seen.push((request["remote"].to_string(), request["protocol"].to_string()));
    }
    for remote in ["203.0.113.66", "127.0.0.5", "2001:db8::7"] {
        for protocol in ["imap", "pop3", "smtp", "sieve"] {
            let wanted = (format!("{remote:?}"), format!("{protocol:?}"));
            assert!(seen.contains(&wanted), "{wanted:?} not in {seen:?}");
        }
    }

    let mut smtp = SmtpClient::connect(&ports, source("203.0.113.77")).await.unwrap();
    smtp.login(Mechanism::Plain, &anna.login, &anna.password).await.unwrap();
    let recipients = ["ben@example.org".into(), "refused@example.com".into()];
    let sent = smtp
        .send(OutgoingMessage { sender: &anna.login, recipients: &recipients, subject: "Hi", body: "." })
        .await
        .unwrap();
    assert!(sent.accepted());
    assert!(sent.recipients[1].line.starts_with("554 "), "{sent:?}");
    let asked = mail.recv().await.unwrap();
    assert!(
        asked.contains("client_address=203.0.113.77") && asked.contains("sasl_username=anna@example.org")
    );
}

/// Answers Dovecot's auth policy: refuses one address, sends on what it was asked.
async fn auth_policy(refused: &'static str) -> (u16, mpsc::UnboundedReceiver<serde_json::Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tx, rx) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tx = tx.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                while let Some(body) = read_request(&mut stream).await {
                    let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
                    let status = if request["remote"] == refused { -1 } else { 0 };
                    tx.send(request).unwrap();
                    let answer = format!("{{\"status\":{status}}}");
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
                    stream.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
                }
            });
        }
    });
    (port, rx)
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}

/// Answers Postfix: rejects recipients called refused.
async fn postfix_policy() -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tx, rx) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tx = tx.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut request = String::new();
                while stream.read_line(&mut request).await.is_ok_and(|n| n > 0) {
                    if request.ends_with("\n\n") {
                        let action =
                            if request.contains("recipient=refused@") { "REJECT no" } else { "DUNNO" };
                        stream.write_all(format!("action={action}\n\n").as_bytes()).await.unwrap();
                        tx.send(std::mem::take(&mut request)).unwrap();
                    }
                }
            });
        }
    });
    (port, rx)
}
