//! The load: clients that speak as Dovecot and Postfix do, and consoles that listen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::Notify,
    task::JoinSet,
};

use crate::process::cpu;

/// What a load took.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    requests: usize,
    wall: Duration,
    /// Of the server's process.
    pub cpu: Duration,
}

impl Run {
    pub fn per_second(self) -> f64 {
        crate::count(self.requests) / self.wall.as_secs_f64()
    }

    pub fn cpu_micros(self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / crate::count(self.requests)
    }
}

/// Sign-ins as Dovecot asks and reports them, each user from an address of their own.
#[derive(Debug, Clone, Copy)]
pub struct Dovecot<'a> {
    pub sign_ins: usize,
    pub connections: usize,
    pub key: &'a str,
}

impl Dovecot<'_> {
    pub async fn run(self, address: &str, pid: u32) -> Run {
        let requests = 2 * self.sign_ins * self.connections;
        let clients = (0..self.connections).map(|client| {
            let (address, key) = (address.to_owned(), self.key.to_owned());
            async move { sign_ins(&address, &key, client, self.sign_ins).await }
        });
        measured(requests, pid, clients).await
    }
}

/// Messages as Postfix asks about them.
#[derive(Debug, Clone, Copy)]
pub struct Postfix<'a> {
    pub messages: usize,
    pub connections: usize,
    pub states: &'a [&'static str],
}

impl Postfix<'_> {
    pub async fn run(self, address: &str, pid: u32) -> Run {
        let requests = self.states.len() * self.messages * self.connections;
        let clients = (0..self.connections).map(|client| {
            let (address, states) = (address.to_owned(), self.states.to_vec());
            async move { messages(&address, client, self.messages, &states).await }
        });
        measured(requests, pid, clients).await
    }
}

async fn measured<F>(requests: usize, pid: u32, clients: impl Iterator<Item = F>) -> Run
where
    F: Future<Output = ()> + Send + 'static,
{
    let (before, started) = (cpu(pid), Instant::now());
    let mut running: JoinSet<()> = clients.collect();
    while let Some(ended) = running.join_next().await {
        ended.expect("a client went through");
    }
    Run { requests, wall: started.elapsed(), cpu: cpu(pid).saturating_sub(before) }
}

async fn sign_ins(address: &str, key: &str, client: usize, count: usize) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut answer = Vec::with_capacity(1_024);
    for turn in 0..count {
        let user = client * 16 + turn % 16;
        let fields = format!(
            r#""device_id":"","login":"user{user}@example.org","protocol":"imap","pwhash":"0a1b","remote":"198.51.{}.{}","session_id":"aQ7Zk2MNxUd/AAAB","tls":true"#,
            user / 250,
            user % 250,
        );
        let allow = format!("{{{fields}}}");
        let report = format!("{{{fields},\"success\":true,\"policy_reject\":false}}");
        for (command, body) in [("allow", allow), ("report", report)] {
            let request = format!(
                "POST /policy/dovecot?command={command} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes()).await.expect("it is sent");
            http_answer(&mut stream, &mut answer).await;
        }
    }
}

/// Reads one answer with a Content-Length and status 200.
async fn http_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    answer.clear();
    loop {
        assert_ne!(stream.read_buf(answer).await.expect("an answer"), 0, "closed");
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
        assert!(text.starts_with("http/1.1 200"), "{text}");
        let length = text.split("content-length: ").nth(1).expect("a length").lines().next().expect("a line");
        if answer.len() >= head + 4 + length.parse::<usize>().expect("a number") {
            return;
        }
    }
}

async fn messages(address: &str, client: usize, count: usize, states: &[&'static str]) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut answer = [0; 14];
    for turn in 0..count {
        let user = client * 16 + turn % 16;
        for state in states {
            let recipients = u8::from(*state != "RCPT");
            let request = format!(
                "request=smtpd_access_policy\nprotocol_state={state}\nprotocol_name=ESMTP\n\
                 client_address=198.51.{}.{}\nclient_name=unknown\nclient_port=41234\nreverse_client_name=unknown\n\
                 server_address=127.0.0.1\nserver_port=587\nhelo_name=client.example\n\
                 sender=user{user}@example.org\nrecipient=someone@example.net\nrecipient_count={recipients}\n\
                 queue_id=\ninstance={client:x}.{turn:x}.0\nsize=4711\netrn_domain=\nstress=\nsasl_method=PLAIN\n\
                 sasl_username=user{user}@example.org\nsasl_sender=\nccert_subject=\nccert_issuer=\n\
                 ccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n\
                 encryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\npolicy_context=\n\n",
                user / 250,
                user % 250,
            );
            stream.write_all(request.as_bytes()).await.expect("it is sent");
            stream.read_exact(&mut answer).await.expect("an answer");
            assert_eq!(&answer, b"action=DUNNO\n\n");
        }
    }
}

/// Consoles on the event stream.
pub struct Consoles {
    received: Vec<Arc<Received>>,
    _reading: JoinSet<()>,
}

#[derive(Default)]
struct Received {
    sign_ins: AtomicUsize,
    more: Notify,
}

impl Consoles {
    /// Connects and waits until each is live.
    pub async fn connect(address: &str, key: &str, count: usize) -> Self {
        let mut reading = JoinSet::new();
        let mut received = Vec::new();
        for _ in 0..count {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            let request = format!(
                "GET /v1/events/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
                 Accept: text/event-stream\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await.expect("it is sent");
            let mut lines = BufReader::new(stream).lines();
            loop {
                let line = lines.next_line().await.expect("a stream").expect("it goes on");
                if line.contains("event: hello") || line.contains("event:hello") {
                    break;
                }
            }
            let counter = Arc::new(Received::default());
            received.push(Arc::clone(&counter));
            reading.spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    if line.starts_with("data:") && line.contains(r#""type":"sign_in""#) {
                        counter.sign_ins.fetch_add(1, Ordering::Relaxed);
                        counter.more.notify_one();
                    }
                }
            });
        }
        Self { received, _reading: reading }
    }

    /// Waits until each console has so many sign-ins.
    pub async fn all_received(&self, count: usize, deadline: Duration) {
        let all = async {
            for console in &self.received {
                while console.sign_ins.load(Ordering::Relaxed) < count {
                    console.more.notified().await;
                }
            }
        };
        tokio::time::timeout(deadline, all).await.expect("every console receives every event in time");
    }
}
