//! What a window manager does, on a screen that has none.

use x11rb::{
    connection::Connection as _,
    errors::{ConnectError, ConnectionError, ReplyError},
    protocol::xproto::{AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, MapState, Window},
    rust_connection::RustConnection,
};

use crate::LabError;

/// Asks the visible window of this title to close, as the button in its title bar does (ICCCM 4.2.8.1).
pub(super) fn ask_to_close(display: &str, title: &str) -> Result<(), LabError> {
    let asked =
        ask(display, title).map_err(|error| LabError::unexpected("the X server", error.to_string()))?;
    if asked {
        Ok(())
    } else {
        Err(LabError::Unsuitable(format!("no window called “{title}” is visible")))
    }
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Reply(#[from] ReplyError),
}

fn ask(display: &str, title: &str) -> Result<bool, Refused> {
    let (connection, screen) = x11rb::connect(Some(display))?;
    let root = connection.setup().roots[screen].root;
    let windows = connection.query_tree(root)?.reply()?.children;
    for window in windows {
        if is_called(&connection, window, title)? {
            let atom = |name: &str| connection.intern_atom(false, name.as_bytes());
            let (protocols, delete) =
                (atom("WM_PROTOCOLS")?.reply()?.atom, atom("WM_DELETE_WINDOW")?.reply()?.atom);
            let message =
                ClientMessageEvent::new(32, window, protocols, [delete, x11rb::CURRENT_TIME, 0, 0, 0]);
            connection.send_event(false, window, EventMask::NO_EVENT, message)?.check()?;
            connection.flush()?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_called(connection: &RustConnection, window: Window, title: &str) -> Result<bool, Refused> {
    if connection.get_window_attributes(window)?.reply()?.map_state != MapState::VIEWABLE {
        return Ok(false);
    }
    let name = connection.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 1024)?.reply()?;
    Ok(name.value == title.as_bytes())
}
