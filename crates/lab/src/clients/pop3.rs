use super::{Answer, Source, stream::LineStream};
use crate::{LabError, mail_servers::MailPorts};

/// POP3 (RFC 1939), as far as signing in goes.
#[derive(Debug)]
pub struct Pop3Client {
    stream: LineStream,
}

impl Pop3Client {
    pub async fn connect(ports: &MailPorts, source: Source) -> Result<Self, LabError> {
        let mut stream = LineStream::connect(ports.pop3, source).await?;
        let greeting = stream.line().await?;
        if !greeting.starts_with("+OK") {
            return Err(LabError::unexpected("the connection", greeting));
        }
        Ok(Self { stream })
    }

    pub async fn login(&mut self, login: &str, password: &str) -> Result<Answer, LabError> {
        let user = self.ask(&format!("USER {login}")).await?;
        if user.accepted { self.ask(&format!("PASS {password}")).await } else { Ok(user) }
    }

    /// How many messages the mailbox holds.
    pub async fn message_count(&mut self) -> Result<u32, LabError> {
        let answer = self.ask("STAT").await?;
        let count = answer.line.split(' ').nth(1).and_then(|count| count.parse().ok());
        count.filter(|_| answer.accepted).ok_or_else(|| LabError::unexpected("STAT", answer.line))
    }

    pub async fn quit(&mut self) -> Result<(), LabError> {
        self.ask("QUIT").await.map(drop)
    }

    async fn ask(&mut self, command: &str) -> Result<Answer, LabError> {
        self.stream.send(command).await?;
        let line = self.stream.line().await?;
        Ok(Answer { accepted: line.starts_with("+OK"), line })
    }
}
