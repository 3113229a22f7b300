//! Postfix's policy delegation protocol (`SMTPD_POLICY_README`), on TCP or a unix socket.
//!
//! A request is some `name=value` lines and an empty line; the answer is one `action=…` line and an empty
//! one. Postfix keeps a connection open and asks one request at a time on it. What can't be read as a
//! request closes the connection: Postfix then does what its `default_action` says.

mod message;
pub mod request;

use std::{borrow::Cow, future::Future, io, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use mailcup_guard::{
    block::Target,
    decision::{Decision, Reason, SubmissionVerdict},
    limit::{LimitAction, Measure},
    limiter::{Reached, Reservation},
};
use mailcup_wire::Submission;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    message::{Asked, Messages},
    request::{Request, RequestError},
};

/// What the listener asks of the service. All but the record is answered from memory.
pub trait Submissions: Send + Sync + 'static {
    /// Decides by who sends and from where; counts nothing.
    fn decide(&self, login: Option<&str>, address: Option<IpAddr>) -> Decision<SubmissionVerdict>;

    /// Decides on so many recipients more, and adds those that are admitted to `message`.
    fn reserve(
        &self,
        login: Option<&str>,
        address: Option<IpAddr>,
        recipients: u32,
        message: &mut Reservation,
    ) -> Decision<SubmissionVerdict>;

    /// The message has so many recipients and no more.
    fn settle(&self, message: &mut Reservation, recipients: u32);

    /// The message does not go out.
    fn release(&self, message: Reservation);

    /// Records a message; done once the record is durable.
    fn record(&self, judged: Judged) -> impl Future<Output = ()> + Send;

    /// Records a message that was left; done once that is certain to follow.
    fn record_later(&self, left: Judged) -> impl Future<Output = ()> + Send;

    /// A mail server asked something.
    fn asked(&self);
}

/// A message whose fate is known.
#[derive(Debug)]
pub struct Judged {
    pub submission: Submission,
    /// The limits that it met, enforced ones first.
    pub reached: Vec<Reached>,
}

/// Where Postfix connects to.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Connections served at a time; Postfix opens one for each of its smtpd processes.
const MAX_CONNECTIONS: usize = 2_048;

/// Postfix drops a connection that it has not used for 300 s.
const IDLE: Duration = Duration::from_secs(330);

/// From the first byte of a request to its last, and for an answer to be taken.
const TRANSFER: Duration = Duration::from_secs(10);

/// Characters of a limit's text; longer ones are not saved in the first place.
const LONGEST_TEXT: usize = 200;

/// How long an answer waits for its record. Well below the 2 s after which our snippet lets Postfix go on
/// without us; the record stays queued all the same.
const RECORD: Duration = Duration::from_secs(1);

/// Serves until `stop`, then lets answers that are under way go out.
pub async fn serve<S: Submissions>(listener: Listener, submissions: Arc<S>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                // Out of file descriptors, say: without a pause this would spin.
                tracing::warn!(%error, "a Postfix connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(
                limit = MAX_CONNECTIONS,
                "a Postfix connection was turned away: too many are open"
            );
            continue;
        };
        // A token of its own: connections that share one wait for each other at each request.
        let (submissions, stop) = (Arc::clone(&submissions), stop.child_token());
        connections.spawn(async move {
            let _place = place;
            if let Err(error) = connection(stream, &*submissions, &stop).await {
                tracing::warn!(%error, "a Postfix connection was closed");
            }
        });
    }
    connections.close();
    connections.wait().await;
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("a request was begun and not ended within {} s", TRANSFER.as_secs())]
    Slow,
    #[error(transparent)]
    Io(#[from] io::Error),
}

async fn connection<S: Submissions>(
    mut stream: Box<dyn Stream>,
    submissions: &S,
    stop: &CancellationToken,
) -> Result<(), ConnectionError> {
    let mut messages = Messages::default();
    let served = requests(&mut stream, submissions, stop, &mut messages).await;
    if let Some(left) = messages.abandon(submissions) {
        record(submissions.record_later(left)).await;
    }
    served
}

async fn requests<S: Submissions>(
    stream: &mut Box<dyn Stream>,
    submissions: &S,
    stop: &CancellationToken,
    messages: &mut Messages,
) -> Result<(), ConnectionError> {
    let mut buffer = Vec::with_capacity(2_048);
    let mut deadline = Instant::now() + IDLE;
    let mut stopped = pin!(stop.cancelled());
    // It may ring before the deadline, which moves on with each request: setting it costs more than to look again.
    let mut alarm = pin!(sleep_until(deadline));
    loop {
        while let Some(end) = request::end(&buffer)? {
            let answer = answer(&buffer[..end], submissions, messages).await?;
            let now = Instant::now();
            let taken = timeout_at(now + TRANSFER, stream.write_all(&answer)).await;
            taken.map_err(|_| ConnectionError::Slow)??;
            buffer.drain(..end);
            deadline = now + if buffer.is_empty() { IDLE } else { TRANSFER };
        }
        let waiting = buffer.is_empty();
        if !waiting && deadline < alarm.deadline() {
            alarm.as_mut().reset(deadline);
        }
        tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            read = stream.read_buf(&mut buffer) => match read {
                Ok(0) if waiting => return Ok(()),
                Ok(0) => return Err(RequestError::Cut.into()),
                Ok(_) if waiting => deadline = Instant::now() + TRANSFER,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            },
            () = &mut alarm => match waiting {
                _ if Instant::now() < deadline => alarm.as_mut().reset(deadline),
                true => return Ok(()),
                false => return Err(ConnectionError::Slow),
            },
        }
    }
}

/// The answer, once what it makes known is recorded.
async fn answer<S: Submissions>(
    request: &[u8],
    submissions: &S,
    messages: &mut Messages,
) -> Result<Cow<'static, [u8]>, RequestError> {
    let request = Request::parse(request)?;
    submissions.asked();
    let Asked { decision, left, known } = messages.asked(&request, submissions);
    if let Some(left) = left {
        record(submissions.record_later(left)).await;
    }
    if let Some(known) = known {
        record(submissions.record(known)).await;
    }
    Ok(action(&decision))
}

async fn record(recorded: impl Future<Output = ()>) {
    if timeout(RECORD, recorded).await.is_err() {
        tracing::warn!("a message was answered before its record was durable: the disk is slow");
    }
}

/// A refusal reads like Postfix's own to a client that did not sign in; that of a limit says what the admin wrote.
fn action(decision: &Decision<SubmissionVerdict>) -> Cow<'static, [u8]> {
    let reached = reached_by(decision).find(|reached| {
        reached.limit.enforced && SubmissionVerdict::from(reached.limit.action) == decision.verdict
    });
    match (decision.verdict, reached) {
        (SubmissionVerdict::Accept, _) => (&b"action=DUNNO\n\n"[..]).into(),
        (SubmissionVerdict::Defer, None) => (&b"action=450 4.7.1 Try again later\n\n"[..]).into(),
        (SubmissionVerdict::Hold, None) => (&b"action=HOLD\n\n"[..]).into(),
        (SubmissionVerdict::Reject, None) if is_suspended(decision) => SUSPENDED.into(),
        (SubmissionVerdict::Reject, None) => (&b"action=554 5.7.1 Relay access denied\n\n"[..]).into(),
        (verdict, Some(reached)) => {
            let command = match verdict {
                SubmissionVerdict::Defer => "450 4.7.1",
                SubmissionVerdict::Reject => "550 5.7.1",
                SubmissionVerdict::Hold | SubmissionVerdict::Accept => "HOLD",
            };
            let text = reached.limit.text.as_deref().map(one_line).filter(|text| !text.is_empty());
            let text = text.unwrap_or_else(|| words(reached).to_owned());
            format!("action={command} {text}\n\n").into_bytes().into()
        }
    }
}

/// Its owner must know what to do.
const SUSPENDED: &[u8] =
    b"action=550 5.7.1 Sending from this account is suspended; ask your mail administrator\n\n";

/// Whether it may not send, but sign in. A block of the whole account says nothing of itself.
fn is_suspended(decision: &Decision<SubmissionVerdict>) -> bool {
    let enforced: Vec<_> = decision.reasons.iter().filter(|reason| !reason.is_report_only()).collect();
    let by_sending = |reason: &&Reason| matches!(reason, Reason::Blocked { target: Target::Sending(_), .. });
    !enforced.is_empty() && enforced.iter().all(by_sending)
}

/// What a client reads of a limit that has no text of its own.
fn words(reached: &Reached) -> &'static str {
    match (reached.of, reached.limit.measure, reached.limit.action) {
        (0, ..) => "This account may not send from this network",
        (_, Measure::RecipientsPerMessage, _) => "Too many recipients in one message",
        (_, Measure::Recipients(_) | Measure::Messages(_), LimitAction::Defer) => {
            "Sending limit reached, try again later"
        }
        (_, Measure::Recipients(_) | Measure::Messages(_), LimitAction::Reject | LimitAction::Hold) => {
            "Sending limit reached"
        }
    }
}

/// It can't end the answer early, whoever wrote it.
fn one_line(text: &str) -> String {
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_TEXT).collect();
    line.truncate(line.trim_end().len());
    line
}

fn reached_by(decision: &Decision<SubmissionVerdict>) -> impl Iterator<Item = &Reached> {
    decision.reasons.iter().filter_map(|reason| match reason {
        Reason::LimitReached { reached, .. } => Some(reached),
        Reason::NothingAgainst
        | Reason::Blocked { .. }
        | Reason::Denied { .. }
        | Reason::NotAllowed { .. }
        | Reason::Passed { .. } => None,
    })
}

#[cfg(test)]
mod tests;
