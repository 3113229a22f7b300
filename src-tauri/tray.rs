//! The tray icon and its menu. On Linux an icon gets no click of its own, so that everything is in the menu.

use std::sync::Mutex;

use mailcup_console_core::{Console, Tray, TrayAlert};
use mailcup_wire::desktop::{Navigate, Pause, TrayState};
use mailcup_wire::{AlertId, Problem, ServiceId};
use tauri::image::Image;
use tauri::menu::{IsMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry, include_image};
use tauri_specta::Event as _;

use crate::{events::PageAsked, window};

const ID: &str = "main";
const OPEN: &str = "open";
const PAUSE_HOUR: &str = "pause-hour";
const PAUSE_TOMORROW: &str = "pause-tomorrow";
const RESUME: &str = "resume";
const LOCK: &str = "lock";
const QUIT: &str = "quit";
const ALERT: &str = "alert:";
const LONGEST_LINE: usize = 80;

/// The icon on the desktop. Lives on the main thread.
pub struct TrayOnDesktop(Mutex<Option<Shown>>);

struct Shown {
    icon: TrayIcon,
    state: TrayState,
    shape: Shape,
    status: MenuItem<Wry>,
    alerts: Vec<MenuItem<Wry>>,
}

/// A menu of the same shape takes new texts in place, so that it does not close under the pointer.
#[derive(PartialEq)]
struct Shape {
    alerts: Vec<(ServiceId, AlertId)>,
    paused: bool,
    can_lock: bool,
}

impl TrayOnDesktop {
    pub fn new() -> Self {
        Self(Mutex::new(None))
    }
}

/// Draws the tray. On the main thread.
pub fn draw(app: &AppHandle, tray: &Tray) {
    if let Err(error) = try_draw(app, tray) {
        tracing::warn!(%error, "the tray can't be drawn");
    }
}

fn try_draw(app: &AppHandle, tray: &Tray) -> tauri::Result<()> {
    let holder = app.state::<TrayOnDesktop>();
    let mut shown = holder.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let shape = Shape {
        alerts: tray.alerts.iter().map(|alert| (alert.service.clone(), alert.id.clone())).collect(),
        paused: tray.paused,
        can_lock: tray.can_lock,
    };
    match shown.as_mut() {
        None => *shown = Some(first(app, tray, shape)?),
        Some(shown) => {
            if shown.shape == shape {
                shown.status.set_text(line(&tray.status))?;
                for (item, alert) in shown.alerts.iter().zip(&tray.alerts) {
                    item.set_text(alert_line(alert))?;
                }
            } else {
                let (menu, status, alerts) = menu(app, tray)?;
                shown.icon.set_menu(Some(menu))?;
                (shown.shape, shown.status, shown.alerts) = (shape, status, alerts);
            }
            if shown.state != tray.state {
                shown.icon.set_icon(Some(picture(tray.state)))?;
                shown.state = tray.state;
            }
            shown.icon.set_tooltip(Some(&tray.status))?;
        }
    }
    Ok(())
}

fn first(app: &AppHandle, tray: &Tray, shape: Shape) -> tauri::Result<Shown> {
    let (menu, status, alerts) = menu(app, tray)?;
    let icon = TrayIconBuilder::with_id(ID)
        .icon(picture(tray.state))
        .tooltip(&tray.status)
        .menu(&menu)
        .on_menu_event(|app, event| clicked(app, &event))
        .build(app)?;
    Ok(Shown { icon, state: tray.state, shape, status, alerts })
}

type Drawn = (Menu<Wry>, MenuItem<Wry>, Vec<MenuItem<Wry>>);

fn menu(app: &AppHandle, tray: &Tray) -> tauri::Result<Drawn> {
    let item = |id: &str, text: &str| MenuItem::with_id(app, id, text, true, None::<&str>);
    let line_between = || PredefinedMenuItem::separator(app);
    let status = MenuItem::with_id(app, "status", line(&tray.status), false, None::<&str>)?;
    let mut alerts = Vec::new();
    for alert in &tray.alerts {
        alerts.push(item(&format!("{ALERT}{}/{}", alert.service, alert.id), &alert_line(alert))?);
    }
    let menu = Menu::new(app)?;
    menu.append(&status)?;
    menu.append_items(&alerts.iter().map(|item| item as &dyn IsMenuItem<Wry>).collect::<Vec<_>>())?;
    menu.append(&line_between()?)?;
    if tray.paused {
        menu.append(&item(RESUME, "Resume notifications")?)?;
    } else {
        menu.append(&item(PAUSE_HOUR, "Pause notifications for 1 hour")?)?;
        menu.append(&item(PAUSE_TOMORROW, "Pause notifications until tomorrow")?)?;
    }
    if tray.can_lock {
        menu.append(&item(LOCK, "Lock")?)?;
    }
    menu.append(&line_between()?)?;
    menu.append(&item(OPEN, "Open MailCup Console")?)?;
    menu.append(&item(QUIT, "Quit")?)?;
    Ok((menu, status, alerts))
}

fn clicked(app: &AppHandle, event: &MenuEvent) {
    let id = event.id().as_ref();
    match id {
        OPEN => window::show(app),
        QUIT => app.exit(0),
        PAUSE_HOUR => {
            ask(app, "pause", async |core| core.pause_notifications(Pause::ForMinutes { minutes: 60 }).await);
        }
        PAUSE_TOMORROW => {
            ask(app, "pause", async |core| core.pause_notifications(Pause::UntilTomorrow).await);
        }
        RESUME => ask(app, "resume", async |core| core.pause_notifications(Pause::Resume).await),
        LOCK => ask(app, "lock", async |core| core.lock().await),
        _ => {
            if let Some((service, alert)) = id.strip_prefix(ALERT).and_then(|id| id.split_once('/')) {
                go(app, Navigate { to: format!("/alerts/{alert}"), service: Some(service.into()) });
            }
        }
    }
}

/// Brings the window forward at a page.
pub fn go(app: &AppHandle, page: Navigate) {
    window::show(app);
    if let Err(error) = PageAsked(page).emit(app) {
        tracing::warn!(%error, "the window can't be told where to go");
    }
}

fn ask<F: Future<Output = Result<(), Problem>> + Send + 'static>(
    app: &AppHandle,
    what: &'static str,
    work: impl FnOnce(Console) -> F + Send + 'static,
) {
    let Some(console) = app.try_state::<Console>().map(|state| state.inner().clone()) else { return };
    tauri::async_runtime::spawn(async move {
        if let Err(problem) = work(console).await {
            tracing::warn!(what, code = ?problem.code, "what the tray's menu asked was not done");
        }
    });
}

fn picture(state: TrayState) -> Image<'static> {
    match state {
        TrayState::Well => include_image!("icons/tray/well@2x.png"),
        TrayState::Attention => include_image!("icons/tray/attention@2x.png"),
        TrayState::Critical => include_image!("icons/tray/critical@2x.png"),
        TrayState::Offline => include_image!("icons/tray/offline@2x.png"),
        TrayState::Locked => include_image!("icons/tray/locked@2x.png"),
    }
}

fn alert_line(alert: &TrayAlert) -> String {
    line(&alert.title)
}

/// A text as one line of a menu, where `&` would mark a key.
fn line(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST_LINE) {
        line.truncate(cut);
        line.push('…');
    }
    line.replace('&', "&&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_line_is_one_short_line() {
        assert_eq!(line("5 failed\nsign-ins & more"), "5 failed sign-ins && more");
        assert_eq!(line(&"é".repeat(100)), format!("{}…", "é".repeat(80)));
    }
}
