//! Whoever copies a console's files, and even what goes over its wire, is not that console.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use mailcup_lab::service::{Service, ServiceConfig};
use mailcup_wire::{
    Code, ProblemDetails,
    desktop::{ConnectRequest, Link, Phase, SetUpRequest},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::desk::{Desk, request};

/// Stands between console and service and keeps what the console sends.
struct Wire {
    url: String,
    /// One after another, by connection.
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Wire {
    async fn to(service: &Service) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sent, to) = (Arc::<Mutex<Vec<Vec<u8>>>>::default(), service.endpoints().http.clone());
        let kept = Arc::clone(&sent);
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((near, _)) = listener.accept().await else { return };
                kept.lock().unwrap().push(Vec::new());
                let far = TcpStream::connect(&to).await.unwrap();
                let ((mut from_console, mut to_console), (mut from_service, mut to_service)) =
                    (near.into_split(), far.into_split());
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let mut part = [0; 4096];
                    while let Ok(read @ 1..) = from_console.read(&mut part).await {
                        kept.lock().unwrap()[connection].extend(&part[..read]);
                        to_service.write_all(&part[..read]).await.unwrap();
                    }
                });
                tokio::spawn(async move { tokio::io::copy(&mut from_service, &mut to_console).await });
            }
        });
        Self { url, sent }
    }

    /// The heads of the console's `GET` requests that carried a token. Those that came behind a body are left out.
    fn signed(&self) -> Vec<String> {
        let all = self.sent.lock().unwrap();
        let texts = all.iter().map(|sent| String::from_utf8_lossy(sent).into_owned());
        let heads = texts.flat_map(|text| text.split("\r\n\r\n").map(str::to_owned).collect::<Vec<_>>());
        heads.filter(|head| head.starts_with("GET /") && head.contains("authorization: DPoP mcs_")).collect()
    }
}

/// A header of a request's head.
fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_console_with_the_firsts_files_and_all_it_sent_gets_in_nowhere() {
    // As a service is by default: no session without a key.
    let env = vec![("MAILCUP_HTTP_SESSIONS_WITHOUT_KEY".to_owned(), "false".to_owned())];
    let service = Service::start(ServiceConfig { env, ..ServiceConfig::default() }).await.unwrap();
    let wire = Wire::to(&service).await;
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    console.connect(ConnectRequest { url: wire.url.clone(), trust: None }).await.unwrap();
    let token = Some(service.setup_token().await.unwrap());
    console.set_up(SetUpRequest { token, ..request() }).await.unwrap();
    desk.view_with(|view| view.services.iter().any(|it| it.link == Link::Live)).await;

    // Nothing in its files opens without the keyring's key: a console that has them begins anew and is signed in
    // nowhere.
    let (elsewhere, other) = (tempfile::tempdir().unwrap(), Desk::new());
    copy(&folder.path().join("console"), &elsewhere.path().join("console"));
    let thief = other.start(elsewhere.path());
    let view = other.view_with(|view| matches!(view.phase, Phase::SignIn { .. })).await;
    assert!(view.admin.is_none(), "{view:#?}");
    assert_eq!(thief.factors().await.unwrap_err().code, Code::Unauthenticated);

    // Nor does what the wire saw: each proof was for one request, and the key that makes others never went over it.
    let signed = wire.signed();
    assert!(signed.len() > 3, "{signed:#?}");
    let token = header(&signed[0], "authorization").strip_prefix("DPoP ").unwrap().to_owned();
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let refused = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let problem: ProblemDetails = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(problem.code, Code::ProofRefused, "{problem:#?}");
    };
    refused(http.get(format!("{}/v1/session", wire.url)).bearer_auth(&token)).await;
    for head in &signed {
        let path = head.split(' ').nth(1).unwrap();
        for path in [path, "/v1/session"] {
            let request = http.get(format!("{}{path}", wire.url));
            let request = request.header("authorization", format!("DPoP {token}"));
            refused(request.header("dpop", header(head, "dpop"))).await;
        }
    }

    // The console itself was not disturbed.
    assert!(console.factors().await.is_ok());
    console.shut_down().await.unwrap();
    thief.shut_down().await.unwrap();
}
