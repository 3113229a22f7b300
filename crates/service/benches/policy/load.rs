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
#[derive(Debug, Clone)]
pub struct Run {
    wall: Duration,
    /// Of the server's process.
    pub cpu: Duration,
    /// From the request to its answer, shortest first.
    waits: Vec<Duration>,
}

impl Run {
    pub fn per_second(&self) -> f64 {
        crate::count(self.waits.len()) / self.wall.as_secs_f64()
    }

    pub fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / crate::count(self.waits.len())
    }

    /// So long at most waited 99 of 100 requests.
    pub fn p99_millis(&self) -> f64 {
        let index = self.waits.len() * 99 / 100;
        self.waits.get(index).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
    }
}

/// Sign-ins as Dovecot asks and reports them, each user from an address of their own.
#[derive(Debug, Clone, Copy)]
pub struct Dovecot<'a> {
    pub sign_ins: usize,
    pub connections: usize,
    pub commands: &'a [&'static str],
    pub key: &'a str,
}

impl Dovecot<'_> {
    pub async fn run(self, address: &str, pid: u32) -> Run {
        let clients = (0..self.connections).map(|client| {
            let (address, key, commands) = (address.to_owned(), self.key.to_owned(), self.commands.to_vec());
            let users = Users { client, clients: self.connections };
            async move { sign_ins(&address, &key, users, self.sign_ins, &commands).await }
        });
        measured(pid, clients).await
    }
}

/// Messages as Postfix asks about them: each of their recipients, and then, if they are finished, twice more.
#[derive(Debug, Clone, Copy)]
pub struct Postfix {
    pub messages: usize,
    pub recipients: usize,
    pub finished: bool,
    pub connections: usize,
}

impl Postfix {
    pub async fn run(self, address: &str, pid: u32) -> Run {
        let clients = (0..self.connections).map(|client| {
            let address = address.to_owned();
            async move { messages(&address, Users { client, clients: self.connections }, self).await }
        });
        measured(pid, clients).await
    }
}

/// Whose mail a client hands in: everybody's in turn, no two clients the same.
#[derive(Debug, Clone, Copy)]
struct Users {
    client: usize,
    clients: usize,
}

impl Users {
    fn of(self, turn: usize) -> usize {
        (turn * self.clients + self.client) % crate::ACCOUNTS
    }
}

async fn measured<F>(pid: u32, clients: impl Iterator<Item = F>) -> Run
where
    F: Future<Output = Vec<Duration>> + Send + 'static,
{
    let (before, started) = (cpu(pid), Instant::now());
    let mut running: JoinSet<_> = clients.collect();
    let mut waits = Vec::new();
    while let Some(ended) = running.join_next().await {
        waits.extend(ended.expect("a client went through"));
    }
    let (wall, cpu) = (started.elapsed(), cpu(pid).saturating_sub(before));
    waits.sort_unstable();
    Run { wall, cpu, waits }
}

async fn sign_ins(
    address: &str,
    key: &str,
    users: Users,
    count: usize,
    commands: &[&'static str],
) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut answer = Vec::with_capacity(1_024);
    let mut waits = Vec::with_capacity(count * commands.len());
    for turn in 0..count {
        let user = users.of(turn);
        let fields = format!(
            r#""device_id":"","login":"user{user}@example.org","protocol":"imap","pwhash":"0a1b","remote":"198.51.{}.{}","session_id":"aQ7Zk2MNxUd/AAAB","tls":true"#,
            user / 250,
            user % 250,
        );
        for command in commands {
            let more = if *command == "report" { r#","success":true,"policy_reject":false"# } else { "" };
            let body = format!("{{{fields}{more}}}");
            let request = format!(
                "POST /policy/dovecot?command={command} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let begun = Instant::now();
            stream.write_all(request.as_bytes()).await.expect("it is sent");
            http_answer(&mut stream, &mut answer).await;
            waits.push(begun.elapsed());
        }
    }
    waits
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

async fn messages(address: &str, users: Users, load: Postfix) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut answer = [0; 14];
    let mut waits = Vec::with_capacity(load.messages * (load.recipients + 2));
    let states = || {
        let end = ["DATA", "END-OF-MESSAGE"].into_iter().filter(|_| load.finished);
        std::iter::repeat_n("RCPT", load.recipients).chain(end)
    };
    for turn in 0..load.messages {
        let user = users.of(turn);
        for (number, state) in states().enumerate() {
            let recipients = if state == "RCPT" { 0 } else { load.recipients };
            let request = format!(
                "request=smtpd_access_policy\nprotocol_state={state}\nprotocol_name=ESMTP\n\
                 client_address=198.51.{}.{}\nclient_name=unknown\nclient_port=41234\nreverse_client_name=unknown\n\
                 server_address=127.0.0.1\nserver_port=587\nhelo_name=client.example\n\
                 sender=user{user}@example.org\nrecipient=someone{number}@example.net\n\
                 recipient_count={recipients}\nqueue_id=\ninstance={:x}.{turn:x}.0\nsize=4711\netrn_domain=\n\
                 stress=\nsasl_method=PLAIN\nsasl_username=user{user}@example.org\nsasl_sender=\n\
                 ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n\
                 encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n\
                 encryption_keysize=256\npolicy_context=\n\n",
                user / 250,
                user % 250,
                users.client,
            );
            let begun = Instant::now();
            stream.write_all(request.as_bytes()).await.expect("it is sent");
            stream.read_exact(&mut answer).await.expect("an answer");
            assert_eq!(&answer, b"action=DUNNO\n\n");
            waits.push(begun.elapsed());
        }
    }
    waits
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
