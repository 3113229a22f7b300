//! The repository over the service's own interface, read by Debian's restic.

use std::{fs, process::Command};

use mailcup_wire::{ApiKeyGrant, NewApiKey, NewBackupJob, Scope};
use serde_json::Value;

use super::{Backed, fill, place, service::done};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restic_reads_the_repository_through_the_service_and_writes_nothing() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    fill(&mail.join("anna@example.org"), 300);
    let backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    done(&backed.owner, &NewBackupJob::BackUp).await;
    let new = |scope| NewApiKey { name: "restic".to_owned(), scopes: vec![scope] };
    let key: ApiKeyGrant = backed.owner.post("/v1/api-keys", &new(Scope::Mail)).await.unwrap();
    let reader: ApiKeyGrant = backed.owner.post("/v1/api-keys", &new(Scope::Read)).await.unwrap();
    let restic = |secret: &str, arguments: &[&str]| {
        let place = format!("rest:http://key:{secret}@{}/repo/", backed.service.endpoints().http);
        Command::new("restic")
            .args(["-r", &place])
            .args(arguments)
            .env("RESTIC_PASSWORD", &backed.phrase)
            .env("RESTIC_CACHE_DIR", folder.path().join("cache"))
            .output()
            .unwrap()
    };
    let read = |arguments: &[&str]| {
        let output = restic(&key.secret, &[arguments, &["--no-lock"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let snapshots: Value = serde_json::from_str(&read(&["snapshots", "--json"])).unwrap();
    assert_eq!(snapshots.as_array().unwrap().len(), 1);
    let listed = read(&["ls", "latest"]);
    assert_eq!(listed.lines().filter(|line| line.contains("/cur/") || line.contains("/new/")).count(), 300);
    let message = listed.lines().find(|line| line.contains("/cur/")).unwrap();
    let original = mail.join("anna@example.org").join(message.split("/Maildir/").nth(1).unwrap());
    assert_eq!(read(&["dump", "latest", message]), fs::read_to_string(original).unwrap());
    assert!(read(&["check", "--read-data", "--no-cache"]).contains("no errors were found"));

    let before = files(&repository);
    let refused = restic(&key.secret, &["forget", "latest"]);
    assert!(!refused.status.success());
    assert!(
        !restic(&reader.secret, &["snapshots", "--no-lock"]).status.success(),
        "a key that may not read mail"
    );
    assert_eq!(files(&repository), before);
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { waiting.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
