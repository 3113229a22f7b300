//! The `DPoP` header of a request: the proof in it is checked against how the request came.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use mailcup_wire::{Code, Problem};

use super::{client::Peer, hosts, problem::HttpProblem};
use crate::{
    app::App,
    proof::{self, Proof, Request, Thumbprint},
};

const HEADER: &str = "dpop";

/// The proof that an open request carries, if it carries one. It is used by [`Proven::take`] alone, so that
/// strangers whom a limit refuses fill no memory.
#[derive(Debug, Clone)]
pub struct Proven(Option<Proof>);

impl Proven {
    /// Whose key made the proof, which is not used by that.
    pub fn key(&self) -> Option<Thumbprint> {
        self.0.as_ref().map(|proof| proof.key)
    }

    /// Uses the proof; answers whose key made it. Refuses a request without one, where keys are asked for.
    pub fn take(self, app: &App) -> Result<Option<Thumbprint>, HttpProblem> {
        match self.0 {
            Some(proof) => take(app, &app.open_proofs, &proof).map(Some),
            None if app.config.sessions_without_key => Ok(None),
            None => Err(refused(
                "Sign in with a DPoP proof (RFC 9449): a session is bound to a key of its device. A service that \
                 also takes sessions without one has http.sessions_without_key = true in its configuration.",
            )),
        }
    }
}

impl FromRequestParts<Arc<App>> for Proven {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        read(parts, app, None).map(Self)
    }
}

/// Refuses unless `key` signed this request for `token`, and signed it once.
pub(super) fn demand(parts: &Parts, app: &App, key: Thumbprint, token: &str) -> Result<(), HttpProblem> {
    let proof = read(parts, app, Some(token))?;
    let proof =
        proof.ok_or_else(|| refused("The session needs a DPoP proof with each request (RFC 9449)."))?;
    if proof.key != key {
        return Err(refused("The session is bound to the key of another device."));
    }
    take(app, &app.proofs, &proof).map(drop)
}

pub(super) fn refused(message: impl Into<String>) -> HttpProblem {
    Problem::new(Code::ProofRefused, message).into()
}

fn take(app: &App, used: &proof::Used, proof: &Proof) -> Result<Thumbprint, HttpProblem> {
    match used.take(proof, app.clock.now()) {
        Ok(true) => Ok(proof.key),
        Ok(false) => Err(refused("The DPoP proof was used before; make another one for each request.")),
        Err(proof::Full) => {
            Err(Problem::new(Code::Unavailable, "Too many requests at once; try again in a minute.").into())
        }
    }
}

fn read(parts: &Parts, app: &App, token: Option<&str>) -> Result<Option<Proof>, HttpProblem> {
    let mut headers = parts.headers.get_all(HEADER).iter();
    let Some(header) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(refused("Send one DPoP header, not several."));
    }
    let header = header.to_str().map_err(|_| refused("The DPoP header holds no proof."))?;
    let urls = urls(parts, app);
    let request = Request {
        method: parts.method.as_str(),
        urls: &urls,
        token,
        now: app.clock.now(),
        since: app.started_at,
    };
    proof::check(header, &request).map(Some).map_err(|why| refused(why.to_string()))
}

/// Under which URLs the request may have been asked for: the Host that it names, which was found to be ours,
/// and the public URL. Which scheme, the socket says, or a trusted proxy before it.
fn urls(parts: &Parts, app: &App) -> Vec<String> {
    let path = parts.uri.path();
    let peer = parts.extensions.get::<Peer>();
    let schemes: &[&str] = match peer {
        Some(peer) if peer.tls => &["https"],
        Some(peer) if app.config.trusts(peer.address.ip().into()) => {
            match forwarded_scheme(&parts.headers) {
                Some("https") => &["https"],
                Some("http") => &["http"],
                // The proxy doesn't say.
                _ => &["https", "http"],
            }
        }
        _ => &["http"],
    };
    let host = hosts::authority(&parts.uri, &parts.headers);
    let asked = schemes.iter().filter_map(|scheme| Some(format!("{scheme}://{}{path}", host.as_ref()?)));
    let public =
        app.config.public_url.iter().map(|url| format!("{}{path}", url.as_str().trim_end_matches('/')));
    asked.chain(public).filter_map(|url| proof::normalized(&url)).collect()
}

/// What the proxy next to us says; one farther off would stand before it in the list.
fn forwarded_scheme(headers: &HeaderMap) -> Option<&str> {
    let last = headers.get_all("x-forwarded-proto").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim)
}

/// How a request presents what lets it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    Dpop,
    /// `X-API-Key`, or a password of basic authentication.
    Key,
}

impl Scheme {
    /// The scheme of an `Authorization` header that carries a token.
    pub(super) fn of_token(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("bearer") {
            Some(Self::Bearer)
        } else if name.eq_ignore_ascii_case("dpop") {
            Some(Self::Dpop)
        } else {
            None
        }
    }
}
