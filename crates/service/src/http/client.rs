//! Who the client is, as far as the network tells.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    extract::{Extension, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use data_encoding::HEXLOWER;
use mailcup_wire::{Address, RESTORED_FROM, RestoredFrom, SnapshotId, Time};

use crate::app::App;

/// The connection's other end; every listener adds it to its requests.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub address: SocketAddr,
    pub tls: bool,
}

/// The client behind a request: from the socket, or from `X-Forwarded-For` of a trusted proxy; from nothing
/// else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Client {
    pub address: Option<Address>,
    pub tls: bool,
    /// What the request says to put back.
    pub restored_from: Option<Origin>,
}

/// A snapshot and its time, as a value of [`RESTORED_FROM`].
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    snapshot: [u8; 32],
    at: Time,
}

impl Origin {
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let told: RestoredFrom = headers.get(RESTORED_FROM)?.to_str().ok()?.parse().ok()?;
        let snapshot = HEXLOWER.decode(told.snapshot.0.as_bytes()).ok()?;
        Some(Self { snapshot: snapshot.try_into().ok()?, at: told.at })
    }

    pub fn read(self) -> RestoredFrom {
        RestoredFrom { snapshot: SnapshotId(HEXLOWER.encode(&self.snapshot)), at: self.at }
    }
}

impl FromRequestParts<Arc<App>> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let Ok(Extension(peer)) = Extension::<Peer>::from_request_parts(parts, app).await else {
            return Ok(Self::default());
        };
        let address =
            behind_proxies(peer.address.ip().into(), &parts.headers, |proxy| app.config.trusts(proxy));
        let restored_from = Origin::of(&parts.headers);
        Ok(Self { address: Some(address), tls: peer.tls, restored_from })
    }
}

/// Goes from the socket outwards as long as a trusted proxy says who stood before it.
fn behind_proxies(socket: Address, headers: &HeaderMap, is_trusted: impl Fn(Address) -> bool) -> Address {
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut client = socket;
    for text in forwarded.iter().rev() {
        if !is_trusted(client) {
            break;
        }
        let Ok(before) = text.parse() else { break };
        client = before;
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let trusted: mailcup_wire::Network = "10.0.0.0/8".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "192.0.2.1, 198.51.100.7".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        let client =
            |socket: &str| behind_proxies(address(socket), &headers, |it| trusted.contains(it)).to_string();
        assert_eq!(client("10.0.0.1"), "198.51.100.7");
        assert_eq!(client("203.0.113.9"), "203.0.113.9");
    }
}
