//! Where exports go.

use std::path::{Path, PathBuf};

use mailcup_wire::{
    Code, Problem,
    desktop::{ExportFormat, MailFormat, PolicyFormat, PolicyPart, StateFormat},
};
use tauri::{AppHandle, Manager};
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;

const EVENTS: &str = "mailcup-events";

/// A name in the Downloads folder that nothing has yet.
pub fn export_path(app: &AppHandle, format: ExportFormat) -> Result<String, Problem> {
    Ok(proposed(&downloads(app)?, EVENTS, extension(format)).display().to_string())
}

/// Lets the admin choose in the system's own dialog; none if they think better of it.
pub async fn choose_export_path(app: &AppHandle, format: ExportFormat) -> Result<Option<String>, Problem> {
    choose(app, EVENTS, kind(format), extension(format)).await
}

/// The same for rules or limits.
pub async fn choose_policy_path(
    app: &AppHandle,
    part: PolicyPart,
    format: PolicyFormat,
) -> Result<Option<String>, Problem> {
    let name = match part {
        PolicyPart::Rules => "mailcup-rules",
        PolicyPart::Limits => "mailcup-limits",
    };
    match format {
        PolicyFormat::Toml => choose(app, name, "TOML", "toml").await,
        PolicyFormat::Csv => choose(app, name, "CSV", "csv").await,
    }
}

/// Where mail of a snapshot goes: a file, or a new folder.
pub async fn choose_mail_path(app: &AppHandle, format: MailFormat) -> Result<Option<String>, Problem> {
    const NAME: &str = "mailcup-mail";
    match format {
        MailFormat::Mbox => choose(app, NAME, "mbox", "mbox").await,
        MailFormat::Eml | MailFormat::Maildir => choose_folder(app).await,
    }
}

/// Where an attachment goes, under the name that its sender gave it, without what could lead elsewhere.
pub async fn choose_attachment_path(app: &AppHandle, name: &str) -> Result<Option<String>, Problem> {
    let name: String = name
        .chars()
        .filter(|char| !char.is_control() && !matches!(char, '/' | '\\' | ':'))
        .take(120)
        .collect();
    let name = name.trim_start_matches('.').trim();
    let name = if name.is_empty() { "attachment" } else { name };
    let dialog = app.dialog().file().set_directory(downloads(app)?).set_file_name(name);
    let (answer, chosen) = oneshot::channel();
    dialog.save_file(move |path| drop(answer.send(path)));
    Ok(path_of(chosen.await.ok().flatten()))
}

pub async fn choose_state_path(app: &AppHandle, format: StateFormat) -> Result<Option<String>, Problem> {
    const NAME: &str = "mailcup-state";
    match format {
        StateFormat::Json => choose(app, NAME, "JSON", "json").await,
        StateFormat::Csv => choose(app, NAME, "CSV", "csv").await,
    }
}

/// Logs of mail servers; none if the admin thinks better of it.
pub async fn choose_logs(app: &AppHandle) -> Result<Vec<PathBuf>, Problem> {
    let (answer, chosen) = oneshot::channel();
    app.dialog().file().pick_files(move |paths| drop(answer.send(paths)));
    let chosen = chosen.await.ok().flatten().unwrap_or_default();
    Ok(chosen.into_iter().filter_map(|path| path.into_path().ok()).collect())
}

async fn choose_folder(app: &AppHandle) -> Result<Option<String>, Problem> {
    let dialog = app.dialog().file().set_directory(downloads(app)?);
    let (answer, chosen) = oneshot::channel();
    dialog.pick_folder(move |path| drop(answer.send(path)));
    Ok(path_of(chosen.await.ok().flatten()))
}

fn path_of(chosen: Option<tauri_plugin_dialog::FilePath>) -> Option<String> {
    Some(chosen?.into_path().ok()?.display().to_string())
}

async fn choose(
    app: &AppHandle,
    name: &str,
    kind: &str,
    extension: &'static str,
) -> Result<Option<String>, Problem> {
    let proposed = proposed(&downloads(app)?, name, extension);
    let mut dialog = app.dialog().file().add_filter(kind, &[extension]);
    if let (Some(folder), Some(name)) = (proposed.parent(), proposed.file_name()) {
        dialog = dialog.set_directory(folder).set_file_name(name.to_string_lossy());
    }
    let (answer, chosen) = oneshot::channel();
    // Whoever asked may be gone.
    dialog.save_file(move |path| drop(answer.send(path)));
    Ok(path_of(chosen.await.ok().flatten()))
}

fn downloads(app: &AppHandle) -> Result<PathBuf, Problem> {
    let folder = app.path().download_dir().or_else(|_| app.path().home_dir());
    folder.map_err(|error| Problem::new(Code::Unavailable, format!("No folder for downloads: {error}.")))
}

fn proposed(folder: &Path, name: &str, extension: &str) -> PathBuf {
    let first = folder.join(format!("{name}.{extension}"));
    let others = (2..).map(|number| folder.join(format!("{name}-{number}.{extension}")));
    std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first)
}

fn extension(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "csv",
        ExportFormat::JsonLines => "jsonl",
    }
}

fn kind(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "CSV",
        ExportFormat::JsonLines => "JSON Lines",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposed_name_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let first = proposed(folder.path(), EVENTS, "csv");
        assert!(first.ends_with("mailcup-events.csv"));
        std::fs::write(&first, "").unwrap();
        assert!(proposed(folder.path(), EVENTS, "csv").ends_with("mailcup-events-2.csv"));
        assert!(
            proposed(folder.path(), EVENTS, extension(ExportFormat::JsonLines))
                .ends_with("mailcup-events.jsonl")
        );
    }
}
