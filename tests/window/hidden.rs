//! The window hidden in the tray, and shown again.

use mailcup_lab::{desktop::Desktop, wait};

use crate::page::SOON;

/// Closes the window; the console stays in the tray.
pub async fn close_window(desktop: &Desktop) {
    desktop.ask_to_close("MailCup Console").unwrap();
    is_shown(desktop, false).await;
}

/// Whether the window is to be seen.
pub async fn shows(desktop: &Desktop) -> bool {
    let titles = desktop.window_titles().await.unwrap();
    titles.iter().any(|title| title.contains("MailCup"))
}

/// Waits until it is, or is not.
pub async fn is_shown(desktop: &Desktop, shown: bool) {
    let stands = async || (shows(desktop).await == shown).then_some(());
    wait::until("the window", SOON, stands).await.unwrap();
}
