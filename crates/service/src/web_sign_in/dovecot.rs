//! Asks Dovecot whether a password is right, over its auth socket (the authentication protocol for clients, major
//! version 1, mechanism PLAIN). Whatever is not a clear yes or no is an error: nobody is let in by it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use mailcup_wire::{Address, Login};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{
        AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
        BufReader,
    },
    net::{TcpStream, UnixStream},
    sync::Semaphore,
};

use crate::config::PolicyAddress;

/// As which service Dovecot sees us, and says so to policy servers and in its log.
pub const SERVICE: &str = "mailcup-web";

/// For all of it: Dovecot answers a wrong password after two seconds by default.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest line that is read, in bytes; the protocol itself ends at 8,192.
const LONGEST_LINE: u64 = 8 * 1024;

/// Lines of a greeting at most: it names some mechanisms.
const GREETING: usize = 64;

/// Passwords that are checked at the same time.
const AT_ONCE: usize = 64;

/// Above every process id of Linux: Dovecot refuses a second client of the same number.
const CLIENT_IDS: std::ops::Range<u32> = 4_194_305..2_147_483_647;

/// What Dovecot says of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It opens this account, which may be written otherwise than it was typed.
    Right(Login),
    Wrong,
}

/// Dovecot gave no answer that means anything.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("Dovecot's auth socket can't be used: {0}")]
    Io(#[from] std::io::Error),
    #[error("Dovecot did not answer in time")]
    TimedOut,
    #[error("Dovecot can't check passwords at this moment")]
    Temporary,
    #[error("Dovecot's auth socket speaks otherwise than expected: {0}")]
    Protocol(&'static str),
}

/// Dovecot's auth socket.
#[derive(Debug)]
pub struct DovecotAuth {
    at: PolicyAddress,
    places: Semaphore,
}

impl DovecotAuth {
    pub fn new(at: PolicyAddress) -> Self {
        Self { at, places: Semaphore::new(AT_ONCE) }
    }

    /// Asks for a password of a client at `address`.
    pub async fn check(
        &self,
        login: &Login,
        password: &SecretString,
        address: Option<Address>,
    ) -> Result<Verdict, AskError> {
        let asking = async {
            // Never closed.
            let _place = self.places.acquire().await;
            match &self.at {
                PolicyAddress::Tcp(at) => ask(TcpStream::connect(at).await?, login, password, address).await,
                PolicyAddress::Unix(at) => {
                    ask(UnixStream::connect(at).await?, login, password, address).await
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.map_err(|_| AskError::TimedOut)?
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite,
    login: &Login,
    password: &SecretString,
    address: Option<Address>,
) -> Result<Verdict, AskError> {
    let (read, mut write) = tokio::io::split(stream);
    let mut read = std::pin::pin!(BufReader::new(read));
    let id = rand::random_range(CLIENT_IDS);
    write.write_all(format!("VERSION\t1\t1\nCPID\t{id}\n").as_bytes()).await?;
    greeted(&mut read).await?;
    write.write_all(request(login, password, address).expose_secret().as_bytes()).await?;
    answer(&line(&mut read).await?)
}

/// Reads the greeting to its end.
async fn greeted(read: &mut (impl AsyncBufRead + Unpin)) -> Result<(), AskError> {
    let (mut is_version, mut is_plain) = (false, false);
    for _ in 0..GREETING {
        let line = line(read).await?;
        let mut words = line.split('\t');
        match words.next() {
            Some("VERSION") => is_version = words.next() == Some("1"),
            Some("MECH") => is_plain |= words.next() == Some("PLAIN"),
            Some("DONE") if !is_version => return Err(AskError::Protocol("its major version is not 1")),
            Some("DONE") if !is_plain => return Err(AskError::Protocol("it lacks the mechanism PLAIN")),
            Some("DONE") => return Ok(()),
            _ => {}
        }
    }
    Err(AskError::Protocol("its greeting has no end"))
}

fn request(login: &Login, password: &SecretString, address: Option<Address>) -> SecretString {
    let plain = BASE64.encode(format!("\0{login}\0{}", password.expose_secret()));
    let rip = address.map(|address| format!("\trip={address}")).unwrap_or_default();
    // We slow guessing down ourselves, and a penalty would be that of all who come from there.
    format!("AUTH\t1\tPLAIN\tservice={SERVICE}\tsecured\tno-penalty{rip}\tresp={plain}\n").into()
}

fn answer(line: &str) -> Result<Verdict, AskError> {
    let mut words = line.split('\t');
    match (words.next(), words.next()) {
        (Some("OK"), Some("1")) => {
            let user = words.find_map(|word| word.strip_prefix("user="));
            let user = user.filter(|user| !user.is_empty() && !user.contains(char::is_control));
            let user = user.ok_or(AskError::Protocol("it does not say whose password was right"))?;
            Ok(Verdict::Right(Login(user.to_lowercase())))
        }
        (Some("FAIL"), Some("1")) => {
            if words.any(|word| word == "temp" || word == "code=temp_fail") {
                return Err(AskError::Temporary);
            }
            Ok(Verdict::Wrong)
        }
        _ => Err(AskError::Protocol("its answer is neither OK nor FAIL")),
    }
}

async fn line(read: &mut (impl AsyncBufRead + Unpin)) -> Result<String, AskError> {
    let mut bytes = Vec::new();
    read.take(LONGEST_LINE).read_until(b'\n', &mut bytes).await?;
    if bytes.pop() != Some(b'\n') {
        return Err(AskError::Protocol("a line has no end"));
    }
    String::from_utf8(bytes).map_err(|_| AskError::Protocol("a line is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &str = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\nCUID\t1\nCOOKIE\tabc\nDONE\n";

    /// What is made of a server that says this, and what it was asked.
    async fn say(text: &str) -> (Result<Verdict, AskError>, String) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (mut read, mut write) = tokio::io::split(theirs);
        write.write_all(text.as_bytes()).await.unwrap();
        write.shutdown().await.unwrap();
        let password = SecretString::from("secret\twith\nwords");
        let asked = ask(ours, &"anna@example.org".into(), &password, "203.0.113.7".parse().ok()).await;
        let mut heard = String::new();
        read.read_to_string(&mut heard).await.unwrap();
        (asked, heard)
    }

    #[tokio::test]
    async fn a_clear_yes_names_the_account_and_a_clear_no_is_wrong() {
        let (yes, heard) = say(&format!("{GREETING}OK\t1\tuser=Anna@example.org\tresp=\n")).await;
        assert_eq!(yes.unwrap(), Verdict::Right("anna@example.org".into()));
        let auth = heard.lines().last().unwrap();
        assert!(
            auth.starts_with(
                "AUTH\t1\tPLAIN\tservice=mailcup-web\tsecured\tno-penalty\trip=203.0.113.7\tresp="
            ),
            "{auth}"
        );
        assert_eq!(heard.lines().count(), 3, "a password adds no lines");
        let (no, _) = say(&format!("{GREETING}FAIL\t1\tuser=anna@example.org\n")).await;
        assert_eq!(no.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn whatever_is_not_clear_lets_nobody_in() {
        for unclear in [
            String::new(),
            "VERSION\t1\t2\n".to_owned(),
            "VERSION\t2\t0\nMECH\tPLAIN\nDONE\nOK\t1\tuser=a\n".to_owned(),
            "VERSION\t1\t2\nMECH\tLOGIN\nDONE\nOK\t1\tuser=a\n".to_owned(),
            format!("{GREETING}OK\t1\n"),
            format!("{GREETING}OK\t1\tuser=\n"),
            format!("{GREETING}OK\t1\tuser=a\u{1}t\n"),
            format!("{GREETING}OK\t2\tuser=a\n"),
            format!("{GREETING}CONT\t1\t\n"),
            format!("{GREETING}OK\t1\tuser=a"),
            format!("{GREETING}FAIL\t1\ttemp\n"),
            format!("{GREETING}FAIL\t1\tcode=temp_fail\n"),
            format!("{}OK\t1\tuser=a\n", "MECH\tPLAIN\n".repeat(200)),
            format!("{GREETING}OK\t1\tuser={}\n", "a".repeat(20_000)),
        ] {
            let (asked, _) = say(&unclear).await;
            assert!(asked.is_err(), "{unclear:?}: {asked:?}");
        }
    }
}
