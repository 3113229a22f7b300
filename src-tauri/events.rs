//! What is pushed to the windows. Tauri's events need types of this crate's own around those of the wire.

use mailcup_wire::desktop::{DataChanged, ExportProgress, Navigate, View};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri_specta::Event;

/// The frame's state, whenever it changes.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[tauri_specta(event_name = "view")]
pub struct ViewPushed(pub View);

/// Which parts of the local copy changed.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[tauri_specta(event_name = "data-changed")]
pub struct LocalCopyChanged(pub DataChanged);

/// How far an export is.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[tauri_specta(event_name = "export-progress")]
pub struct ExportMoved(pub ExportProgress);

/// A notification or the tray asks for a page.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[tauri_specta(event_name = "navigate")]
pub struct PageAsked(pub Navigate);
