//! What the service is made of: the collaborators that its handlers and jobs share.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock, config::Config, http::hosts::KnownHosts, keys::ApiKeys, server::SidecarTokens,
    sessions::Sessions,
};

/// The running service. Handlers take it as `State<Arc<App>>`.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub limits: Limits,
    pub hosts: KnownHosts,
    pub sessions: Sessions,
    pub keys: ApiKeys,
    /// Set when a console started this service.
    pub launch_token: Option<secrecy::SecretString>,
    /// Ends everything that would otherwise go on: listeners, streams, jobs.
    pub stop: CancellationToken,
}

/// How long and how much one client may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the moment a connection is ready for a request to the end of the request's head; so also how
    /// long a connection may be idle.
    pub head: Duration,
    /// For a whole request, its body included. A stream that answers is not limited.
    pub request: Duration,
    /// Bytes of a body, where a route does not say otherwise.
    pub body: usize,
    /// How long the end waits for requests that are under way.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            request: Duration::from_secs(30),
            body: 256 * 1024,
            farewell: Duration::from_secs(10),
        }
    }
}

impl App {
    /// Puts the service together.
    pub fn new(config: Config, clock: Clock, limits: Limits, tokens: Option<SidecarTokens>) -> Arc<Self> {
        let hosts = KnownHosts::new(&config);
        Arc::new(Self {
            hosts,
            config,
            limits,
            sessions: Sessions::new(clock.clone()),
            keys: ApiKeys::default(),
            clock,
            launch_token: tokens.map(|tokens| tokens.launch_token),
            stop: CancellationToken::new(),
        })
    }
}
