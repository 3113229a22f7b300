//! A window with nothing in it, from the same Tauri: what a window costs before anything of ours is in it.

use tauri::{
    WebviewUrl, WebviewWindowBuilder,
    http::{Response, header::CONTENT_TYPE},
};

const PAGE: &[u8] = b"<!doctype html><title>Empty</title><p>Nothing";

fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        .register_uri_scheme_protocol("empty", |_, _| {
            let mut response = Response::new(PAGE.to_vec());
            response.headers_mut().insert(CONTENT_TYPE, tauri::http::HeaderValue::from_static("text/html"));
            response
        })
        .setup(|app| {
            let page = WebviewUrl::CustomProtocol("empty://localhost/".parse()?);
            WebviewWindowBuilder::new(app, "empty", page).title("Empty").inner_size(1240.0, 800.0).build()?;
            Ok(())
        })
        .run(tauri::generate_context!())
}
