//! A real nginx in front of a page, on free loopback ports.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{
    LabError,
    error::Doing as _,
    free_port,
    process::{Daemon, Leash},
};

/// A running nginx; dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct Nginx {
    _daemon: Daemon,
    leash: Leash,
    port: u16,
    _folder: TempDir,
}

impl Nginx {
    /// Starts it with what `servers` says, the content of its `http` block, given the port to listen on and a folder
    /// of its own.
    pub async fn start(servers: impl FnOnce(u16, &Path) -> String) -> Result<Self, LabError> {
        let folder = tempfile::Builder::new()
            .prefix("mailcup-nginx-")
            .tempdir()
            .doing(|| "creating a folder for nginx".into())?;
        let (path, port) = (folder.path(), free_port());
        let at = path.display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {at}/{name};\n"))
            .concat();
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\nhttp {{\n\
             access_log off;\n{paths}{}\n}}\n",
            servers(port, path)
        );
        fs::write(path.join("nginx.conf"), configuration).doing(|| "writing nginx's configuration".into())?;
        let leash = Leash::new(&format!("cat '{at}/pid'"), Some(path))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(path).arg("-c").arg(path.join("nginx.conf"));
        command.arg("-e").arg(path.join("error.log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut daemon = Daemon::spawn("nginx", &mut command)?;
        let listens = async || TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        daemon.await_start(&path.join("error.log"), listens).await?;
        Ok(Self { _daemon: daemon, leash, port, _folder: folder })
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.leash.release();
    }
}
