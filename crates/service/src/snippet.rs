//! What an admin pastes so that Dovecot and Postfix ask this service. Nothing is left to fill in.

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

/// Where [`dovecot`] and [`postfix`] are run.
pub const SHELL: &str = "a root shell on the mail server";
/// What makes them take effect; the scripts run it.
pub const DOVECOT_RELOAD: &str = "doveadm reload";
pub const POSTFIX_RELOAD: &str = "postfix reload";

/// A script for a root shell: it writes Dovecot's configuration, for 2.3 or 2.4, and makes Dovecot read it. Running it
/// again changes nothing.
pub fn dovecot(to: &Dovecot<'_>) -> String {
    format!(
        "\
# MailCup: Dovecot asks mailcupd before each sign-in, lets it check app passwords, and reports how it went.
# The key below is \"{name}\"; it can do nothing else, and is revoked in the console.
set -eu
dovecot=${{DOVECOT_CONFIG_DIR:-/etc/dovecot}}
# Where it was written formerly.
rm -f \"$dovecot/conf.d/95-mailcup.conf\"
# Put back where Dovecot does not take the new one.
former=$(mktemp -d)
trap 'rm -rf \"$former\"' EXIT
for file in mailcup-oauth2.conf.ext conf.d/05-mailcup.conf; do
  [ ! -e \"$dovecot/$file\" ] || cp -p \"$dovecot/$file\" \"$former\"
done
# The number is low: app passwords must be asked for before the passwords that your own files name.
case $(dovecot --version) in
2.[0-3].*)
(umask 077 && cat >\"$dovecot/mailcup-oauth2.conf.ext\") <<END
{oauth2}END
cat >\"$dovecot/conf.d/05-mailcup.conf\" <<END
{older}END
;;
*)
cat >\"$dovecot/conf.d/05-mailcup.conf\" <<END
{newer}END
;;
esac
if ! doveconf -n >/dev/null; then
  rm -f \"$dovecot/conf.d/05-mailcup.conf\" \"$dovecot/mailcup-oauth2.conf.ext\"
  [ ! -e \"$former/mailcup-oauth2.conf.ext\" ] || cp -p \"$former/mailcup-oauth2.conf.ext\" \"$dovecot\"
  [ ! -e \"$former/05-mailcup.conf\" ] || cp -p \"$former/05-mailcup.conf\" \"$dovecot/conf.d\"
  echo 'Dovecot does not take this; see above. What was in force before stays in force.' >&2
  exit 1
fi
# A Dovecot that is not running reads it at its next start.
[ -z \"$(doveadm service status 2>/dev/null)\" ] || {DOVECOT_RELOAD}
",
        name = to.key_name,
        oauth2 = oauth2(to),
        older = dovecot_2_3(to),
        newer = dovecot_2_4(to),
    )
}

/// What Dovecot 2.3 reads from a file of its own, which only root reads.
fn oauth2(to: &Dovecot<'_>) -> String {
    let (url, key) = (url(to), to.key.expose_secret());
    format!(
        "\
grant_url = {url}/grant
introspection_url = {url}/introspect
introspection_mode = post
client_id = dovecot
client_secret = {key}
use_grant_password = yes
timeout_msecs = 2000
username_attribute = username
active_attribute = active
active_value = true
pass_attrs = app_password=%{{oauth2:app_password}}
"
    )
}

fn dovecot_2_3(to: &Dovecot<'_>) -> String {
    let (url, key, nonce) = (url(to), to.key.expose_secret(), to.nonce.expose_secret());
    let (closed, meaning) = when_down(to.when_down);
    format!(
        "\
auth_policy_server_url = {url}
auth_policy_server_api_header = X-API-Key: {key}
auth_policy_server_timeout_msecs = 2000
auth_policy_hash_nonce = {nonce}
auth_policy_request_attributes = login=%{{requested_username}} pwhash=%{{hashed_password}} remote=%{{rip}} \
real_remote=%{{real_rip}} device_id=%{{client_id}} protocol=%s session_id=%{{session}} stage=%{{passdb:mailcup_stage}} \
app_password=%{{passdb:app_password}}
# While mailcupd does not answer, {meaning}.
auth_policy_reject_on_fail = {closed}
# Opens nothing: it marks the requests that come after a password was looked at.
passdb {{
  driver = static
  args = noauthenticate=y mailcup_stage=after
}}
# App passwords; what is none of them goes on to the passwords that your own files name.
passdb {{
  driver = oauth2
  mechanisms = plain login
  args = $dovecot/mailcup-oauth2.conf.ext
  result_success = return-ok
  result_failure = continue
}}
# Lets the console show which mail program signed in.
imap_id_retain = yes
"
    )
}

fn dovecot_2_4(to: &Dovecot<'_>) -> String {
    let (url, key, nonce) = (url(to), to.key.expose_secret(), to.nonce.expose_secret());
    let (closed, meaning) = when_down(to.when_down);
    format!(
        "\
auth_policy_server_url = {url}
auth_policy_server_api_header = X-API-Key: {key}
auth_policy_hash_nonce = {nonce}
auth_policy {{
  http_client_request_absolute_timeout = 2s
}}
auth_policy_request_attributes {{
  login = %{{requested_username}}
  pwhash = %{{hashed_password}}
  remote = %{{remote_ip}}
  real_remote = %{{real_remote_ip}}
  device_id = %{{client_id}}
  protocol = %{{protocol}}
  session_id = %{{session}}
  stage = %{{passdb:mailcup_stage}}
  app_password = %{{passdb:app_password}}
}}
# While mailcupd does not answer, {meaning}.
auth_policy_reject_on_fail = {closed}
# Opens nothing: it marks the requests that come after a password was looked at.
passdb mailcup-stage {{
  driver = static
  fields {{
    noauthenticate = yes
    mailcup_stage = after
  }}
}}
# App passwords; what is none of them goes on to the passwords that your own files name.
passdb mailcup-app-passwords {{
  driver = oauth2
  mechanisms_filter = plain login
  result_success = return-ok
  result_failure = continue
  oauth2 {{
    grant_url = {url}/grant
    introspection_url = {url}/introspect
    introspection_mode = post
    client_id = dovecot
    client_secret = {key}
    username_attribute = username
    active_attribute = active
    active_value = true
    http_client_request_absolute_timeout = 2s
  }}
  fields {{
    app_password = %{{oauth2:app_password}}
  }}
}}
# Lets the console show which mail program signed in.
imap_id_retain = yes
"
    )
}

fn url(to: &Dovecot<'_>) -> String {
    format!("{}/policy/dovecot", to.base_url.trim_end_matches('/'))
}

/// Dovecot's setting, and what it means.
fn when_down(when_down: WhenDown) -> (&'static str, &'static str) {
    match when_down {
        WhenDown::Open => ("no", "sign-ins go on, undecided and unrecorded, and app passwords open nothing"),
        WhenDown::Closed => ("yes", "nobody can sign in until it is back"),
    }
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
