//! Mails to account owners after authorizations. Calm, since most of them tell of the owner's own doing.

use std::{fmt::Write as _, net::IpAddr};

use jiff::ZonedDateTime;
use mailcup_wire::{Login, NoticeMode, Place, Protocol};

use super::{
    Mail,
    text::{mail, one_line},
};
use crate::places::countries;

/// Where, when and how an account was used.
#[derive(Debug, Clone)]
pub struct Occasion<'a> {
    pub organization: &'a str,
    pub login: &'a Login,
    /// In the owner's zone.
    pub at: ZonedDateTime,
    pub protocol: Protocol,
    pub address: Option<IpAddr>,
    pub place: Option<&'a Place>,
    /// As the program calls itself.
    pub client: Option<&'a str>,
    /// Where the owner says that it was not them.
    pub link: Option<&'a str>,
}

/// Authorizations of one kind in a daily mail.
#[derive(Debug, Clone)]
pub struct DigestLine<'a> {
    /// The first of them.
    pub occasion: Occasion<'a>,
    pub count: u32,
    pub last: ZonedDateTime,
}

/// Lines of a daily mail that are written out.
const LINES: usize = 50;

/// An account was used.
pub fn authorization(to: &str, occasion: &Occasion<'_>, mode: NoticeMode, window_hours: u32) -> Mail {
    let Occasion { organization, login, .. } = occasion;
    let again = match mode {
        NoticeMode::NewNetworks => {
            "You get this mail because the account was never used from this network before.".to_owned()
        }
        NoticeMode::Every | NoticeMode::Daily | NoticeMode::Off => format!(
            "What follows over {} from this network within {} is not mailed again.",
            short(occasion.protocol),
            hours(window_hours)
        ),
    };
    let body = format!(
        "Hello,

your account {login} at {organization} was signed in to.

{facts}

If that was you, there is nothing to do.
{again}

{then}
",
        facts = facts(occasion),
        then = if_not(occasion),
    );
    mail(to, &subject(occasion), body)
}

/// The code of a sign-in on the web.
pub fn one_time_code(to: &str, occasion: &Occasion<'_>, code: &str, minutes: u32) -> Mail {
    let Occasion { organization, login, .. } = occasion;
    let body = format!(
        "Hello,

the code to sign in as {login} at {organization} is

    {code}

It works once, for {minutes} minutes, and only in the browser that asked for it.

{facts}

If it was not you, somebody knows your password. Give the code to nobody.

{then}
",
        facts = facts(occasion),
        then = if_not(occasion),
    );
    mail(to, &format!("{code} is your code for {organization}"), body)
}

/// Something of an account was changed by whoever was signed in as its owner. `what` is a sentence.
pub fn changed(to: &str, occasion: &Occasion<'_>, what: &str) -> Mail {
    let Occasion { organization, login, .. } = occasion;
    let body = format!(
        "Hello,

{what} That is about your account {login} at {organization}.

{facts}

If that was you, there is nothing to do.

{then}
",
        facts = facts(occasion),
        then = if_not(occasion),
    );
    mail(to, &format!("Your account {login} was changed"), body)
}

/// An admin took away an account's second factors.
pub fn factors_reset(to: &str, organization: &str, login: &Login, by: &str) -> Mail {
    let body = format!(
        "Hello,

{by} has taken away the authenticators, passkeys and recovery codes of your account
{login} at {organization}, and signed out every browser. Sign in with your password and
what you are asked for then, and add a new passkey or authenticator on the page of your
account.

If you did not ask for that, ask {by} about it at once.
",
        by = one_line(by),
    );
    mail(to, &format!("The second factors of {login} were reset"), body)
}

/// Sending was suspended by itself, since somebody else seems to send. `why` is a sentence.
pub fn sending_suspended(to: &str, occasion: &Occasion<'_>, why: &str) -> Mail {
    let Occasion { organization, login, .. } = occasion;
    let body = format!(
        "Hello,

nothing is sent from your account {login} at {organization} any more, since somebody
else seems to send with your password:

{why}

{facts}

You can still read your mail. If it was you who sent, tell your administrators, who let
you send again. If it was not: change your password at once, and make new app passwords.
",
        why = one_line(why),
        facts = facts(occasion),
    );
    mail(to, &format!("Nothing is sent from {login} any more"), body)
}

/// An owner got many mails within an hour; this is the last one for now.
pub fn too_many(to: &str, occasion: &Occasion<'_>, mails: u32) -> Mail {
    let Occasion { organization, login, .. } = occasion;
    let body = format!(
        "Hello,

your account {login} at {organization} was signed in to from so many places that you
got {mails} mails within an hour. This was the next one:

{facts}

There are no more mails before the next hour begins.

{then}
",
        facts = facts(occasion),
        then = if_not(occasion),
    );
    mail(to, &format!("Many sign-ins to {login}: no more mails this hour"), body)
}

/// All that happened since the last daily mail.
pub fn digest(to: &str, organization: &str, login: &Login, lines: &[DigestLine<'_>]) -> Mail {
    let total: u64 = lines.iter().map(|line| u64::from(line.count)).sum();
    let times = if total == 1 { "once".to_owned() } else { format!("{total} times") };
    let mut body = format!("Hello,\n\nyour account {login} at {organization} was signed in to {times}.\n");
    for line in lines.iter().take(LINES) {
        let Occasion { protocol, link, .. } = &line.occasion;
        let count = if line.count == 1 {
            format!("once, {}", moment(&line.occasion.at))
        } else {
            format!("{} times, {} to {}", line.count, moment(&line.occasion.at), moment(&line.last))
        };
        let _ = write!(body, "\n{}, {}\n    {count}\n", whence(&line.occasion), short(*protocol));
        if let Some(link) = link {
            let _ = writeln!(body, "    Not you? {link}");
        }
    }
    let left_out = lines.len().saturating_sub(LINES);
    if left_out > 0 {
        let _ = write!(body, "\n… and {left_out} more kinds of sign-ins.\n");
    }
    let tell = if lines.iter().any(|line| line.occasion.link.is_some()) {
        "open its link and press the button there within 7 days, and"
    } else {
        "tell your administrator and"
    };
    let _ = write!(
        body,
        "\nIf all of that was you, there is nothing to do. If something was not, {tell}\nchange your password.\n"
    );
    mail(to, &format!("Sign-ins to {login} since yesterday: {total}"), body)
}

fn subject(occasion: &Occasion<'_>) -> String {
    format!("Sign-in to {} over {} from {}", occasion.login, short(occasion.protocol), whence(occasion))
}

/// A place as people say it: the network's name and the country, as far as they are known.
pub fn place_words(place: &Place) -> Option<String> {
    let parts = [place.network.as_deref().map(one_line), country_of(place)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The network's name and country as far as they are known, else the address.
fn whence(occasion: &Occasion<'_>) -> String {
    occasion.place.and_then(place_words).unwrap_or_else(|| address(occasion))
}

fn facts(occasion: &Occasion<'_>) -> String {
    let lines = [
        ("When:", Some(moment(&occasion.at))),
        ("Over:", Some(long(occasion.protocol).to_owned())),
        ("Address:", Some(address(occasion))),
        ("Network:", network(occasion)),
        ("Country:", country(occasion)),
        ("Program:", occasion.client.and_then(program)),
    ];
    let lines: Vec<String> = lines
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("    {name:<9}{value}")))
        .collect();
    lines.join("\n")
}

fn if_not(occasion: &Occasion<'_>) -> String {
    match occasion.link {
        Some(link) => format!(
            "If it was not you, open this page and press its button within 7 days. That\nkeeps the network from your \
             account for a day and tells the administrators:\n\n    {link}\n\nThen change your password."
        ),
        None => {
            "If it was not you, somebody knows your password: change it now and tell your\nadministrator."
                .to_owned()
        }
    }
}

fn address(occasion: &Occasion<'_>) -> String {
    occasion.address.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string())
}

fn network(occasion: &Occasion<'_>) -> Option<String> {
    occasion.place?.network.as_deref().map(one_line)
}

fn country(occasion: &Occasion<'_>) -> Option<String> {
    country_of(occasion.place?)
}

fn country_of(place: &Place) -> Option<String> {
    let code = place.country.as_deref()?;
    Some(countries::name(code).unwrap_or(code).to_owned())
}

/// What people call it.
pub fn short(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Web => "the web",
        Protocol::Api => "the API",
        Protocol::Imap => "IMAP",
        Protocol::Pop3 => "POP3",
        Protocol::Submission => "SMTP",
        Protocol::Sieve => "ManageSieve",
    }
}

fn long(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Imap => "IMAP (reads mail)",
        Protocol::Pop3 => "POP3 (fetches mail)",
        Protocol::Submission => "SMTP (sends mail)",
        Protocol::Sieve => "ManageSieve (changes mail filters)",
        Protocol::Web | Protocol::Api => short(protocol),
    }
}

/// A moment with its zone.
pub fn moment(at: &ZonedDateTime) -> String {
    at.strftime("%-d %B %Y, %H:%M (%Q)").to_string()
}

fn hours(hours: u32) -> String {
    if hours == 1 { "an hour".to_owned() } else { format!("{hours} hours") }
}

/// The name and version of a program, from an IMAP ID (`"name" "Thunderbird" "version" "128"`) or as it is. Whoever
/// signs in chooses it: what could be a link or a sentence of ours is taken out.
pub fn program(client: &str) -> Option<String> {
    let quoted: Vec<&str> = client.split('"').skip(1).step_by(2).collect();
    let field = |name: &str| {
        quoted.chunks_exact(2).find(|pair| pair[0].eq_ignore_ascii_case(name)).map(|pair| pair[1])
    };
    let text = match (field("name"), field("version")) {
        (Some(name), Some(version)) => format!("{name} {version}"),
        (Some(name), None) => name.to_owned(),
        (None, _) => client.to_owned(),
    };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '+' | '(' | ')');
    let text: String = text.chars().filter(|c| plain(*c)).take(60).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(mail: &Mail) -> String {
        format!("To: {}\nSubject: {}\n\n{}", mail.to, mail.subject, mail.body)
    }

    fn at(text: &str) -> ZonedDateTime {
        text.parse::<jiff::Timestamp>().unwrap().in_tz("Europe/Berlin").unwrap()
    }

    #[test]
    fn the_mails_read_well() {
        let login = Login::from("anna@example.org");
        let place = Place {
            country: Some("DE".to_owned()),
            asn: Some(3320),
            network: Some("Deutsche Telekom AG".to_owned()),
        };
        let known = Occasion {
            organization: "Example",
            login: &login,
            at: at("2026-11-24T08:13:46Z"),
            protocol: Protocol::Imap,
            address: "9.9.9.9".parse().ok(),
            place: Some(&place),
            client: Some(r#""name" "Thunderbird" "version" "128.5""#),
            link: Some("https://login.example.org/not-me?t=abc.def"),
        };
        let unknown = Occasion { place: None, client: None, link: None, ..known.clone() };
        let to = "anna@example.org";
        let every = authorization(to, &known, NoticeMode::Every, 24);
        insta::assert_snapshot!("every", whole(&every));
        insta::assert_snapshot!(
            "new_network",
            whole(&authorization(to, &unknown, NoticeMode::NewNetworks, 24))
        );
        insta::assert_snapshot!("too_many", whole(&too_many(to, &unknown, 20)));
        let web = Occasion { protocol: Protocol::Web, client: Some("Firefox on Windows"), ..known.clone() };
        insta::assert_snapshot!("web_code", whole(&one_time_code(to, &web, "042137", 10)));
        let made = "An app password named \u{201c}Phone\u{201d} was made.";
        insta::assert_snapshot!("changed", whole(&changed(to, &Occasion { link: None, ..web }, made)));
        let why = "60 recipients within two hours from networks that the account does not use.";
        let sent = Occasion { protocol: Protocol::Submission, client: None, link: None, ..known.clone() };
        insta::assert_snapshot!("sending_suspended", whole(&sending_suspended(to, &sent, why)));
        insta::assert_snapshot!("factors_reset", whole(&factors_reset(to, "Example", &login, "Olga")));
        let lines = [
            DigestLine { occasion: known.clone(), count: 212, last: at("2026-11-25T06:59:00Z") },
            DigestLine {
                occasion: Occasion { protocol: Protocol::Submission, ..unknown },
                count: 1,
                last: at("2026-11-24T08:13:46Z"),
            },
        ];
        insta::assert_snapshot!("digest", whole(&digest(to, "Example", &login, &lines)));
    }

    #[test]
    fn what_a_program_calls_itself_is_no_way_to_write_to_the_owner() {
        assert_eq!(program(r#""name" "K-9 Mail" "version" "6.8""#).as_deref(), Some("K-9 Mail 6.8"));
        assert_eq!(program(r#""vendor" "x""#).as_deref(), Some("vendor x"));
        assert_eq!(
            program("Go to https://evil.example/?a=b\r\nnow").as_deref(),
            Some("Go to httpsevil.exampleabnow")
        );
        assert_eq!(program(&"x".repeat(500)).unwrap().len(), 60);
        assert_eq!(program("\"\""), None);
    }
}
