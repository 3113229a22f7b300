//! What a Dovecot reports, without a Dovecot: for numbers of sign-ins that real ones would take minutes for.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
const PACE: Duration = Duration::from_millis(20);

/// Posts to the policy endpoint with the key of a snippet.
#[derive(Clone)]
pub struct Reporter {
    client: Client,
    url: String,
    header: (String, String),
}

impl Reporter {
    pub fn from_snippet(snippet: &str) -> Self {
        let setting = |name: &str| {
            let mut lines = snippet.lines().filter_map(|line| line.trim().strip_prefix(name));
            let value = lines.find_map(|rest| Some(rest.trim().strip_prefix('=')?.trim().to_owned()));
            value.unwrap_or_else(|| panic!("no {name} in the snippet:\n{snippet}"))
        };
        let header = setting("auth_policy_server_api_header");
        let (name, value) = header.split_once(':').unwrap();
        Self {
            client: Client::builder().timeout(ANSWERED_WITHIN).build().unwrap(),
            url: setting("auth_policy_server_url"),
            header: (name.trim().to_owned(), value.trim().to_owned()),
        }
    }

    /// Reports a failure once; whether the service answered that it is recorded.
    pub async fn try_failure(&self, login: &str, address: &str, password: &str) -> bool {
        self.report(login, address, "imap", password, false).await
    }

    /// Reports a sign-in once; whether the service answered that it is recorded.
    pub async fn report(
        &self,
        login: &str,
        address: &str,
        protocol: &str,
        password: &str,
        success: bool,
    ) -> bool {
        let body = json!({
            "device_id": "", "login": login, "protocol": protocol, "pwhash": mark(password), "remote": address,
            "session_id": "", "tls": true, "success": success, "policy_reject": false,
        });
        let request = self.client.post(format!("{}?command=report", self.url)).json(&body);
        let Ok(answer) = request.header(&self.header.0, &self.header.1).send().await else { return false };
        let accepted = answer.status().is_success();
        accepted && answer.json::<Value>().await.is_ok_and(|body| body["status"] == 0)
    }

    /// Reports a failure until the service has recorded it.
    pub async fn failure(&self, login: &str, address: &str, password: &str) {
        let begun = Instant::now();
        while !self.try_failure(login, address, password).await {
            assert!(begun.elapsed() < PATIENCE, "no report is answered");
            tokio::time::sleep(PACE).await;
        }
    }

    /// As many different wrong passwords as raise an alert.
    pub async fn attack(&self, login: &str, address: &str) {
        for n in 0..5 {
            self.failure(login, address, &format!("{login} {n}")).await;
        }
    }
}

/// Twelve bits that tell passwords apart, as Dovecot sends them.
fn mark(password: &str) -> String {
    let sum =
        password.bytes().fold(0x811c_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{:03x}0", sum & 0xfff)
}
