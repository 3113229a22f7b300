use super::{Answer, Source, base64, sasl_plain, stream::LineStream};
use crate::{LabError, mail_servers::MailPorts};

/// How the password is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    Login,
}

/// A message on its way out.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingMessage<'a> {
    pub sender: &'a str,
    pub recipients: &'a [String],
    pub subject: &'a str,
    pub body: &'a str,
}

/// What the server said at each step; a step that was not reached is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    pub sender: Answer,
    /// One for each recipient.
    pub recipients: Vec<Answer>,
    pub data: Option<Answer>,
    pub end_of_data: Option<Answer>,
}

impl Submitted {
    /// Whether the server took the message for at least one recipient.
    pub fn accepted(&self) -> bool {
        self.end_of_data.as_ref().is_some_and(|answer| answer.accepted)
    }

    /// The first answer that refused something.
    pub fn refusal(&self) -> Option<&Answer> {
        [&self.sender]
            .into_iter()
            .chain(&self.recipients)
            .chain(&self.data)
            .chain(&self.end_of_data)
            .find(|answer| !answer.accepted)
    }
}

/// SMTP (RFC 5321) with AUTH (RFC 4954).
#[derive(Debug)]
pub struct SmtpClient {
    stream: LineStream,
}

impl SmtpClient {
    /// To the submission port, where a password is asked for.
    pub async fn connect(ports: &MailPorts, source: Source) -> Result<Self, LabError> {
        Self::greet(LineStream::connect(ports.submission, source).await?).await
    }

    /// To the relay port, which takes mail from loopback without a password.
    pub async fn connect_relay(ports: &MailPorts) -> Result<Self, LabError> {
        let source = Source::Loopback(std::net::Ipv4Addr::LOCALHOST);
        Self::greet(LineStream::connect_port(ports.relay, source).await?).await
    }

    pub async fn login(
        &mut self,
        mechanism: Mechanism,
        login: &str,
        password: &str,
    ) -> Result<Answer, LabError> {
        match mechanism {
            Mechanism::Plain => self.ask(&format!("AUTH PLAIN {}", sasl_plain(login, password))).await,
            Mechanism::Login => {
                for step in ["AUTH LOGIN".to_owned(), base64(login)] {
                    let answer = self.ask(&step).await?;
                    if !answer.line.starts_with("334") {
                        return Ok(answer);
                    }
                }
                self.ask(&base64(password)).await
            }
        }
    }

    pub async fn send(&mut self, message: OutgoingMessage<'_>) -> Result<Submitted, LabError> {
        let sender = self.ask(&format!("MAIL FROM:<{}>", message.sender)).await?;
        let mut submitted = Submitted { sender, recipients: Vec::new(), data: None, end_of_data: None };
        if !submitted.sender.accepted {
            return Ok(submitted);
        }
        for recipient in message.recipients {
            submitted.recipients.push(self.ask(&format!("RCPT TO:<{recipient}>")).await?);
        }
        if submitted.recipients.iter().any(|answer| answer.accepted) {
            let data = self.ask("DATA").await?;
            if data.line.starts_with("354") {
                self.stream.send(&content(message)).await?;
                submitted.end_of_data = Some(self.ask(".").await?);
            }
            submitted.data = Some(data);
        }
        if !submitted.accepted() {
            self.ask("RSET").await?;
        }
        Ok(submitted)
    }

    pub async fn quit(&mut self) -> Result<(), LabError> {
        self.ask("QUIT").await.map(drop)
    }

    async fn greet(stream: LineStream) -> Result<Self, LabError> {
        let mut client = Self { stream };
        let greeting = client.answer().await?;
        if !greeting.accepted {
            return Err(LabError::unexpected("the connection", greeting.line));
        }
        let hello = client.ask("EHLO client.example.net").await?;
        if hello.accepted { Ok(client) } else { Err(LabError::unexpected("EHLO", hello.line)) }
    }

    async fn ask(&mut self, command: &str) -> Result<Answer, LabError> {
        self.stream.send(command).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer, LabError> {
        let mut lines = Vec::new();
        loop {
            let line = self.stream.line().await?;
            let more = line.as_bytes().get(3) == Some(&b'-');
            lines.push(line);
            if !more {
                let line = lines.join("\n");
                return Ok(Answer { accepted: line.starts_with(['2', '3']), line });
            }
        }
    }
}

/// Header and body, with lines that begin with a dot made safe.
fn content(message: OutgoingMessage<'_>) -> String {
    let body: Vec<String> = message
        .body
        .lines()
        .map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() })
        .collect();
    format!(
        "From: <{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\n\r\n{}",
        message.sender,
        message.recipients.first().map_or("undisclosed", String::as_str),
        message.subject,
        jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S %z"),
        body.join("\r\n")
    )
}
