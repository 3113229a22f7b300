//! Blocked networks as firewalls take them.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use mailcup_guard::block::{
    Block,
    list::{self, Closed},
};
use mailcup_wire::Time;
use sha2::{Digest as _, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::auth::Reader;
use crate::{app::App, policy::guard_block};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(plain)).routes(routes!(nftables))
}

/// Blocked networks, one a line.
///
/// Accounts are not among them, nor are trusted proxies and this machine. The entity tag changes with the list: ask
/// with `If-None-Match`, and get 304 while nothing has changed.
#[utoipa::path(
    get, path = "/v1/block-list.txt", tag = "blocks",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 304)),
    extensions(("x-permission" = json!("read"))),
)]
async fn plain(State(app): State<Arc<App>>, _: Reader, headers: HeaderMap) -> Response {
    answer(&app, &headers, plain_text)
}

/// Blocked networks as a script for `nft -f`, which fills the sets `blocked4` and `blocked6` of table `inet mailcup`.
///
/// Each element has the time that it has left, so that the firewall forgets it also when nobody asks any more. What
/// drops packets is a rule of your own.
#[utoipa::path(
    get, path = "/v1/block-list.nft", tag = "blocks",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 304)),
    extensions(("x-permission" = json!("read"))),
)]
async fn nftables(State(app): State<Arc<App>>, _: Reader, headers: HeaderMap) -> Response {
    answer(&app, &headers, nft_script)
}

fn answer(app: &App, headers: &HeaderMap, text: fn(&[Closed], Time) -> String) -> Response {
    let now = app.clock.now();
    let blocks: Vec<Block> = app.policy.active_blocks(now).iter().map(guard_block).collect();
    let proxies = app.config.trusted_proxies.iter().map(|proxy| proxy.net());
    let spared: Vec<_> = proxies.chain(list::loopback()).collect();
    let closed = list::closed(&blocks, &spared, now.0);
    let tag = entity_tag(&closed);
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| names(known, &tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text(&closed, now)).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Of what is closed and until when; not of the text, where the time that is left shrinks.
fn entity_tag(closed: &[Closed]) -> String {
    let mut hash = Sha256::new();
    for one in closed {
        hash.update(format!("{} {:?}\n", one.network, one.until));
    }
    // Weak (RFC 9110 8.8.1): equal lists may differ in the seconds that they say.
    format!("W/\"{}\"", &HEXLOWER.encode(&hash.finalize())[..32])
}

/// Whether one of the tags of an `If-None-Match` is this one, by weak comparison.
fn names(header: &HeaderValue, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let listed = header.to_str().unwrap_or_default();
    listed.trim() == "*" || listed.split(',').any(|one| bare(one) == bare(tag))
}

fn plain_text(closed: &[Closed], now: Time) -> String {
    let mut text = format!("# Networks that MailCup blocks, {now}\n");
    for one in closed {
        let _ = match one.until {
            Some(until) => writeln!(text, "{} # until {}", one.network, Time::from(until)),
            None => writeln!(text, "{} # until lifted", one.network),
        };
    }
    text
}

fn nft_script(closed: &[Closed], now: Time) -> String {
    let mut text = format!("# Networks that MailCup blocks, {now}\nadd table inet mailcup\n");
    for (set, kind, v4) in [("blocked4", "ipv4_addr", true), ("blocked6", "ipv6_addr", false)] {
        let _ = write!(
            text,
            "add set inet mailcup {set} {{ type {kind}; flags interval, timeout; }}\nflush set inet mailcup {set}\n"
        );
        for one in closed.iter().filter(|one| one.network.addr().is_ipv4() == v4) {
            let left = one.until.map(|until| until.duration_since(now.0).as_secs().max(1));
            let timeout = left.map(|seconds| format!(" timeout {seconds}s")).unwrap_or_default();
            let _ = writeln!(text, "add element inet mailcup {set} {{ {}{timeout} }}", one.network);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(network: &str, until: Option<&str>) -> Closed {
        Closed { network: network.parse().unwrap(), until: until.map(|until| until.parse().unwrap()) }
    }

    #[test]
    fn the_lists_name_networks_and_ends() {
        let now = Time("2026-11-28T09:00:00Z".parse().unwrap());
        let list = [
            closed("198.51.100.0/24", None),
            closed("203.0.113.7/32", Some("2026-11-28T09:10:00Z")),
            closed("2001:db8::/64", Some("2026-11-28T09:00:00.2Z")),
        ];
        insta::assert_snapshot!(plain_text(&list, now));
        insta::assert_snapshot!(nft_script(&list, now));
    }

    #[test]
    fn a_tag_is_that_of_the_list_and_not_of_the_moment() {
        let one = [closed("198.51.100.0/24", None)];
        assert_eq!(entity_tag(&one), entity_tag(&one));
        assert_ne!(entity_tag(&one), entity_tag(&[closed("198.51.100.0/24", Some("2026-11-28T09:10:00Z"))]));
        let tag = entity_tag(&one);
        let sent = |text: &str| names(&HeaderValue::from_str(text).unwrap(), &tag);
        assert!(sent(&tag) && sent(&format!("\"x\", {tag}")) && sent("*"));
        assert!(!sent("\"x\"") && !sent(""));
    }
}
