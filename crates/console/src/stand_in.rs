//! Something that answers in a service's place, for what a real one never does.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::api::Api;

/// A client of a service that answers what `answer` makes of each path with its query: a status and JSON.
pub async fn service(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Api {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let (status, body) = answer(head.split(' ').nth(1).unwrap());
            let answer = format!(
                "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    // Another test may have done it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Api::new(url, true, None).unwrap()
}
