use super::{Answer, Source, quoted, sasl_plain, stream::LineStream};
use crate::{LabError, mail_servers::MailPorts};

/// `ManageSieve` (RFC 5804), as far as signing in goes.
#[derive(Debug)]
pub struct SieveClient {
    stream: LineStream,
}

impl SieveClient {
    pub async fn connect(ports: &MailPorts, source: Source) -> Result<Self, LabError> {
        let mut client = Self { stream: LineStream::connect(ports.sieve, source).await? };
        let greeting = client.answer().await?;
        if greeting.accepted {
            Ok(client)
        } else {
            Err(LabError::unexpected("the connection", greeting.line))
        }
    }

    pub async fn login(&mut self, login: &str, password: &str) -> Result<Answer, LabError> {
        self.stream.send(&format!("AUTHENTICATE \"PLAIN\" {}", quoted(&sasl_plain(login, password)))).await?;
        self.answer().await
    }

    pub async fn logout(&mut self) -> Result<(), LabError> {
        self.stream.send("LOGOUT").await?;
        self.answer().await.map(drop)
    }

    /// The line that ends an answer; capabilities before it are skipped.
    async fn answer(&mut self) -> Result<Answer, LabError> {
        loop {
            let line = self.stream.line().await?;
            let accepted = line.starts_with("OK");
            if accepted || line.starts_with("NO") || line.starts_with("BYE") {
                return Ok(Answer { accepted, line });
            }
        }
    }
}
