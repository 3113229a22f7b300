//! One event as a line.

use mailcup_wire::{
    BlockTarget, Event, EventBody, EventKind, Outcome, Protocol, Reason, SubmissionOutcome, desktop::Column,
};
use serde::Serialize;

use crate::store::{address_of, login_of};

const COLUMNS: [Column; 11] = [
    Column::Time,
    Column::Id,
    Column::Kind,
    Column::Account,
    Column::Address,
    Column::Protocol,
    Column::Outcome,
    Column::Reasons,
    Column::Client,
    Column::Server,
    Column::Text,
];

/// The columns asked for; all if none is.
pub fn columns(wanted: &[Column]) -> Vec<Column> {
    if wanted.is_empty() { COLUMNS.to_vec() } else { wanted.to_vec() }
}

pub fn header(columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(name_of).collect();
    format!("{}\r\n", names.join(","))
}

pub fn csv(event: &Event, columns: &[Column], text: &mut String) {
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        push_cell(&cell(event, *column), text);
    }
    text.push_str("\r\n");
}

pub fn json(event: &Event, text: &mut String) -> Result<(), crate::store::StoreError> {
    text.push_str(&serde_json::to_string(event)?);
    text.push('\n');
    Ok(())
}

fn cell(event: &Event, column: Column) -> String {
    let body = &event.body;
    match column {
        Column::Time => event.at.to_string(),
        Column::Id => event.id.to_string(),
        Column::Kind => name_of::<EventKind>(&body.kind()),
        Column::Account => login_of(body).map(ToString::to_string).unwrap_or_default(),
        Column::Address => address_of(body).map(|address| address.to_string()).unwrap_or_default(),
        Column::Protocol => match body {
            EventBody::SignIn(sign_in) => name_of(&sign_in.protocol),
            EventBody::Submission(_) => name_of(&Protocol::Submission),
            _ => String::new(),
        },
        Column::Outcome => match body {
            EventBody::SignIn(sign_in) => name_of::<Outcome>(&sign_in.outcome),
            EventBody::Submission(submission) => name_of::<SubmissionOutcome>(&submission.outcome),
            _ => String::new(),
        },
        Column::Reasons => match body {
            EventBody::SignIn(sign_in) => texts(&sign_in.reasons),
            EventBody::Submission(submission) => texts(&submission.reasons),
            _ => String::new(),
        },
        Column::Client => match body {
            EventBody::SignIn(sign_in) => sign_in.client.clone().unwrap_or_default(),
            _ => String::new(),
        },
        Column::Server => match body {
            EventBody::SignIn(sign_in) => sign_in.server.clone().unwrap_or_default(),
            _ => String::new(),
        },
        Column::Text => what_happened(body),
    }
}

fn what_happened(body: &EventBody) -> String {
    match body {
        EventBody::SignIn(_) | EventBody::Submission(_) => String::new(),
        EventBody::Alert(alert) => alert.title.clone(),
        EventBody::Block(block) => {
            let whom = match &block.target {
                BlockTarget::Address { address } => address.to_string(),
                BlockTarget::Network { network } => network.to_string(),
                BlockTarget::Account { login } => login.to_string(),
                BlockTarget::AccountNetwork { login, network } => format!("{login} {network}"),
                BlockTarget::Sending { login } => format!("sending {login}"),
            };
            let what = if block.lifted_at.is_some() { "lifted" } else { "blocked" };
            [what, &whom, &block.note].join(" ").trim_end().to_owned()
        }
        EventBody::Account(account) => account.name.clone(),
        EventBody::Policy(item) => serde_json::to_string(item).unwrap_or_default(),
        EventBody::Admin(action) => format!("{} {}", action.action, action.target),
        EventBody::System(fact) => serde_json::to_string(fact).unwrap_or_default(),
    }
}

fn texts(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// As it stands in JSON.
fn name_of<T: Serialize>(value: &T) -> String {
    let name = serde_json::to_value(value).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// RFC 4180. What a spreadsheet would take for a formula gets an apostrophe: a stranger chooses logins and
/// what their client calls itself.
fn push_cell(value: &str, text: &mut String) {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quoted = formula || value.contains([',', '"', '\r', '\n']) || value.trim() != value;
    if !quoted {
        text.push_str(value);
        return;
    }
    text.push('"');
    if formula {
        text.push('\'');
    }
    text.push_str(&value.replace('"', "\"\""));
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: &str) -> String {
        let mut text = String::new();
        push_cell(value, &mut text);
        text
    }

    #[test]
    fn a_cell_is_read_back_as_it_was_and_never_as_a_formula() {
        assert_eq!(cell("anna@example.org"), "anna@example.org");
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("say \"no\"\nnow"), "\"say \"\"no\"\"\nnow\"");
        assert_eq!(cell(" padded"), "\" padded\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell("@SUM(A1)"), "\"'@SUM(A1)\"");
        assert_eq!(cell(""), "");
    }

    #[test]
    fn a_header_names_the_columns() {
        assert_eq!(header(&columns(&[Column::Time, Column::Account])), "time,account\r\n");
        assert_eq!(columns(&[]).len(), 11);
    }
}
