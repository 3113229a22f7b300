use std::sync::Mutex;

use mailcup_guard::{
    block::{BlockId, Target},
    decision::Reason,
};
use mailcup_wire::{ReasonCode, SubmissionOutcome};
use tokio::net::TcpStream;

use super::{request::MAX_REQUEST, *};

/// Refuses `blocked`; keeps what it is told.
struct Recorder {
    blocked: IpAddr,
    records: Mutex<Vec<Submission>>,
    asked: Mutex<u32>,
}

impl Submissions for Recorder {
    fn decide(&self, _login: Option<&str>, address: Option<IpAddr>) -> Decision<SubmissionVerdict> {
        if address == Some(self.blocked) {
            let block = BlockId("b1".into());
            let reason = Reason::Blocked { block, target: Target::Address(self.blocked), expires_at: None };
            return Decision { verdict: SubmissionVerdict::Reject, reasons: vec![reason] };
        }
        Decision { verdict: SubmissionVerdict::Accept, reasons: vec![Reason::NothingAgainst] }
    }

    fn reserve(
        &self,
        login: Option<&str>,
        address: Option<IpAddr>,
        recipients: u32,
        message: &mut Reservation,
    ) -> Decision<SubmissionVerdict> {
        message.recipients += recipients;
        self.decide(login, address)
    }

    fn settle(&self, message: &mut Reservation, recipients: u32) {
        message.recipients = recipients;
    }

    fn release(&self, _message: Reservation) {}

    async fn record(&self, judged: Judged) {
        self.records.lock().unwrap().push(judged.submission);
    }

    async fn record_later(&self, left: Judged) {
        self.record(left).await;
    }

    fn asked(&self) {
        *self.asked.lock().unwrap() += 1;
    }
}

struct Running {
    address: std::net::SocketAddr,
    recorder: Arc<Recorder>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let blocked = "203.0.113.77".parse().unwrap();
        let recorder = Arc::new(Recorder { blocked, records: Mutex::default(), asked: Mutex::default() });
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(Listener::Tcp(listener), Arc::clone(&recorder), stop.clone()));
        Self { address, recorder, stop, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Ends the listener, so that everything is recorded.
    async fn records(self) -> Vec<Submission> {
        self.stop.cancel();
        self.serving.await.unwrap();
        self.recorder.records.lock().unwrap().clone()
    }
}

fn request(state: &str, address: &str) -> String {
    format!(
        "request=smtpd_access_policy\nprotocol_state={state}\ninstance=1\nclient_address={address}\n\
         sasl_username=anna@example.org\nrecipient_count=1\n\n"
    )
}

async fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\n\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed without an answer");
    }
    String::from_utf8(answer).unwrap()
}

async fn is_closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is a close too: the listener may leave bytes of ours unread.
    stream.read_to_end(&mut rest).await.is_err() || rest.is_empty()
}

#[tokio::test]
async fn a_message_passes_and_a_blocked_one_reads_like_a_client_that_did_not_sign_in() {
    let running = Running::start().await;
    let mut stream = running.connect().await;
    for state in ["RCPT", "DATA", "END-OF-MESSAGE"] {
        assert_eq!(ask(&mut stream, &request(state, "192.0.2.1")).await, "action=DUNNO\n\n");
    }
    let blocked = request("RCPT", "203.0.113.77").replace("instance=1", "instance=2");
    assert_eq!(ask(&mut stream, &blocked).await, "action=554 5.7.1 Relay access denied\n\n");
    let records = running.records().await;
    let outcomes: Vec<_> = records.iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [SubmissionOutcome::Accepted, SubmissionOutcome::Rejected]);
    assert_eq!(records[1].reasons[0].code, ReasonCode::BlockedAddress);
}

#[tokio::test]
async fn requests_come_in_pieces_and_together() {
    let running = Running::start().await;
    let mut stream = running.connect().await;
    let text = request("RCPT", "192.0.2.1");
    let (first, second) = text.split_at(31);
    stream.write_all(first.as_bytes()).await.unwrap();
    assert_eq!(ask(&mut stream, second).await, "action=DUNNO\n\n");
    let both = format!("{text}{}", request("END-OF-MESSAGE", "192.0.2.1"));
    stream.write_all(both.as_bytes()).await.unwrap();
    let mut answers = [0; 28];
    stream.read_exact(&mut answers).await.unwrap();
    assert_eq!(&answers, b"action=DUNNO\n\naction=DUNNO\n\n");
    assert_eq!(running.records().await.len(), 1);
}

#[tokio::test]
async fn nonsense_closes_its_own_connection_and_no_other() {
    let running = Running::start().await;
    let mut good = running.connect().await;
    for bytes in [b"GET / HTTP/1.1\r\n\n\n".to_vec(), b"a=\0\n\n".to_vec(), vec![b'x'; 3 * MAX_REQUEST]] {
        let mut bad = running.connect().await;
        let _ = bad.write_all(&bytes).await;
        assert!(is_closed(bad).await, "{} bytes", bytes.len());
        assert_eq!(ask(&mut good, &request("RCPT", "192.0.2.1")).await, "action=DUNNO\n\n");
    }
    assert_eq!(*running.recorder.asked.lock().unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_given_up() {
    let running = Running::start().await;
    let mut stream = running.connect().await;
    stream.write_all(b"request=smtpd_access").await.unwrap();
    assert!(is_closed(stream).await);
    assert!(running.records().await.is_empty());
}
