//! Bad input and bad clients.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use mailcup_service::{
    app::{App, Limits},
    cli::Serve,
    clock::Clock,
    config::Config,
    http,
    server::listener,
};
use mailcup_wire::{Code, ProblemDetails};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Answer, Service};

async fn raw(service: &Service, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(service.raw(request.body(Body::from(body.to_owned())).unwrap()).await).await
}

#[tokio::test]
async fn foreign_hosts_and_origins_get_nothing() {
    let service = Service::start().await;
    let get =
        async |headers: &[(&str, &str)]| raw(&service, Method::GET, "/v1/service", headers, "").await.status;
    for host in ["localhost", "127.0.0.1:8480", "[::1]:8480", "LOCALHOST:8480"] {
        assert_eq!(get(&[("host", host)]).await, StatusCode::OK, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", ""] {
        assert_eq!(get(&[("host", host)]).await, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    assert_eq!(get(&[]).await, StatusCode::MISDIRECTED_REQUEST);
    let local = ("host", "localhost:8480");
    assert_eq!(get(&[local, ("origin", "http://localhost:8480")]).await, StatusCode::OK);
    for origin in ["https://evil.example", "http://localhost:1", "null", ""] {
        assert_eq!(get(&[local, ("origin", origin)]).await, StatusCode::MISDIRECTED_REQUEST, "{origin}");
    }
}

#[tokio::test]
async fn no_operation_at_all_answers_a_foreign_host() {
    let service = Service::start().await;
    let document = mailcup_service::http::openapi();
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace(['{', '}'], "");
            let answer = raw(&service, method.clone(), &path, &[("host", "evil.example")], "").await;
            assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked} operations");
}

#[tokio::test]
async fn what_cant_be_read_is_answered_with_what_and_where() {
    let service = Service::start().await;
    let json = [("host", "localhost"), ("content-type", "application/json")];
    let post = async |body: &str| raw(&service, Method::POST, "/v1/sign-in", &json, body).await;
    let broken = post("{\n  \"login\": ,\n}").await;
    assert_eq!((broken.status, broken.code()), (StatusCode::BAD_REQUEST, Code::BadRequest));
    assert!(broken.problem().message.contains("line 2"), "{}", broken.text);
    let missing = post("{\"login\": \"a\", \"password\": \"b\", \"device\": {\"id\": \"x\"}}").await;
    assert!(missing.problem().message.contains("device: missing field `name`"), "{}", missing.text);
    let details: ProblemDetails = missing.json();
    assert_eq!(details.r#type, "urn:mailcup:problem:bad_request");
    assert!(details.request_id.is_some());
    let large = post(&json!({ "login": "x".repeat(300_000) }).to_string()).await;
    assert_eq!((large.status, large.code()), (StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge));
    let form = [("host", "localhost"), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(raw(&service, Method::POST, "/v1/sign-in", &form, "a=b").await.code(), Code::BadRequest);
    let host = [("host", "localhost")];
    let method = raw(&service, Method::DELETE, "/v1/sign-in", &host, "").await;
    assert_eq!((method.status, method.code()), (StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest));
    assert_eq!(raw(&service, Method::GET, "/v2/session", &host, "").await.code(), Code::UnknownVersion);
    assert_eq!(raw(&service, Method::GET, "/v1/nothing", &host, "").await.code(), Code::NotFound);
    let query = raw(&service, Method::GET, "/v1/audit?after=-1", &host, "").await;
    assert_eq!(query.code(), Code::Unauthenticated, "who may not read learns nothing of the query either");
}

/// A service that listens and has little patience.
async fn listening() -> (std::sync::Arc<App>, SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::read(&Serve::default(), []).unwrap();
    config.data_dir = folder.path().to_owned();
    let limits =
        Limits { head: Duration::from_secs(2), request: Duration::from_millis(500), ..Limits::default() };
    let app = App::open(config, Clock::system(), limits, None).await.unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(listener::serve(socket, None, http::private(&app), std::sync::Arc::clone(&app)));
    (app, address, folder)
}

/// All that the other end sends until it closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut text)).await;
    // A reset is an end too.
    let _ = read.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let (app, address, _folder) = listening().await;
    let mut head = TcpStream::connect(address).await.unwrap();
    head.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await.unwrap();
    let mut body = TcpStream::connect(address).await.unwrap();
    let start = "POST /v1/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: 100\r\n\r\n{";
    body.write_all(start.as_bytes()).await.unwrap();
    let answer = rest(body).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\"code\":\"unavailable\""), "{answer}");
    assert!(!rest(head).await.contains("200 OK"));
    app.close().await.unwrap();
}

#[tokio::test]
async fn a_thousand_idle_connections_disturb_nobody() {
    let (app, address, _folder) = listening().await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(1), rest(stream)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    drop(idle);
    app.close().await.unwrap();
}

#[tokio::test]
async fn the_frame_names_every_answer_and_forbids_what_no_answer_needs() {
    let service = Service::start().await;
    let request = Request::builder().uri("/v1/service").header(header::HOST, "localhost");
    let response = service.raw(request.body(Body::empty()).unwrap()).await;
    for name in ["x-request-id", "x-content-type-options", "x-frame-options", "content-security-policy"] {
        assert!(response.headers().contains_key(name), "{name}");
    }
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
}
