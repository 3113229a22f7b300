//! What alerts and reasons say to an admin.

use ipnet::IpNet;
use mailcup_guard::{
    access::Scope,
    alert::{BackupConcern, Subject},
    block::Target,
    decision::Reason as GuardReason,
    limit::{Measure, Window},
    limiter::{Pool, Reached},
};
use mailcup_wire::{Alert, AlertKind, BlockId, LimitId, Reason, ReasonCode, RuleId, Severity};

/// Title and text of an alert about `subject`, as far as it has come.
pub(super) fn alert_text(subject: &Subject, alert: &Alert) -> (String, String) {
    let count = alert.count;
    match subject {
        Subject::RepeatedFailures { login } => (
            format!("{} for {login}", counted(count, "failed sign-in", "failed sign-ins")),
            format!(
                "Different wrong passwords were tried for {login} from {}. Somebody may be guessing the \
                 password. If it is not the owner, block the address; a password that is used elsewhere too \
                 should be changed.",
                counted(alert.addresses_total, "address", "addresses")
            ),
        ),
        Subject::NetworkFailures { network } => (
            format!(
                "{} failed on {}",
                network_name(*network),
                counted(alert.accounts_total, "account", "accounts")
            ),
            format!(
                "{} from {}. One client that fails on several accounts is rarely a person; block it unless \
                 it is your own webmail or office.",
                counted(count, "failed sign-in came", "failed sign-ins came"),
                network_name(*network)
            ),
        ),
        Subject::SuccessAfterFailures { login, network } => (
            format!(
                "{login} signed in from a new network after {}",
                counted(count.saturating_sub(1), "failure", "failures")
            ),
            format!(
                "{login} never signed in from {} before, and wrong passwords came from there right before. \
                 Ask the owner whether it was them; if not, block the account and change its password.",
                network_name(*network)
            ),
        ),
        Subject::AdminNewDevice { login, .. } => (
            format!("{login} signed in to the console on a new device"),
            "If it was not them, end the session, change the password and look at what the admin did."
                .to_owned(),
        ),
        Subject::OutboxStuck => (
            "Mail of the service does not get out".to_owned(),
            "One-time codes and notices wait in the outbox. Check the relay in the settings and send a test \
             message."
                .to_owned(),
        ),
        Subject::NotMe { login, network } => (
            format!("{login} says that a sign-in was not them"),
            format!(
                "Somebody used its password from {}, and its owner pressed “This wasn't me” in the mail about it. \
                 Somebody may have the password: change it and look at what the account did since. For a day \
                 that network is kept from the account, unless its login is an admin's.",
                network_name(*network)
            ),
        ),
        Subject::CodeNotGiven { login, network } => (
            format!("Password of {login} right, code never given"),
            format!(
                "Somebody signed in with the right password from {} and never gave the code that was mailed. If the \
                 owner knows nothing of it, somebody else has the password: have it changed.",
                network.map_or_else(|| "an unknown address".to_owned(), network_name)
            ),
        ),
        Subject::StolenPassword { login } => (
            format!("{login}: right password, but not like its owner"),
            format!(
                "{} with the right password refused or sending suspended, since network, place and habits speak \
                 against the owner; the blocks and events say what. If it was the owner, lift the block. If not, \
                 somebody has the password: have it changed, and make new app passwords.",
                counted(count, "time", "times")
            ),
        ),
        Subject::LimitReached { login, network, .. } => limit_text(login.as_deref(), *network, alert),
        Subject::PolicyReturned { by, .. } => (
            "A change of access rules returned by itself".to_owned(),
            format!(
                "The change by {by} locked somebody out, and nobody kept it in time. The rules are as they \
                 were before it; look at it again before it is made anew."
            ),
        ),
        Subject::AdminRecovered { login } => (
            format!("{login} was let in from the server's own shell"),
            "Somebody ran mailcupd admin recover. For 15 minutes that admin passes blocks and access rules. If \
             nobody of you did it, somebody controls the server."
                .to_owned(),
        ),
        Subject::Backup(concern) => {
            let (title, text) = backup_text(*concern);
            (title.to_owned(), text.to_owned())
        }
    }
}

fn backup_text(concern: BackupConcern) -> (&'static str, &'static str) {
    match concern {
        BackupConcern::Missed => (
            "No backup for more than 36 hours",
            "The newest snapshot is older than 36 hours, so that nothing would bring back what came since. Look at \
             Backups for why none was made, and whether the repository's disk is there; then make one by hand.",
        ),
        BackupConcern::Failed => (
            "A backup failed",
            "No new snapshot was written. Backups says what to mend; it is tried again within an hour, and this alert \
             is resolved once a snapshot is made.",
        ),
        BackupConcern::Deletion => (
            "Much mail, or accounts, are gone since the last backup",
            "More was deleted between the last two snapshots than usual. Compare them: if nobody meant to delete \
             this, restore it from the older one, and find out who did it.",
        ),
        BackupConcern::Growth => (
            "A backup stored far more than usual",
            "The last snapshot added more than five times what snapshots usually add. Mail that was encrypted or \
             copied in masses looks like this; so does a large import. Compare the last two snapshots.",
        ),
        BackupConcern::Damaged => (
            "The backup repository is damaged",
            "A proof found damaged or missing files; Backups names them. Replace them from a mirror or a copy of the \
             repository, prove it again, and check the disk. What isn't named can be restored.",
        ),
        BackupConcern::Drill => (
            "A restore rehearsal failed",
            "Not everything came back as it should. The report in Backups says which check failed, on what, and what \
             to do.",
        ),
        BackupConcern::Copy => (
            "A copy of the backups is more than two days behind",
            "A target has had no full copy since a newer snapshot was made. Backups says which one and what stands in \
             the way; mend it, or remove the target. The repository itself is not touched by this.",
        ),
    }
}

fn limit_text(login: Option<&str>, network: Option<IpNet>, alert: &Alert) -> (String, String) {
    let whom = match (login, network) {
        (Some(login), _) => login.to_owned(),
        (None, Some(network)) => network_name(network),
        (None, None) => counted(alert.accounts_total, "account", "accounts"),
    };
    (
        format!("{whom} reached a sending limit"),
        format!(
            "{} stopped by it; the events say which limit and from where. If the owner sent them, raise \
             the limit or add the network to the known ones. If not, somebody has the password: block the \
             account and change it.",
            counted(alert.count, "message was", "messages were")
        ),
    )
}

pub(super) fn kind(subject: &Subject) -> AlertKind {
    match subject {
        Subject::RepeatedFailures { .. } => AlertKind::RepeatedFailures,
        Subject::NetworkFailures { .. } => AlertKind::NetworkFailures,
        Subject::SuccessAfterFailures { .. } => AlertKind::SuccessAfterFailures,
        Subject::AdminNewDevice { .. } => AlertKind::AdminNewDevice,
        Subject::OutboxStuck => AlertKind::OutboxStuck,
        Subject::LimitReached { .. } => AlertKind::LimitReached,
        Subject::PolicyReturned { .. } => AlertKind::PolicyReturned,
        Subject::AdminRecovered { .. } => AlertKind::AdminRecovered,
        Subject::NotMe { .. } => AlertKind::NotMe,
        Subject::CodeNotGiven { .. } => AlertKind::CodeNotGiven,
        Subject::StolenPassword { .. } => AlertKind::StolenPassword,
        Subject::Backup(BackupConcern::Missed) => AlertKind::BackupMissed,
        Subject::Backup(BackupConcern::Failed) => AlertKind::BackupFailed,
        Subject::Backup(BackupConcern::Deletion) => AlertKind::MassDeletion,
        Subject::Backup(BackupConcern::Growth) => AlertKind::BackupGrowth,
        Subject::Backup(BackupConcern::Damaged) => AlertKind::BackupDamaged,
        Subject::Backup(BackupConcern::Drill) => AlertKind::DrillFailed,
        Subject::Backup(BackupConcern::Copy) => AlertKind::CopyMissed,
    }
}

pub(super) fn severity(critical: bool) -> Severity {
    if critical { Severity::Critical } else { Severity::Attention }
}

/// A reason of guard's as the log keeps it.
pub fn reason_text(reason: &GuardReason) -> Reason {
    match reason {
        GuardReason::NothingAgainst => Reason::new(ReasonCode::NothingAgainst, "Nothing speaks against it."),
        GuardReason::Blocked { block, target, expires_at } => {
            let (code, whom) = match target {
                Target::Address(address) => (ReasonCode::BlockedAddress, format!("The address {address}")),
                Target::Network(network) => (ReasonCode::BlockedNetwork, format!("The network {network}")),
                Target::Account(login) => (ReasonCode::BlockedAccount, format!("The account {login}")),
                Target::AccountNetwork(login, network) => {
                    (ReasonCode::BlockedAccount, format!("The account {login}, from {network},"))
                }
                Target::Sending(login) => (ReasonCode::SendingSuspended, format!("What {login} sends")),
            };
            let until = expires_at.map_or_else(|| "that is lifted".to_owned(), |end| end.to_string());
            Reason {
                block: Some(BlockId(block.0.to_string())),
                ..Reason::new(code, format!("{whom} is blocked until {until}."))
            }
        }
        GuardReason::Denied { rule, would } => {
            let (code, text) = if *would {
                (ReasonCode::RuleWouldDeny, "A report-only rule would refuse it.")
            } else {
                (ReasonCode::RuleDenied, "A deny rule refuses it.")
            };
            Reason { rule: Some(rule_id(rule)), ..Reason::new(code, text) }
        }
        GuardReason::NotAllowed { scope, rule, would } => {
            let whose = match scope {
                Scope::Organization => "the organization".to_owned(),
                Scope::Domain(domain) => domain.to_string(),
                Scope::Account(login) => login.to_string(),
            };
            let (code, text) = if *would {
                (
                    ReasonCode::RuleWouldNotAllow,
                    format!("With the report-only rules of {whose}, none would allow it."),
                )
            } else {
                (ReasonCode::RuleNotAllowed, format!("None of the allow rules of {whose} matches."))
            };
            Reason { rule: Some(rule_id(rule)), ..Reason::new(code, text) }
        }
        GuardReason::LimitReached { reached, would } => {
            let code = if *would { ReasonCode::LimitWouldReach } else { ReasonCode::LimitReached };
            Reason {
                limit: Some(LimitId(reached.limit.id.0.to_string())),
                ..Reason::new(code, limit_words(reached, *would))
            }
        }
        GuardReason::Passed { until } => Reason::new(
            ReasonCode::Recovered,
            format!("They were let in from the server's own shell; that ends at {until}."),
        ),
    }
}

fn rule_id(rule: &mailcup_guard::access::RuleId) -> RuleId {
    RuleId(rule.0.to_string())
}

fn limit_words(reached: &Reached, would: bool) -> String {
    let (phrase, used) = (limit_phrase(reached), reached.used);
    match (reached.of, would) {
        (0, false) => format!("The sending limit lets {phrase} through."),
        (0, true) => format!("A report-only sending limit would let {phrase} through."),
        (_, false) => format!("The sending limit of {phrase} is reached: {used} are used up."),
        (_, true) => {
            format!("The report-only sending limit of {phrase} would be reached: {used} are used up.")
        }
    }
}

/// A limit in words: “10 recipients an hour from networks that are not known”.
pub fn limit_phrase(reached: &Reached) -> String {
    let limit = &reached.limit;
    let what = match limit.measure {
        Measure::Recipients(_) | Measure::RecipientsPerMessage => ("recipient", "recipients"),
        Measure::Messages(_) => ("message", "messages"),
    };
    let within = match (limit.measure, reached.key.pool, limit.burst) {
        (_, Pool::Burst, Some(burst)) => format!("in {}", counted_seconds(burst.window.as_secs())),
        (Measure::Recipients(window) | Measure::Messages(window), ..) => window_words(window).to_owned(),
        (Measure::RecipientsPerMessage, ..) => "a message".to_owned(),
    };
    let from = match reached.key.pool {
        Pool::Known => " from known networks",
        Pool::Others => " from networks that are not known",
        Pool::Burst => "",
    };
    match reached.of {
        0 => format!("no {}{from}", what.1),
        of => format!("{} {within}{from}", counted(of, what.0, what.1)),
    }
}

fn counted_seconds(seconds: i64) -> String {
    if seconds == 1 { "a second".to_owned() } else { format!("{seconds} seconds") }
}

fn window_words(window: Window) -> &'static str {
    match window {
        Window::Minute => "a minute",
        Window::Hour => "an hour",
        Window::Day => "a day",
    }
}

fn counted(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A network of one is named by its address.
pub fn network_name(network: IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}
