//! HTTP to others.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, redirect::Policy};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

const CONNECT: Duration = Duration::from_secs(3);

/// A client whose TLS trusts the system's roots, and that follows nobody elsewhere.
///
/// # Errors
/// When there is no TLS to be had, in words.
pub fn client() -> Result<Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| error.to_string())?
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(config)
        .connect_timeout(CONNECT)
        .redirect(Policy::none())
        .user_agent(concat!("mailcupd/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| error.to_string())
}
