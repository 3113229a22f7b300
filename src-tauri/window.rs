use std::path::{Path, PathBuf};

use mailcup_console_core::Console;
use tauri::webview::NewWindowResponse;
use tauri::window::Color;
use tauri::{
    AppHandle, DragDropEvent, Manager, Theme, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    WindowEvent,
};

use crate::{notifications, tray};

const LABEL: &str = "main";
const TITLE: &str = "MailCup Console";
const SIZE: (f64, f64) = (1240.0, 800.0);
const SMALLEST: (f64, f64) = (1024.0, 700.0);
/// The pages' own backgrounds, so that nothing flashes before they are drawn.
const DARK: Color = Color(0x14, 0x16, 0x19, 0xff);
const LIGHT: Color = Color(0xf6, 0xf7, 0xf8, 0xff);
const HINTED: &str = "tray-hint-shown";

/// Makes the window; closing it leaves the console in the tray.
pub fn open(app: &AppHandle, data: &Path, in_tray: bool) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title(TITLE)
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SMALLEST.0, SMALLEST.1)
        .center()
        .visible(!in_tray)
        .data_directory(data.join("webview"))
        .devtools(cfg!(debug_assertions))
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    let background = if matches!(window.theme(), Ok(Theme::Dark)) { DARK } else { LIGHT };
    window.set_background_color(Some(background))?;
    let (handle, hinted) = (window.clone(), data.join(HINTED));
    window.on_window_event(move |event| match event {
        WindowEvent::CloseRequested { api, .. } => {
            api.prevent_close();
            close_to_tray(&handle, &hinted);
        }
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => dropped(handle.app_handle(), paths),
        _ => {}
    });
    Ok(())
}

/// Files that are dropped onto the window are logs to be imported.
fn dropped(app: &AppHandle, paths: &[PathBuf]) {
    let Some(console) = app.try_state::<Console>() else { return };
    if let Err(problem) = console.offer_logs(paths) {
        tracing::info!(%problem, "what was dropped is not taken");
    }
    tray::go(app, console.page_of_logs());
}

/// Brings the window forward.
pub fn show(app: &AppHandle) {
    let Some(window) = app.get_webview_window(LABEL) else { return };
    let shown = window.show().and_then(|()| window.unminimize()).and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "the window can't be brought forward");
    }
}

fn close_to_tray(window: &WebviewWindow, hinted: &Path) {
    if let Err(error) = window.hide() {
        tracing::warn!(%error, "the window can't be hidden");
    }
    // Creating the file fails when it is there: the hint is given once.
    if std::fs::File::create_new(hinted).is_ok() {
        tauri::async_runtime::spawn(notifications::hint_at_tray());
    }
}

/// Only the console's own pages, and frames whose content stands in such a page; a link to elsewhere leads nowhere.
fn is_ours(url: &Url) -> bool {
    if url.as_str() == "about:srcdoc" {
        return true;
    }
    match (url.scheme(), url.host_str()) {
        ("tauri", Some("localhost")) | ("http" | "https", Some("tauri.localhost")) => true,
        ("http", Some("127.0.0.1")) => cfg!(debug_assertions) && url.port() == Some(5173),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_stays_on_its_own_pages() {
        let ours = |url: &str| is_ours(&Url::parse(url).unwrap());
        assert!(ours("tauri://localhost/#/alerts"));
        assert!(ours("http://tauri.localhost/index.html"));
        assert!(ours("about:srcdoc"));
        let foreign = ["https://example.org/", "http://127.0.0.1:8480/", "file:///etc/passwd", "about:blank"];
        for url in
            foreign.into_iter().chain(["data:text/html,x", "tauri://elsewhere/", "javascript:alert(1)"])
        {
            assert!(!ours(url), "{url}");
        }
    }
}
