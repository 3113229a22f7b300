//! A repository at an SSH host, over SFTP.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use russh::client::{self, AuthResult, Handle};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh_sftp::client::SftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{OpenFlags, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use crate::id::Id;
use crate::line::Line;
use crate::obstacle::Obstacle;
use crate::storage::{FAR_PIECE, FileKind, Storage};

const CONNECT: Duration = Duration::from_secs(15);

/// For the answer to one request.
const PATIENCE: Duration = Duration::from_mins(1);

/// In the name of a file that isn't whole yet; restic passes over such names.
const UNFINISHED: &str = "-tmp-";

/// What a writer that died left is removed after so long.
const LEFT_BEHIND: Duration = Duration::from_hours(24);

/// Where an SSH host keeps a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SftpPlace {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// From the root of what the host shows, or from the user's home folder.
    pub path: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it. Without it nothing is sent there.
    pub host_key: Option<String>,
}

/// A repository at an SSH host. Connects when it is first used, and again after the connection was lost.
pub struct Sftp {
    line: Line,
    place: SftpPlace,
    /// A password, or a private key as OpenSSH writes it, without a passphrase.
    secret: SecretString,
    connected: Mutex<Option<Arc<Connected>>>,
}

struct Connected {
    sftp: SftpSession,
    /// The connection ends with it.
    _handle: Handle<HostKey>,
}

/// Lets in the host with the right key, and remembers which one it showed.
struct HostKey {
    wanted: Option<String>,
    shown: Arc<Mutex<Option<String>>>,
}

impl client::Handler for HostKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let is_right = self.wanted.as_deref() == Some(fingerprint.as_str());
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
        Ok(is_right)
    }
}

impl Sftp {
    pub fn new(place: SftpPlace, secret: SecretString) -> io::Result<Self> {
        Ok(Self { line: Line::new()?, place, secret, connected: Mutex::default() })
    }

    /// Does it over the connection; once more over a new one if it was lost meanwhile.
    fn with<T, F: Future<Output = io::Result<T>>>(&self, act: impl Fn(Arc<Connected>) -> F) -> io::Result<T> {
        let mut was_lost = false;
        loop {
            let connected = self.connected()?;
            match self.line.wait(act(Arc::clone(&connected))) {
                Err(error) if error.kind() == io::ErrorKind::NotConnected && !was_lost => {
                    was_lost = true;
                    let mut current = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
                    current.take_if(|it| Arc::ptr_eq(it, &connected));
                }
                done => return done,
            }
        }
    }

    fn connected(&self) -> io::Result<Arc<Connected>> {
        let mut current = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connected) = current.as_ref() {
            return Ok(Arc::clone(connected));
        }
        let connecting = async {
            tokio::time::timeout(CONNECT, connect(&self.place, &self.secret))
                .await
                .unwrap_or_else(|_| Err(Obstacle::TimedOut.error("")))
        };
        let connected = Arc::new(self.line.wait(connecting)?);
        *current = Some(Arc::clone(&connected));
        Ok(connected)
    }

    fn folder(&self, kind: FileKind) -> String {
        format!("{}/{}", self.place.path.trim_end_matches('/'), kind.folder())
    }

    fn path(&self, kind: FileKind, id: &Id) -> String {
        let folder = self.folder(kind);
        match kind {
            FileKind::Config => folder,
            FileKind::Pack => {
                let name = id.to_string();
                format!("{folder}/{}/{name}", &name[..2])
            }
            FileKind::Key | FileKind::Snapshot | FileKind::Index | FileKind::Lock => format!("{folder}/{id}"),
        }
    }

    /// All files of a kind: path, size, and when they were written.
    fn files(&self, kind: FileKind) -> io::Result<Vec<(String, u64, SystemTime)>> {
        let top = self.folder(kind);
        self.with(|connected| {
            let top = top.clone();
            async move {
                let mut files = Vec::new();
                let mut folders = vec![top];
                while let Some(folder) = folders.pop() {
                    for entry in connected.sftp.read_dir(folder).await.map_err(failed)? {
                        let found = entry.metadata();
                        if entry.file_type().is_dir() && kind == FileKind::Pack {
                            folders.push(entry.path());
                        } else if entry.file_type().is_file() {
                            let written = found.mtime.map_or(0, u64::from);
                            let written = UNIX_EPOCH + Duration::from_secs(written);
                            files.push((entry.path(), found.size.unwrap_or(0), written));
                        }
                    }
                }
                Ok(files)
            }
        })
    }

    fn make_folder(&self, path: &str) -> io::Result<()> {
        self.with(|connected| {
            let path = path.to_owned();
            async move {
                match connected.sftp.create_dir(path.clone()).await {
                    // Is it there already?
                    Err(error) => match connected.sftp.metadata(path).await {
                        Ok(found) if found.is_dir() => Ok(()),
                        Ok(_) | Err(_) => Err(failed(error)),
                    },
                    Ok(()) => Ok(()),
                }
            }
        })
    }

    fn write_new(&self, path: &str, parts: &[&[u8]]) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!("{path}{UNFINISHED}{}-{number}", std::process::id());
        let content: Arc<[u8]> = parts.concat().into();
        self.with(|connected| {
            let (path, unfinished, content) = (path.to_owned(), unfinished.clone(), Arc::clone(&content));
            async move {
                let written = put(&connected.sftp, &unfinished, &content).await;
                let renamed = match written {
                    Ok(()) => connected.sftp.rename(unfinished.clone(), path).await.map_err(failed),
                    Err(error) => Err(error),
                };
                if renamed.is_err() {
                    // What failed is the news; a file that stays behind is swept later.
                    let _ = connected.sftp.remove_file(unfinished).await;
                }
                renamed
            }
        })
    }
}

impl fmt::Debug for Sftp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sftp").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Storage for Sftp {
    fn at(&self) -> String {
        let SftpPlace { host, port, user, path, .. } = &self.place;
        format!("sftp://{user}@{host}:{port}/{path}")
    }

    fn list(&self, kind: FileKind) -> io::Result<Vec<(Id, u64)>> {
        if kind == FileKind::Config {
            let path = self.path(kind, &Id([0; 32]));
            let found = self.with(|connected| {
                let path = path.clone();
                async move { connected.sftp.metadata(path).await.map_err(failed) }
            });
            return match found {
                Ok(found) => Ok(vec![(Id([0; 32]), found.size.unwrap_or(0))]),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(error),
            };
        }
        let files = self.files(kind)?.into_iter();
        let named =
            |(path, size, _): (String, u64, SystemTime)| Some((path.rsplit('/').next()?.parse().ok()?, size));
        Ok(files.filter_map(named).collect())
    }

    fn read(&self, kind: FileKind, id: &Id) -> io::Result<Vec<u8>> {
        let path = self.path(kind, id);
        self.with(|connected| {
            let path = path.clone();
            async move { connected.sftp.read(path).await.map_err(failed) }
        })
    }

    fn read_range(&self, kind: FileKind, id: &Id, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let path = self.path(kind, id);
        self.with(|connected| {
            let path = path.clone();
            async move {
                let mut file = connected.sftp.open(path).await.map_err(failed)?;
                let found = file.metadata().await.map_err(failed)?.size.unwrap_or(0);
                // Asked before the memory is.
                if offset.checked_add(length as u64).is_none_or(|end| end > found) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                file.seek(io::SeekFrom::Start(offset)).await?;
                let mut content = vec![0; length];
                file.read_exact(&mut content).await?;
                file.close().await?;
                Ok(content)
            }
        })
    }

    fn write(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> io::Result<()> {
        let path = self.path(kind, id);
        match self.write_new(&path, parts) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                self.make_folder(folder)?;
                self.write_new(&path, parts)
            }
            written => written,
        }
    }

    fn remove(&self, kind: FileKind, id: &Id) -> io::Result<()> {
        let path = self.path(kind, id);
        let removed = self.with(|connected| {
            let path = path.clone();
            async move { connected.sftp.remove_file(path).await.map_err(failed) }
        });
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn prepare(&self) -> io::Result<()> {
        let root = self.place.path.trim_end_matches('/');
        if !root.is_empty() {
            self.make_folder(root)?;
        }
        for kind in FileKind::KEPT.into_iter().chain([FileKind::Lock]) {
            self.make_folder(&self.folder(kind))?;
        }
        Ok(())
    }

    fn sweep(&self) -> io::Result<()> {
        for kind in FileKind::KEPT {
            for (path, _, written) in self.files(kind)? {
                if path.contains(UNFINISHED) && written.elapsed().unwrap_or_default() > LEFT_BEHIND {
                    self.with(|connected| {
                        let path = path.clone();
                        async move { connected.sftp.remove_file(path).await.map_err(failed) }
                    })?;
                }
            }
        }
        Ok(())
    }

    fn piece(&self) -> u64 {
        FAR_PIECE
    }
}

async fn connect(place: &SftpPlace, secret: &SecretString) -> io::Result<Connected> {
    let address = (place.host.as_str(), place.port);
    let mut addresses = tokio::net::lookup_host(address)
        .await
        .map_err(|error| Obstacle::Unresolved.error(error.to_string()))?;
    let address = addresses.next().ok_or_else(|| Obstacle::Unresolved.error(""))?;
    let stream = tokio::net::TcpStream::connect(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Obstacle::Refused.error(""),
        _ => error,
    })?;
    let config = client::Config {
        nodelay: true,
        keepalive_interval: Some(Duration::from_secs(30)),
        ..client::Config::default()
    };
    let shown = Arc::new(Mutex::default());
    let host_key = HostKey { wanted: place.host_key.clone(), shown: Arc::clone(&shown) };
    let mut handle = match client::connect_stream(Arc::new(config), stream, host_key).await {
        Ok(handle) => handle,
        Err(russh::Error::UnknownKey) => {
            let found = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Err(Obstacle::HostKey { found: found.unwrap_or_default() }.error(""));
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    if !log_in(&mut handle, &place.user, secret).await? {
        return Err(Obstacle::Login.error(""));
    }
    let channel = handle.channel_open_session().await.map_err(io::Error::other)?;
    channel.request_subsystem(true, "sftp").await.map_err(io::Error::other)?;
    let sftp = SftpSession::new(channel.into_stream()).await.map_err(failed)?;
    sftp.set_timeout(PATIENCE.as_secs());
    Ok(Connected { sftp, _handle: handle })
}

async fn log_in(handle: &mut Handle<HostKey>, user: &str, secret: &SecretString) -> io::Result<bool> {
    let text = secret.expose_secret();
    let result = if text.trim_start().starts_with("-----BEGIN") {
        let key = decode_secret_key(text, None)
            .map_err(|error| Obstacle::Login.error(format!("the private key can't be used ({error})")))?;
        handle.authenticate_publickey(user, PrivateKeyWithHashAlg::new(Arc::new(key), None)).await
    } else {
        handle.authenticate_password(user, text).await
    };
    Ok(matches!(result.map_err(io::Error::other)?, AuthResult::Success))
}

async fn put(sftp: &SftpSession, path: &str, content: &[u8]) -> io::Result<()> {
    let flags = OpenFlags::CREATE | OpenFlags::WRITE | OpenFlags::TRUNCATE;
    let mut file = sftp.open_with_flags(path, flags).await.map_err(failed)?;
    file.write_all(content).await?;
    file.flush().await?;
    // Where the host can't, it is as safe as the host makes it.
    let _ = file.sync_all().await;
    file.close().await
}

fn failed(error: SftpError) -> io::Error {
    match &error {
        SftpError::Status(status) => match status.status_code {
            StatusCode::NoSuchFile => io::ErrorKind::NotFound.into(),
            StatusCode::PermissionDenied => Obstacle::NotWritable.error(""),
            StatusCode::NoConnection | StatusCode::ConnectionLost => io::ErrorKind::NotConnected.into(),
            _ => io::Error::other(error),
        },
        SftpError::Timeout => Obstacle::TimedOut.error(""),
        SftpError::IO(_) | SftpError::UnexpectedBehavior(_) => {
            io::Error::new(io::ErrorKind::NotConnected, error)
        }
        SftpError::Limited(_) | SftpError::UnexpectedPacket => io::Error::other(error),
    }
}
