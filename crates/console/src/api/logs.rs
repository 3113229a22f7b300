//! Logs of mail servers, sent as they are.

use std::{sync::atomic::Ordering, time::Duration};

use mailcup_wire::{Code, ImportReport, Problem};
use reqwest::{Body, Method, header};
use tokio_stream::StreamExt as _;
use tokio_util::io::ReaderStream;

use super::Api;
use crate::log_files::{ToSend, name_of};

/// As long as the service reads a log.
const TIMEOUT: Duration = Duration::from_hours(1);

impl Api {
    /// Sends a log, and counts what is on its way.
    pub async fn import_log(&self, log: &ToSend, time_zone: &str) -> Result<ImportReport, Problem> {
        let file = tokio::fs::File::open(&log.path)
            .await
            .map_err(|error| Problem::new(Code::Invalid, format!("{}: {error}", log.path.display())))?;
        let sent = log.sent.clone();
        sent.store(0, Ordering::Relaxed);
        let body = ReaderStream::with_capacity(file, 1 << 16).map(move |part| {
            let length = part.as_ref().map_or(0, |part| part.len() as u64);
            sent.fetch_add(length, Ordering::Relaxed);
            part
        });
        let mut query = vec![("name", name_of(&log.path)), ("time_zone", time_zone.to_owned())];
        query.extend(log.written_at.map(|at| ("written_at", at.to_string())));
        let request = self
            .request(Method::POST, "imports")
            .query(&query)
            .timeout(TIMEOUT)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(Body::wrap_stream(body));
        self.read(request).await
    }
}
