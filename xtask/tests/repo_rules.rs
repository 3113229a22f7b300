//! The rules of this repository that no compiler knows, as tests that read its files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing written by us.
const FOREIGN: [&str; 10] = [
    "target",
    "node_modules",
    "dist",
    "dist-mock",
    "gen",
    ".git",
    "test-results",
    "playwright-report",
    "paraglide",
    "project.inlang",
];

#[test]
fn modules_are_files_named_after_them() {
    none(
        files().into_iter().filter(|file| file.ends_with("mod.rs")),
        "a `mod.rs`: name the file after the module",
    );
}

#[test]
fn only_the_shell_knows_tauri() {
    let elsewhere = rust().filter(|(file, _)| !file.starts_with("src-tauri") && !file.starts_with("xtask"));
    none(lines_with(elsewhere, &["tauri::", "tauri_", "use tauri"]), "Tauri outside of src-tauri/");
    let manifests = texts(|file| file.ends_with("Cargo.toml") && file.starts_with("crates"));
    none(lines_with(manifests, &["tauri"]), "a dependency on Tauri outside of the desktop package");
}

#[test]
fn only_the_host_knows_tauri_in_the_pages() {
    let elsewhere = pages_sources()
        .filter(|(file, _)| !file.starts_with("ui/src/host") && !file.starts_with("ui/src/generated"));
    none(lines_with(elsewhere, &["@tauri-apps"]), "@tauri-apps outside of ui/src/host/");
}

#[test]
fn guard_is_pure() {
    let guard = rust().filter(|(file, _)| file.starts_with("crates/guard/src"));
    let impure = [
        "std::time",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "tokio",
        "rand::",
        "std::fs",
        "std::env",
        "std::process",
        "std::thread",
        "TcpStream",
        "UdpSocket",
        "async fn",
        ".await",
    ];
    none(lines_with(guard, &impure), "I/O, a clock or chance in crates/guard: take it as an argument");
    let dependencies = dependencies("crates/guard/Cargo.toml");
    for foreign in ["tokio", "rand", "reqwest", "sqlx", "rusqlite", "axum"] {
        assert!(!dependencies.contains(foreign), "crates/guard must not depend on {foreign}");
    }
}

/// What docs/asvs.md says is proven by tests that there are.
#[test]
fn named_proofs_exist() {
    let text = fs::read_to_string(root().join("docs/asvs.md")).expect("the list of requirements");
    let code: String = rust().map(|(_, text)| text).collect();
    let is_test = |name: &&str| {
        name.split('_').count() > 3
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let named: BTreeSet<&str> = text.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(named.len() > 30, "{named:?}");
    none(named.iter().filter(|name| !code.contains(&format!("fn {name}("))), "a proof that there is not");
}

#[test]
fn crates_depend_only_downwards() {
    let allowed: [(&str, &[&str]); 5] = [
        ("crates/guard/Cargo.toml", &[]),
        ("crates/wire/Cargo.toml", &[]),
        ("crates/policy/Cargo.toml", &["mailcup-guard", "mailcup-wire"]),
        (
            "crates/service/Cargo.toml",
            &["mailcup-guard", "mailcup-policy", "mailcup-wire", "mailcup-snapshots"],
        ),
        (
            "crates/console/Cargo.toml",
            &["mailcup-guard", "mailcup-policy", "mailcup-wire", "mailcup-snapshots"],
        ),
    ];
    for (manifest, allowed) in allowed {
        for dependency in dependencies(manifest).iter().filter(|name| name.starts_with("mailcup-")) {
            assert!(allowed.contains(&dependency.as_str()), "{manifest} must not depend on {dependency}");
        }
    }
    let shell = dependencies("Cargo.toml");
    for forbidden in
        ["mailcup-guard", "mailcup-policy", "mailcup-service", "mailcup-snapshots", "mailcup-lab"]
    {
        assert!(!shell.contains(forbidden), "the desktop package must not depend on {forbidden}");
    }
}

#[test]
fn every_package_takes_the_workspaces_lints() {
    for (file, text) in texts(|file| file.ends_with("Cargo.toml")) {
        assert!(text.contains("[lints]\nworkspace = true"), "{file} has no `[lints] workspace = true`");
    }
}

#[test]
fn pages_know_components_but_never_each_other() {
    let areas: BTreeSet<String> = files()
        .iter()
        .filter_map(|file| {
            file.strip_prefix("ui/src/pages/")?.split_once('/').map(|(area, _)| area.to_owned())
        })
        .collect();
    for (file, text) in pages_sources() {
        let imports: Vec<&str> =
            text.lines().filter(|line| line.contains("from \"") || line.contains("import(\"")).collect();
        if file.starts_with("ui/src/components/") {
            none(
                imports.iter().filter(|line| line.contains("pages/")),
                &format!("{file}: a component imports a page"),
            );
        }
        let Some((own, _)) = file.strip_prefix("ui/src/pages/").and_then(|rest| rest.split_once('/')) else {
            continue;
        };
        for other in areas.iter().filter(|area| *area != own) {
            let ways = [format!("pages/{other}/"), format!("\"../{other}/")];
            none(
                imports.iter().filter(|line| ways.iter().any(|way| line.contains(way.as_str()))),
                &format!("{file}: a page imports another page"),
            );
        }
    }
}

#[test]
fn nothing_speaks_of_one_machine() {
    let home = ["/home", "/Users", "C:\\Users"]
        .map(|folder| format!("{folder}{}", if folder.starts_with('C') { '\\' } else { '/' }));
    let patterns: Vec<&str> =
        home.iter().map(String::as_str).chain([concat!("/ro", "ot/"), concat!("/wo", "rk/")]).collect();
    // The mocked host shows where an invented person's data lies.
    let texts = texts(|file| is_text(file) && !file.starts_with("ui/src/host/mock"));
    none(lines_with(texts, &patterns), "a path of somebody's machine");
}

#[test]
fn nothing_is_put_off_in_comments_or_skipped() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("#[ig", "nore"),
        concat!("test.sk", "ip("),
        concat!("it.sk", "ip("),
        concat!(".on", "ly("),
    ];
    let code = texts(|file| is_text(file) && !has_ending(file, "md"));
    none(lines_with(code, &marks), "something put off, skipped, or run alone");
}

/// From the package's folder, in which tests run: checkouts share builds, so that what one was built with may
/// name another.
fn root() -> &'static Path {
    Path::new("..")
}

/// All files of ours, relative to the root, with `/` between folders.
fn files() -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let entry = entry.expect("a readable entry");
            let kind = entry.file_type().expect("a file type");
            if kind.is_file() {
                found.push(entry.path());
            } else if kind.is_dir() && !FOREIGN.contains(&&*entry.file_name().to_string_lossy()) {
                walk(&entry.path(), found);
            }
        }
    }
    let mut found = Vec::new();
    walk(root(), &mut found);
    let mut files: Vec<String> = found
        .iter()
        .map(|file| file.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/"))
        .collect();
    files.sort();
    files
}

fn texts(wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(move |file| wanted(file)).map(|file| {
        let bytes = fs::read(root().join(&file)).expect("a readable file");
        (file, String::from_utf8_lossy(&bytes).into_owned())
    })
}

fn rust() -> impl Iterator<Item = (String, String)> {
    texts(|file| has_ending(file, "rs"))
}

fn pages_sources() -> impl Iterator<Item = (String, String)> {
    texts(|file| file.starts_with("ui/src/") && (has_ending(file, "ts") || has_ending(file, "svelte")))
}

/// Files that people write and read; generated locks name hosts and the like by themselves.
fn is_text(file: &str) -> bool {
    ["rs", "ts", "svelte", "css", "html", "js", "toml", "json", "md", "sh", "sql", "yml", "yaml", "service"]
        .iter()
        .any(|ending| has_ending(file, ending))
        && !file.ends_with("package-lock.json")
}

fn has_ending(file: &str, ending: &str) -> bool {
    Path::new(file).extension().is_some_and(|own| own.eq_ignore_ascii_case(ending))
}

/// `file:line: text` for each line that holds one of the patterns.
fn lines_with(texts: impl Iterator<Item = (String, String)>, patterns: &[&str]) -> Vec<String> {
    texts
        .flat_map(|(file, text)| {
            text.lines()
                .enumerate()
                .filter(|(_, line)| patterns.iter().any(|pattern| line.contains(pattern)))
                .map(|(index, line)| format!("{file}:{}: {}", index + 1, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Names under `[dependencies]` of a manifest; tests and build scripts may use more.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
    text.lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn none(found: impl IntoIterator<Item = impl ToString>, what: &str) {
    let found: Vec<String> = found.into_iter().map(|item| item.to_string()).collect();
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}
