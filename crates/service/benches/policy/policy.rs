//! The policy under which all is measured.

use mailcup_lab::service::Api;
use mailcup_wire::PolicyChanged;
use serde_json::{Value, json};

const RULES: usize = 1_000;
const AT_ONCE: usize = 500;

/// 1,000 access rules, of which each request matches some and none refuses it, and two limits that count for
/// everybody and are never reached.
pub async fn set(owner: &Api) {
    let rules: Vec<_> = (0..RULES).map(|number| json!({ "kind": "create", "terms": rule(number) })).collect();
    for rules in rules.chunks(AT_ONCE) {
        change(owner, &json!({ "rules": rules })).await;
    }
    let limits: Vec<_> = [limit("recipients", "hour"), limit("messages", "day")]
        .into_iter()
        .map(|terms| json!({ "kind": "create", "terms": terms }))
        .collect();
    change(owner, &json!({ "limits": limits })).await;
}

async fn change(owner: &Api, change: &Value) {
    let _: PolicyChanged = owner.post("/v1/policy", change).await.expect("the policy changes");
}

/// Half are denied networks of the whole organization, half let one account in from where it is.
fn rule(number: usize) -> Value {
    let account = number.is_multiple_of(2);
    let (scope, action, networks) = if account {
        let login = format!("user{number}@example.org");
        (json!({ "kind": "account", "login": login }), "allow", vec!["198.51.0.0/16".to_owned()])
    } else {
        let networks =
            (0..4).map(|part| format!("10.{}.{}.0/24", number / 4, (number % 4) * 4 + part)).collect();
        (json!({ "kind": "organization" }), "deny", networks)
    };
    json!({
        "scope": scope, "action": action, "protocols": ["imap", "submission"], "networks": networks,
        "enabled": true, "mode": "enforced",
    })
}

fn limit(what: &str, window: &str) -> Value {
    json!({
        "scope": { "kind": "organization" }, "measure": { "kind": what, "window": window }, "per": "account",
        "known": null, "others": 1_000_000, "action": "reject", "enabled": true, "mode": "enforced",
    })
}
