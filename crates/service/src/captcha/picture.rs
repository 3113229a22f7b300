//! A picture with letters and digits, for browsers without a script. Its ticket holds the answer as a code under the
//! server's key, so that nothing is kept until it is answered.

use ::captcha::filters::{Grid, Noise, Wave};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use data_encoding::HEXLOWER;
use mailcup_wire::Time;
use secrecy::{ExposeSecret, SecretString};

use super::{Bound, Fault, LIFE};
use crate::secrets::{self, ServerKey, TokenHash};

/// Letters and digits in a picture.
pub const LETTERS: u32 = 6;

pub const WIDTH: u32 = 280;
pub const HEIGHT: u32 = 100;

/// None of them looks like another one, or like two.
const USED: &str = "ABCDEFGHJKMNPRTVXY346789";

/// A drawn picture and what it shows.
pub struct Drawn {
    png: Vec<u8>,
    letters: SecretString,
}

/// A picture for a browser.
#[derive(Debug)]
pub struct Picture {
    /// PNG in base 64.
    pub png: String,
    /// Comes back with the answer.
    pub ticket: String,
}

/// A ticket of ours that still is good.
#[derive(Debug)]
pub(super) struct Ticket {
    id: TokenHash,
    head: String,
    answer: String,
}

/// Draws a picture; none if the drawing fails.
pub fn draw() -> Option<Drawn> {
    let mut drawing = ::captcha::Captcha::new();
    let letters: Vec<char> = USED.chars().collect();
    drawing
        .set_chars(&letters)
        .add_chars(LETTERS)
        .apply_filter(Noise::new(0.2))
        .apply_filter(Wave::new(2.0, 12.0).horizontal())
        .apply_filter(Wave::new(2.0, 8.0).vertical())
        .view(WIDTH, HEIGHT)
        .apply_filter(Grid::new(11, 9));
    let letters = drawing.chars_as_string();
    (letters.len() == LETTERS as usize).then_some(())?;
    Some(Drawn { png: drawing.as_png()?, letters: letters.into() })
}

impl Drawn {
    pub fn for_browser(self, key: &ServerKey, bound: Bound, now: Time) -> Picture {
        let Self { png, letters } = self;
        let expires = now.0.as_second() + LIFE.as_secs();
        let head = format!("{}.{expires}", secrets::new_id());
        let answer = answer(key, bound, &head, letters.expose_secret());
        let signature = signature(key, bound, &head, &answer);
        Picture { png: BASE64.encode(png), ticket: format!("{head}.{answer}.{signature}") }
    }
}

impl Ticket {
    /// Reads a ticket that is good in this browser for this purpose.
    pub(super) fn read(key: &ServerKey, bound: Bound, ticket: &str, now: Time) -> Result<Self, Fault> {
        let parts: Vec<&str> = ticket.splitn(5, '.').collect();
        let [id, expires, answer, signed] = parts.as_slice() else { return Err(Fault::Unreadable) };
        let head = format!("{id}.{expires}");
        if !secrets::same(&signature(key, bound, &head, answer).into(), signed) {
            return Err(Fault::Foreign);
        }
        let expires: i64 = expires.parse().map_err(|_| Fault::Unreadable)?;
        if expires <= now.0.as_second() {
            return Err(Fault::Expired);
        }
        Ok(Self { id: secrets::hash_token(&head), head, answer: (*answer).to_owned() })
    }

    pub(super) fn id(&self) -> TokenHash {
        self.id
    }

    /// Compares what was typed; case and blanks don't count.
    pub(super) fn check(&self, key: &ServerKey, bound: Bound, typed: &str) -> Result<(), Fault> {
        let typed = answer(key, bound, &self.head, typed);
        if secrets::same(&typed.into(), &self.answer) { Ok(()) } else { Err(Fault::Wrong) }
    }
}

fn answer(key: &ServerKey, bound: Bound, head: &str, letters: &str) -> String {
    let text = format!("{head}\0{}", secrets::plain(letters));
    HEXLOWER.encode(bound.authenticate(key, "captcha letters", &text).as_bytes())
}

fn signature(key: &ServerKey, bound: Bound, head: &str, answer: &str) -> String {
    let text = format!("{head}\0{answer}");
    HEXLOWER.encode(bound.authenticate(key, "captcha ticket", &text).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Drawn {
        /// What it shows.
        pub(in crate::captcha) fn letters(&self) -> String {
            self.letters.expose_secret().to_owned()
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_picture_shows_six_letters_that_are_not_mixed_up() {
        let drawn = draw().unwrap();
        let letters = drawn.letters();
        assert_eq!(letters.len(), 6);
        assert!(letters.chars().all(|letter| USED.contains(letter)), "{letters}");
        assert!(drawn.png.starts_with(b"\x89PNG") && drawn.png.len() < 32 * 1024, "{}", drawn.png.len());
        assert!(USED.chars().all(|letter| !"0O1IL5S2Z".contains(letter)));
        // Each of them can be drawn.
        assert!((0..20).all(|_| draw().is_some()));
    }

    #[test]
    fn a_ticket_is_good_in_its_browser_for_its_purpose_and_five_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let key = ServerKey::open(folder.path()).unwrap();
        let (browser, other) = (SecretString::from("browser"), SecretString::from("other"));
        let bound = Bound { purpose: "sign-in", browser: &browser };
        let drawn = draw().unwrap();
        let letters = drawn.letters();
        let ticket = drawn.for_browser(&key, bound, at(1_000)).ticket;
        assert!(!ticket.to_uppercase().contains(&letters));
        let read = |bound: Bound, ticket: &str, now| Ticket::read(&key, bound, ticket, at(now)).map(|_| ());
        let good = Ticket::read(&key, bound, &ticket, at(1_299)).unwrap();
        let typed = format!(" {} {} ", &letters[..3].to_lowercase(), &letters[3..]);
        assert_eq!(good.check(&key, bound, &typed), Ok(()));
        assert_eq!(good.check(&key, bound, &letters[1..]), Err(Fault::Wrong));
        assert_eq!(good.check(&key, bound, ""), Err(Fault::Wrong));
        assert_eq!(read(bound, &ticket, 1_300), Err(Fault::Expired));
        assert_eq!(read(Bound { browser: &other, ..bound }, &ticket, 1_000), Err(Fault::Foreign));
        assert_eq!(read(Bound { purpose: "report", ..bound }, &ticket, 1_000), Err(Fault::Foreign));
        let parts: Vec<&str> = ticket.split('.').collect();
        for (index, part) in parts.iter().enumerate() {
            let mut tampered: Vec<String> = parts.iter().map(|it| (*it).to_owned()).collect();
            tampered[index] = format!("{}{}", &part[1..], if part.starts_with('1') { '2' } else { '1' });
            assert_eq!(read(bound, &tampered.join("."), 1_000), Err(Fault::Foreign), "{index}");
        }
        assert_eq!(read(bound, "", 1_000), Err(Fault::Unreadable));
        assert_eq!(read(bound, &format!("{ticket}.x"), 1_000), Err(Fault::Unreadable));
    }
}
