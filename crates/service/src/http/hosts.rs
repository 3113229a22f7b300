//! Under which names the service answers: a page on a foreign name that resolves to us (DNS rebinding) gets
//! nothing, nor does a page of another origin.

use std::{collections::HashSet, net::IpAddr};

use axum::{
    extract::Request,
    http::{HeaderMap, Uri, header, uri::Authority},
};
use mailcup_wire::{Code, Problem};
use url::Url;

use super::problem::HttpProblem;
use crate::config::Config;

/// Host names that are ours, in lower case. An IP address and `localhost` always are: no name leads there.
#[derive(Debug, Default)]
pub struct KnownHosts {
    names: HashSet<String>,
    public_origin: Option<String>,
}

impl KnownHosts {
    pub fn new(config: &Config) -> Self {
        let mut names: HashSet<String> = config.allowed_hosts.iter().cloned().collect();
        let public = config.public_url.as_ref();
        names.extend(public.and_then(Url::host_str).map(str::to_owned));
        Self { names, public_origin: public.map(|url| url.origin().ascii_serialization()) }
    }

    fn knows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok() || self.names.contains(&host)
    }
}

/// Refuses a request that came under a foreign name or from a foreign page.
pub(super) fn check(known: &KnownHosts, request: &Request) -> Result<(), HttpProblem> {
    let authority = authority(request.uri(), request.headers());
    let Some(authority) = authority.filter(|authority| known.knows(authority.host())) else {
        return Err(Problem::new(
            Code::ForeignOrigin,
            "The service is not known under this host name; add it to http.allowed_hosts if it is right.",
        )
        .into());
    };
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let own = known.public_origin.as_deref() == Some(origin)
        || origin.split_once("://").is_some_and(|(_, host)| host.eq_ignore_ascii_case(authority.as_str()));
    if own {
        return Ok(());
    }
    Err(Problem::new(Code::ForeignOrigin, "Pages of another origin may not call this service.").into())
}

pub(super) fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => headers.get(header::HOST)?.to_str().ok()?.parse().ok(),
    }
}
