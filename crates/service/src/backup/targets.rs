//! Further places to which the repository is copied: what a valid one is, how it is opened, and what is wrong with it.

use std::{io, path::Path};

use mailcup_snapshots::{Error, Folder, Obstacle, Rest, S3, S3Place, Sftp, SftpPlace, Storage};
use mailcup_wire::{Problem, TargetObstacle, TargetPlace, TargetTrouble};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::jobs::sentence;
use crate::secrets::{SealError, ServerKey};

/// For what a target's secret is sealed.
const PURPOSE: &str = "backup target";

/// Longest text in a place, and longest secret, in bytes: a private key in OpenSSH's form has some hundred.
const LONGEST: usize = 1000;
const LONGEST_SECRET: usize = 20_000;

pub fn seal(key: &ServerKey, secret: &SecretString) -> Result<Vec<u8>, SealError> {
    key.seal(PURPOSE, secret.expose_secret().as_bytes())
}

pub fn open_secret(key: &ServerKey, sealed: &[u8]) -> Result<SecretString, SealError> {
    String::from_utf8(key.open_sealed(PURPOSE, sealed)?).map(Into::into).map_err(|_| SealError)
}

/// A place as it is kept, or what is wrong with which field.
pub fn checked(place: TargetPlace, repository: &Path) -> Result<TargetPlace, Problem> {
    let place = trimmed(place);
    let required = |field: &str, text: &str| match text {
        "" => Err(Problem::field(field, "This is needed.")),
        text if text.len() > LONGEST || text.chars().any(char::is_control) => {
            Err(Problem::field(field, "This is too long, or no such thing."))
        }
        _ => Ok(()),
    };
    match &place {
        TargetPlace::Folder { path } => {
            required("path", path)?;
            let folder = Path::new(path);
            if !folder.is_absolute() {
                let message = "Write the folder from the root on, like /mnt/second-disk/mailcup.";
                return Err(Problem::field("path", message));
            }
            if folder.starts_with(repository) || repository.starts_with(folder) {
                return Err(Problem::field("path", "This folder and the repository's lie in one another."));
            }
        }
        TargetPlace::Rest { url, user } => {
            required("url", url)?;
            let parsed = web_address("url", url)?;
            if !parsed.username().is_empty() || parsed.password().is_some() {
                return Err(Problem::field("url", "User and password have fields of their own."));
            }
            if let Some(user) = user {
                required("user", user)?;
            }
        }
        TargetPlace::Sftp { host, user, path, host_key, .. } => {
            required("host", host)?;
            required("user", user)?;
            required("path", path)?;
            if host_key.as_ref().is_some_and(|key| !key.starts_with("SHA256:")) {
                let message = "A host key's fingerprint begins with SHA256: (ssh-keygen -l shows it).";
                return Err(Problem::field("host_key", message));
            }
        }
        TargetPlace::S3 { endpoint, region, bucket, prefix, access_key } => {
            required("endpoint", endpoint)?;
            web_address("endpoint", endpoint)?;
            required("region", region)?;
            required("bucket", bucket)?;
            required("access_key", access_key)?;
            if !prefix.is_empty() {
                required("prefix", prefix)?;
            }
        }
    }
    Ok(place)
}

/// A secret as it is kept.
pub fn checked_secret(secret: Option<String>) -> Result<Option<SecretString>, Problem> {
    match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) if secret.len() > LONGEST_SECRET => Err(Problem::field("secret", "This is too long.")),
        secret => Ok(secret.map(SecretString::from)),
    }
}

/// Whether a secret that was given for the one is also meant for the other: whoever may change a target is not to be
/// able to send its password elsewhere.
pub fn has_same_door(one: &TargetPlace, other: &TargetPlace) -> bool {
    match (one, other) {
        (TargetPlace::Folder { .. }, TargetPlace::Folder { .. }) => true,
        (TargetPlace::Rest { url, user }, TargetPlace::Rest { url: other_url, user: other_user }) => {
            let origin = |url: &str| Url::parse(url).map(|url| url.origin());
            user == other_user && origin(url).is_ok() && origin(url) == origin(other_url)
        }
        (
            TargetPlace::Sftp { host, port, user, .. },
            TargetPlace::Sftp { host: other_host, port: other_port, user: other_user, .. },
        ) => (host, port, user) == (other_host, other_port, other_user),
        (
            TargetPlace::S3 { endpoint, access_key, .. },
            TargetPlace::S3 { endpoint: other_endpoint, access_key: other_key, .. },
        ) => (endpoint, access_key) == (other_endpoint, other_key),
        _ => false,
    }
}

/// Opens a place. What isn't there, or can't be reached, is seen only once it is used, but for a folder.
pub fn open(place: &TargetPlace, secret: Option<&SecretString>) -> Result<Box<dyn Storage>, TargetTrouble> {
    let secret =
        || secret.cloned().ok_or_else(|| told(TargetObstacle::Login, "its password or key is missing"));
    let invalid = |error: io::Error| told(TargetObstacle::Other, &error.to_string());
    Ok(match place {
        TargetPlace::Folder { path } => {
            if !Path::new(path).is_dir() {
                let message = format!("the folder {path} isn't there; mount its disk, or make it");
                return Err(told(TargetObstacle::NoFolder, &message));
            }
            Box::new(Folder::new(path))
        }
        TargetPlace::Rest { url, user } => {
            let url = Url::parse(url).map_err(|error| told(TargetObstacle::Other, &error.to_string()))?;
            let login = match user {
                Some(user) => Some((user.clone(), secret()?)),
                None => None,
            };
            Box::new(Rest::new(url, login).map_err(invalid)?)
        }
        TargetPlace::Sftp { host, port, user, path, host_key } => {
            let place = SftpPlace {
                host: host.clone(),
                port: *port,
                user: user.clone(),
                path: path.clone(),
                host_key: host_key.clone(),
            };
            Box::new(Sftp::new(place, secret()?).map_err(invalid)?)
        }
        TargetPlace::S3 { endpoint, region, bucket, prefix, access_key } => {
            let place = S3Place {
                endpoint: Url::parse(endpoint)
                    .map_err(|error| told(TargetObstacle::Other, &error.to_string()))?,
                region: region.clone(),
                bucket: bucket.clone(),
                prefix: prefix.clone(),
            };
            Box::new(S3::new(place, access_key.clone(), &secret()?).map_err(invalid)?)
        }
    })
}

/// As a person would name it.
pub fn name(place: &TargetPlace) -> String {
    match place {
        TargetPlace::Folder { path } => path.clone(),
        TargetPlace::Rest { url, .. } => url.clone(),
        TargetPlace::Sftp { host, port: 22, user, path, .. } => format!("{user}@{host}:{path}"),
        TargetPlace::Sftp { host, port, user, path, .. } => format!("sftp://{user}@{host}:{port}/{path}"),
        TargetPlace::S3 { endpoint, bucket, prefix, .. } => {
            format!("{}/{bucket}/{prefix}", endpoint.trim_end_matches('/')).trim_end_matches('/').to_owned()
        }
    }
}

/// What an error of a copy means; none if it was cancelled.
pub fn trouble(error: &Error) -> Option<TargetTrouble> {
    let what = match (error.obstacle(), error) {
        (_, Error::Cancelled) => return None,
        (Some(Obstacle::Unresolved), _) => TargetObstacle::Unresolved,
        (Some(Obstacle::Refused), _) => TargetObstacle::Refused,
        (Some(Obstacle::TimedOut), _) => TargetObstacle::TimedOut,
        (Some(Obstacle::Untrusted), _) => TargetObstacle::Untrusted,
        (Some(Obstacle::HostKey { .. }), _) => TargetObstacle::HostKey,
        (Some(Obstacle::Login), _) => TargetObstacle::Login,
        (Some(Obstacle::NoBucket), _) => TargetObstacle::NoBucket,
        (Some(Obstacle::NotWritable), _) => TargetObstacle::NotWritable,
        (None, Error::Io { source, .. }) if is_not_allowed(source) => TargetObstacle::NotWritable,
        (None, Error::Full { .. }) => TargetObstacle::Full,
        (None, Error::Foreign { .. }) => TargetObstacle::Foreign,
        (None, Error::Gone { .. }) => TargetObstacle::Gone,
        (None, Error::Emptied { .. }) => TargetObstacle::Emptied,
        (None, _) => TargetObstacle::Other,
    };
    let host_key = match error.obstacle() {
        Some(Obstacle::HostKey { found }) => Some(found.clone()),
        _ => None,
    };
    Some(TargetTrouble { host_key, ..told(what, &error.to_string()) })
}

/// Trouble in words.
pub fn told(what: TargetObstacle, message: &str) -> TargetTrouble {
    TargetTrouble { what, message: sentence(message), host_key: None }
}

fn is_not_allowed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn web_address(field: &str, text: &str) -> Result<Url, Problem> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| Problem::field(field, "Write an address like https://backup.example.org/."))
}

fn trimmed(place: TargetPlace) -> TargetPlace {
    let trim = |text: String| text.trim().to_owned();
    let some = |text: Option<String>| text.map(trim).filter(|text| !text.is_empty());
    match place {
        TargetPlace::Folder { path } => TargetPlace::Folder { path: trim(path) },
        TargetPlace::Rest { url, user } => TargetPlace::Rest { url: trim(url), user: some(user) },
        TargetPlace::Sftp { host, port, user, path, host_key } => TargetPlace::Sftp {
            host: trim(host),
            port,
            user: trim(user),
            path: trim(path),
            host_key: some(host_key),
        },
        TargetPlace::S3 { endpoint, region, bucket, prefix, access_key } => TargetPlace::S3 {
            endpoint: trim(endpoint),
            region: trim(region),
            bucket: trim(bucket),
            prefix: trim(prefix).trim_matches('/').to_owned(),
            access_key: trim(access_key),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(url: &str, user: Option<&str>) -> TargetPlace {
        TargetPlace::Rest { url: url.to_owned(), user: user.map(str::to_owned) }
    }

    fn folder(path: &str) -> TargetPlace {
        TargetPlace::Folder { path: path.to_owned() }
    }

    #[test]
    fn a_place_that_can_never_be_one_is_refused_by_its_field() {
        let repository = Path::new("/var/backups/mailcup");
        for wrong in [
            folder("mnt"),
            folder(" "),
            folder("/var/backups"),
            folder("/var/backups/mailcup/copy"),
            rest("backup.example.org", None),
            rest("https://anna:secret@backup.example.org", None),
        ] {
            assert!(checked(wrong.clone(), repository).is_err(), "{wrong:?}");
        }
        assert_eq!(checked(folder(" /mnt/copy "), repository).unwrap(), folder("/mnt/copy"));
        let place = rest("https://backup.example.org/anna", Some(" "));
        assert_eq!(checked(place, repository).unwrap(), rest("https://backup.example.org/anna", None));
    }

    #[test]
    fn a_secret_stays_with_host_and_user() {
        let at = rest("https://backup.example.org/a", Some("anna"));
        assert!(has_same_door(&at, &rest("https://backup.example.org/b", Some("anna"))));
        assert!(!has_same_door(&at, &rest("https://backup.example.net/a", Some("anna"))));
        assert!(!has_same_door(&at, &rest("http://backup.example.org/a", Some("anna"))));
        assert!(!has_same_door(&at, &rest("https://backup.example.org/a", Some("bo"))));
        assert!(!has_same_door(&at, &folder("/mnt/copy")));
    }
}
