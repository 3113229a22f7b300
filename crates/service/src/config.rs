//! The service's configuration: defaults, then one TOML file, then `MAILCUP_SECTION_KEY` variables, then the
//! command line. What can be changed while the service runs (mail relay, thresholds, retention) is not here
//! but in its database.

mod backup;
mod captcha;
mod doveadm;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use mailcup_wire::{Address, Network};
use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

pub use self::{
    backup::BackupConfig,
    captcha::{CaptchaConfig, Provider},
    doveadm::DoveadmConfig,
};
use self::{backup::BackupSection, captcha::CaptchaSection, doveadm::DoveadmSection};
use crate::{
    cli::{Place, Serve},
    places::PlacesFiles,
};

/// All that is decided before the service starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub data_dir: PathBuf,
    pub http: SocketAddr,
    pub public: SocketAddr,
    pub postfix_policy: PolicyAddress,
    /// How the world sees the public listener. Links in mails are built from it, never from a request.
    pub public_url: Option<Url>,
    /// Names under which requests may ask for the private listener, beside IP addresses and `localhost`.
    pub allowed_hosts: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Whether a sign-in without a device's key gives a session, whose token alone then opens everything.
    pub sessions_without_key: bool,
    pub tls: Option<TlsFiles>,
    /// Where Dovecot checks passwords of those who sign in on the web.
    pub dovecot_auth_socket: Option<PolicyAddress>,
    /// From where webmails ask the mail server: for accounts alone that are signed in on the web.
    pub webmails: Vec<Network>,
    /// A captcha of somebody else's.
    pub captcha: Option<CaptchaConfig>,
    /// Where Dovecot is told to end sessions.
    pub doveadm: Option<DoveadmConfig>,
    /// The admin's own data of places.
    pub places: PlacesFiles,
    /// The admin's own rules that tell programs apart.
    pub client_rules: Option<PathBuf>,
    /// Where snapshots go; none makes none.
    pub backup: Option<BackupConfig>,
    pub log: LogFormat,
    /// A `tracing` filter such as `info` or `mailcup_service=debug`.
    pub log_filter: String,
}

/// PEM files: the certificate with its chain, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Where a mail server asks us, or we it: an address and port, or a unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

/// The configuration can't be used. Says where and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("can't read the configuration file {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}, line {line}: {message}")]
    File { path: PathBuf, line: usize, message: String },
    #[error("environment variable {name}: {message}")]
    Variable { name: String, message: String },
    #[error("{0}")]
    Conflict(String),
}

/// Every key that there is: section, key, and whether it is a list (separated by commas in a variable).
const KEYS: [(&str, &str, bool); 37] = [
    ("service", "data_dir", false),
    ("http", "listen", false),
    ("http", "allowed_hosts", true),
    ("http", "trusted_proxies", true),
    ("http", "sessions_without_key", false),
    ("public", "listen", false),
    ("public", "url", false),
    ("postfix_policy", "listen", false),
    ("tls", "certificate", false),
    ("tls", "key", false),
    ("web_sign_in", "dovecot_auth_socket", false),
    ("web_sign_in", "webmails", true),
    ("captcha", "provider", false),
    ("captcha", "site_key", false),
    ("captcha", "secret_file", false),
    ("captcha", "min_score", false),
    ("captcha", "verify_url", false),
    ("doveadm", "urls", true),
    ("doveadm", "key_file", false),
    ("places", "country", false),
    ("places", "networks", false),
    ("places", "tor", false),
    ("places", "vpn", false),
    ("places", "hosting", false),
    ("clients", "rules", false),
    ("backup", "repository", false),
    ("backup", "mail", false),
    ("backup", "keep_daily", false),
    ("backup", "keep_weekly", false),
    ("backup", "keep_monthly", false),
    ("backup", "keep_yearly", false),
    ("backup", "time", false),
    ("backup", "data_read_days", false),
    ("backup", "drill_days", false),
    ("backup", "deletion_percent", false),
    ("log", "format", false),
    ("log", "filter", false),
];

impl Config {
    /// Reads all sources. `variables` are those of the process's environment.
    pub fn read(
        serve: &Serve,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let variables: Vec<_> = variables.into_iter().collect();
        let mut table = file_table(&serve.place)?;
        for (name, value) in variables.iter().filter(|(name, _)| name.starts_with("MAILCUP_")) {
            if let Some((section, key, value)) = variable(name, value)? {
                let entry = table.entry(section).or_insert_with(|| toml::Table::new().into());
                if let Some(section) = entry.as_table_mut() {
                    section.insert(key.to_owned(), value);
                }
            }
        }
        let file: File = toml::Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError::Conflict(error.message().to_owned()))?;
        let environment = |name: &str| {
            variables.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
        };
        file.with(serve, default_data_dir(environment))
    }

    /// Whether what this address says of the client behind it is believed.
    pub fn trusts(&self, proxy: Address) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(proxy))
    }
}

impl FromStr for PolicyAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err("a path must follow unix:, for example unix:/run/mailcup/policy".to_owned());
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!("“{text}” is neither an address with a port such as 127.0.0.1:10480 nor unix:PATH")
        })
    }
}

impl fmt::Display for PolicyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The file as it is written. Every key may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    service: ServiceSection,
    http: HttpSection,
    public: PublicSection,
    postfix_policy: PostfixSection,
    tls: TlsSection,
    web_sign_in: WebSignInSection,
    captcha: CaptchaSection,
    doveadm: DoveadmSection,
    places: PlacesSection,
    clients: ClientsSection,
    backup: BackupSection,
    log: LogSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ServiceSection {
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HttpSection {
    #[serde(deserialize_with = "listen")]
    listen: Option<SocketAddr>,
    allowed_hosts: Vec<HostName>,
    trusted_proxies: Vec<Network>,
    #[serde(deserialize_with = "yes_or_no")]
    sessions_without_key: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PublicSection {
    #[serde(deserialize_with = "listen")]
    listen: Option<SocketAddr>,
    url: Option<PublicUrl>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PostfixSection {
    #[serde(deserialize_with = "policy_address")]
    listen: Option<PolicyAddress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TlsSection {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WebSignInSection {
    #[serde(deserialize_with = "policy_address")]
    dovecot_auth_socket: Option<PolicyAddress>,
    webmails: Vec<Network>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PlacesSection {
    country: Option<PathBuf>,
    networks: Option<PathBuf>,
    tor: Option<PathBuf>,
    vpn: Option<PathBuf>,
    hosting: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClientsSection {
    rules: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LogSection {
    format: Option<LogFormat>,
    filter: Option<String>,
}

#[derive(Debug)]
struct HostName(String);

#[derive(Debug)]
struct PublicUrl(Url);

impl File {
    fn with(self, serve: &Serve, default_data_dir: PathBuf) -> Result<Config, ConfigError> {
        let tls = match (self.tls.certificate, self.tls.key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => {
                return Err(ConfigError::Conflict(
                    "tls needs both certificate and key, or neither of them".to_owned(),
                ));
            }
        };
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Config {
            data_dir: serve.place.data_dir.clone().or(self.service.data_dir).unwrap_or(default_data_dir),
            http: serve.http.or(self.http.listen).unwrap_or_else(|| local(8480)),
            public: serve.public.or(self.public.listen).unwrap_or_else(|| local(8481)),
            postfix_policy: serve
                .postfix_policy
                .clone()
                .or(self.postfix_policy.listen)
                .unwrap_or_else(|| PolicyAddress::Tcp(local(10480))),
            public_url: self.public.url.map(|url| url.0),
            allowed_hosts: self.http.allowed_hosts.into_iter().map(|host| host.0).collect(),
            trusted_proxies: self.http.trusted_proxies,
            sessions_without_key: self.http.sessions_without_key,
            tls,
            dovecot_auth_socket: self.web_sign_in.dovecot_auth_socket,
            webmails: self.web_sign_in.webmails,
            captcha: self.captcha.checked()?,
            doveadm: self.doveadm.checked()?,
            places: PlacesFiles {
                country: self.places.country,
                networks: self.places.networks,
                tor: self.places.tor,
                vpn: self.places.vpn,
                hosting: self.places.hosting,
            },
            client_rules: self.clients.rules,
            backup: self.backup.checked()?,
            log: self.log.format.unwrap_or(LogFormat::Text),
            log_filter: self.log.filter.unwrap_or_else(|| "info".to_owned()),
        })
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if text.is_empty() || !text.chars().all(plain) {
            return Err(D::Error::custom(format!(
                "“{text}” is not a host name; write it without scheme and port, like mail.example.org"
            )));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(Self(url)),
            _ => Err(D::Error::custom(format!(
                "“{text}” is not a web address; write it like https://login.example.org"
            ))),
        }
    }
}

/// An address whose answers nobody on the way reads or changes: by TLS, or on this machine.
fn secure_url(text: &str) -> Option<Url> {
    let is_local =
        |url: &Url| url.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "[::1]" | "localhost"));
    let url = Url::parse(text).ok()?;
    (url.scheme() == "https" || (url.scheme() == "http" && is_local(&url))).then_some(url)
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|_| {
        D::Error::custom(format!(
            "“{text}” is not an address with a port; write it like 127.0.0.1:8480 or [::1]:8480"
        ))
    })
}

/// A variable holds text where a file holds a boolean.
fn yes_or_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match toml::Value::deserialize(deserializer)? {
        toml::Value::Boolean(answer) => Ok(answer),
        toml::Value::String(text) if text == "true" => Ok(true),
        toml::Value::String(text) if text == "false" => Ok(false),
        other => Err(D::Error::custom(format!("{other} is neither true nor false"))),
    }
}

fn policy_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PolicyAddress>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

/// The file's table, checked for itself so that an error names its line.
fn file_table(place: &Place) -> Result<toml::Table, ConfigError> {
    let Some(path) = &place.config else { return Ok(toml::Table::new()) };
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
    toml::from_str::<File>(&text).map_err(|error| wrong_line(path, &text, &error))?;
    toml::from_str(&text).map_err(|error| wrong_line(path, &text, &error))
}

fn wrong_line(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.get(..start).map_or(1, |before| before.split('\n').count());
    ConfigError::File { path: path.to_owned(), line, message: error.message().to_owned() }
}

/// What a variable sets; none for a variable that is not about the configuration.
fn variable(
    name: &str,
    value: &str,
) -> Result<Option<(&'static str, &'static str, toml::Value)>, ConfigError> {
    let wrong = |message: String| ConfigError::Variable { name: name.to_owned(), message };
    let as_variable = |section: &str, key: &str| format!("MAILCUP_{section}_{key}").to_ascii_uppercase();
    let Some((section, key, list)) =
        KEYS.into_iter().find(|(section, key, _)| as_variable(section, key) == name)
    else {
        let sections = KEYS.map(|(section, ..)| as_variable(section, ""));
        if sections.iter().any(|section| name.starts_with(section)) {
            let known = KEYS.map(|(section, key, _)| as_variable(section, key)).join(", ");
            return Err(wrong(format!("there is no such key; there are {known}")));
        }
        return Ok(None);
    };
    let value: toml::Value = if list {
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect::<Vec<_>>().into()
    } else {
        value.into()
    };
    let alone = toml::Table::from_iter([(
        section.to_owned(),
        toml::Table::from_iter([(key.to_owned(), value.clone())]).into(),
    )]);
    File::deserialize(toml::Value::Table(alone)).map_err(|error| wrong(error.message().to_owned()))?;
    Ok(Some((section, key, value)))
}

/// systemd's state folder, the one that a package made, or the user's own.
fn default_data_dir<'a>(environment: impl Fn(&str) -> Option<&'a String>) -> PathBuf {
    const SYSTEM: &str = "/var/lib/mailcup";
    if let Some(folder) = environment("STATE_DIRECTORY") {
        return PathBuf::from(folder);
    }
    if Path::new(SYSTEM).is_dir() {
        return PathBuf::from(SYSTEM);
    }
    match (environment("XDG_DATA_HOME"), environment("HOME")) {
        (Some(folder), _) => Path::new(folder).join("mailcup"),
        (None, Some(home)) => Path::new(home).join(".local/share/mailcup"),
        (None, None) => PathBuf::from(SYSTEM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mailcup.toml");
        std::fs::write(&path, text).unwrap();
        let serve =
            Serve { place: Place { config: Some(path), data_dir: Some("d".into()) }, ..Serve::default() };
        let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Config::read(&serve, variables)
            .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), ""))
    }

    #[test]
    fn a_variable_stands_above_the_file() {
        let text = "[http]\nlisten = \"127.0.0.1:1\"\n\n[log]\nformat = \"json\"\n";
        let config = read(
            text,
            &[
                ("MAILCUP_HTTP_LISTEN", "127.0.0.1:2"),
                ("MAILCUP_HTTP_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
                ("MAILCUP_HTTP_SESSIONS_WITHOUT_KEY", "true"),
                ("MAILCUP_LAB", "is something else"),
            ],
        )
        .unwrap();
        assert_eq!(config.http.port(), 2);
        assert_eq!(config.log, LogFormat::Json);
        assert_eq!(config.trusted_proxies.len(), 2);
        assert!(config.sessions_without_key);
        assert_eq!(config.postfix_policy.to_string(), "127.0.0.1:10480");
    }

    #[test]
    fn a_wrong_key_or_value_is_refused_with_its_line() {
        for (text, parts) in [
            ("[http]\n\nlisen = \"127.0.0.1:1\"\n", ["line 3", "unknown field `lisen`, expected"]),
            ("[http]\nlisten = \"localhost\"\n", ["line 2", "write it like 127.0.0.1:8480"]),
            ("[http]\ntrusted_proxies = [\"10.0.0.0/33\"]\n", ["line 2", "203.0.113.0/24"]),
            ("[http]\nsessions_without_key = \"maybe\"\n", ["line 2", "neither true nor false"]),
            ("[postfix_policy]\nlisten = \"unix:\"\n", ["line 2", "a path must follow unix:"]),
            ("\n[log]\nformat = \"xml\"\n", ["line 3", "expected `text` or `json`"]),
            ("[captcha]\nprovider = \"friendly\"\n", ["line 2", "expected one of `recaptcha_v2`"]),
            ("[captcha]\nprovider = \"turnstile\"\n", ["captcha needs both", "site_key"]),
            ("[captcha]\nmin_score = 7\n", ["line 2", "from 0.0 (a machine)"]),
            ("[captcha]\nverify_url = \"http://example.org/\"\n", ["line 2", "https://"]),
            ("[backup]\nrepositry = \"/b\"\n", ["line 2", "unknown field `repositry`, expected"]),
            ("[backup]\nrepository = \"b\"\n", ["line 2", "like /var/backups/mailcup"]),
            ("[backup]\nmail = \"/v/{name}\"\n", ["line 2", "“{name}” is no placeholder"]),
            ("[backup]\nkeep_daily = -1\n", ["line 2", "from 0 to 10000"]),
            ("[backup]\nkeep_daily = 7\n", ["backup needs a repository", "/var/backups/mailcup"]),
            ("[tls]\nkey = \"k.pem\"\n", ["tls needs both", "certificate"]),
            ("[http\n", ["line 1", "unclosed table"]),
        ] {
            let error = read(text, &[]).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
        }
    }

    #[test]
    fn a_backup_needs_a_repository_and_keeps_by_rules() {
        assert_eq!(read("", &[]).unwrap().backup, None);
        let text = "[backup]\nrepository = \"/b\"\nmail = \"/v/{domain}/{user}\"\nkeep_daily = 7\n";
        let backup = read(text, &[("MAILCUP_BACKUP_KEEP_WEEKLY", "0")]).unwrap().backup.unwrap();
        assert_eq!(backup.repository, Path::new("/b"));
        assert_eq!(backup.mail.unwrap().root(), Path::new("/v"));
        assert_eq!((backup.keep.daily, backup.keep.weekly, backup.keep.monthly), (7, 0, 12));
    }

    #[test]
    fn a_wrong_variable_is_refused_by_name() {
        let wrong = |name: &str, value: &str| read("", &[(name, value)]).unwrap_err();
        assert!(
            wrong("MAILCUP_HTTP_LISTEN", "8480")
                .starts_with("environment variable MAILCUP_HTTP_LISTEN: “8480”")
        );
        assert!(wrong("MAILCUP_HTTP_LISEN", "127.0.0.1:1").contains("MAILCUP_HTTP_LISTEN"));
    }
}
