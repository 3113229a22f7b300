//! A real Roundcube, run by PHP's own `FastCGI` server, with a database of its own.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::{
    LabError,
    error::Doing as _,
    mail_servers::{MailPorts, WEBMAIL},
    process::{Daemon, Leash},
};

/// Where systems keep it: Debian, Fedora, Arch.
const INSTALLED: [&str; 3] =
    ["/usr/share/roundcube", "/usr/share/roundcubemail", "/usr/share/webapps/roundcubemail"];

/// What a request to Roundcube has to say to PHP, besides where Roundcube is and what the proxy adds.
const PARAMETERS: &str = "\
fastcgi_param QUERY_STRING $query_string;
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param CONTENT_TYPE $content_type;
fastcgi_param CONTENT_LENGTH $content_length;
fastcgi_param SCRIPT_NAME /index.php;
fastcgi_param REQUEST_URI $request_uri;
fastcgi_param SERVER_PROTOCOL $server_protocol;
fastcgi_param REMOTE_ADDR $remote_addr;
fastcgi_param SERVER_NAME $host;
fastcgi_param SERVER_PORT $server_port;
";

/// A running Roundcube; dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct Roundcube {
    _daemon: Daemon,
    leash: Leash,
    folder: TempDir,
    installed: &'static str,
}

impl Roundcube {
    /// Starts it with a plugin, given its folder, before the mail servers that listen there.
    pub async fn start(ports: &MailPorts, plugin: &Path) -> Result<Self, LabError> {
        let installed = INSTALLED.into_iter().find(|path| Path::new(path).join("index.php").exists());
        let installed = installed.ok_or_else(|| LabError::Unsuitable("Roundcube is not installed".into()))?;
        let folder = tempfile::Builder::new()
            .prefix("mailcup-roundcube-")
            .tempdir()
            .doing(|| "creating a folder for Roundcube".into())?;
        write(folder.path(), installed, ports, plugin).doing(|| "writing Roundcube's files".into())?;
        create_database(folder.path(), installed)?;
        let at = folder.path();
        let leash = Leash::new(&format!("cat '{}/pid'", at.display()), Some(at))?;
        let mut command = Command::new(php_fpm()?);
        command.args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"]);
        command.arg(at.join("fpm.conf")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut daemon = Daemon::spawn("PHP's FastCGI server", &mut command)?;
        let socket = at.join("socket");
        daemon.await_start(&at.join("fpm.log"), async || UnixStream::connect(&socket).await.is_ok()).await?;
        Ok(Self { _daemon: daemon, leash, folder, installed })
    }

    /// What nginx does in a location that Roundcube answers.
    pub fn location(&self) -> String {
        format!(
            "fastcgi_pass unix:{}/socket;\n{PARAMETERS}fastcgi_param SCRIPT_FILENAME {}/index.php;\n",
            self.folder.path().display(),
            self.installed
        )
    }

    /// What nginx does in the locations of scripts, styles and images.
    pub fn root(&self) -> String {
        format!("root {};", self.installed)
    }

    /// The last that Roundcube and PHP logged.
    pub fn log(&self) -> String {
        let at = self.folder.path();
        let logs = ["logs/errors.log", "fpm.log"];
        logs.map(|name| fs::read_to_string(at.join(name)).unwrap_or_default()).concat()
    }
}

impl Drop for Roundcube {
    fn drop(&mut self) {
        self.leash.release();
    }
}

fn write(at: &Path, installed: &str, ports: &MailPorts, plugin: &Path) -> std::io::Result<()> {
    for name in ["config", "plugins", "logs", "temp"] {
        fs::create_dir(at.join(name))?;
    }
    for name in ["program", "skins", "SQL"] {
        symlink(Path::new(installed).join(name), at.join(name))?;
    }
    for own in fs::read_dir(Path::new(installed).join("plugins"))? {
        let own = own?;
        symlink(own.path(), at.join("plugins").join(own.file_name()))?;
    }
    let name = plugin.file_name().unwrap_or_default();
    symlink(plugin, at.join("plugins").join(name))?;
    let here = at.display();
    let configuration = format!(
        "<?php
$config['db_dsnw'] = 'sqlite:///{here}/database?mode=0600';
$config['imap_host'] = '127.0.0.1:{imap}';
$config['imap_conn_options'] = ['socket' => ['bindto' => '{WEBMAIL}:0']];
$config['smtp_host'] = '127.0.0.1:{submission}';
$config['des_key'] = '0123456789abcdef01234567';
$config['plugins'] = ['{plugin}'];
$config['log_dir'] = '{here}/logs/';
$config['temp_dir'] = '{here}/temp/';
$config['language'] = 'en_US';
",
        imap = ports.imap.direct,
        submission = ports.submission.direct,
        plugin = name.display(),
    );
    fs::write(at.join("config/config.inc.php"), configuration)?;
    fs::copy(defaults(installed), at.join("config/defaults.inc.php"))?;
    let place = format!(
        "<?php
define('INSTALL_PATH', '{here}/');
define('RCMAIL_CONFIG_DIR', '{here}/config');
define('RCUBE_PLUGINS_DIR', '{here}/plugins/');
"
    );
    fs::write(at.join("place.php"), place)?;
    let server = format!(
        "[global]
pid = {here}/pid
error_log = {here}/fpm.log
[roundcube]
user = root
group = root
listen = {here}/socket
pm = static
pm.max_children = 2
catch_workers_output = yes
php_value[auto_prepend_file] = {here}/place.php
php_value[session.save_path] = {here}/temp
"
    );
    fs::write(at.join("fpm.conf"), server)
}

/// Debian keeps the defaults with the system's configuration.
fn defaults(installed: &str) -> PathBuf {
    let debian = PathBuf::from("/etc/roundcube/defaults.inc.php");
    if debian.exists() { debian } else { Path::new(installed).join("config/defaults.inc.php") }
}

fn create_database(at: &Path, installed: &str) -> Result<(), LabError> {
    let schema = Path::new(installed).join("SQL/sqlite.initial.sql");
    let script = "$to = new PDO('sqlite:' . $argv[1]); $to->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION); \
                  $to->exec(file_get_contents($argv[2]));";
    let done = Command::new("php")
        .args(["-r", script, "--"])
        .arg(at.join("database"))
        .arg(schema)
        .output()
        .doing(|| "creating Roundcube's database".into())?;
    if done.status.success() {
        return Ok(());
    }
    Err(LabError::Ended {
        program: "php".into(),
        status: done.status.to_string(),
        evidence: String::from_utf8_lossy(&done.stderr).into_owned(),
    })
}

/// Debian names it after PHP's version.
fn php_fpm() -> Result<PathBuf, LabError> {
    let programs = fs::read_dir("/usr/sbin").doing(|| "looking for PHP's FastCGI server".into())?;
    let mut found: Vec<PathBuf> = programs
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("php-fpm")))
        .collect();
    found.sort();
    found.pop().ok_or_else(|| LabError::Unsuitable("PHP's FastCGI server (php-fpm) is not installed".into()))
}
