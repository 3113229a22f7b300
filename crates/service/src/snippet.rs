//! What an admin pastes so that Dovecot and Postfix ask this service. Nothing is left to fill in.

use std::fmt::Write as _;

use mailcup_wire::WhenDown;
use secrecy::{ExposeSecret, SecretString};

/// What Dovecot has to know.
#[derive(Debug)]
pub struct Dovecot<'a> {
    /// The private listener, as Dovecot reaches it: `http://127.0.0.1:8480`.
    pub base_url: &'a str,
    pub key_name: &'a str,
    pub key: &'a SecretString,
    /// Salts the password marks; the same for all mail servers of an install.
    pub nonce: &'a SecretString,
    pub when_down: WhenDown,
}

/// What Postfix has to know.
#[derive(Debug)]
pub struct Postfix<'a> {
    /// `inet:127.0.0.1:10480` or `unix:/run/mailcup/postfix.sock`.
    pub service: &'a str,
    pub when_down: WhenDown,
}

/// Where [`dovecot`] belongs.
pub const DOVECOT_PATH: &str = "/etc/dovecot/conf.d/95-mailcup.conf";
/// What makes it take effect.
pub const DOVECOT_RELOAD: &str = "doveadm reload";
/// Where [`postfix`] is run.
pub const POSTFIX_PATH: &str = "a root shell on the mail server";
/// What makes it take effect.
pub const POSTFIX_RELOAD: &str = "postfix reload";

/// A configuration file for Dovecot 2.3, with the form of 2.4 in comments.
pub fn dovecot(to: &Dovecot<'_>) -> String {
    let url = format!("{}/policy/dovecot", to.base_url.trim_end_matches('/'));
    let (key, nonce) = (to.key.expose_secret(), to.nonce.expose_secret());
    let (closed, meaning) = match to.when_down {
        WhenDown::Open => ("no", "sign-ins go on, undecided and unrecorded"),
        WhenDown::Closed => ("yes", "nobody can sign in until it is back"),
    };
    let mut text = String::new();
    let _ = write!(
        text,
        "\
# MailCup: Dovecot asks mailcupd before each sign-in and reports how it went.
# The key below is \"{name}\"; it can do nothing else, and is revoked in the console.
auth_policy_server_url = {url}
auth_policy_server_api_header = X-API-Key: {key}
auth_policy_server_timeout_msecs = 2000
auth_policy_hash_nonce = {nonce}
# While mailcupd does not answer, {meaning}.
auth_policy_reject_on_fail = {closed}
# Lets the console show which mail program signed in.
imap_id_retain = yes

# Dovecot 2.4 writes the same as:
# auth_policy_server_url = {url}
# auth_policy_server_api_header = X-API-Key: {key}
# auth_policy_hash_nonce = {nonce}
# auth_policy_reject_on_fail = {closed}
# auth_policy {{
#   http_client_request_absolute_timeout = 2s
# }}
# imap_id_retain = yes
",
        name = to.key_name,
    );
    text
}

/// A script for a root shell: it makes every submission service of `master.cf` ask, and leaves port 25 as it
/// is. Running it again changes nothing.
pub fn postfix(to: &Postfix<'_>) -> String {
    let (default, meaning) = match to.when_down {
        WhenDown::Open => ("DUNNO", "mail goes on, undecided and unrecorded"),
        WhenDown::Closed => ("DEFER", "clients are told to try again later"),
    };
    format!(
        "\
# MailCup: Postfix asks mailcupd about each message that is handed in with a password.
# While mailcupd does not answer, {meaning}.
postconf -e \\
  'mailcup_policy = check_policy_service {{ {service}, timeout=2s, try_limit=1, default_action={default} }}' \\
  'mailcup_recipients = $mailcup_policy, permit_sasl_authenticated, reject'
services=$(postconf -P '*/*/smtpd_sasl_auth_enable' 2>/dev/null | sed -n 's|/smtpd_sasl_auth_enable *= *yes$||p')
[ -n \"$services\" ] || echo 'master.cf has no service with -o smtpd_sasl_auth_enable=yes: add one for port 587 first' >&2
for service in $services; do
  postconf -P \"$service/smtpd_recipient_restrictions=\\$mailcup_recipients\" \\
    \"$service/smtpd_data_restrictions=\\$mailcup_policy\" \\
    \"$service/smtpd_end_of_data_restrictions=\\$mailcup_policy\"
done
{POSTFIX_RELOAD}
",
        service = to.service,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dovecot_has_nothing_left_to_fill_in() {
        insta::assert_snapshot!(dovecot(&Dovecot {
            base_url: "http://127.0.0.1:8480/",
            key_name: "dovecot on mail.example.org",
            key: &"mck_test".into(),
            nonce: &"nonce".into(),
            when_down: WhenDown::Open,
        }));
    }

    #[test]
    fn postfix_asks_on_submission_only_and_can_fail_closed() {
        insta::assert_snapshot!(postfix(&Postfix {
            service: "inet:127.0.0.1:10480",
            when_down: WhenDown::Closed,
        }));
    }
}
