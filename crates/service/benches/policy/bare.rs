//! The barest servers that answer the same: they read a request and decide nothing.

use axum::{Json, Router, extract::Query, routing::post};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::process::announce;

#[derive(Deserialize)]
struct Command {
    #[expect(dead_code, reason = "read, as any server must, and not used")]
    command: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read, as any server must, and not used")]
struct Request {
    login: String,
    protocol: String,
    remote: String,
    pwhash: String,
    #[serde(default)]
    success: bool,
}

#[derive(Serialize)]
struct Answer {
    status: i32,
    msg: &'static str,
}

async fn answer(_command: Query<Command>, _request: Json<Request>) -> Json<Answer> {
    Json(Answer { status: 0, msg: "" })
}

pub async fn axum() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    announce(&listener);
    let router = Router::new().route("/policy/dovecot", post(answer));
    axum::serve(listener, router).await.expect("it serves");
}

pub async fn responder() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    announce(&listener);
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        tokio::spawn(async move {
            let mut buffer = Vec::with_capacity(2_048);
            while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
                if buffer.ends_with(b"\n\n") {
                    std::hint::black_box(parsed(&buffer));
                    buffer.clear();
                    if stream.write_all(b"action=DUNNO\n\n").await.is_err() {
                        return;
                    }
                }
            }
        });
    }
}

/// The attributes that a decision needs.
#[derive(Default)]
struct Attributes<'a> {
    state: &'a [u8],
    instance: &'a [u8],
    address: Option<std::net::IpAddr>,
    login: &'a [u8],
    recipients: u32,
}

fn parsed(request: &[u8]) -> Attributes<'_> {
    let mut attributes = Attributes::default();
    for line in request.split(|&byte| byte == b'\n') {
        let Some(equals) = line.iter().position(|&byte| byte == b'=') else { continue };
        let (name, value) = (&line[..equals], &line[equals + 1..]);
        let text = || std::str::from_utf8(value).unwrap_or_default();
        match name {
            b"protocol_state" => attributes.state = value,
            b"instance" => attributes.instance = value,
            b"client_address" => attributes.address = text().parse().ok(),
            b"sasl_username" => attributes.login = value,
            b"recipient_count" => attributes.recipients = text().parse().unwrap_or(0),
            _ => {}
        }
    }
    attributes
}
