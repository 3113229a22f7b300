//! Reading one request.

use std::{borrow::Cow, net::IpAddr};

use memchr::{memchr, memchr_iter, memmem};

/// A whole request in bytes. Postfix's own hold well under 2 KiB; certificate fields can make them longer.
pub const MAX_REQUEST: usize = 16 * 1_024;

/// Why the bytes are no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("a request is larger than {MAX_REQUEST} bytes")]
    TooLarge,
    #[error("a request holds a NUL byte")]
    Nul,
    #[error("a request's line is not name=value")]
    Line,
    #[error("a request does not say request=smtpd_access_policy")]
    NotPolicy,
    #[error("the connection ended within a request")]
    Cut,
}

/// The attributes that we look at; all others are passed over, so that a newer Postfix may send more.
/// An attribute that is not given is empty, as in Postfix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Request<'a> {
    pub state: State,
    pub instance: &'a [u8],
    client_address: &'a [u8],
    sasl_username: &'a [u8],
    sender: &'a [u8],
    recipient_count: &'a [u8],
    size: &'a [u8],
}

/// How far the message has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// A recipient is named.
    Recipient,
    /// All recipients are named.
    Data,
    /// The whole message has come.
    EndOfMessage,
    /// Before the first recipient, or a command that sends nothing.
    #[default]
    Other,
}

/// Where the first request in `buffer` ends, its empty line included; none if more has to come.
pub fn end(buffer: &[u8]) -> Result<Option<usize>, RequestError> {
    let within = &buffer[..buffer.len().min(MAX_REQUEST)];
    match memmem::find(within, b"\n\n") {
        Some(start) => Ok(Some(start + 2)),
        None if buffer.len() >= MAX_REQUEST => Err(RequestError::TooLarge),
        None => Ok(None),
    }
}

impl<'a> Request<'a> {
    /// Reads what [`end`] cut out.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RequestError> {
        if bytes.contains(&0) {
            return Err(RequestError::Nul);
        }
        let mut request = Self::default();
        let mut is_policy = false;
        for line in lines(bytes).filter(|line| !line.is_empty()) {
            let equals = memchr(b'=', line).ok_or(RequestError::Line)?;
            let (name, value) = (&line[..equals], &line[equals + 1..]);
            match name {
                b"request" => is_policy = value == b"smtpd_access_policy",
                b"protocol_state" => request.state = State::named(value),
                b"instance" => request.instance = value,
                b"client_address" => request.client_address = value,
                b"sasl_username" => request.sasl_username = value,
                b"sender" => request.sender = value,
                b"recipient_count" => request.recipient_count = value,
                b"size" => request.size = value,
                _ => {}
            }
        }
        if is_policy { Ok(request) } else { Err(RequestError::NotPolicy) }
    }

    /// The login in lower case, if the client signed in.
    pub fn login(&self) -> Option<Cow<'a, str>> {
        let login = text(self.sasl_username)?;
        let is_lower = login.is_ascii() && !login.bytes().any(|byte| byte.is_ascii_uppercase());
        Some(if is_lower { login } else { login.to_lowercase().into() })
    }

    pub fn address(&self) -> Option<IpAddr> {
        let address: IpAddr = std::str::from_utf8(self.client_address).ok()?.parse().ok()?;
        Some(address.to_canonical())
    }

    /// The envelope sender; none for bounces.
    pub fn sender(&self) -> Option<Cow<'a, str>> {
        text(self.sender)
    }

    /// Recipients accepted; Postfix says it from DATA on.
    pub fn recipients(&self) -> u32 {
        number(self.recipient_count)
    }

    /// The message's size in bytes, 0 when unknown.
    pub fn size(&self) -> u32 {
        number(self.size)
    }
}

impl State {
    fn named(name: &[u8]) -> Self {
        match name {
            b"RCPT" => Self::Recipient,
            b"DATA" => Self::Data,
            b"END-OF-MESSAGE" => Self::EndOfMessage,
            _ => Self::Other,
        }
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut begin = 0;
    memchr_iter(b'\n', bytes).chain([bytes.len()]).map(move |end| {
        let line = &bytes[begin..end];
        begin = end + 1;
        line
    })
}

/// SMTPUTF8 (RFC 6531) makes addresses UTF-8; what isn't is shown with replacement characters.
fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes))
}

fn number(bytes: &[u8]) -> u32 {
    std::str::from_utf8(bytes)
        .ok()
        .and_then(|digits| digits.parse::<u64>().ok())
        .map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RCPT: &[u8] = b"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n\
        client_address=::ffff:203.0.113.77\nsender=Anna@example.org\nrecipient=b@example.net\n\
        instance=1a.2b.3\nsasl_username=Anna@Example.org\nsize=4711\nrecipient_count=0\nnew_in_4=x=y\n\n";

    #[test]
    fn a_request_of_postfix_is_read() {
        assert_eq!(end(RCPT), Ok(Some(RCPT.len())));
        let request = Request::parse(RCPT).unwrap();
        assert_eq!(request.state, State::Recipient);
        assert_eq!(request.instance, b"1a.2b.3");
        assert_eq!(request.login().as_deref(), Some("anna@example.org"));
        assert_eq!(request.address(), "203.0.113.77".parse().ok());
        assert_eq!(request.sender().as_deref(), Some("Anna@example.org"));
        assert_eq!((request.size(), request.recipients()), (4711, 0));
    }

    #[test]
    fn what_is_no_request_is_named() {
        let parse = |text: &'static str| Request::parse(text.as_bytes()).unwrap_err();
        assert_eq!(parse("request=smtpd_access_policy\nnonsense\n\n"), RequestError::Line);
        assert_eq!(parse("sender=a\n\n"), RequestError::NotPolicy);
        assert_eq!(parse("request=junk\n\n"), RequestError::NotPolicy);
        assert_eq!(parse("request=smtpd_access_policy\nsender=a\0b\n\n"), RequestError::Nul);
        assert_eq!(end(&vec![b'a'; MAX_REQUEST]), Err(RequestError::TooLarge));
        assert_eq!(end(b"sender=a\n"), Ok(None));
    }

    #[test]
    fn odd_values_are_read_as_far_as_they_go() {
        let bytes = b"request=smtpd_access_policy\nclient_address=unknown\nsasl_username=\xff\xfe\n\
            size=99999999999\nrecipient_count=-3\n\n";
        let request = Request::parse(bytes).unwrap();
        assert_eq!(request.address(), None);
        assert_eq!(request.login().as_deref(), Some("\u{fffd}\u{fffd}"));
        assert_eq!((request.size(), request.recipients()), (u32::MAX, 0));
        assert_eq!(request.sender(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..4_096)) {
            if let Ok(Some(end)) = end(&bytes) {
                prop_assert!(end <= bytes.len());
                if let Ok(request) = Request::parse(&bytes[..end]) {
                    let _ = (request.login(), request.address(), request.sender(), request.size());
                }
            }
        }
    }
}
