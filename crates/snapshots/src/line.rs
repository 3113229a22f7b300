//! What storage elsewhere shares: waiting for answers, and HTTP.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Body, Client, Method, RequestBuilder, Response, StatusCode, redirect::Policy};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::obstacle::Obstacle;

const CONNECT: Duration = Duration::from_secs(10);

/// For an answer, and besides for each so many bytes that go over the line.
const PATIENCE: Duration = Duration::from_mins(1);
const SLOWEST_BYTES_A_SECOND: u64 = 16 * 1024;

/// A request that failed for a reason that may pass is repeated after these pauses.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(2)];

/// Waits for answers; must not be used from within another runtime.
pub(crate) struct Line {
    /// None only while it goes.
    runtime: Option<Runtime>,
}

impl Line {
    pub fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    pub fn wait<T>(&self, answer: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(answer),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Anything else would panic in a task.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

/// HTTP that blocks.
#[derive(Debug)]
pub(crate) struct Http {
    line: Line,
    client: Client,
}

/// What a server answered.
pub(crate) struct Answer {
    pub status: StatusCode,
    /// As its header tells.
    pub length: Option<u64>,
    pub body: Vec<u8>,
}

impl Http {
    /// Trusts what the system trusts, and follows nobody elsewhere.
    pub fn new() -> io::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(io::Error::other)?
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT)
            .redirect(Policy::none())
            .user_agent(concat!("mailcupd/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { line: Line::new()?, client })
    }

    /// Asks, again if the reason why it failed may pass. `bytes` go one way or the other.
    pub fn ask(
        &self,
        method: &Method,
        url: &Url,
        bytes: u64,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> io::Result<Answer> {
        let patience = PATIENCE + Duration::from_secs(bytes / SLOWEST_BYTES_A_SECOND);
        self.line.wait(async {
            let mut pauses = PAUSES.into_iter();
            loop {
                let request = with(self.client.request(method.clone(), url.clone())).timeout(patience);
                let answer = match request.send().await {
                    Ok(response) => whole(response).await,
                    Err(error) => Err(failed(&error)),
                };
                let may_pass = match &answer {
                    Ok(answer) => {
                        answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS
                    }
                    Err(error) => Obstacle::of(error).is_none(),
                };
                match pauses.next() {
                    Some(pause) if may_pass => tokio::time::sleep(pause).await,
                    Some(_) | None => return answer,
                }
            }
        })
    }
}

/// A body that can be sent again.
pub(crate) fn body(parts: &[&[u8]]) -> bytes::Bytes {
    parts.concat().into()
}

pub(crate) fn send_body(request: RequestBuilder, body: &bytes::Bytes) -> RequestBuilder {
    request.body(Body::from(body.clone()))
}

async fn whole(response: Response) -> io::Result<Answer> {
    let status = response.status();
    let header = response.headers().get(reqwest::header::CONTENT_LENGTH);
    let length = header.and_then(|length| length.to_str().ok()?.parse().ok());
    let body = response.bytes().await.map_err(|error| failed(&error))?;
    Ok(Answer { status, length, body: body.into() })
}

/// Why no answer came.
fn failed(error: &reqwest::Error) -> io::Error {
    let mut causes = Vec::new();
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(found) = cause {
        causes.push(found);
        // An error of the system's kind passes over what it holds.
        let held = found.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = held.map(|held| held as &(dyn StdError + 'static)).or_else(|| found.source());
    }
    let said = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
    let found = |kind| {
        causes.iter().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == kind))
    };
    let tells = |text: &str| causes.iter().any(|cause| cause.to_string().contains(text));
    if found(io::ErrorKind::ConnectionRefused) {
        return Obstacle::Refused.error(said);
    }
    if tells("dns error") || tells("failed to lookup address") {
        return Obstacle::Unresolved.error(said);
    }
    if causes.iter().any(|cause| cause.is::<rustls::Error>()) {
        return Obstacle::Untrusted.error(said);
    }
    if error.is_timeout() {
        return Obstacle::TimedOut.error("");
    }
    io::Error::new(io::ErrorKind::ConnectionAborted, said)
}
