//! A window with nothing in it, from the same Tauri: what a window costs before anything of ours is in it.

use tauri::{WebviewUrl, WebviewWindowBuilder};

fn main() -> tauri::Result<()> {
    let context = tauri::generate_context!();
    let blank = "about:blank".parse().map_err(|_| tauri::Error::AssetNotFound("about:blank".to_owned()))?;
    tauri::Builder::default()
        .setup(move |app| {
            WebviewWindowBuilder::new(app, "empty", WebviewUrl::External(blank))
                .title("Empty")
                .inner_size(1240.0, 800.0)
                .build()?;
            Ok(())
        })
        .run(context)
}
