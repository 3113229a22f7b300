//! The cookies. Their names begin with `__Host-`, so that no other host, subdomain or plain HTTP sets them.

use axum::http::{HeaderMap, HeaderValue, header};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

/// Holds the key of a sign-in that is under way.
pub(in crate::http) const SIGN_IN: &str = "__Host-mailcup-sign-in";

/// Holds the token of a session.
pub(in crate::http) const SESSION: &str = "__Host-mailcup-session";

/// Holds which device a browser is, signed.
pub(in crate::http) const DEVICE: &str = "__Host-mailcup-device";

/// How long a browser is known after its last sign-in: as long as browsers keep a cookie.
pub(in crate::http) const DEVICE_LIFE: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Characters of a token of ours.
const TOKEN: usize = 40;

/// A request's cookies that may be ours.
#[derive(Debug, Default)]
pub(in crate::http) struct Cookies {
    sign_in: Option<SecretString>,
    session: Option<SecretString>,
    device: Option<SecretString>,
}

impl Cookies {
    /// Reads them. One that stands there twice counts as none: somebody added to the browser's own.
    pub fn read(headers: &HeaderMap) -> Self {
        let pairs: Vec<(&str, &str)> = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
            .collect();
        let only = |name: &str, is_ours: fn(&str) -> bool| {
            let mut values = pairs.iter().filter(|(own, _)| *own == name).map(|(_, value)| *value);
            let value = values.next().filter(|value| is_ours(value))?;
            values.next().is_none().then(|| SecretString::from(value))
        };
        Self {
            sign_in: only(SIGN_IN, is_token),
            session: only(SESSION, is_token),
            // What it is, its signature says.
            device: only(DEVICE, |_| true),
        }
    }

    pub fn get(&self, name: &str) -> Option<&SecretString> {
        match name {
            SIGN_IN => self.sign_in.as_ref(),
            SESSION => self.session.as_ref(),
            DEVICE => self.device.as_ref(),
            _ => None,
        }
    }
}

/// Sets a cookie, for as long as the browser is open where no life is given.
pub(in crate::http) fn set(
    name: &str,
    value: &SecretString,
    life: Option<SignedDuration>,
) -> Option<HeaderValue> {
    let age = life.map(|life| format!("; Max-Age={}", life.as_secs())).unwrap_or_default();
    let text = format!("{name}={}; Path=/; Secure; HttpOnly; SameSite=Lax{age}", value.expose_secret());
    let mut cookie = HeaderValue::from_str(&text).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

pub(in crate::http) fn remove(name: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")).ok()
}

fn is_token(value: &str) -> bool {
    value.len() == TOKEN && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets;

    fn read(lines: &[&str]) -> Cookies {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, line.parse().unwrap());
        }
        Cookies::read(&headers)
    }

    #[test]
    fn a_cookie_of_ours_is_taken_once_and_whole() {
        let token = secrets::new_token("");
        let token = token.expose_secret();
        let session = |lines: &[&str]| read(lines).get(SESSION).map(|token| token.expose_secret().to_owned());
        let own = format!("{SESSION}={token}");
        assert_eq!(session(&[&format!("a=b; {own};c")]).as_deref(), Some(token));
        for trick in [
            format!("{own}; {own}"),
            format!("{own}; {SESSION}={}", "a".repeat(40)),
            format!("{SESSION}=; {own}"),
            format!("{SESSION}=\"{token}\""),
            format!("{SESSION}={token}x"),
            format!("{SESSION}={}", &token[1..]),
            format!("{SESSION}={}", token.to_uppercase()),
            format!("{}={token}", SESSION.to_uppercase()),
            format!("mailcup-session={token}"),
            format!("__Secure-mailcup-session={token}"),
            format!("a={own}"),
        ] {
            assert_eq!(session(&[&trick]), None, "{trick}");
        }
        assert_eq!(session(&[&own, &own]), None);
    }

    #[test]
    fn a_cookie_of_ours_is_for_https_and_no_script() {
        let cookie = set(SESSION, &secrets::new_token(""), Some(SignedDuration::from_hours(1))).unwrap();
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-") && !cookie.contains("Domain"), "{cookie}");
        assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600"), "{cookie}");
    }
}
