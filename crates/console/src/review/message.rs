//! A message as it lies in a snapshot, read so that it can be shown: whatever is in it, nothing runs, nothing is
//! fetched, and memory stays within a few times of what is read.

use std::collections::HashMap;

use data_encoding::BASE64;
use mail_parser::{
    Address, ContentType, DateTime, HeaderValue, Message, MessagePart, MimeHeaders as _, PartType,
    decoders::html::html_to_text,
};
use mailcup_wire::{
    Bytes, Time,
    desktop::{Attachment, AuthenticationResult, HeaderField, MailAddress},
};

use super::{authentication, html, mime::Parsed};

/// So many bytes of a message are read to be shown; of longer ones the rest is left out.
pub const SHOWN_BYTES: usize = 25 << 20;
/// So many bytes hold the headers that a list needs, in all but odd messages.
pub const HEAD_BYTES: usize = 64 << 10;
const SHOWN_TEXT: usize = 1 << 20;
const SHOWN_HEADERS: usize = 500;
const SHOWN_HEADER: usize = 4 << 10;
const SHOWN_ADDRESSES: usize = 500;
const SHOWN_ATTACHMENTS: usize = 200;
const INLINE_PICTURE: usize = 2 << 20;
const INLINE_PICTURES: usize = 8 << 20;
/// Of a message's text, in the index.
const INDEXED_TEXT: usize = 256 << 10;
const INDEXED_PEOPLE: usize = 100;

/// What a list of messages shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub from: String,
    pub subject: String,
    pub sent_at: Option<Time>,
    pub attachments: bool,
    pub message_id: Option<String>,
    /// The message that it answers.
    pub parent: Option<String>,
}

/// What the full-text index takes in.
#[derive(Clone, Debug, Default)]
pub struct Words {
    pub head: Head,
    /// Names and addresses.
    pub people: String,
    pub text: String,
}

/// A message, safe to be shown.
#[derive(Clone, Debug, Default)]
pub struct Letter {
    pub subject: String,
    pub sent_at: Option<Time>,
    pub from: Vec<MailAddress>,
    pub to: Vec<MailAddress>,
    pub cc: Vec<MailAddress>,
    pub reply_to: Vec<MailAddress>,
    pub html: Option<String>,
    pub text: Option<String>,
    pub cut: bool,
    pub remote: u32,
    pub attachments: Vec<Attachment>,
    pub parts_left_out: u32,
    pub authentication: Vec<AuthenticationResult>,
    pub headers: Vec<HeaderField>,
    pub header_count: u32,
}

/// Reads the headers; `start` is the beginning of the message.
pub fn head(start: &[u8]) -> Head {
    Parsed::headers(start).map(|parsed| head_of(parsed.message())).unwrap_or_default()
}

/// Reads what is to be found.
pub fn words(source: &[u8]) -> Words {
    let Some(parsed) = &Parsed::whole(source) else { return Words::default() };
    let message = parsed.message();
    let mut people = String::new();
    for list in [message.from(), message.to(), message.cc(), message.bcc()].into_iter().flatten() {
        for one in addresses(Some(list)).into_iter().take(INDEXED_PEOPLE) {
            people.extend([&one.name, " ", &one.address, " "]);
        }
    }
    let mut text = String::new();
    for position in 0..message.text_body.len() {
        if text.len() < INDEXED_TEXT
            && let Some(body) = body_text(parsed, message, position)
        {
            text.push_str(cut_to(&body, INDEXED_TEXT - text.len()));
            text.push('\n');
        }
    }
    for attachment in message.attachments().take(SHOWN_ATTACHMENTS) {
        text.push_str(attachment.attachment_name().map_or("", |name| cut_to(name, 200)));
        text.push('\n');
    }
    Words { head: head_of(message), people, text }
}

/// Reads all that is shown of a message of `size` bytes; `source` is all of it or its beginning.
pub fn letter(source: &[u8], size: u64) -> Letter {
    let is_whole = source.len() as u64 == size;
    let Some(parsed) = &Parsed::whole(source) else {
        // Without a single header it is a text at most.
        let text = String::from_utf8_lossy(&source[..source.len().min(SHOWN_TEXT)]).into_owned();
        return Letter { text: Some(text), cut: !is_whole || source.len() > SHOWN_TEXT, ..Letter::default() };
    };
    let message = parsed.message();
    let head = head_of(message);
    let mut cut = !is_whole || parsed.is_cut;
    let mut shorten = |text: String| {
        cut |= text.len() > SHOWN_TEXT;
        cut_to(&text, SHOWN_TEXT).to_owned()
    };
    let text = body_text(parsed, message, 0).map(&mut shorten);
    let source_html = message.html_body.first().and_then(|part| parsed.part(*part));
    let source_html = source_html.filter(|part| part.is_text_html()).map(|part| shorten(parsed.text(part)));
    let shown = source_html.map(|source| html::sanitize(&source, inline_pictures(parsed, message)));
    cut |= shown.as_ref().is_some_and(|shown| shown.cut);
    let (headers, header_count) = headers(message);
    let authentication = message
        .headers_raw()
        .find(|(name, _)| name.eq_ignore_ascii_case("authentication-results"))
        .map(|(_, value)| authentication::results(cut_to(value, SHOWN_HEADER)))
        .unwrap_or_default();
    Letter {
        subject: head.subject,
        sent_at: head.sent_at,
        from: addresses(message.from()),
        to: addresses(message.to()),
        cc: addresses(message.cc()),
        reply_to: addresses(message.reply_to()),
        remote: shown.as_ref().map_or(0, |shown| shown.remote),
        html: shown.map(|shown| shown.html),
        text,
        cut,
        attachments: attachments(parsed, message, size),
        parts_left_out: count(message.attachments.len().saturating_sub(SHOWN_ATTACHMENTS)),
        authentication,
        headers,
        header_count,
    }
}

/// The content of an attachment, by its part; none if it isn't there, or not all of it.
pub fn attachment(source: &[u8], part: u32) -> Option<Vec<u8>> {
    let parsed = Parsed::whole(source)?;
    parsed.message().attachments.contains(&part).then_some(())?;
    let found = parsed.part(part).filter(|part| !(parsed.is_cut && reaches_the_end(&parsed, part)))?;
    Some(parsed.content(found).into_owned())
}

/// Words around the first of `wanted` (lower case) in a text.
pub fn excerpt(text: &str, wanted: &[String]) -> String {
    const BEFORE: usize = 40;
    const LENGTH: usize = 160;
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = flat.to_lowercase();
    let found = wanted.iter().filter_map(|word| lower.find(word.as_str())).min();
    // Lower case may have another length; then the place is a little beside.
    let mut start = found.unwrap_or(0).saturating_sub(BEFORE).min(flat.len());
    while !flat.is_char_boundary(start) {
        start -= 1;
    }
    if start > 0 {
        start += flat[start..].find(' ').map_or(0, |blank| blank + 1);
    }
    let cut = cut_to(&flat[start..], LENGTH);
    let (before, after) =
        (if start > 0 { "… " } else { "" }, if start + cut.len() < flat.len() { " …" } else { "" });
    format!("{before}{}{after}", cut.trim_end())
}

fn head_of(message: &Message<'_>) -> Head {
    let from = message.from().and_then(Address::first);
    let from =
        from.map(|one| one.name().or(one.address()).unwrap_or_default().to_owned()).unwrap_or_default();
    let parent = last_id(message.in_reply_to()).or_else(|| last_id(message.references()));
    Head {
        from: line(&from),
        subject: line(message.subject().unwrap_or_default()),
        sent_at: message.date().and_then(time),
        attachments: if message.parts.len() > 1 {
            message.attachments().any(|part| !is_inline(part))
        } else {
            message.content_type().is_some_and(|kind| {
                kind.ctype() == "multipart" && matches!(kind.subtype(), Some("mixed" | "report" | "digest"))
            })
        },
        message_id: message.message_id().map(|id| cut_to(id, 998).to_owned()),
        parent,
    }
}

fn last_id(value: &HeaderValue<'_>) -> Option<String> {
    let id = match value {
        HeaderValue::Text(id) => Some(id.as_ref()),
        HeaderValue::TextList(ids) => ids.last().map(AsRef::as_ref),
        _ => None,
    };
    id.map(|id| cut_to(id, 998).to_owned())
}

fn body_text(parsed: &Parsed<'_>, message: &Message<'_>, position: usize) -> Option<String> {
    let part = parsed.part(*message.text_body.get(position)?)?;
    match &part.body {
        PartType::Text(_) => Some(parsed.text(part)),
        PartType::Html(_) => Some(html_to_text(cut_to(&parsed.text(part), SHOWN_TEXT))),
        PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) | PartType::Multipart(_) => {
            None
        }
    }
}

fn addresses(list: Option<&Address<'_>>) -> Vec<MailAddress> {
    let all = list.into_iter().flat_map(Address::iter).take(SHOWN_ADDRESSES);
    all.map(|one| MailAddress {
        name: line(one.name().unwrap_or_default()),
        address: line(one.address().unwrap_or_default()),
    })
    .collect()
}

fn headers(message: &Message<'_>) -> (Vec<HeaderField>, u32) {
    let Some(root) = message.parts.first() else { return (Vec::new(), 0) };
    let shown = root.headers.iter().take(SHOWN_HEADERS).map(|header| {
        let raw = message.raw_message.get(header.offset_start as usize..header.offset_end as usize);
        let value = String::from_utf8_lossy(raw.unwrap_or_default());
        HeaderField {
            name: header.name.as_str().to_owned(),
            value: cut_to(value.trim(), SHOWN_HEADER).to_owned(),
        }
    });
    (shown.collect(), count(root.headers.len()))
}

fn attachments(parsed: &Parsed<'_>, message: &Message<'_>, size: u64) -> Vec<Attachment> {
    let left_out = size - message.raw_message.len() as u64;
    let mut found = Vec::new();
    for &part in message.attachments.iter().take(SHOWN_ATTACHMENTS) {
        let Some(content) = message.parts.get(part as usize) else { continue };
        let media_type =
            content.content_type().map_or_else(|| "application/octet-stream".to_owned(), media_type);
        let name = match &content.body {
            PartType::Message(inner) => format!("{}.eml", inner.subject().unwrap_or("message")),
            _ if media_type.starts_with("message/") && content.attachment_name().is_none() => {
                "message.eml".to_owned()
            }
            _ => content.attachment_name().unwrap_or_default().to_owned(),
        };
        let name = cut_to(&line(&name), 255).to_owned();
        let read = parsed.content(content).len() as u64;
        // Of what was left out, as much again as of what was read.
        let raw = u64::from(content.offset_end.saturating_sub(content.offset_body)).max(1);
        let is_whole = left_out == 0 || !reaches_the_end(parsed, content);
        let more = if is_whole { 0 } else { u128::from(left_out) * u128::from(read) / u128::from(raw) };
        found.push(Attachment {
            part,
            dangerous: is_dangerous(&name, &media_type),
            name,
            media_type,
            size: Bytes(read.saturating_add(u64::try_from(more).unwrap_or(u64::MAX))),
        });
    }
    found
}

/// Whether it may go on where the source was cut.
fn reaches_the_end(parsed: &Parsed<'_>, part: &MessagePart<'_>) -> bool {
    part.offset_end as usize >= parsed.message().raw_message.len()
}

/// Pictures of the message itself, by their Content-ID, as `data:` addresses.
fn inline_pictures(parsed: &Parsed<'_>, message: &Message<'_>) -> HashMap<String, String> {
    let mut pictures = HashMap::new();
    let mut left = INLINE_PICTURES;
    for part in &message.parts {
        let (Some(id), Some(kind)) = (part.content_id(), part.content_type()) else { continue };
        if kind.ctype() != "image" || !matches!(kind.subtype(), Some("png" | "jpeg" | "gif" | "webp")) {
            continue;
        }
        let content = parsed.content(part);
        if content.len() <= INLINE_PICTURE.min(left) {
            left -= content.len();
            let address = format!("data:{};base64,{}", media_type(kind), BASE64.encode(&content));
            pictures.insert(id.trim_matches(['<', '>']).to_owned(), address);
        }
    }
    pictures
}

fn is_inline(part: &MessagePart<'_>) -> bool {
    part.content_id().is_some() && part.content_type().is_some_and(|kind| kind.ctype() == "image")
}

fn media_type(kind: &ContentType<'_>) -> String {
    let text = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream"));
    let plain = |char: &char| char.is_ascii_alphanumeric() || "/.+-_".contains(*char);
    text.chars().filter(plain).take(100).collect::<String>().to_ascii_lowercase()
}

/// Whether opening it could run something: programs, scripts, links, disk images, documents with macros, and pages.
fn is_dangerous(name: &str, media_type: &str) -> bool {
    const ENDINGS: [&str; 72] = [
        "ade", "adp", "apk", "app", "appimage", "bat", "bz2", "cab", "chm", "cmd", "com", "command", "cpl",
        "deb", "desktop", "dll", "dmg", "docm", "dotm", "exe", "gadget", "hta", "htm", "html", "img", "inf",
        "ins", "iso", "jar", "js", "jse", "jnlp", "lnk", "mde", "mht", "mhtml", "msc", "msi", "msix", "msp",
        "mst", "one", "pif", "pkg", "potm", "ppam", "ppsm", "pptm", "ps1", "py", "rar", "reg", "rpm", "run",
        "scf", "scr", "sct", "sh", "shtml", "sldm", "svg", "sys", "url", "vb", "vbe", "vbs", "vhd", "vhdx",
        "wsf", "xlam", "xlsm", "xltm",
    ];
    const TYPES: [&str; 8] = [
        "application/x-msdownload",
        "application/x-dosexec",
        "application/x-executable",
        "application/x-sh",
        "application/javascript",
        "text/javascript",
        "text/html",
        "image/svg+xml",
    ];
    // Blanks and dots at the end are dropped by some systems.
    let name = name.trim_end_matches(['.', ' ']).to_lowercase();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.contains(&ending)) || TYPES.contains(&media_type)
}

/// On one line, without signs that turn the direction of text or can't be seen.
fn line(text: &str) -> String {
    let unseen = |char: char| matches!(char, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{FEFF}');
    let text: String = cut_to(text, SHOWN_HEADER)
        .chars()
        .filter(|char| !unseen(*char))
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn time(date: &DateTime) -> Option<Time> {
    if !date.is_valid() {
        return None;
    }
    jiff::Timestamp::from_second(date.to_timestamp()).ok().map(Time)
}

/// At most so many bytes, whole characters.
fn cut_to(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const REPORT: &str = "From: =?utf-8?q?M=C3=BCller?= <m@example.net>\r\nTo: Anna <anna@example.org>, b@example.org\r\n\
        Subject: =?utf-8?b?QmVyaWNodA==?=\r\nDate: Tue, 24 Nov 2026 08:00:00 +0100\r\nMessage-ID: <2@example.net>\r\n\
        In-Reply-To: <1@example.org>\r\nAuthentication-Results: mx.example.org; spf=pass smtp.mailfrom=example.net\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
        --c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße aus Kyiv\r\n\
        --c\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Grüße <script>x</script><img src=\"https://t.example/p\"></p>\r\n--c--\r\n\
        --b\r\nContent-Type: application/pdf; name=report.pdf\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=\"report.pdf\"\r\n\r\nJVBERi0=\r\n\
        --b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"a\u{202e}fdp.exe\"\r\n\r\nMZ\r\n--b--\r\n";

    fn whole(source: &[u8]) -> Letter {
        letter(source, source.len() as u64)
    }

    #[test]
    fn a_letter_is_read_with_what_is_attached_and_nothing_of_it_runs() {
        let read = whole(REPORT.as_bytes());
        assert_eq!(read.subject, "Bericht");
        assert_eq!(read.from, [MailAddress { name: "Müller".into(), address: "m@example.net".into() }]);
        assert_eq!(read.to.len(), 2);
        assert_eq!(read.sent_at.unwrap().to_string(), "2026-11-24T07:00:00Z");
        assert_eq!(read.text.as_deref().map(str::trim), Some("Grüße aus Kyiv"));
        let html = read.html.unwrap();
        assert!(html.contains("Grüße") && !html.contains("script") && !html.contains("t.example"), "{html}");
        assert_eq!((read.remote, read.cut, read.parts_left_out), (1, false, 0));
        assert_eq!(read.authentication[0].method, "spf");
        let named: Vec<_> =
            read.attachments.iter().map(|it| (it.name.as_str(), it.dangerous, it.size.0)).collect();
        assert_eq!(named, [("report.pdf", false, 5), ("afdp.exe", true, 2)]);
        assert_eq!(attachment(REPORT.as_bytes(), read.attachments[0].part).unwrap(), b"%PDF-");
        assert_eq!(attachment(REPORT.as_bytes(), 0), None);
        let head = head(REPORT.as_bytes());
        assert_eq!((head.from.as_str(), head.attachments), ("Müller", true));
        assert_eq!(
            (head.message_id.as_deref(), head.parent.as_deref()),
            (Some("2@example.net"), Some("1@example.org"))
        );
        let words = words(REPORT.as_bytes());
        assert!(words.people.contains("anna@example.org") && words.text.contains("report.pdf"));
    }

    #[test]
    fn an_excerpt_shows_what_was_found_in_any_script() {
        let text = format!("{}Очень важный отчёт о почте. {}", "слово ".repeat(80), "end ".repeat(80));
        let found = excerpt(&text, &["отчёт".to_owned()]);
        assert!(
            found.starts_with("… ") && found.contains("важный отчёт") && found.ends_with(" …"),
            "{found}"
        );
        assert_eq!(excerpt("short", &["nothing".to_owned()]), "short");
        assert_eq!(excerpt("", &[]), "");
    }

    /// Messages within each other, plainly and within a base64 that no scan sees.
    #[test]
    fn a_bomb_of_nested_messages_neither_hangs_nor_overflows() {
        let level = "Content-Type: message/rfc822\r\n\r\n";
        let plain = format!("Subject: bomb\r\n{}text", level.repeat(100_000));
        assert_eq!(whole(plain.as_bytes()).subject, "bomb");
        let packed = BASE64.encode(format!("Subject: inner\r\n{}text", level.repeat(50_000)).as_bytes());
        let packed = format!(
            "Subject: outer\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{packed}"
        );
        let read = whole(packed.as_bytes());
        assert_eq!((read.subject.as_str(), read.attachments[0].name.as_str()), ("outer", "message.eml"));
        let mut multipart = "Subject: parts\r\n".to_owned();
        for depth in 0..20_000 {
            write!(multipart, "Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n")
                .unwrap();
        }
        assert_eq!(whole(multipart.as_bytes()).subject, "parts");
    }

    #[test]
    fn headers_attachments_and_text_are_bounded() {
        let many = format!(
            "{}Subject: many\r\n\r\n{}",
            "X-Header: value\r\n".repeat(10_000),
            "text ".repeat(1_000_000)
        );
        let read = whole(many.as_bytes());
        assert_eq!((read.headers.len(), read.header_count), (SHOWN_HEADERS, 10_001));
        assert!(read.cut && read.text.unwrap().len() <= SHOWN_TEXT);
        let mut parts = "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned();
        for part in 0..1_000 {
            write!(parts, "--b\r\nContent-Type: image/png; name={part}.png\r\n\r\nx\r\n").unwrap();
        }
        let read = whole(parts.as_bytes());
        assert_eq!((read.attachments.len(), read.parts_left_out), (SHOWN_ATTACHMENTS, 800));
    }

    #[test]
    fn broken_charsets_and_no_mail_at_all_are_shown_as_far_as_they_go() {
        let broken = b"Subject: =?nonsense?q?=FF=FE?=\r\nContent-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe\x00abc";
        assert!(whole(broken).text.unwrap().contains("abc"));
        assert_eq!(whole(b"").text.as_deref(), Some(""));
        let _ = whole(&[0xff; 4096]);
    }
}
