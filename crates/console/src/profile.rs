//! What the console keeps in clear text, since it is no secret and is needed before the store opens: who this
//! install is, its preferences, and to which services it connects.
//!
//! ```text
//! console.json                   this install
//! key.json                       the sealed key, once a passphrase is set
//! device-key                     the key that signs requests, sealed under the console's key
//! service/                       data of the service on this computer
//! services/ID/service.json       one connection
//! services/ID/session            its session's token, sealed under the console's key
//! services/ID/store.db           its local copy
//! services/ID/mirror/            its backup repository, as restic lays it out; encrypted
//! services/ID/mail-index.db      the full-text index over it, encrypted as the local copy
//! ```

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use mailcup_wire::{
    Code, DeviceName, Problem, ServiceId, Severity, Time,
    desktop::{Certificate, Language, Preferences, Theme},
};
use rand::Rng;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;

use crate::{device_key::DeviceKey, key::ConsoleKey};

const DEVICE_KEY_PURPOSE: &str = "mailcup device key";

/// Where this install keeps its files.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

/// This install.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Install {
    pub id: String,
    pub device: DeviceName,
    pub preferences: Preferences,
    #[serde(default)]
    pub paused_until: Option<Time>,
    pub services: Vec<ServiceId>,
    /// The one that the window shows.
    #[serde(default)]
    pub shown: Option<ServiceId>,
}

/// One connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    pub id: ServiceId,
    pub url: Url,
    /// Runs on this computer, started by this console.
    pub embedded: bool,
    /// Where the embedded service listens, to be kept across starts.
    #[serde(default)]
    pub ports: Ports,
    /// The certificate that an admin trusts by hand.
    #[serde(default)]
    pub pinned: Option<Certificate>,
}

/// None: not chosen yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    pub http: Option<u16>,
    pub public: Option<u16>,
    pub postfix_policy: Option<u16>,
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn key_file(&self) -> PathBuf {
        self.0.join("key.json")
    }

    pub fn embedded_data(&self) -> PathBuf {
        self.0.join("service")
    }

    pub fn store(&self, id: &ServiceId) -> PathBuf {
        self.service(id).join("store.db")
    }

    pub fn mirror(&self, id: &ServiceId) -> PathBuf {
        self.service(id).join("mirror")
    }

    pub fn mail_index(&self, id: &ServiceId) -> PathBuf {
        self.service(id).join("mail-index.db")
    }

    /// Reads this install, or begins it.
    pub fn install(&self) -> Result<Install, Problem> {
        fs::create_dir_all(&self.0).map_err(|error| refused(&self.0, &error))?;
        let path = self.install_file();
        if let Some(install) = read_json(&path)? {
            return Ok(install);
        }
        let install = Install {
            id: random_hex(8),
            device: DeviceName { id: random_hex(16), name: computer_name() },
            preferences: default_preferences(),
            paused_until: None,
            services: Vec::new(),
            shown: None,
        };
        self.keep_install(&install)?;
        Ok(install)
    }

    pub fn keep_install(&self, install: &Install) -> Result<(), Problem> {
        write_json(&self.install_file(), install)
    }

    pub fn read_service(&self, id: &ServiceId) -> Result<Option<Service>, Problem> {
        read_json(&self.service(id).join("service.json"))
    }

    pub fn keep_service(&self, service: &Service) -> Result<(), Problem> {
        let folder = self.service(&service.id);
        fs::create_dir_all(&folder).map_err(|error| refused(&folder, &error))?;
        write_json(&folder.join("service.json"), service)
    }

    /// Removes a connection with its local copy; the embedded service's own data stay.
    pub fn remove_service(&self, id: &ServiceId) -> Result<(), Problem> {
        let folder = self.service(id);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused(&folder, &error)),
            _ => Ok(()),
        }
    }

    /// The key of this install; a new one if there is none, or one that `key` does not open.
    pub fn device_key(&self, key: &ConsoleKey) -> Result<DeviceKey, Problem> {
        let path = self.0.join("device-key");
        let sealed = match fs::read(&path) {
            Ok(sealed) => Some(sealed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(refused(&path, &error)),
        };
        let kept = sealed.and_then(|sealed| key.open(DEVICE_KEY_PURPOSE, &sealed));
        if let Some(kept) = kept.and_then(|bytes| DeviceKey::from_pkcs8(&bytes)) {
            return Ok(kept);
        }
        let (made, bytes) = DeviceKey::generate()?;
        write_whole(&path, &key.seal(DEVICE_KEY_PURPOSE, &bytes)?)?;
        Ok(made)
    }

    /// Keeps the token of a session that is bound to `device`, outside of the local copy, so that a damaged copy
    /// can be filled again.
    pub fn keep_session(
        &self,
        id: &ServiceId,
        key: &ConsoleKey,
        device: &DeviceKey,
        token: &str,
    ) -> Result<(), Problem> {
        write_whole(&self.session_file(id), &key.seal(&session_purpose(id, device), token.as_bytes())?)
    }

    /// The session's token; none if there is none, or one that these keys don't open.
    pub fn session(&self, id: &ServiceId, key: &ConsoleKey, device: &DeviceKey) -> Option<String> {
        let sealed = fs::read(self.session_file(id)).ok()?;
        String::from_utf8(key.open(&session_purpose(id, device), &sealed)?.to_vec()).ok()
    }

    pub fn forget_session(&self, id: &ServiceId) -> Result<(), Problem> {
        let path = self.session_file(id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused(&path, &error)),
            _ => Ok(()),
        }
    }

    fn session_file(&self, id: &ServiceId) -> PathBuf {
        self.service(id).join("session")
    }

    fn install_file(&self) -> PathBuf {
        self.0.join("console.json")
    }

    fn service(&self, id: &ServiceId) -> PathBuf {
        self.0.join("services").join(&id.0)
    }
}

impl Service {
    pub fn new(url: Url, embedded: bool, pinned: Option<Certificate>) -> Self {
        Self { id: ServiceId(random_hex(8)), url, embedded, ports: Ports::default(), pinned }
    }
}

impl Install {
    /// The name of the key in the keyring.
    pub fn keyring_name(&self) -> String {
        format!("store-key-{}", self.id)
    }
}

fn session_purpose(id: &ServiceId, device: &DeviceKey) -> String {
    format!("mailcup session {id} {}", device.thumbprint())
}

/// As many random bytes, in hex.
pub fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    rand::rng().fill_bytes(&mut random);
    HEXLOWER.encode(&random)
}

/// Writes a file so that after a crash there is the old or the new one, never half of one; only its owner may
/// read it.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<(), Problem> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| refused(path, &error))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Problem> {
    let text =
        serde_json::to_vec_pretty(value).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    write_whole(path, &text)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Problem> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(path, &error)),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        let message = format!("{} can't be read: {error}. Mend or remove it.", path.display());
        Problem::new(Code::Internal, message)
    })
}

fn refused(path: &Path, error: &io::Error) -> Problem {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::StorageFull,
        _ => Code::Internal,
    };
    Problem::new(code, format!("{} can't be used: {error}.", path.display()))
}

fn default_preferences() -> Preferences {
    Preferences {
        theme: Theme::System,
        language: Language::System,
        notify_from: Severity::Attention,
        quiet_hours: None,
        lock_after_minutes: None,
        start_at_login: false,
    }
}

fn computer_name() -> String {
    let named = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().chars().take(60).collect::<String>());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "MailCup Console".to_owned())
}
