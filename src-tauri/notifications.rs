//! Notifications on the desktop. One with a key that is on the screen already is updated in place.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mailcup_console_core::NotificationError;
use mailcup_wire::Severity;
use mailcup_wire::desktop::{Notification, NotificationAction};
use notify_rust::{CloseReason, Hint, NotificationHandle, NotificationResponse, Timeout, Urgency};
use tauri::async_runtime::JoinHandle;

const APP: &str = "MailCup Console";
const ICON: &str = "org.mailcup.console";
const OPEN: &str = "open";
const BLOCK_ADDRESS: &str = "block-address";
const ITS_FINE: &str = "its-fine";
const IT_WAS_THEM: &str = "it-was-them";

/// What the admin did with a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    Pressed(NotificationAction),
    Dismissed,
}

/// What is on the screen, by key.
#[derive(Clone, Default)]
pub struct Screen(Arc<Mutex<BTreeMap<String, Card>>>);

struct Card {
    /// The desktop's own number.
    id: u32,
    /// Tells this posting of the card from those before it.
    posting: u64,
    handle: Arc<NotificationHandle>,
    listening: JoinHandle<()>,
}

impl Screen {
    /// Shows or updates a notification. Ready once the desktop took it. `respond` hears what the admin does.
    pub async fn show(
        &self,
        notification: &Notification,
        respond: impl FnOnce(&str, Response) + Send + 'static,
    ) -> Result<(), NotificationError> {
        let key = notification.key.clone();
        let before = self.cards().get(&key).map(|card| (card.id, card.posting));
        let drawn = drawn(notification, before.map(|(id, _)| id));
        let handle = drawn.show_async().await.map_err(|error| NotificationError(error.to_string()))?;
        let handle = Arc::new(handle);
        let posting = before.map_or(0, |(_, posting)| posting + 1);
        let listening = tauri::async_runtime::spawn(self.clone().listen(
            key.clone(),
            posting,
            Arc::clone(&handle),
            respond,
        ));
        let card = Card { id: handle.id(), posting, handle, listening };
        if let Some(replaced) = self.cards().insert(key, card) {
            replaced.listening.abort();
        }
        Ok(())
    }

    /// Takes a notification away; none with this key is fine.
    pub fn close(&self, key: &str) {
        let Some(card) = self.cards().remove(key) else { return };
        card.listening.abort();
        tauri::async_runtime::spawn(async move { card.handle.close_async().await });
    }

    async fn listen(
        self,
        key: String,
        posting: u64,
        handle: Arc<NotificationHandle>,
        respond: impl FnOnce(&str, Response),
    ) {
        let mut response = None;
        handle.wait_for_action_async(|given: &NotificationResponse| response = Some(given.clone())).await;
        {
            let mut cards = self.cards();
            if cards.get(&key).is_none_or(|card| card.posting != posting) {
                return;
            }
            cards.remove(&key);
        }
        // Else it went away by itself, or because we closed it.
        if let Some(response) = response.as_ref().and_then(meaning) {
            respond(&key, response);
        }
    }

    fn cards(&self) -> MutexGuard<'_, BTreeMap<String, Card>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says once where the window went.
pub async fn hint_at_tray() {
    let hint = notify_rust::Notification::new()
        .appname(APP)
        .icon(ICON)
        .summary("MailCup Console keeps watch in the tray")
        .body("Open it again from the tray icon or by starting it. To end it, choose Quit in the tray icon's menu.")
        .urgency(Urgency::Low)
        .finalize();
    if let Err(error) = hint.show_async().await {
        tracing::info!(%error, "the desktop did not take the hint");
    }
}

fn drawn(notification: &Notification, replaces: Option<u32>) -> notify_rust::Notification {
    let mut drawn = notify_rust::Notification::new();
    drawn
        .appname(APP)
        .icon(ICON)
        .summary(&plain(&notification.title))
        .body(&plain(&notification.body))
        .hint(Hint::DesktopEntry(ICON.to_owned()))
        .urgency(urgency(notification.severity))
        .timeout(timeout(notification.severity));
    for action in &notification.actions {
        let (key, label) = button(*action);
        drawn.action(key, label);
    }
    if notification.actions.contains(&NotificationAction::Open) {
        drawn.action("default", "Open");
    }
    if let Some(id) = replaces {
        drawn.id(id);
    }
    drawn
}

fn button(action: NotificationAction) -> (&'static str, &'static str) {
    match action {
        NotificationAction::Open => (OPEN, "Open"),
        NotificationAction::BlockAddress => (BLOCK_ADDRESS, "Block the address"),
        NotificationAction::ItsFine => (ITS_FINE, "It's fine"),
        NotificationAction::ItWasThem => (IT_WAS_THEM, "It was them"),
    }
}

fn meaning(response: &NotificationResponse) -> Option<Response> {
    match response {
        NotificationResponse::Default => Some(Response::Pressed(NotificationAction::Open)),
        NotificationResponse::Action(key) => match key.as_str() {
            OPEN => Some(Response::Pressed(NotificationAction::Open)),
            BLOCK_ADDRESS => Some(Response::Pressed(NotificationAction::BlockAddress)),
            ITS_FINE => Some(Response::Pressed(NotificationAction::ItsFine)),
            IT_WAS_THEM => Some(Response::Pressed(NotificationAction::ItWasThem)),
            _ => None,
        },
        NotificationResponse::Closed(CloseReason::Dismissed | CloseReason::Expired) => {
            Some(Response::Dismissed)
        }
        NotificationResponse::Closed(CloseReason::CloseAction | CloseReason::Other(_))
        | NotificationResponse::Reply(_) => None,
    }
}

fn urgency(severity: Severity) -> Urgency {
    match severity {
        Severity::Notice => Urgency::Low,
        Severity::Attention => Urgency::Normal,
        Severity::Critical => Urgency::Critical,
    }
}

fn timeout(severity: Severity) -> Timeout {
    match severity {
        Severity::Notice | Severity::Attention => Timeout::Default,
        Severity::Critical => Timeout::Never,
    }
}

/// Desktops read markup in notifications, and logins in them are chosen by attackers.
fn plain(text: &str) -> String {
    let visible = |c: &char| *c == '\n' || !(c.is_control() || is_direction(*c));
    text.chars()
        .filter(visible)
        .map(|c| {
            if let '<' = c {
                '‹'
            } else if c == '>' {
                '›'
            } else {
                c
            }
        })
        .collect::<String>()
        .replace('&', "＆")
}

/// Invisible characters that turn the direction of reading.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_brings_no_markup_into_a_notification() {
        let login = "<a href=\"https://evil\">anna</a>&amp;\u{202e}x\u{7}";
        let text = plain(login);
        assert!(!text.contains(['<', '>', '&', '\u{202e}', '\u{7}']), "{text}");
        assert!(text.contains("anna"));
        assert_eq!(plain("12 sign-ins\nfrom 3 networks"), "12 sign-ins\nfrom 3 networks");
    }
}
