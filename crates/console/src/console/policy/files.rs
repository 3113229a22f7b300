//! Rules and limits as a person writes them: checked, pasted, and in files.

use std::path::{Path, PathBuf};

use mailcup_policy::{file, read_networks, tidy_access, tidy_limit};
use mailcup_wire::{
    Code, FieldProblem, PolicyState, Problem,
    desktop::{PolicyExport, PolicyImport, PolicyPart, ReadNetworks, Terms},
};

use super::super::{Console, blocking};

impl Console {
    /// Reads many networks from a text.
    pub async fn read_networks(&self, text: String) -> Result<ReadNetworks, Problem> {
        blocking(move || Ok(read_networks(&text))).await
    }

    /// What is wrong with a rule or limit.
    pub async fn check_terms(&self, terms: Terms) -> Result<Vec<FieldProblem>, Problem> {
        blocking(move || {
            let faults = match terms {
                Terms::Access { terms } => tidy_access(terms).err(),
                Terms::Limit { terms } => tidy_limit(terms).err(),
            };
            Ok(faults.unwrap_or_default())
        })
        .await
    }

    /// What an import of a text would do.
    pub async fn preview_policy_import(
        &self,
        text: String,
        part: PolicyPart,
    ) -> Result<PolicyImport, Problem> {
        let state = self.readers()?.policy().await?;
        blocking(move || Ok(file::read(&text, part, &state))).await
    }

    /// Rules or limits as a text.
    pub async fn policy_text(&self, export: PolicyExport) -> Result<String, Problem> {
        let state = chosen(self.readers()?.policy().await?, &export);
        blocking(move || Ok(file::write(&state, export.of, export.format))).await
    }

    /// Writes rules or limits to a file.
    pub async fn write_policy(&self, path: String, export: PolicyExport) -> Result<(), Problem> {
        let text = self.policy_text(export).await?;
        let path = PathBuf::from(path);
        if !path.is_absolute() || path.file_name().is_none() {
            return Err(Problem::field("path", "Choose a file in a folder."));
        }
        let written = write_whole(&path, text).await;
        written.map_err(|error| {
            let code = match error.kind() {
                std::io::ErrorKind::StorageFull => Code::StorageFull,
                _ => Code::Unavailable,
            };
            Problem::new(code, format!("{} can't be written: {error}.", path.display()))
        })
    }
}

/// The file gets its name once it is whole.
async fn write_whole(path: &Path, text: String) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    let unfinished = path.with_file_name(name);
    tokio::fs::write(&unfinished, text).await?;
    let renamed = tokio::fs::rename(&unfinished, path).await;
    if renamed.is_err() {
        // The first fault is the one to tell of.
        let _ = tokio::fs::remove_file(&unfinished).await;
    }
    renamed
}

/// The rules and limits that are asked for.
fn chosen(mut state: PolicyState, export: &PolicyExport) -> PolicyState {
    if !export.rules.is_empty() {
        state.rules.retain(|rule| export.rules.contains(&rule.id));
    }
    if !export.limits.is_empty() {
        state.limits.retain(|limit| export.limits.contains(&limit.id));
    }
    state
}
