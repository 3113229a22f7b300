//! What the mails say. Short, plain, and in each the answer to "was that me?".

use std::net::IpAddr;

use jiff::Timestamp;

use super::Mail;

/// Where and when somebody signs in.
#[derive(Debug, Clone)]
pub struct Occasion<'a> {
    pub organization: &'a str,
    /// The admin's own name.
    pub name: &'a str,
    pub to: &'a str,
    pub at: Timestamp,
    pub address: Option<IpAddr>,
    /// As the device calls itself.
    pub device: &'a str,
}

/// The one-time code of a sign-in.
pub fn one_time_code(occasion: &Occasion<'_>, code: &str, minutes: u32) -> Mail {
    let Occasion { organization, to, .. } = occasion;
    let body = format!(
        "Hello {name},

your code to sign in to MailCup for {organization} is

    {code}

It works once and for {minutes} minutes.

{facts}

If that was not you, somebody knows your password. Don't give the code to anyone,
and change the password now: MailCup Console > Settings > My factors.
",
        name = occasion.name,
        facts = facts(occasion),
    );
    mail(to, &format!("{code} is your MailCup code"), body)
}

/// An admin signed in from a device that they never used before.
pub fn new_device(occasion: &Occasion<'_>) -> Mail {
    let Occasion { organization, to, .. } = occasion;
    let body = format!(
        "Hello {name},

you signed in to MailCup for {organization} from a new device.

{facts}

If that was you, there is nothing to do. If not, change your password now and end
the session: MailCup Console > Settings > Devices.
",
        name = occasion.name,
        facts = facts(occasion),
    );
    mail(to, &format!("New device signed in to MailCup for {organization}"), body)
}

/// Codes of an admin go to another address from now on; what their former one is told.
#[derive(Debug, Clone, Copy)]
pub struct EmailChanged<'a> {
    pub organization: &'a str,
    pub name: &'a str,
    /// The former address.
    pub to: &'a str,
    pub at: Timestamp,
    pub address: Option<IpAddr>,
}

/// An admin's former address is told that it is no longer the one that codes go to.
pub fn email_changed(changed: &EmailChanged<'_>) -> Mail {
    let EmailChanged { organization, name, to, at, address } = changed;
    let from = self::address(*address);
    let body = format!(
        "Hello {name},

an owner of MailCup for {organization} has given you another e-mail address.
One-time codes and notices go there from now on, and no longer to this one.

    When: {at}
    From: {from}

If you did not expect that, ask another owner at once: whoever reads the new
address gets your codes.
",
        at = moment(*at),
    );
    mail(to, &format!("Your e-mail address at MailCup for {organization} was changed"), body)
}

/// An admin's factors were taken away.
#[derive(Debug, Clone, Copy)]
pub struct FactorsReset<'a> {
    pub organization: &'a str,
    pub name: &'a str,
    pub to: &'a str,
    /// The owner who did it.
    pub by: &'a str,
    pub at: Timestamp,
    /// Until when an authenticator must be set up; none where it need not.
    pub until: Option<Timestamp>,
}

/// An admin is told that an owner took away their factors.
pub fn factors_reset(reset: &FactorsReset<'_>) -> Mail {
    let FactorsReset { organization, name, to, by, at, until } = reset;
    let then = match until {
        Some(until) => format!(
            "Sign in with your password and a code by mail, and set up an authenticator by
{until}: MailCup Console > Settings > My factors.
After that, codes by mail alone let you in no longer.",
            until = moment(*until),
        ),
        None => "Sign in with your password and a code by mail, and set up a new authenticator
and new recovery codes: MailCup Console > Settings > My factors."
            .to_owned(),
    };
    let body = format!(
        "Hello {name},

an owner of MailCup for {organization} has taken away your authenticators and
recovery codes, and ended all your sessions.

    When: {at}
    By:   {by}

{then}

If you did not expect that, ask another owner at once.
",
        at = moment(*at),
        by = one_line(by),
    );
    mail(to, &format!("Your second factors at MailCup for {organization} were reset"), body)
}

/// Somebody who lacks a second factor that the policy requires.
#[derive(Debug, Clone, Copy)]
pub struct Reminder<'a> {
    pub organization: &'a str,
    pub name: &'a str,
    pub to: &'a str,
    pub login: &'a str,
    /// An admin lacks an authenticator; an account an address outside its mailbox.
    pub is_admin: bool,
    pub until: Timestamp,
    /// That is over.
    pub is_refused: bool,
}

/// Reminds somebody of what they lack.
pub fn factor_missing(reminder: &Reminder<'_>) -> Mail {
    let Reminder { organization, name, to, login, is_admin, until, is_refused } = reminder;
    let greeting = if name.is_empty() { "Hello".to_owned() } else { format!("Hello {}", one_line(name)) };
    let until = moment(*until);
    let (what, how, deadline) = match (is_admin, is_refused) {
        (true, false) => (
            "an authenticator is required of you, and you have none yet",
            "Set one up: MailCup Console > Settings > My factors. It takes a minute and an
authenticator app on your phone.",
            format!("After {until} codes by mail alone let you in no longer."),
        ),
        (true, true) => (
            "an authenticator is required of you, and you have none",
            "Ask an owner to reset your second factors: that gives you time to set one up.",
            format!("Since {until} codes by mail alone let you in no longer."),
        ),
        (false, refused) => (
            "signing in on the web takes an authenticator, or codes that go to an address outside
your mailbox, and you have neither",
            "Sign in and add an authenticator on the page /account there. Or tell your
administrator an address of yours that is not this mailbox: whoever reads this
mailbox would read the codes, too.",
            if *refused {
                format!("Since {until} you can't sign in on the web without one.")
            } else {
                format!("After {until} you can't sign in on the web without one.")
            },
        ),
    };
    let body = format!(
        "{greeting},

this is about {login} at {organization}:
{what}.

{how}

{deadline}
",
        login = one_line(login),
    );
    mail(to, &format!("Signing in to {organization}: something is missing"), body)
}

/// An owner is told that somebody used the server's own shell to let an admin in.
pub fn recovery(occasion: &Occasion<'_>, recovered: &str) -> Mail {
    let Occasion { organization, to, .. } = occasion;
    let body = format!(
        "Hello {name},

somebody with access to the server of MailCup for {organization} ran
\"mailcupd admin recover\" there:

    When: {at}
    For:  {recovered}

For 15 minutes that admin may sign in past all blocks and access rules, with a
code that was shown on the server.

If nobody of you did that, somebody controls the server: treat it as an emergency.
",
        name = occasion.name,
        at = moment(occasion.at),
    );
    mail(to, &format!("Emergency access to MailCup for {organization}"), body)
}

/// Somebody who is to become an admin.
#[derive(Debug, Clone)]
pub struct Invited<'a> {
    pub organization: &'a str,
    pub name: &'a str,
    pub to: &'a str,
    /// Who invites.
    pub by: &'a str,
}

/// The code with which an invited admin sets a password.
pub fn invitation(invited: &Invited<'_>, code: &str, days: u32) -> Mail {
    let Invited { organization, to, .. } = invited;
    let body = format!(
        "Hello {name},

{by} invites you to look after MailCup for {organization}.

In MailCup Console connect to the service ({by} tells you its address), choose
\"I have an invitation\" where it asks you to sign in, and paste this code:

    {code}

It works once and for {days} days. You choose a password then; one-time codes for
signing in come to this address.

If you don't know what this is about, ignore it: without the code nobody gets in.
",
        name = invited.name,
        by = one_line(invited.by),
    );
    mail(to, &format!("Invitation to MailCup for {organization}"), body)
}

/// A sending limit that stopped a message.
#[derive(Debug, Clone)]
pub struct Limited<'a> {
    pub organization: &'a str,
    /// The account, and where the mail goes.
    pub login: &'a str,
    pub at: Timestamp,
    pub address: Option<IpAddr>,
    /// The limit in words.
    pub limit: &'a str,
    /// It waits for an administrator; else it was not taken.
    pub held: bool,
    /// The limit lets nothing at all through from there.
    pub nothing_at_all: bool,
}

/// An account's owner learns why their mail is not sent.
pub fn limit_reached(limited: &Limited<'_>) -> Mail {
    let Limited { organization, login, .. } = limited;
    let what = if limited.held {
        "it waits until an administrator lets it go"
    } else {
        "it was not sent; your mail program says so too"
    };
    let then = if limited.nothing_at_all {
        "If you sent it, send from a network that you usually work from, or ask your
administrator to add this one. Reading mail goes on as before."
    } else {
        "If you sent it, wait until the limit lets you send again, or ask your
administrator for more. Reading mail goes on as before."
    };
    let body = format!(
        "Hello,

a message from {login} met a sending limit of {organization}: {what}.

    When:    {when}
    Address: {address}
    Limit:   {limit}

{then}

If you did not send it, somebody knows your password: change it now and tell your
administrator.
",
        when = moment(limited.at),
        address = address(limited.address),
        limit = one_line(limited.limit),
    );
    mail(login, &format!("Sending from {login} is limited"), body)
}

/// Shows that mail gets out.
pub fn test(organization: &str, to: &str, at: Timestamp) -> Mail {
    let body = format!(
        "This is the test mail that you asked for in MailCup for {organization} at {at}.

It arrived, so one-time codes and notices will arrive too.
",
        at = moment(at),
    );
    mail(to, &format!("Test mail from MailCup for {organization}"), body)
}

pub(super) fn mail(to: &str, subject: &str, body: String) -> Mail {
    Mail { to: to.to_owned(), subject: one_line(subject), body }
}

fn facts(occasion: &Occasion<'_>) -> String {
    let address = address(occasion.address);
    format!(
        "    When:    {when}\n    Address: {address}\n    Device:  {device}",
        when = moment(occasion.at),
        device = one_line(occasion.device),
    )
}

fn address(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

fn moment(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// What others may have chosen can't add headers or lines.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occasion() -> Occasion<'static> {
        Occasion {
            organization: "Example",
            name: "Anna",
            to: "anna@example.net",
            at: "2026-11-24T08:13:46Z".parse().unwrap(),
            address: "203.0.113.77".parse().ok(),
            device: "MailCup Console on desk-7",
        }
    }

    fn whole(mail: &Mail) -> String {
        format!("To: {}\nSubject: {}\n\n{}", mail.to, mail.subject, mail.body)
    }

    #[test]
    fn the_mails_read_well() {
        insta::assert_snapshot!("one_time_code", whole(&one_time_code(&occasion(), "042137", 10)));
        insta::assert_snapshot!("new_device", whole(&new_device(&occasion())));
        insta::assert_snapshot!("recovery", whole(&recovery(&occasion(), "bert@example.org")));
        let invited =
            Invited { organization: "Example", name: "Anna", to: "anna@example.net", by: "olga@example.org" };
        insta::assert_snapshot!("invitation", whole(&invitation(&invited, "mci_abc", 7)));
        let changed = EmailChanged {
            organization: "Example",
            name: "Olga",
            to: "olga@example.net",
            at: occasion().at,
            address: occasion().address,
        };
        insta::assert_snapshot!("email_changed", whole(&email_changed(&changed)));
        let limited = Limited {
            organization: "Example",
            login: "anna@example.org",
            at: occasion().at,
            address: occasion().address,
            limit: "10 recipients an hour from networks that are not known",
            held: false,
            nothing_at_all: false,
        };
        insta::assert_snapshot!("limit_reached", whole(&limit_reached(&limited)));
        let nothing = Limited {
            limit: "no messages from networks that are not known",
            nothing_at_all: true,
            ..limited
        };
        insta::assert_snapshot!("limit_of_nothing", whole(&limit_reached(&nothing)));
        let reset = FactorsReset {
            organization: "Example",
            name: "Anna",
            to: "anna@example.net",
            by: "olga@example.org",
            at: occasion().at,
            until: Some("2026-12-01T08:13:46Z".parse().unwrap()),
        };
        insta::assert_snapshot!("factors_reset", whole(&factors_reset(&reset)));
        let open = FactorsReset { until: None, ..reset };
        insta::assert_snapshot!("factors_reset_at_leisure", whole(&factors_reset(&open)));
        let reminder = Reminder {
            organization: "Example",
            name: "Anna",
            to: "anna@example.net",
            login: "anna@example.org",
            is_admin: true,
            until: "2026-12-01T08:13:46Z".parse().unwrap(),
            is_refused: false,
        };
        insta::assert_snapshot!("authenticator_missing", whole(&factor_missing(&reminder)));
        let late = Reminder { is_refused: true, ..reminder };
        insta::assert_snapshot!("authenticator_missing_too_late", whole(&factor_missing(&late)));
        let account = Reminder { is_admin: false, name: "", ..reminder };
        insta::assert_snapshot!("address_missing", whole(&factor_missing(&account)));
        insta::assert_snapshot!("test", whole(&test("Example", "anna@example.net", occasion().at)));
    }

    #[test]
    fn what_a_device_calls_itself_adds_no_lines() {
        let device = format!("x\r\nBcc: all@example.org {}", "y".repeat(500));
        let mail = new_device(&Occasion { device: &device, ..occasion() });
        assert!(mail.body.contains("Device:  x  Bcc: all@example.org yyy"));
        assert!(mail.body.lines().all(|line| line.len() < 140));
    }
}
