//! Real servers that keep a backup repository: rclone as a REST server of restic's and as an SFTP server with a
//! password, OpenSSH's sshd, and an S3 server that checks each signature.

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{LabError, error::Doing as _, free_port, process::Daemon};

pub const USER: &str = "mailcup";
pub const PASSWORD: &str = "a password of nobody's";

/// What rclone serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RcloneMode {
    Rest,
    /// Takes files, and lets none go.
    RestAppendOnly,
    Sftp,
}

/// rclone serving a folder; dropping it ends it.
#[derive(Debug)]
pub struct Rclone {
    daemon: Daemon,
    port: u16,
    mode: RcloneMode,
    folder: TempDir,
}

impl Rclone {
    pub async fn start(mode: RcloneMode) -> Result<Self, LabError> {
        let (folder, port) = (temporary("rclone")?, free_port());
        let mut rclone = Self { daemon: serve(&folder, mode, port)?, port, mode, folder };
        rclone.await_start().await?;
        Ok(rclone)
    }

    /// SIGKILL, then a new one on the same folder and port.
    pub async fn kill_and_restart(&mut self) -> Result<(), LabError> {
        self.daemon.kill();
        self.daemon = serve(&self.folder, self.mode, self.port)?;
        self.await_start().await
    }

    pub fn kill(&mut self) {
        self.daemon.kill();
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is served.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    /// Its host key's fingerprint, where it is an SFTP server.
    pub fn host_key(&self) -> Result<String, LabError> {
        fingerprint(&self.folder.path().join("host_key"))
    }

    async fn await_start(&mut self) -> Result<(), LabError> {
        let port = self.port;
        let listens = async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok();
        self.daemon.await_start(&self.folder.path().join("log"), listens).await
    }
}

/// OpenSSH's sshd with SFTP for whoever runs it, by a key; dropping it ends it.
#[derive(Debug)]
pub struct Sshd {
    _daemon: Daemon,
    port: u16,
    folder: TempDir,
}

impl Sshd {
    pub async fn start() -> Result<Self, LabError> {
        let (folder, port) = (temporary("sshd")?, free_port());
        let at = folder.path().display();
        for key in ["host_key", "login_key", "other_key"] {
            make_key(&folder.path().join(key))?;
        }
        fs::copy(folder.path().join("login_key.pub"), folder.path().join("authorized"))
            .doing(|| "letting a key in".into())?;
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host_key\nAuthorizedKeysFile {at}/authorized\n\
             PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication yes\n\
             Subsystem sftp internal-sftp\n"
        );
        fs::write(folder.path().join("sshd_config"), configuration)
            .doing(|| "writing sshd's configuration".into())?;
        // Debian's has it made by systemd.
        fs::create_dir_all("/run/sshd").doing(|| "making the folder that sshd wants".into())?;
        let log = folder.path().join("log");
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(folder.path().join("sshd_config"));
        let mut daemon = Daemon::spawn("sshd", quiet(&mut command, &log)?)?;
        let listens = async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok();
        daemon.await_start(&log, listens).await?;
        Ok(Self { _daemon: daemon, port, folder })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A folder that only this server is meant to fill.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    pub fn host_key(&self) -> Result<String, LabError> {
        fingerprint(&self.folder.path().join("host_key"))
    }

    /// The private key that gets in.
    pub fn login_key(&self) -> Result<String, LabError> {
        fs::read_to_string(self.folder.path().join("login_key")).doing(|| "reading a key".into())
    }

    /// One that doesn't.
    pub fn other_key(&self) -> Result<String, LabError> {
        fs::read_to_string(self.folder.path().join("other_key")).doing(|| "reading a key".into())
    }

    /// The file with that key, and the line that names the host to OpenSSH's own programs.
    pub fn for_openssh(&self) -> Result<(PathBuf, PathBuf), LabError> {
        let public =
            fs::read_to_string(self.folder.path().join("host_key.pub")).doing(|| "reading a key".into())?;
        let known = self.folder.path().join("known_hosts");
        fs::write(&known, format!("[127.0.0.1]:{} {public}", self.port))
            .doing(|| "naming the host".into())?;
        Ok((self.folder.path().join("login_key"), known))
    }
}

/// An S3 server with one bucket; dropping it ends it.
#[derive(Debug)]
pub struct S3Server {
    serving: JoinHandle<()>,
    port: u16,
    folder: TempDir,
}

impl S3Server {
    pub const BUCKET: &str = "backups";
    pub const REGION: &str = "eu-central-1";

    /// Serves on the runtime that it is started on.
    pub async fn start() -> Result<Self, LabError> {
        let folder = temporary("s3")?;
        fs::create_dir(folder.path().join(Self::BUCKET)).doing(|| "making a bucket".into())?;
        let files =
            FileSystem::new(folder.path()).map_err(|error| LabError::Unsuitable(format!("{error:?}")))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(USER, PASSWORD));
        let service = service.build();
        let port = free_port();
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.doing(|| "listening for S3".into())?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    // Whoever goes away in the middle is no business of ours.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Self { serving, port, folder })
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What lies in the bucket.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join(Self::BUCKET)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn serve(folder: &TempDir, mode: RcloneMode, port: u16) -> Result<Daemon, LabError> {
    let files = folder.path().join("files");
    fs::create_dir_all(&files).doing(|| "making a folder for rclone".into())?;
    let log = folder.path().join("log");
    let mut command = Command::new("rclone");
    command.env("RCLONE_CONFIG", folder.path().join("none.conf"));
    command.arg("serve").arg(if mode == RcloneMode::Sftp { "sftp" } else { "restic" });
    command.args(["--user", USER, "--pass", PASSWORD, "--addr", &format!("127.0.0.1:{port}")]);
    match mode {
        RcloneMode::Rest => {}
        RcloneMode::RestAppendOnly => {
            command.arg("--append-only");
        }
        RcloneMode::Sftp => {
            let key = folder.path().join("host_key");
            if !key.exists() {
                make_key(&key)?;
            }
            // It would not see what is done to its files by others.
            command.args(["--dir-cache-time", "0s"]).arg("--key").arg(key);
        }
    }
    command.arg(files);
    Daemon::spawn("rclone", quiet(&mut command, &log)?)
}

fn temporary(name: &str) -> Result<TempDir, LabError> {
    tempfile::Builder::new()
        .prefix(&format!("mailcup-{name}-"))
        .tempdir()
        .doing(|| format!("creating a folder for {name}"))
}

fn quiet<'a>(command: &'a mut Command, log: &Path) -> Result<&'a mut Command, LabError> {
    let log = File::create(log).doing(|| "creating a log".into())?;
    let copy = log.try_clone().doing(|| "creating a log".into())?;
    Ok(command.stdin(Stdio::null()).stdout(log).stderr(copy))
}

fn make_key(path: &Path) -> Result<(), LabError> {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).output();
    let made = made.doing(|| "starting ssh-keygen".into())?;
    if !made.status.success() {
        return Err(LabError::unexpected("ssh-keygen", String::from_utf8_lossy(&made.stderr)));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).doing(|| "guarding a key".into())
}

fn fingerprint(key: &Path) -> Result<String, LabError> {
    let shown = Command::new("ssh-keygen").args(["-l", "-f"]).arg(key).output();
    let shown = shown.doing(|| "starting ssh-keygen".into())?;
    let text = String::from_utf8_lossy(&shown.stdout);
    text.split(' ')
        .nth(1)
        .map(str::to_owned)
        .ok_or_else(|| LabError::unexpected("ssh-keygen -l", text.clone()))
}
