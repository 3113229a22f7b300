//! Postfix's policy delegation protocol (`SMTPD_POLICY_README`), on TCP or a unix socket.
//!
//! A request is some `name=value` lines and an empty line; the answer is one `action=…` line and an empty
//! one. Postfix keeps a connection open and asks one request at a time on it. What can't be read as a
//! request closes the connection: Postfix then does what its `default_action` says.

mod message;
pub mod request;

use std::{future::Future, io, net::IpAddr, sync::Arc, time::Duration};

use mailcup_guard::decision::{Decision, SubmissionVerdict};
use mailcup_wire::Submission;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    message::Messages,
    request::{Request, RequestError},
};

/// What the listener asks of the service.
pub trait Submissions: Send + Sync + 'static {
    /// Decides from memory; never waits.
    fn decide(&self, login: Option<&str>, address: Option<IpAddr>) -> Decision<SubmissionVerdict>;

    /// Records a message; done once the record is durable.
    fn record(&self, submission: Submission) -> impl Future<Output = ()> + Send;

    /// A mail server asked something.
    fn asked(&self);
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
        let (submissions, stop) = (Arc::clone(&submissions), stop.clone());
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
    if let Some(abandoned) = messages.abandon() {
        record(submissions, abandoned).await;
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
    loop {
        while let Some(end) = request::end(&buffer)? {
            let answer = answer(&buffer[..end], submissions, messages).await?;
            timeout(TRANSFER, stream.write_all(answer)).await.map_err(|_| ConnectionError::Slow)??;
            buffer.drain(..end);
            deadline = Instant::now() + if buffer.is_empty() { IDLE } else { TRANSFER };
        }
        let waiting = buffer.is_empty();
        let read = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            read = timeout_at(deadline, stream.read_buf(&mut buffer)) => read,
        };
        match read {
            Ok(Ok(0)) | Err(_) if waiting => return Ok(()),
            Ok(Ok(0)) => return Err(RequestError::Cut.into()),
            Ok(Ok(_)) if waiting => deadline = Instant::now() + TRANSFER,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(ConnectionError::Slow),
        }
    }
}

async fn answer<S: Submissions>(
    request: &[u8],
    submissions: &S,
    messages: &mut Messages,
) -> Result<&'static [u8], RequestError> {
    let request = Request::parse(request)?;
    submissions.asked();
    let decision = submissions.decide(request.login().as_deref(), request.address());
    for message in messages.asked(&request, &decision) {
        record(submissions, message).await;
    }
    Ok(action(decision.verdict))
}

async fn record<S: Submissions>(submissions: &S, message: Submission) {
    if timeout(RECORD, submissions.record(message)).await.is_err() {
        tracing::warn!("a message was answered before its record was durable: the disk is slow");
    }
}

/// A refusal reads like Postfix's own to a client that did not sign in.
fn action(verdict: SubmissionVerdict) -> &'static [u8] {
    match verdict {
        SubmissionVerdict::Accept => b"action=DUNNO\n\n",
        SubmissionVerdict::Defer => b"action=450 4.7.1 Try again later\n\n",
        SubmissionVerdict::Hold => b"action=HOLD\n\n",
        SubmissionVerdict::Reject => b"action=554 5.7.1 Relay access denied\n\n",
    }
}

#[cfg(test)]
mod tests;
