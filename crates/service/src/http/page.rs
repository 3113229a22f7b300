//! Pages for strangers: one frame, one style with the organization's color, no script, nothing loaded from elsewhere.

pub(super) mod colors;

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::BASE64;
use mailcup_wire::Time;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

/// What a page may have beside its own style and form.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    /// Scripts and workers of our own.
    pub scripts: bool,
    /// Pictures that stand in the page itself.
    pub pictures: bool,
    /// What a captcha of somebody else's needs.
    pub elsewhere: Option<&'static Origins>,
}

/// Origins that a page may use, as its content policy names them.
#[derive(Debug)]
pub(super) struct Origins {
    /// Each begins with a blank, or is empty.
    pub scripts: &'static str,
    pub frames: &'static str,
    pub styles: &'static str,
    pub connections: &'static str,
}

/// Where the organization's color is asked for, on the host of every page.
pub(super) const COLORS: &str = "/sign-in/colors";

/// A page with its title as its heading.
pub(super) fn page(status: StatusCode, title: &str, content: &Markup) -> Response {
    page_with(status, title, content, &Allowed::default())
}

/// A page that may have more than others.
pub(super) fn page_with(status: StatusCode, title: &str, content: &Markup, allowed: &Allowed) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                style { (PreEscaped(STYLE)) }
                link rel="stylesheet" href=(COLORS);
            }
            body { main { h1 { (title) } (content) } }
        }
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, allowed.policy()),
        // With no referrer at all a browser would post the form with the origin null.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (status, headers, page.into_string()).into_response()
}

/// A moment for people who may be anywhere.
pub(super) fn moment(at: Time) -> String {
    at.0.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

impl Origins {
    const NONE: Self = Self { scripts: "", frames: "", styles: "", connections: "" };
}

impl Allowed {
    /// Lets the page have its own style and form, what stands here, and nothing else.
    fn policy(&self) -> HeaderValue {
        static STYLE_HASH: LazyLock<String> =
            LazyLock::new(|| BASE64.encode(&Sha256::digest(STYLE.as_bytes())));
        let Origins { scripts, frames, styles, connections } = self.elsewhere.unwrap_or(&Origins::NONE);
        let style = &*STYLE_HASH;
        let mut policy = format!("default-src 'none'; style-src 'self' 'sha256-{style}'{styles}");
        policy.push_str("; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
        if self.scripts {
            policy.push_str("; script-src 'self'");
            policy.push_str(scripts);
            policy.push_str("; worker-src 'self'");
        }
        for (what, origins) in [("frame-src", frames), ("connect-src", connections)] {
            if !origins.is_empty() {
                policy.push_str("; ");
                policy.push_str(what);
                policy.push_str(origins);
            }
        }
        if self.pictures {
            policy.push_str("; img-src data:");
        }
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1c1c1f;--quiet:#5b5b63;--page:#fff;--line:#85858f;--accent:#2457c5;\
--on-accent:#fff;--danger:#b3261e}\
@media(prefers-color-scheme:dark){:root{--text:#e6e6e9;--quiet:#a9a9b2;--page:#17171a;--line:#7c7c86;\
--accent:#9db8ff;--on-accent:#10131c;--danger:#f2a49e}}\
*{box-sizing:border-box}\
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:var(--text);background:var(--page)}\
main{max-width:34rem;margin:4rem auto;padding:0 1rem;overflow-wrap:anywhere}\
@media(max-width:30rem){main{margin:1.5rem auto}}\
h1{font-size:1.25rem}\
label{display:block;margin:1rem 0 .25rem;font-weight:600}\
input{font:inherit;width:100%;padding:.5rem .75rem;color:inherit;background:transparent;border:1px solid var(--line);\
border-radius:6px}\
.code{font-family:ui-monospace,monospace;letter-spacing:.2em}\
button{font:inherit;margin:1rem 0 0;padding:.5rem 1rem;border:0;border-radius:6px;color:var(--on-accent);\
background:var(--accent);cursor:pointer}\
.danger{color:var(--page);background:var(--danger)}\
.plain{color:var(--accent);background:transparent;border:1px solid var(--line)}\
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}\
.wrong{padding:.5rem .75rem;border-left:4px solid var(--danger)}\
.quiet{color:var(--quiet)}\
a{color:var(--accent)}\
h2{font-size:1.0625rem;margin:2.5rem 0 .5rem}\
ul.list{list-style:none;margin:0 0 1rem;padding:0;border-bottom:1px solid var(--line)}\
ul.list>li{padding:.75rem 0;border-top:1px solid var(--line)}\
ul.list p{margin:0}\
ul.list button{margin:.5rem 0 0}\
fieldset{margin:1rem 0 0;padding:0 1rem .75rem;border:1px solid var(--line);border-radius:6px}\
legend{font-weight:600;padding:0 .25rem}\
label.tick{display:flex;gap:.5rem;align-items:baseline;margin:.5rem 0 0;font-weight:400}\
.tick input{width:auto}\
.secret{font:1.125rem ui-monospace,monospace;padding:.75rem;border:1px solid var(--line);border-radius:6px}\
.secret li{list-style:none}\
svg{display:block;max-width:100%;height:auto;border-radius:6px}\
.done{padding:.5rem .75rem;border-left:4px solid var(--accent)}\
.check{margin:1.25rem 0 0;padding:0 1rem 1rem;border:1px solid var(--line);border-radius:6px}\
.check p{margin:1rem 0 0}\
img{display:block;max-width:100%;height:auto;margin:1rem 0 0;border-radius:6px}\
.row{display:flex;flex-wrap:wrap;gap:0 .75rem}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_page_is_text() {
        let evil = "<script>alert(1)</script>\"'&";
        let markup = html! { p title=(evil) { (evil) } }.into_string();
        assert!(!markup.contains("<script>"), "{markup}");
        assert!(!markup.contains("\"'&"), "{markup}");
    }
}
