//! A draft field by field: what it began from, what it wants, and what is there now.

use std::collections::BTreeMap;

use mailcup_guard::merge;
use mailcup_wire::{
    MailSettingsChange, MailTransport,
    desktop::{
        Content, Edit, Field, FieldComparison, FieldValue, MailWay, Mark, Meanwhile, Part, PartComparison,
        PasswordState,
    },
};

use super::Kept;

pub type Fields = BTreeMap<Field, FieldValue>;

/// All parts of the resource, with those alike.
pub fn compare(kept: &Kept, theirs: &Content) -> Vec<PartComparison> {
    let (began, theirs_fields) = (fields(&kept.began), fields(theirs));
    let yours = wanted(&kept.edit, &kept.began);
    let lost = needs_password(kept, theirs);
    let parts_of = match theirs {
        Content::AlertSettings(_) => &[Part::AccountFailures, Part::NetworkAccounts, Part::WindowMinutes][..],
        Content::MailSettings(_) => &[Part::From, Part::Transport],
        Content::Account(_) => &[Part::Note],
    };
    let compared = parts_of.iter().map(|part| {
        let there = |field: &&Field| [&began, &yours, &theirs_fields].iter().any(|it| it.contains_key(field));
        let compared = fields_of(*part).iter().filter(there).map(|field| {
            let values = [&began, &yours, &theirs_fields].map(|it| it.get(field).cloned());
            let mark = mark(&values[0], &values[1], &values[2]);
            let [began, mut yours, theirs] = values;
            if lost && *field == Field::Password {
                yours = Some(FieldValue::Password { password: PasswordState::Lost });
            }
            FieldComparison { field: *field, mark, began, yours, theirs }
        });
        PartComparison {
            part: *part,
            mark: wire_mark(part_mark(&began, &yours, &theirs_fields, *part)),
            fields: compared.collect(),
        }
    });
    compared.collect()
}

/// What became of the resource since the edit began.
pub fn meanwhile(parts: &[PartComparison]) -> Meanwhile {
    let any = |wanted: Mark| parts.iter().any(|part| part.mark == wanted);
    let changed = parts.iter().flat_map(|part| &part.fields).any(|field| field.theirs != field.began);
    match (any(Mark::Both), any(Mark::OnlyYours)) {
        (true, _) => Meanwhile::Conflict,
        (false, false) => Meanwhile::InEffect,
        (false, true) if changed => Meanwhile::Changed,
        (false, true) => Meanwhile::Nothing,
    }
}

pub fn mark_of(kept: &Kept, theirs: &Content, part: Part) -> merge::Mark {
    part_mark(&fields(&kept.began), &wanted(&kept.edit, &kept.began), &fields(theirs), part)
}

/// The draft relies on a password that the service has only for the relay that is there no longer.
pub fn needs_password(kept: &Kept, theirs: &Content) -> bool {
    let (Edit::MailSettings(change), Content::MailSettings(now)) = (&kept.edit, theirs) else { return false };
    let relies = keeps_stored(change, &kept.began)
        && mark_of(kept, theirs, Part::Transport).side() != Some(merge::Side::Theirs);
    let still_there = matches!(
        (&change.relay, &now.transport),
        (Some(mine), MailTransport::Relay(now)) if mine.host == now.host && now.has_password
    );
    relies && !still_there
}

pub fn fields(content: &Content) -> Fields {
    match content {
        Content::AlertSettings(now) => {
            alert_fields(now.account_failures, now.network_accounts, now.window_minutes)
        }
        Content::MailSettings(now) => {
            let relay = match &now.transport {
                MailTransport::Local { .. } => None,
                MailTransport::Relay(relay) => Some(relay),
            };
            let mut fields = mail_fields(&now.from, relay.is_some());
            if let Some(relay) = relay {
                let password = if relay.has_password { PasswordState::Stored } else { PasswordState::None };
                fields.extend(relay_fields(
                    &relay.host,
                    relay.port,
                    relay.security,
                    relay.username.as_deref(),
                    password,
                ));
            }
            fields
        }
        Content::Account(account) => [(Field::Note, text(&account.note))].into(),
    }
}

/// The fields as an edit wants them; what `began` holds tells whether a password stays.
pub fn wanted(edit: &Edit, began: &Content) -> Fields {
    match edit {
        Edit::AlertSettings { account_failures, network_accounts, window_minutes } => {
            alert_fields(*account_failures, *network_accounts, *window_minutes)
        }
        Edit::MailSettings(change) => {
            let mut fields = mail_fields(&change.from, change.relay.is_some());
            if let Some(relay) = &change.relay {
                let password = match &relay.password {
                    Some(_) => PasswordState::New,
                    None if keeps_stored(change, began) => PasswordState::Stored,
                    None => PasswordState::None,
                };
                let username = relay.username.as_deref();
                fields.extend(relay_fields(&relay.host, relay.port, relay.security, username, password));
            }
            fields
        }
        Edit::Account { note, .. } => [(Field::Note, text(note))].into(),
    }
}

/// The service keeps a password for the host that it was given for, while there is a user name.
fn keeps_stored(change: &MailSettingsChange, began: &Content) -> bool {
    let Content::MailSettings(began) = began else { return false };
    match (&change.relay, &began.transport) {
        (Some(wanted), MailTransport::Relay(before)) => {
            wanted.password.is_none()
                && wanted.username.is_some()
                && wanted.host == before.host
                && before.has_password
        }
        (Some(_) | None, _) => false,
    }
}

fn fields_of(part: Part) -> &'static [Field] {
    match part {
        Part::AccountFailures => &[Field::AccountFailures],
        Part::NetworkAccounts => &[Field::NetworkAccounts],
        Part::WindowMinutes => &[Field::WindowMinutes],
        Part::From => &[Field::From],
        Part::Transport => {
            &[Field::Way, Field::Host, Field::Port, Field::Security, Field::Username, Field::Password]
        }
        Part::Note => &[Field::Note],
    }
}

fn part_mark(began: &Fields, yours: &Fields, theirs: &Fields, part: Part) -> merge::Mark {
    let of = |all: &Fields| -> Vec<Option<FieldValue>> {
        fields_of(part).iter().map(|field| all.get(field).cloned()).collect()
    };
    merge::Mark::of(&of(began), &of(yours), &of(theirs))
}

fn mark<T: PartialEq>(began: &T, yours: &T, theirs: &T) -> Mark {
    wire_mark(merge::Mark::of(began, yours, theirs))
}

fn wire_mark(mark: merge::Mark) -> Mark {
    match mark {
        merge::Mark::Same => Mark::Same,
        merge::Mark::OnlyYours => Mark::OnlyYours,
        merge::Mark::OnlyTheirs => Mark::OnlyTheirs,
        merge::Mark::Both => Mark::Both,
    }
}

fn alert_fields(account_failures: u32, network_accounts: u32, window_minutes: u32) -> Fields {
    let number = |number| FieldValue::Number { number };
    [
        (Field::AccountFailures, number(account_failures)),
        (Field::NetworkAccounts, number(network_accounts)),
        (Field::WindowMinutes, number(window_minutes)),
    ]
    .into()
}

fn mail_fields(from: &str, by_relay: bool) -> Fields {
    let way = if by_relay { MailWay::Relay } else { MailWay::Local };
    [(Field::From, text(from)), (Field::Way, FieldValue::Way { way })].into()
}

fn relay_fields(
    host: &str,
    port: u16,
    security: mailcup_wire::RelaySecurity,
    username: Option<&str>,
    password: PasswordState,
) -> [(Field, FieldValue); 5] {
    [
        (Field::Host, text(host)),
        (Field::Port, FieldValue::Number { number: port.into() }),
        (Field::Security, FieldValue::Security { security }),
        (Field::Username, text(username.unwrap_or_default())),
        (Field::Password, FieldValue::Password { password }),
    ]
}

fn text(text: &str) -> FieldValue {
    FieldValue::Text { text: text.to_owned() }
}
