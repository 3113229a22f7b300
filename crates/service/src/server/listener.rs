//! Accepts connections and serves HTTP/1.1 on them.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;

pub use super::tls::Tls;
use crate::{app::App, http::client::Peer};

/// Serves until the app stops; then waits for requests under way, but not for ever.
pub async fn serve(listener: TcpListener, tls: Option<Tls>, router: Router, app: Arc<App>) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = app.stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, say: without a pause this would spin.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let peer = Peer { address, tls: tls.is_some() };
        tokio::spawn(connection(
            stream,
            tls.clone(),
            peer,
            router.clone(),
            Arc::clone(&app),
            graceful.watcher(),
        ));
    }
    drop(listener);
    if tokio::time::timeout(app.limits.farewell, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off at the end");
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<Tls>,
    peer: Peer,
    router: Router,
    app: Arc<App>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // A small answer should not wait for a full packet; without it the connection works all the same.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return talk(stream, peer, router, &app, watcher).await };
    match tokio::time::timeout(app.limits.head, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => talk(stream, peer, router, &app, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    peer: Peer,
    router: Router,
    app: &App,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.limits.head)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
