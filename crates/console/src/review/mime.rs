//! Messages taken apart (RFC 2045 to 2049) without following their encodings: what is nested inside an encoded part
//! stays closed, so that no message makes the parser call itself.

use std::{borrow::Cow, sync::LazyLock};

use mail_parser::{
    Header, HeaderName, Message, MessageParser, MessagePart, MimeHeaders as _, PartType,
    decoders::{
        base64::base64_decode, charsets::map::charset_decoder, quoted_printable::quoted_printable_decode,
    },
};

/// The parser goes into encoded messages by itself, as deep as they are; it doesn't where it knows of no encoding.
static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .with_mime_headers()
        .with_date_headers()
        .with_address_headers()
        .with_message_ids()
        .header_text(HeaderName::Subject)
        .ignore_header(HeaderName::ContentTransferEncoding)
        .default_header_ignore()
});

/// A message that was taken apart. Its parts are as they lie there, encoded; [`Parsed::content`] decodes one.
pub struct Parsed<'x>(Message<'x>);

impl<'x> Parsed<'x> {
    /// None if there isn't a single header.
    pub fn whole(source: &'x [u8]) -> Option<Self> {
        PARSER.parse(source).map(Self)
    }

    pub fn headers(start: &'x [u8]) -> Option<Self> {
        PARSER.parse_headers(start).map(Self)
    }

    pub fn message(&self) -> &Message<'x> {
        &self.0
    }

    pub fn part(&self, number: u32) -> Option<&MessagePart<'x>> {
        self.0.parts.get(number as usize)
    }

    /// What lies in a part, decoded; what can't be decoded is given as it lies there.
    pub fn content(&self, part: &MessagePart<'_>) -> Cow<'_, [u8]> {
        let raw = self.raw(part.offset_body, part.offset_end);
        let is_encoding = |header: &&Header<'_>| header.name == HeaderName::ContentTransferEncoding;
        let encoding = part
            .headers
            .iter()
            .rfind(is_encoding)
            .map(|header| self.raw(header.offset_start, header.offset_end));
        let decoded = match encoding.unwrap_or_default().trim_ascii() {
            base64 if base64.eq_ignore_ascii_case(b"base64") => base64_decode(raw),
            quoted if quoted.eq_ignore_ascii_case(b"quoted-printable") => quoted_printable_decode(raw),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(raw), Cow::Owned)
    }

    /// A text in its charset; what isn't of it becomes question marks.
    pub fn text(&self, part: &MessagePart<'_>) -> String {
        let content = self.content(part);
        let charset = part.content_type().and_then(|kind| kind.attribute("charset"));
        match charset.and_then(|charset| charset_decoder(charset.as_bytes())) {
            Some(decode) => decode(&content),
            None => String::from_utf8_lossy(&content).into_owned(),
        }
    }

    fn raw(&self, from: u32, until: u32) -> &[u8] {
        self.0.raw_message.get(from as usize..until as usize).unwrap_or_default()
    }
}

impl Drop for Parsed<'_> {
    /// One by one: thousands of messages within each other would overflow the stack.
    fn drop(&mut self) {
        let mut waiting = vec![std::mem::take(&mut self.0)];
        while let Some(message) = waiting.pop() {
            for part in message.parts {
                if let PartType::Message(inner) = part.body {
                    waiting.push(inner);
                }
            }
        }
    }
}
