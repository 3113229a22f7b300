use std::time::Duration;

use super::{Answer, Source, quoted, stream::LineStream};
use crate::{LabError, mail_servers::MailPorts, wait};

/// `IMAP4rev1` (RFC 3501), as far as signing in and reading mail go.
#[derive(Debug)]
pub struct ImapClient {
    stream: LineStream,
    tag: u32,
}

impl ImapClient {
    pub async fn connect(ports: &MailPorts, source: Source) -> Result<Self, LabError> {
        let mut stream = LineStream::connect(ports.imap, source).await?;
        let greeting = stream.line().await?;
        if !greeting.starts_with("* OK") {
            return Err(LabError::unexpected("the connection", greeting));
        }
        Ok(Self { stream, tag: 0 })
    }

    /// Says which program this is (RFC 2971), before signing in.
    pub async fn identify(&mut self, fields: &[(&str, &str)]) -> Result<(), LabError> {
        let list: Vec<String> = fields.iter().map(|(k, v)| format!("{} {}", quoted(k), quoted(v))).collect();
        self.must("ID", &format!("ID ({})", list.join(" "))).await.map(drop)
    }

    pub async fn login(&mut self, login: &str, password: &str) -> Result<Answer, LabError> {
        let (answer, _) = self.ask(&format!("LOGIN {} {}", quoted(login), quoted(password))).await?;
        Ok(answer)
    }

    /// How many messages INBOX holds.
    pub async fn message_count(&mut self) -> Result<u32, LabError> {
        let lines = self.must("SELECT", "SELECT INBOX").await?;
        let exists =
            lines.iter().find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS")?.parse().ok());
        exists.ok_or_else(|| LabError::unexpected("SELECT", lines.join("\n")))
    }

    /// The whole text of the newest message in INBOX.
    pub async fn newest_message(&mut self) -> Result<Option<String>, LabError> {
        if self.message_count().await? == 0 {
            return Ok(None);
        }
        let lines = self.must("FETCH", "FETCH * BODY.PEEK[]").await?;
        Ok(lines.into_iter().find_map(|line| line.strip_prefix(LITERAL).map(str::to_owned)))
    }

    /// Waits until the newest message of INBOX is one that is wanted, and gives its whole text.
    pub async fn await_message(
        &mut self,
        deadline: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, LabError> {
        wait::until("no such message arrived", deadline, async || match self.newest_message().await {
            Ok(message) => message.filter(|text| wanted(text)).map(Ok),
            Err(error) => Some(Err(error)),
        })
        .await?
    }

    /// Waits until the server ends the session by itself.
    pub async fn await_end(&mut self, deadline: Duration) -> Result<(), LabError> {
        let end = async {
            loop {
                match self.stream.line().await {
                    Ok(line) if line.starts_with("* BYE") => return,
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        };
        tokio::time::timeout(deadline, end)
            .await
            .map_err(|_| LabError::unexpected("the session", "it goes on".to_owned()))
    }

    pub async fn logout(&mut self) -> Result<(), LabError> {
        self.must("LOGOUT", "LOGOUT").await.map(drop)
    }

    async fn must(&mut self, name: &str, command: &str) -> Result<Vec<String>, LabError> {
        let (answer, lines) = self.ask(command).await?;
        if answer.accepted { Ok(lines) } else { Err(LabError::unexpected(name, answer.line)) }
    }

    /// The tagged answer and the untagged lines before it; a literal becomes a line of its own, marked.
    async fn ask(&mut self, command: &str) -> Result<(Answer, Vec<String>), LabError> {
        self.tag += 1;
        let tag = format!("a{} ", self.tag);
        self.stream.send(&format!("{tag}{command}")).await?;
        let mut lines = Vec::new();
        loop {
            let line = self.stream.line().await?;
            if let Some(rest) = line.strip_prefix(&tag) {
                return Ok((Answer { accepted: rest.starts_with("OK"), line }, lines));
            }
            let literal = literal_length(&line);
            lines.push(line);
            if let Some(length) = literal {
                let bytes = self.stream.bytes(length).await?;
                lines.push(format!("{LITERAL}{}", String::from_utf8_lossy(&bytes)));
            }
        }
    }
}

const LITERAL: &str = "\0literal:";

fn literal_length(line: &str) -> Option<usize> {
    line.strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}
