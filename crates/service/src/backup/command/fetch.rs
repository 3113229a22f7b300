//! `mailcupd backup fetch`: the way back from a target.

use mailcup_snapshots::{CopyRules, Folder, replicate};
use mailcup_wire::TargetPlace;
use tokio::runtime::Runtime;
use url::Url;

use super::{FAILED, Failure, INCOMPLETE, USAGE, cancelled, failed, say, watched};
use crate::{backup::targets, cli::BackupFetch, secrets};

/// What is there is gone on with; nothing that is in the folder is removed.
const RULES: CopyRules = CopyRules { may_begin: true, may_remove: false, limit: None };

pub fn fetch(runtime: &Runtime, arguments: &BackupFetch) -> Result<(), Failure> {
    let place = place(arguments).map_err(|message| (USAGE, message))?;
    let secret = match &arguments.secret_file {
        Some(path) => {
            Some(secrets::from_file(path).map_err(|why| (USAGE, format!("{}: {why}", path.display())))?)
        }
        None => None,
    };
    let to = arguments.to.clone();
    let done = watched(runtime, move |watch| {
        let from = targets::open(&place, secret.as_ref()).map_err(|trouble| (FAILED, trouble.message))?;
        replicate(from.as_ref(), &Folder::new(&to), RULES, watch.as_ref()).map_err(|error| match error {
            mailcup_snapshots::Error::Cancelled => cancelled(&error),
            _ => failed(&error),
        })
    })?;
    let copied = done?;
    let to = arguments.to.display();
    say(&format!(
        "{} files came, {} are in {to}. Go on with: mailcupd backup restore --from {to} --to DATA_FOLDER\n",
        copied.files, copied.total_files
    ))?;
    match copied.faults.as_slice() {
        [] => Ok(()),
        [first, ..] => Err((
            INCOMPLETE,
            format!("{} files of the copy are damaged and did not come: {first}", copied.faults.len()),
        )),
    }
}

/// What an address means, as restic writes them.
fn place(arguments: &BackupFetch) -> Result<TargetPlace, String> {
    let BackupFetch { from, host_key, region, access_key, .. } = arguments;
    let parsed = |text: &str| Url::parse(text).map_err(|error| format!("{text} is no address: {error}"));
    if let Some(text) = from.strip_prefix("rest:") {
        let mut url = parsed(text)?;
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(str::to_owned);
        if url.password().is_some() {
            return Err("the password doesn't belong into the address; write it into a file (--secret-file)"
                .to_owned());
        }
        // An address that begins with http takes any user.
        let _ = url.set_username("");
        return Ok(TargetPlace::Rest { url: url.into(), user });
    }
    if from.starts_with("sftp:") {
        let url = parsed(from)?;
        let (host, user, path) = (url.host_str().unwrap_or_default(), url.username(), url.path());
        if host.is_empty() || user.is_empty() || path.len() < 2 {
            return Err(format!("{from} doesn't say all of sftp://USER@HOST/PATH"));
        }
        return Ok(TargetPlace::Sftp {
            host: host.to_owned(),
            port: url.port().unwrap_or(22),
            user: user.to_owned(),
            path: path[1..].to_owned(),
            host_key: host_key.clone(),
        });
    }
    if let Some(text) = from.strip_prefix("s3:") {
        let url = parsed(text)?;
        let (bucket, prefix) =
            url.path().trim_matches('/').split_once('/').unwrap_or((url.path().trim_matches('/'), ""));
        if bucket.is_empty() || access_key.is_empty() {
            return Err("a bucket is named as s3:https://HOST/BUCKET, with --access-key".to_owned());
        }
        return Ok(TargetPlace::S3 {
            endpoint: url.origin().ascii_serialization(),
            region: region.clone(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            access_key: access_key.clone(),
        });
    }
    Ok(TargetPlace::Folder { path: from.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_restic_writes_them() {
        let read = |from: &str| {
            place(&BackupFetch {
                from: from.to_owned(),
                to: "/to".into(),
                secret_file: None,
                host_key: None,
                region: "eu".to_owned(),
                access_key: "AK".to_owned(),
            })
        };
        let rest =
            TargetPlace::Rest { url: "https://backup.example.org/mail/".into(), user: Some("anna".into()) };
        assert_eq!(read("rest:https://anna@backup.example.org/mail/").unwrap(), rest);
        assert!(read("rest:https://anna:secret@backup.example.org/").is_err());
        let sftp = |path: &str, port| TargetPlace::Sftp {
            host: "vault.example.org".into(),
            port,
            user: "anna".into(),
            path: path.into(),
            host_key: None,
        };
        assert_eq!(read("sftp://anna@vault.example.org/mail").unwrap(), sftp("mail", 22));
        assert_eq!(read("sftp://anna@vault.example.org:2222//srv/mail").unwrap(), sftp("/srv/mail", 2222));
        assert!(read("sftp://vault.example.org/mail").is_err());
        let s3 = TargetPlace::S3 {
            endpoint: "https://s3.example.org:9000".into(),
            region: "eu".into(),
            bucket: "backups".into(),
            prefix: "of/mail".into(),
            access_key: "AK".into(),
        };
        assert_eq!(read("s3:https://s3.example.org:9000/backups/of/mail").unwrap(), s3);
        assert_eq!(read("/mnt/copy").unwrap(), TargetPlace::Folder { path: "/mnt/copy".into() });
    }
}
