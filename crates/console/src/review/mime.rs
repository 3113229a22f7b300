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

/// So many signs of headers and parts are read of a message: each costs some hundred bytes of memory.
const SIGNS: usize = 200_000;
/// A message within the message costs as much as so many signs.
const MESSAGE: usize = 10;
/// So many bytes may be looked through or moved: where the ends of parts are missing, each part costs a way to the end.
const LOOKED_THROUGH: usize = 2 << 30;

/// A message that was taken apart. Its parts are as they lie there, encoded; [`Parsed::content`] decodes one.
pub struct Parsed<'x> {
    message: Message<'x>,
    /// The rest was left out, since it would have taken too much memory or time.
    pub is_cut: bool,
}

impl<'x> Parsed<'x> {
    /// None if there isn't a single header.
    pub fn whole(source: &'x [u8]) -> Option<Self> {
        let bounded = bounded(source);
        let message = PARSER.parse(bounded)?;
        Some(Self { message, is_cut: bounded.len() < source.len() })
    }

    pub fn headers(start: &'x [u8]) -> Option<Self> {
        PARSER.parse_headers(start).map(|message| Self { message, is_cut: false })
    }

    pub fn message(&self) -> &Message<'x> {
        &self.message
    }

    pub fn part(&self, number: u32) -> Option<&MessagePart<'x>> {
        self.message.parts.get(number as usize)
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
        self.message.raw_message.get(from as usize..until as usize).unwrap_or_default()
    }
}

impl Drop for Parsed<'_> {
    /// One by one: thousands of messages within each other would overflow the stack.
    fn drop(&mut self) {
        let mut waiting = vec![std::mem::take(&mut self.message)];
        while let Some(message) = waiting.pop() {
            for part in message.parts {
                if let PartType::Message(inner) = part.body {
                    waiting.push(inner);
                }
            }
        }
    }
}

/// As much of a message as can be taken apart in bounds. Signs count where headers may stand: at the beginning, after
/// what may be a boundary, and after the headers of a message within the message.
fn bounded(source: &[u8]) -> &[u8] {
    let (mut signs, mut looked_through) = (0_usize, 0_usize);
    let (mut line, mut field, mut before) = (0, 0, 0);
    let (mut in_headers, mut holds_message, mut holds_messages) = (true, false, false);
    for (at, &byte) in source.iter().enumerate() {
        match byte {
            b'-' if before == b'-' => {
                signs += 1;
                in_headers = true;
            }
            b':' | b',' | b';' | b'<' | b'(' | b'"' if in_headers => signs += 1,
            // What is continued is put together, and moved each time.
            b'*' if in_headers => looked_through += at - field,
            b'\n' if in_headers => {
                let text = source[line..at].trim_ascii_end();
                if line == at || text.is_empty() && source[line] == b'\r' {
                    in_headers = holds_messages || std::mem::take(&mut holds_message);
                }
                if names_any(text, &[b"message", b"rfc822", b"global"]) {
                    holds_message = true;
                    signs += MESSAGE;
                }
                holds_messages |= names_any(text, &[b"digest"]);
                if names_any(text, &[b"boundary"]) {
                    looked_through = looked_through.saturating_add(source.len());
                }
            }
            _ => {}
        }
        if byte == b'\n' {
            line = at + 1;
            if !source.get(line).is_some_and(|next| matches!(next, b' ' | b'\t')) {
                field = line;
            }
        }
        before = byte;
        if signs > SIGNS || looked_through > LOOKED_THROUGH {
            return &source[..at];
        }
    }
    source
}

/// Whether one of the words stands in a text, in whatever case.
fn names_any(text: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| text.windows(word.len()).any(|found| found.eq_ignore_ascii_case(word)))
}
