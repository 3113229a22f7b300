//! Where a browser goes after a sign-in: a path on the host that it is on, and nowhere else.

use url::Url;

/// Longest path that is kept, in bytes.
const LONGEST: usize = 2048;

/// A path with its query, `/` at least. A browser that follows it stays on its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnPath(String);

impl Default for ReturnPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl ReturnPath {
    /// Takes a path as it came from outside; none if it leads, or might lead some reader of it, to another host.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| (0x21..=0x7e).contains(&byte) && byte != b'\\';
        if !text.starts_with('/') || text.len() > LONGEST || !text.bytes().all(plain) {
            return None;
        }
        // A server that decodes before it redirects would make an authority of these.
        let second = text.get(1..)?.to_ascii_lowercase();
        if ["/", "%2f", "%5c", "%09", "%0a", "%0d", "%25"].iter().any(|start| second.starts_with(start)) {
            return None;
        }
        let url = Url::parse("https://host.invalid/sign-in").ok()?.join(text).ok()?;
        let stays = url.scheme() == "https"
            && url.host_str() == Some("host.invalid")
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !url.path().starts_with("//");
        stays.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for evil in [
            "",
            "evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "http:evil.example",
            "https://evil.example/",
            "https:/evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/ /evil.example",
            "/%2f/evil.example",
            "/%2F%2fevil.example",
            "/%5cevil.example",
            "/%09/evil.example",
            "/%252fevil.example",
            "/..//evil.example",
            "/./\u{2f}/evil.example",
            "/a/../..//evil.example",
            "/%2e//evil.example",
            "/.//evil.example",
            "@evil.example",
            "/\u{ff0f}evil.example",
            "/x\r\nSet-Cookie: a=b",
            "/x\0",
        ] {
            assert_eq!(ReturnPath::parse(evil), None, "{evil:?}");
        }
        assert_eq!(ReturnPath::parse(&format!("/{}", "a".repeat(LONGEST))), None);
    }

    #[test]
    fn a_path_of_a_webmail_is_kept_as_it_is() {
        for path in
            ["/", "/mail/", "/?_task=mail&_mbox=INBOX", "/a%20b/c?u=https://x.example/#top", "/@me", "/a//b"]
        {
            assert_eq!(ReturnPath::parse(path).unwrap().as_str(), path);
        }
    }

    /// Strings that look like ways out.
    fn tempting() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just("/"),
            Just("\\"),
            Just("."),
            Just(".."),
            Just("@"),
            Just(":"),
            Just("http:"),
            Just("https:"),
            Just("evil.example"),
            Just("%2f"),
            Just("%5C"),
            Just("%00"),
            Just("%25"),
            Just("\t"),
            Just("\n"),
            Just("\r"),
            Just("?"),
            Just("#"),
            Just(" "),
            Just("a"),
            Just("user:pw@"),
            Just("\u{2215}"),
            Just(";"),
            Just("&"),
        ];
        prop::collection::vec(part, 0..9).prop_map(|parts| parts.concat())
    }

    fn check(text: &str) -> Result<(), TestCaseError> {
        let Some(path) = ReturnPath::parse(text) else { return Ok(()) };
        let path = path.as_str();
        prop_assert!(path.starts_with('/') && !path.bytes().any(|byte| byte.is_ascii_control()));
        for base in
            ["https://mail.example.org/sign-in", "http://mail.example.org:8443/a/b?c", "https://[::1]/"]
        {
            let base = Url::parse(base).unwrap();
            let there = base.join(path).unwrap();
            prop_assert_eq!(there.origin(), base.origin());
            prop_assert!(there.username().is_empty() && there.password().is_none());
            // A proxy that cleans the path and redirects to it once more.
            let again = base.join(there.path()).unwrap();
            prop_assert_eq!(again.origin(), base.origin());
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn no_path_leads_to_another_host(text in tempting()) {
            check(&text)?;
            check(&format!("/{text}"))?;
        }

        #[test]
        fn no_text_at_all_leads_to_another_host(text in any::<String>()) {
            check(&text)?;
            check(&format!("/{text}"))?;
        }
    }
}
