//! What the commands print.

use std::fmt::Write as _;

use mailcup_snapshots::{Level, Listing, Part, Proof, RecoveryPhrase, Repository, Snapshot};
use mailcup_wire::DrillReport;
use serde_json::{Value, json};

use crate::{
    backup::{
        Manifest, Restored, Run, Wanted,
        disk::megabytes,
        restore::{RestoredMail, manifest_of},
    },
    config::BackupConfig,
};

/// So many lines of one kind; more are counted.
const LINES: usize = 20;

/// The phrase, with what to do with it.
pub fn phrase(phrase: &RecoveryPhrase, backup: &BackupConfig) -> String {
    let mail = match &backup.mail {
        Some(pattern) => format!("the mail in {pattern}"),
        None => "no mail: the configuration doesn't say where it lies (mail in [backup])".to_owned(),
    };
    format!(
        "Snapshots go to {}: the service, and {mail}.\n\n\
         This is the recovery phrase. It is shown this once and kept nowhere:\n\n    {}\n\n\
         Write it down and keep it away from this server. Whoever has it and the repository reads everything;\n\
         without it nobody brings a lost server back. It is also restic's password for the repository.\n",
        backup.repository.display(),
        phrase.expose()
    )
}

/// A run for a person.
pub fn run(run: &Run) -> String {
    let Run { snapshot, manifest, gone, unread, thinned, .. } = run;
    let mut text = format!("Snapshot {:.8} of {}\n", snapshot.id.to_string(), snapshot.time);
    text.push_str(&counts(manifest));
    if let Some(summary) = snapshot.summary {
        line(&mut text, &format!("{} MB new in the repository", megabytes(summary.bytes_stored)));
    }
    if *gone > 0 {
        line(&mut text, &format!("{gone} messages were deleted while the backup ran"));
    }
    for skipped in unread.iter().take(LINES) {
        line(&mut text, &format!("not read: {}: {}", skipped.path.display(), skipped.why));
    }
    more(&mut text, unread.len() as u64);
    if let Some(mail) = &manifest.mail {
        for left_out in mail.left_out.iter().take(LINES) {
            line(&mut text, &format!("left out: {}: {}", left_out.path, left_out.why));
        }
        more(&mut text, mail.left_out_count);
    } else {
        line(&mut text, "no mail: the configuration doesn't say where it lies (mail in [backup])");
    }
    match thinned {
        Ok(thinned) if thinned.forgotten > 0 => {
            line(&mut text, &format!("{} older snapshots were let go of", thinned.forgotten));
        }
        Ok(_) => {}
        Err(error) => line(&mut text, &format!("older snapshots stay: {error}")),
    }
    text
}

/// A run for a program.
pub fn run_as_json(run: &Run) -> String {
    let thinned = match &run.thinned {
        Ok(thinned) => json!({ "forgotten": thinned.forgotten, "bytes_freed": thinned.pruned.bytes_freed }),
        Err(error) => json!({ "error": error.to_string() }),
    };
    let unread: Vec<Value> =
        run.unread.iter().map(|it| json!({ "path": it.path.display().to_string(), "why": it.why })).collect();
    let mut value = snapshot_json(&run.snapshot, Some(&run.manifest));
    if let Some(object) = value.as_object_mut() {
        object.insert("deleted_meanwhile".into(), run.gone.into());
        object.insert("unread".into(), unread.into());
        object.insert("thinned".into(), thinned);
    }
    format!("{value}\n")
}

/// The snapshots that there are, oldest first.
pub fn list(repository: &Repository, listing: &Listing, as_json: bool) -> String {
    let all: Vec<(&Snapshot, Option<Manifest>)> =
        listing.snapshots.iter().map(|snapshot| (snapshot, manifest_of(repository, snapshot).ok())).collect();
    if as_json {
        let snapshots: Vec<Value> =
            all.iter().map(|(snapshot, manifest)| snapshot_json(snapshot, manifest.as_ref())).collect();
        let damaged: Vec<String> = listing.damaged.iter().map(ToString::to_string).collect();
        return format!("{}\n", json!({ "snapshots": snapshots, "damaged": damaged }));
    }
    let mut text = String::new();
    if all.is_empty() {
        text.push_str("There is no snapshot yet; `mailcupd backup run` makes one.\n");
    } else {
        let _ = writeln!(
            text,
            "{:<8}  {:<20}  {:>8}  {:>10}  {:>10}  {:>10}",
            "name", "time", "accounts", "messages", "MB", "MB new"
        );
    }
    for (snapshot, manifest) in &all {
        let mail = manifest.as_ref().and_then(|manifest| manifest.mail.as_ref());
        let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), |number| number.to_string());
        let _ = writeln!(
            text,
            "{:<8.8}  {:<20}  {:>8}  {:>10}  {:>10}  {:>10}",
            snapshot.id.to_string(),
            snapshot.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            number(mail.map(|mail| mail.accounts)),
            number(mail.map(|mail| mail.messages)),
            number(snapshot.summary.map(|summary| megabytes(summary.bytes))),
            number(snapshot.summary.map(|summary| megabytes(summary.bytes_stored))),
        );
    }
    for fault in &listing.damaged {
        let _ = writeln!(text, "{fault}");
    }
    text
}

/// A rehearsal for a person.
pub fn drill(report: &DrillReport) -> String {
    let mut text = format!(
        "Snapshot {:.8} of {} was back, with a service that answers, after {:.1} s\n",
        report.snapshot.0, report.snapshot_at, report.seconds
    );
    for check in &report.checks {
        line(&mut text, &format!("{}: {}", if check.passed { "passed" } else { "FAILED" }, check.message));
    }
    text
}

/// What one level looked at and found.
pub fn proof(proof: &Proof) -> String {
    let files: u64 = proof.files.values().sum();
    let looked = match proof.level {
        Level::Names => format!("names: {files} files compared with their names (SHA-256)"),
        Level::Structure => format!(
            "structure: {} snapshots, {} folders, {} files followed to their packs",
            proof.snapshots, proof.folders, proof.entries
        ),
        Level::Data(Part::All) => format!("data: {files} packs read and each blob in them unsealed"),
        Level::Data(Part::Due { days, .. }) => {
            format!("data: {files} packs read, those that are due of {days} days")
        }
    };
    let found = match proof.faults.len() {
        0 => "whole".to_owned(),
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    let mut text = format!("{looked}: {found}\n");
    for fault in proof.faults.iter().take(LINES) {
        line(&mut text, &fault.to_string());
    }
    more(&mut text, proof.faults.len() as u64);
    text
}

/// What a restore did, and what is to be done next.
pub fn restored(restored: &Restored, wanted: &Wanted) -> String {
    let Restored { snapshot, manifest, mail, damaged, steps } = restored;
    let mut text = format!("Restored from snapshot {:.8} of {}\n", snapshot.id.to_string(), snapshot.time);
    for damage in damaged {
        line(&mut text, &format!("damaged, and not needed for this: {damage}"));
    }
    for (step, took) in steps {
        let _ = writeln!(text, "{:>9.1} s  {step}", took.as_secs_f64());
    }
    let state = &manifest.state;
    line(
        &mut text,
        &format!(
            "{}: {} accounts, {} access rules, {} limits, {} admins, {} events, as counted in the manifest",
            wanted.data_dir.display(),
            state.accounts,
            state.access_rules,
            state.sending_limits,
            state.admins,
            state.events
        ),
    );
    if let Some(RestoredMail { accounts, messages, bytes, troubles, .. }) = mail {
        let listed = manifest.mail.as_ref().map_or(0, |mail| mail.messages);
        let size = megabytes(*bytes);
        line(&mut text, &format!("mail: {messages} of {listed} messages in {accounts} accounts, {size} MB"));
        if restored.gone() > 0 {
            let gone = restored.gone();
            line(&mut text, &format!("{gone} files were deleted while the backup ran and never were in it"));
        }
        for trouble in troubles.iter().take(LINES) {
            line(&mut text, &format!("not restored: {}: {}", trouble.path.display(), trouble.why));
        }
        more(&mut text, troubles.len() as u64);
    }
    text.push_str(
        "Next: start mailcupd on this data folder, and the mail server. Sessions and API keys are those of the \
         snapshot:\nend what was ended since. `mailcupd backup run` goes on with the same repository.\n",
    );
    text
}

fn counts(manifest: &Manifest) -> String {
    let state = &manifest.state;
    let mut text = String::new();
    line(
        &mut text,
        &format!(
            "{} accounts, {} access rules, {} limits, {} admins, {} events; database {} MB",
            state.accounts,
            state.access_rules,
            state.sending_limits,
            state.admins,
            state.events,
            megabytes(manifest.database.bytes)
        ),
    );
    if let Some(mail) = &manifest.mail {
        let (messages, accounts, size) = (mail.messages, mail.accounts, megabytes(mail.bytes));
        line(&mut text, &format!("mail: {messages} messages in {accounts} accounts, {size} MB"));
    }
    text
}

fn snapshot_json(snapshot: &Snapshot, manifest: Option<&Manifest>) -> Value {
    let summary = snapshot.summary.unwrap_or_default();
    json!({
        "snapshot": snapshot.id.to_string(),
        "at": snapshot.time.to_string(),
        "files": summary.files,
        "bytes": summary.bytes,
        "bytes_stored": summary.bytes_stored,
        "manifest": manifest,
    })
}

fn line(text: &mut String, what: &str) {
    // Into a string: it can't fail.
    let _ = writeln!(text, "           {what}");
}

fn more(text: &mut String, all: u64) {
    if all > LINES as u64 {
        line(text, &format!("… and {} more", all - LINES as u64));
    }
}
