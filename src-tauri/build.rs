//! Gives every command a permission of its own, so that a window may call exactly what its capability file
//! lists. The files are the list.

use std::{collections::BTreeSet, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let commands: BTreeSet<&'static str> = commands()?.into_iter().map(|name| &*name.leak()).collect();
    let commands: &'static [&'static str] = commands.into_iter().collect::<Vec<_>>().leak();
    let manifest = tauri_build::AppManifest::new().commands(commands);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))?;
    Ok(())
}

/// What the windows' capabilities allow of our own commands: `allow-set-up` is `set_up`.
fn commands() -> Result<Vec<String>, Box<dyn Error>> {
    let mut commands = Vec::new();
    for file in fs::read_dir("capabilities")? {
        let path = file?.path();
        println!("cargo::rerun-if-changed={}", path.display());
        let capability: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let permissions = capability["permissions"].as_array().ok_or("a capability lists its permissions")?;
        let names = permissions.iter().filter_map(|name| name.as_str()?.strip_prefix("allow-"));
        commands.extend(names.map(|name| name.replace('-', "_")));
    }
    Ok(commands)
}
