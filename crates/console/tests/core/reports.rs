//! Sign-ins as Dovecot reports them, with the key that a snippet carries.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

/// Speaks to the service as Dovecot does.
pub struct Reports {
    url: String,
    key: String,
    http: reqwest::Client,
}

impl Reports {
    /// By the snippet that an admin would paste.
    pub fn by(snippet: &str) -> Self {
        let value = |name: &str| {
            let line = snippet.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_once(" = ").unwrap().1.to_owned()
        };
        let key = value("auth_policy_server_api_header").trim_start_matches("X-API-Key: ").to_owned();
        Self { url: value("auth_policy_server_url"), key, http: reqwest::Client::new() }
    }

    /// A wrong password; `attempt` tells it from others.
    pub async fn failure(&self, login: &str, address: &str, attempt: u16) {
        let mut report = request(login, address, attempt);
        report["success"] = false.into();
        report["policy_reject"] = false.into();
        self.post("report", &report).await;
    }

    pub async fn is_refused(&self, login: &str, address: &str) -> bool {
        let answer = self.post("allow", &request(login, address, 0)).await;
        answer["status"].as_i64().unwrap() < 0
    }

    /// What Dovecot tells of an attempt that we refused.
    pub async fn refusal(&self, login: &str, address: &str) {
        let mut report = request(login, address, 0);
        report["success"] = false.into();
        report["policy_reject"] = true.into();
        self.post("report", &report).await;
    }

    async fn post(&self, command: &str, body: &Value) -> Value {
        let request =
            self.http.post(format!("{}?command={command}", self.url)).header("X-API-Key", &self.key);
        request.json(body).send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }
}

fn request(login: &str, address: &str, attempt: u16) -> Value {
    json!({
        "device_id": "", "login": login, "protocol": "imap", "pwhash": format!("{attempt:04x}"),
        "remote": address, "session_id": "s", "tls": false,
    })
}

/// `kill -9` of the `mailcupd` that serves a data folder.
pub fn kill_service_in(data: &Path) {
    let served = data.to_str().unwrap();
    let mut killed = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command);
        if command.contains("mailcupd") && command.contains(served) {
            assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
            killed += 1;
        }
    }
    assert_eq!(killed, 1, "one mailcupd serves {served}");
}

pub fn copy_folder(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}
