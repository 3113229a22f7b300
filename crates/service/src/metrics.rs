//! Figures for Prometheus.

use std::{sync::OnceLock, time::Duration};

use mailcup_wire::MailServerKind;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::{app::App, store::StoreError};

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins counting for the whole process. Later calls change nothing.
pub fn begin() {
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0])
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        let handle = recorder.handle();
        // A recorder that is there already stays; then ours counts nothing.
        let _ = metrics::set_global_recorder(recorder);
        handle
    });
}

/// Tidies up now and then, as the exporter wants it.
pub async fn tend() {
    let mut tick = tokio::time::interval(Duration::from_secs(10));
    loop {
        tick.tick().await;
        if let Some(handle) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}

/// All figures in Prometheus's text format.
pub async fn render(app: &App) -> Result<String, StoreError> {
    let outbox = app.outbox.status().await?;
    metrics::gauge!("mailcup_outbox_waiting").set(f64::from(outbox.waiting));
    metrics::counter!("mailcup_events_total").absolute(app.log.head_seq());
    metrics::gauge!("mailcup_events_waiting").set(figure(app.log.waiting()));
    metrics::gauge!("mailcup_event_streams").set(figure(app.log.hub().listeners()));
    for server in app.mail_servers.all() {
        let kind = match server.server {
            MailServerKind::Dovecot => "dovecot",
            MailServerKind::Postfix => "postfix",
        };
        metrics::counter!("mailcup_mail_server_requests_total", "server" => kind, "name" => server.name)
            .absolute(u64::from(server.requests));
    }
    metrics::gauge!("mailcup_sessions").set(figure(app.sessions.all().len()));
    Ok(HANDLE.get().map(PrometheusHandle::render).unwrap_or_default())
}

fn figure(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
