//! The program itself: what it refuses to start with, and what is done from the server's shell.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Output, Stdio},
    time::{Duration, Instant},
};

use mailcup_lab::service::{OWNER, Service, ServiceConfig};
use mailcup_wire::{
    Challenge, ChallengeAnswer, FactorKind, MailServerKind, ServiceInfo, SessionGrant, SetupDone,
    SignInRequest,
};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailcupd");

fn run(arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_wrong_configuration_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mailcup.toml");
    std::fs::write(&file, "[http]\nlisten = \"127.0.0.1:0\"\nport = 1\n").unwrap();
    let output = run(&["serve", "--config", &file.to_string_lossy()], "");
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("mailcup.toml, line 3: unknown field `port`"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().to_string_lossy();
    let output = run(&["serve", "--data-dir", &data, "--http", &address, "--public", "127.0.0.1:0"], "");
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains(&address) && text.contains("another program uses it"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_shell_lets_a_locked_out_admin_in() {
    let config = ServiceConfig { program: Some(PROGRAM.into()), ..ServiceConfig::default() };
    let mut service = Service::start(config).await.unwrap();
    let token = service.setup_token().await.unwrap();
    service.set_up().await.unwrap();
    let console = service.console();
    assert!(console.contains("setup token in ") && !console.contains(&token), "{console}");
    let data = service.data_dir().to_string_lossy().into_owned();
    let in_use = run(
        &[
            "serve",
            "--data-dir",
            &data,
            "--http",
            "127.0.0.1:0",
            "--public",
            "127.0.0.1:0",
            "--postfix-policy",
            "127.0.0.1:0",
        ],
        "",
    );
    assert!(stderr(&in_use).contains("in use by another mailcupd"), "{}", stderr(&in_use));

    let snippet = service.snippet(MailServerKind::Dovecot).await.unwrap();
    let url = format!("http://{}/policy/dovecot", service.endpoints().http);
    assert!(snippet.contains(&url) && snippet.contains("X-API-Key: mck_"), "{snippet}");
    let nobody = run(&["admin", "recover", "nobody@example.org", "--data-dir", &data], "");
    assert!(stderr(&nobody).contains("There is no admin nobody@example.org."), "{}", stderr(&nobody));

    let client = reqwest::Client::new();
    // Its ports stay when it is started again.
    let base = format!("http://{}/v1/sign-in", service.endpoints().http);
    let sign_in = async |password: &str, code: &str| {
        let device = mailcup_wire::DeviceName { id: "a-new-device".into(), name: "Phone".into() };
        let request = SignInRequest { login: OWNER.login.into(), password: password.into(), device };
        let challenge = client.post(&base).json(&request).send().await.unwrap();
        let challenge: Challenge = challenge.json().await.unwrap();
        let answer = ChallengeAnswer { factor: FactorKind::RecoveryCode, code: code.into() };
        let answered = client.post(format!("{base}/{}/answer", challenge.id)).json(&answer).send().await;
        answered.unwrap().json::<SessionGrant>().await
    };
    let code = |output: &Output| {
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        text.lines().find_map(|line| line.strip_prefix("    ")).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let recovered = run(&["admin", "recover", OWNER.login, "--data-dir", &data], "");
    let old = sign_in(OWNER.password, &code(&recovered)).await.unwrap().token;
    let session = format!("http://{}/v1/session", service.endpoints().http);
    let status = async || client.get(&session).bearer_auth(&old).send().await.unwrap().status();
    assert_eq!(status().await, 200);
    assert!(sign_in(OWNER.password, &code(&recovered)).await.is_err(), "the code works once");

    let create = ["admin", "create", "anna@example.org", "--email", "anna@example.org", "--data-dir", &data];
    let created = run(&create, "anna's long password\n");
    assert!(created.status.success(), "{}", stderr(&created));
    assert!(stderr(&run(&create, "anna's long password\n")).contains("already"));

    service.stop();
    let again = ["admin", "recover", OWNER.login, "--new-password", "--data-dir", &data];
    let recovered = run(&again, "an entirely new password\n");
    service.run().await.unwrap();
    assert_eq!(status().await, 401, "who had the old password has no session any more");
    assert!(sign_in("an entirely new password", &code(&recovered)).await.is_ok());
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_for_dovecot_is_made_while_the_service_runs_and_while_it_does_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let config = ServiceConfig { program: Some(PROGRAM.into()), ..ServiceConfig::default() };
    let mut service = Service::start(config).await.unwrap();
    let early = service.snippet(MailServerKind::Dovecot).await.unwrap_err().to_string();
    assert!(early.contains("no owner yet"), "{early}");
    let owner = service.set_up().await.unwrap();
    let socket = service.data_dir().join("admin.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let running = service.snippet(MailServerKind::Dovecot).await.unwrap();
    service.stop();
    assert!(!socket.exists());
    let stopped = service.snippet(MailServerKind::Dovecot).await.unwrap();
    service.run().await.unwrap();

    let value = |snippet: &str, name: &str| {
        let line = snippet.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {snippet}")).to_owned()
    };
    let nonces = [&running, &stopped].map(|snippet| value(snippet, "auth_policy_hash_nonce = "));
    assert_eq!(nonces[0], nonces[1], "marks of one password stay the same");
    let keys = [&running, &stopped].map(|text| value(text, "auth_policy_server_api_header = X-API-Key: "));
    assert_ne!(keys[0], keys[1]);
    let client = reqwest::Client::new();
    let base = format!("http://{}", service.endpoints().http);
    for key in &keys {
        let asked = client
            .post(format!("{base}/policy/dovecot?command=allow"))
            .header("X-API-Key", key)
            .json(&serde_json::json!({ "login": "anna@example.org", "remote": "127.0.0.9", "protocol": "imap" }))
            .send()
            .await
            .unwrap();
        assert_eq!(asked.status(), 200, "{}", asked.text().await.unwrap());
        let reads = client.get(format!("{base}/v1/events")).header("X-API-Key", key).send().await.unwrap();
        assert_eq!(reads.status(), 403);
    }
    let figures = client.get(format!("{base}/metrics")).bearer_auth(owner.token().unwrap()).send().await;
    let figures = figures.unwrap().text().await.unwrap();
    for figure in [
        r#"mailcup_mail_server_requests_total{server="dovecot",name="dovecot-2"} 1"#,
        r#"mailcup_decisions_total{of="sign_in",answer="allow"} 2"#,
        "mailcup_event_transactions_total ",
        "mailcup_outbox_waiting 0",
        "mailcup_event_streams 0",
    ] {
        assert!(figures.contains(figure), "{figure} in {figures}");
    }
}

/// Starts the program as a console does; answers it with its stdin, still open, and its private address.
fn start_as_sidecar(data_dir: &std::path::Path) -> (Child, ChildStdin, String) {
    let any = "127.0.0.1:0";
    let mut child = Command::new(PROGRAM)
        .args(["serve", "--sidecar", "--http", any, "--public", any, "--postfix-policy", any, "--data-dir"])
        .arg(data_dir)
        .stdin(Stdio::piped())
        .env("MAILCUP_HTTP_SESSIONS_WITHOUT_KEY", "true")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"launch_token\":\"launch\",\"setup_token\":\"given\"}\n").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    (child, stdin, line["http"].as_str().unwrap().to_owned())
}

/// Waits for the end; answers whether it was a clean one.
fn ends_well(mut child: Child) -> bool {
    let deadline = Instant::now() + Duration::from_secs(8);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_proves_itself_and_ends_with_its_console() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let (child, stdin, http) = start_as_sidecar(&data);
    assert!(!data.join("setup-token").exists());
    let about = client.get(format!("http://{http}/v1/service?challenge=abc")).send().await.unwrap();
    let proof = about.json::<ServiceInfo>().await.unwrap().proof.unwrap();
    let expected = mailcup_service::secrets::hmac(b"launch", &["abc"]);
    assert_eq!(proof, data_encoding::HEXLOWER.encode(&expected));
    let setup = client.post(format!("http://{http}/v1/setup")).json(&crate::support::setup("given"));
    let done: SetupDone = setup.send().await.unwrap().json().await.unwrap();
    let stream = client.get(format!("http://{http}/v1/events/stream")).bearer_auth(&done.grant.token);
    let stream = stream.send().await.unwrap();
    drop(stdin);
    assert!(ends_well(child), "an open stream kept it alive");
    drop(stream);

    let (child, stdin, http) = start_as_sidecar(&data);
    let session = client.get(format!("http://{http}/v1/session")).bearer_auth(&done.grant.token);
    assert!(session.send().await.unwrap().status().is_success(), "a session outlives a restart");
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert!(ends_well(child), "an open stdin kept it alive");
    drop(stdin);
}
