//! The configuration files of both servers.

use std::fmt::Write as _;

use super::{
    DOMAIN, DOVEADM_KEY, MailPorts, MailServersConfig, WEBMAIL,
    folder::{Folder, MAIL_UID},
};
use crate::LabError;

pub(super) fn write(folder: &Folder, config: &MailServersConfig, ports: &MailPorts) -> Result<(), LabError> {
    folder.write("dovecot/dovecot.conf", &dovecot_conf(folder, ports, config.doveadm))?;
    folder.write_for_dovecot("dovecot/users", &users(config))?;
    folder.write_as_if_old("postfix/main.cf", &main_cf(folder, ports))?;
    folder.write_as_if_old("postfix/master.cf", &master_cf(ports))?;
    folder.write_as_if_old("postfix/mailboxes", &mailboxes(config))
}

fn users(config: &MailServersConfig) -> String {
    let mut out = String::new();
    for account in &config.accounts {
        let _ = writeln!(out, "{}:{{PLAIN}}{}::::::", account.login, account.password);
    }
    out
}

fn mailboxes(config: &MailServersConfig) -> String {
    let mut out = String::new();
    for account in &config.accounts {
        let _ = writeln!(out, "{} ok", account.login);
    }
    out
}

/// What snippets write is included before the accounts' own passwords, as on Debian.
fn dovecot_conf(folder: &Folder, ports: &MailPorts, doveadm: Option<u16>) -> String {
    let l = folder.path().display();
    format!(
        "base_dir = {l}/run/dovecot
state_dir = {l}/run/dovecot-state
instance_name = {name}
protocols = imap pop3 lmtp sieve
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
log_path = {l}/log/dovecot.log
auth_verbose = yes
auth_mechanisms = plain login
mail_location = maildir:{l}/mail/%u
mail_uid = {MAIL_UID}
mail_gid = {MAIL_UID}
mail_fsync = never
mail_max_userip_connections = 1000
imap_id_retain = yes
haproxy_trusted_networks = 127.0.0.0/8
# A webmail, which says whom it asks for.
login_trusted_networks = {WEBMAIL}
postmaster_address = postmaster@{DOMAIN}

# For tests only: a wrong password is answered within half a second, Dovecot's own pace without a delay.
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}

!include_try conf.d/*.conf
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {l}/dovecot/users
}}
userdb {{
  driver = static
  args = uid={MAIL_UID} gid={MAIL_UID} home={l}/mail/%u
}}

service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener {l}/run/auth-postfix {{
    mode = 0666
  }}
}}
service lmtp {{
  process_min_avail = 1
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
{imap}{pop3}{sieve}{doveadm}",
        name = folder.path().file_name().unwrap_or_default().display(),
        lmtp = ports.lmtp,
        imap = login_service("imap-login", ("imap", "imaps"), ports.imap.direct, ports.imap.proxied),
        pop3 = login_service("pop3-login", ("pop3", "pop3s"), ports.pop3.direct, ports.pop3.proxied),
        sieve =
            login_service("managesieve-login", ("sieve", "sieves"), ports.sieve.direct, ports.sieve.proxied),
        doveadm = doveadm.map_or_else(String::new, doveadm_service),
    )
}

fn login_service(service: &str, (plain, tls): (&str, &str), direct: u16, proxied: u16) -> String {
    format!(
        "service {service} {{
  chroot =
  service_count = 0
  inet_listener {plain} {{
    port = {direct}
  }}
  inet_listener {tls} {{
    port = 0
  }}
  inet_listener {plain}-proxied {{
    port = {proxied}
    haproxy = yes
  }}
}}
"
    )
}

fn doveadm_service(port: u16) -> String {
    format!(
        "doveadm_api_key = {DOVEADM_KEY}
service doveadm {{
  inet_listener http {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"
    )
}

/// Sets nothing that the snippet sets.
fn main_cf(folder: &Folder, ports: &MailPorts) -> String {
    let l = folder.path().display();
    format!(
        "compatibility_level = 3.6
queue_directory = {l}/queue
data_directory = {l}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {l}/log/mail.log
maillog_file_prefixes = {l}
myhostname = mail.{DOMAIN}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
# All, since the PROXY protocol may state an IPv6 client.
inet_protocols = all
alias_maps =
alias_database =
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = texthash:{l}/postfix/mailboxes
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
# Mail to the rest of the world is accepted and goes nowhere.
default_transport = discard:
smtpd_peername_lookup = no
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtpd_sasl_type = dovecot
smtpd_sasl_path = {l}/run/auth-postfix
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
",
        lmtp = ports.lmtp
    )
}

fn master_cf(ports: &MailPorts) -> String {
    format!(
        "127.0.0.1:{direct} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:{proxied} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_upstream_proxy_protocol=haproxy
127.0.0.1:{relay} inet n - n - - smtpd
  -o syslog_name=postfix/relay
  -o mynetworks=127.0.0.0/8
  -o smtpd_relay_restrictions=permit_mynetworks,reject
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o smtpd_data_restrictions=
  -o smtpd_end_of_data_restrictions=
{REST_OF_MASTER_CF}",
        direct = ports.submission.direct,
        proxied = ports.submission.proxied,
        relay = ports.relay,
    )
}

const REST_OF_MASTER_CF: &str = "\
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       n       -       -       smtp
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
lmtp      unix  -       -       n       -       -       lmtp
showq     unix  n       -       n       -       -       showq
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
";
