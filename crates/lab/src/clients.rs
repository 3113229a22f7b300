//! Real mail clients: each speaks its protocol to a real server and keeps the server's exact answer.

mod imap;
mod pop3;
mod sieve;
mod smtp;
mod stream;

use std::net::{IpAddr, Ipv4Addr};

pub use imap::ImapClient;
pub use pop3::Pop3Client;
pub use sieve::SieveClient;
pub use smtp::{Mechanism, OutgoingMessage, SmtpClient, Submitted};

use crate::{LabError, mail_servers::MailPorts};

/// Where a client comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// An address of this machine's loopback network, bound before connecting.
    Loopback(Ipv4Addr),
    /// Any address of the world, stated in a PROXY protocol header.
    World(IpAddr),
}

impl Source {
    pub fn address(self) -> IpAddr {
        match self {
            Self::Loopback(address) => address.into(),
            Self::World(address) => address,
        }
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) if v4.is_loopback() => Self::Loopback(v4),
            other => Self::World(other),
        }
    }
}

impl std::str::FromStr for Source {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<IpAddr>().map(Self::from)
    }
}

/// How a mail client signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailProtocol {
    Imap,
    Pop3,
    Submission,
    Sieve,
}

/// What a server said to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub accepted: bool,
    /// Without the line end; several lines of one answer are joined by a newline.
    pub line: String,
}

/// Connects, signs in once and disconnects.
pub async fn sign_in(
    ports: &MailPorts,
    protocol: MailProtocol,
    source: Source,
    login: &str,
    password: &str,
) -> Result<Answer, LabError> {
    match protocol {
        MailProtocol::Imap => {
            let mut client = ImapClient::connect(ports, source).await?;
            let answer = client.login(login, password).await?;
            client.logout().await?;
            Ok(answer)
        }
        MailProtocol::Pop3 => {
            let mut client = Pop3Client::connect(ports, source).await?;
            let answer = client.login(login, password).await?;
            client.quit().await?;
            Ok(answer)
        }
        MailProtocol::Submission => {
            let mut client = SmtpClient::connect(ports, source).await?;
            let answer = client.login(Mechanism::Plain, login, password).await?;
            client.quit().await?;
            Ok(answer)
        }
        MailProtocol::Sieve => {
            let mut client = SieveClient::connect(ports, source).await?;
            let answer = client.login(login, password).await?;
            client.logout().await?;
            Ok(answer)
        }
    }
}

/// SASL PLAIN (RFC 4616) in base64.
fn sasl_plain(login: &str, password: &str) -> String {
    base64(&format!("\0{login}\0{password}"))
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A quoted string of IMAP and `ManageSieve`.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
