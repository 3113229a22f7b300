//! How a mail leaves: through an SMTP relay, or into a Maildir on our own disk while there is no relay.

use std::{path::PathBuf, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    address::AddressError,
    message::{Mailbox, header::ContentType},
    transport::smtp::{self, authentication::Credentials as SmtpCredentials},
};
use mailcup_wire::{Code, Problem};
use secrecy::{ExposeSecret, SecretString};

use super::Mail;

/// How mail leaves, as configured.
#[derive(Debug, Clone)]
pub enum TransportConfig {
    /// Into the Maildir `folder`, which is made when it is missing.
    Local {
        folder: PathBuf,
    },
    Relay {
        host: String,
        port: u16,
        security: RelaySecurity,
        credentials: Option<Credentials>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelaySecurity {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, or nothing is sent.
    StartTls,
    /// In clear text.
    None,
}

#[derive(Debug, Clone)]
pub struct Credentials {
    pub username: String,
    pub password: SecretString,
}

/// A mail did not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{answer}")]
pub struct SendError {
    /// Whether the same mail would be refused again.
    pub permanent: bool,
    /// The relay's own words, or what went wrong on the way to it.
    pub answer: String,
}

/// A configured way out.
#[derive(Debug)]
pub enum Transport {
    Local { folder: PathBuf },
    Relay(Smtp),
}

type Smtp = AsyncSmtpTransport<Tokio1Executor>;

/// For the conversation's single steps: a relay that is slower is taken for down.
const STEP: Duration = Duration::from_secs(20);

impl Transport {
    pub fn new(config: &TransportConfig) -> Result<Self, SendError> {
        let (host, port, security, credentials) = match config {
            TransportConfig::Local { folder } => return Ok(Self::Local { folder: folder.clone() }),
            TransportConfig::Relay { host, port, security, credentials } => {
                (host, *port, *security, credentials)
            }
        };
        let mut builder = match security {
            RelaySecurity::Tls => Smtp::relay(host).map_err(SendError::from)?,
            RelaySecurity::StartTls => Smtp::starttls_relay(host).map_err(SendError::from)?,
            RelaySecurity::None => Smtp::builder_dangerous(host),
        };
        builder = builder.port(port).timeout(Some(STEP));
        if let Some(Credentials { username, password }) = credentials {
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(SmtpCredentials::new(username.clone(), password));
        }
        Ok(Self::Relay(builder.build()))
    }

    /// Sends one mail; `id` makes its Message-ID, so that a mail sent twice can be told for one.
    /// Answers what the relay said.
    pub async fn send(&self, from: &str, id: &str, mail: &Mail) -> Result<String, SendError> {
        let message = compose(from, id, mail)?;
        match self {
            Self::Local { folder } => {
                let (folder, bytes) = (folder.clone(), message.formatted());
                let stored = tokio::task::spawn_blocking(move || store(&folder, &bytes)).await;
                stored.map_err(|error| SendError { permanent: false, answer: error.to_string() })?
            }
            Self::Relay(smtp) => {
                let response = smtp.send(message).await?;
                Ok(format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" ")))
            }
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        Self::new(Code::MailFailed, error.answer)
    }
}

impl From<smtp::Error> for SendError {
    fn from(error: smtp::Error) -> Self {
        let mut answer = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(next) = cause {
            let text = next.to_string();
            if !answer.contains(&text) {
                answer = format!("{answer}: {text}");
            }
            cause = next.source();
        }
        Self { permanent: error.is_permanent(), answer }
    }
}

fn compose(from: &str, id: &str, mail: &Mail) -> Result<Message, SendError> {
    let mailbox = |address: &str| -> Result<Mailbox, SendError> {
        address.parse().map_err(|error: AddressError| SendError {
            permanent: true,
            answer: format!("“{address}” is not an e-mail address: {error}"),
        })
    };
    let domain = from.rsplit('@').next().unwrap_or("localhost").trim_end_matches('>');
    Message::builder()
        .from(mailbox(from)?)
        .to(mailbox(&mail.to)?)
        .subject(mail.subject.clone())
        .message_id(Some(format!("<{id}@{domain}>")))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.body.clone())
        .map_err(|error| SendError { permanent: true, answer: error.to_string() })
}

/// RFC 3834: no vacation notice shall answer our mails.
#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn store(folder: &std::path::Path, bytes: &[u8]) -> Result<String, SendError> {
    let failed = |what: &dyn std::fmt::Display| SendError {
        permanent: false,
        answer: format!("the outbox folder {} can't be written: {what}", folder.display()),
    };
    let maildir = maildir::Maildir::from(folder.to_path_buf());
    maildir.create_dirs().map_err(|error| failed(&error))?;
    let name = maildir.store_new(bytes).map_err(|error| failed(&error))?;
    Ok(format!("stored as {}", folder.join("new").join(name).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str) -> Mail {
        Mail { to: to.into(), subject: "Grüße".into(), body: "Zeile 1\n.\nZeile 3\n".into() }
    }

    #[tokio::test]
    async fn without_a_relay_mail_lies_in_a_maildir() {
        let folder = tempfile::tempdir().unwrap();
        let config = TransportConfig::Local { folder: folder.path().join("outbox") };
        let transport = Transport::new(&config).unwrap();
        let answer = transport.send("mailcup@example.org", "m1", &mail("anna@example.net")).await.unwrap();
        assert!(answer.starts_with("stored as "), "{answer}");
        let files: Vec<_> = std::fs::read_dir(folder.path().join("outbox/new")).unwrap().collect();
        let [Ok(file)] = &files[..] else { panic!("{files:?}") };
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains("Message-ID: <m1@example.org>"), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated"), "{text}");
        assert!(text.contains("To: anna@example.net"), "{text}");
    }

    #[tokio::test]
    async fn what_is_no_address_is_refused_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let transport = Transport::new(&TransportConfig::Local { folder: folder.path().into() }).unwrap();
        for to in ["anna", "a@b\r\nBcc: c@d", ""] {
            let error = transport.send("mailcup@example.org", "m1", &mail(to)).await.unwrap_err();
            assert!(error.permanent, "{to:?}");
        }
    }

    #[tokio::test]
    async fn a_relay_that_is_down_is_named_and_may_come_back() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = TransportConfig::Relay {
            host: "127.0.0.1".into(),
            port: closed.port(),
            security: RelaySecurity::None,
            credentials: None,
        };
        let transport = Transport::new(&config).unwrap();
        let error = transport.send("mailcup@example.org", "m1", &mail("anna@example.net")).await.unwrap_err();
        assert!(!error.permanent);
        assert!(error.answer.contains("refused"), "{}", error.answer);
    }
}
