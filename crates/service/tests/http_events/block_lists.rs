//! Blocked networks for firewalls, taken by Debian's nftables.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::support::{Answer, Service};

impl Service {
    async fn block(&self, target: serde_json::Value, expires_at: Option<&str>) {
        let block = json!({ "target": target, "expires_at": expires_at });
        let answer = self.post("/v1/blocks", block).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    }

    async fn list_since(&self, path: &str, tag: &str) -> Answer {
        self.send("read", Method::GET, path, &[("if-none-match", tag)], String::new()).await
    }
}

#[tokio::test]
async fn nftables_takes_the_list_again_and_again() {
    let service = Service::start().await;
    let empty = service.get("/v1/block-list.nft").await;
    assert_eq!(empty.status, StatusCode::OK);
    service.block(json!({ "kind": "address", "address": "203.0.113.7" }), Some("2026-11-24T09:00:00Z")).await;
    service.block(json!({ "kind": "network", "network": "203.0.113.0/24" }), None).await;
    service.block(json!({ "kind": "network", "network": "198.51.100.0/25" }), None).await;
    service
        .block(json!({ "kind": "network", "network": "2001:db8:1::/64" }), Some("2026-11-24T10:00:00Z"))
        .await;
    service.block(json!({ "kind": "network", "network": "127.0.0.0/8" }), None).await;
    service.block(json!({ "kind": "account", "login": "anna@example.org" }), None).await;
    let full = service.get("/v1/block-list.nft").await;
    assert_ne!(full.etag, empty.etag);
    let again = service.get("/v1/block-list.nft").await.text;

    let sets = in_own_network(&[&empty.text, &full.text, &again]);
    for element in ["198.51.100.0/25", "203.0.113.0/24", "2001:db8:1::/64 timeout 2h"] {
        assert!(sets.contains(element), "{element} is missing: {sets}");
    }
    for spared in ["203.0.113.7", "127.0.0"] {
        assert!(!sets.contains(spared), "{spared} is not spared: {sets}");
    }
    let sets = in_own_network(&[&full.text, &empty.text]);
    assert!(!sets.contains("elements"), "what is over stays: {sets}");
    service.stop().await;
}

#[tokio::test]
async fn a_list_that_is_known_is_not_sent_again() {
    let service = Service::start().await;
    service.block(json!({ "kind": "address", "address": "203.0.113.7" }), None).await;
    let list = service.get("/v1/block-list.txt").await;
    assert!(list.text.contains("\n203.0.113.7/32 # until lifted\n"), "{}", list.text);
    let tag = list.etag.unwrap();
    let known = service.list_since("/v1/block-list.txt", &tag).await;
    assert_eq!(
        (known.status, known.text.as_str(), known.etag),
        (StatusCode::NOT_MODIFIED, "", Some(tag.clone()))
    );
    service.block(json!({ "kind": "address", "address": "203.0.113.8" }), None).await;
    assert_eq!(service.list_since("/v1/block-list.txt", &tag).await.status, StatusCode::OK);
    let stranger = service.call("policy", Method::GET, "/v1/block-list.txt", None).await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN, "a mail server's key reads no lists");
    service.stop().await;
}

/// Has `nft` take the scripts, one after the other, in a network of their own; answers its rules after the last.
fn in_own_network(scripts: &[&str]) -> String {
    let mut child = Command::new("unshare")
        .args([
            "--net",
            "sh",
            "-euc",
            "while read -r size; do head -c \"$size\" | nft -f -; done; nft list ruleset",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for script in scripts {
        write!(stdin, "{}\n{script}", script.len()).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
