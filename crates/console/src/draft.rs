//! Edits that are not in effect beside what changed meanwhile. Pure.

mod compare;
#[cfg(test)]
mod tests;

use mailcup_wire::{
    AdminId, Code, Login, MailSettingsChange, MailTransport, Problem, RelayChange, Time,
    desktop::{Choice, Content, Draft, Edit, Part, Resource, Side},
};

use self::compare::{compare, mark_of, meanwhile, needs_password};

/// A draft as it lies in the store, with a password that was typed: nothing that is shown or logged.
#[derive(Clone)]
pub struct Kept {
    pub began: Content,
    pub edit: Edit,
    pub edited_at: Time,
    pub admin: AdminId,
    pub login: Login,
}

impl Kept {
    pub fn resource(&self) -> Resource {
        resource_of(&self.began)
    }

    /// As a page may see it, beside the resource as it is known.
    pub fn shown(&self, theirs: &Content, me: Option<&AdminId>) -> Draft {
        let (edit, has_password) = without_password(self.edit.clone());
        let parts = compare(self, theirs);
        Draft {
            resource: self.resource(),
            began: self.began.clone(),
            edit,
            has_password,
            edited_at: self.edited_at,
            admin: self.admin.clone(),
            login: self.login.clone(),
            own: me == Some(&self.admin),
            meanwhile: meanwhile(&parts),
            parts,
        }
    }

    /// What to send: of every part the side that was chosen, else the only one that changed it.
    pub fn merged(&self, theirs: &Content, choices: &[Choice]) -> Result<Edit, Problem> {
        let side = |part: Part| {
            let chosen = choices.iter().find(|choice| choice.part == part).map(|choice| choice.side);
            chosen.or_else(|| mark_of(self, theirs, part).side().map(wire_side)).ok_or_else(unchosen)
        };
        let yours = |part| Ok::<_, Problem>(side(part)? == Side::Yours);
        match (&self.edit, theirs) {
            (
                Edit::AlertSettings { account_failures, network_accounts, window_minutes },
                Content::AlertSettings(now),
            ) => Ok(Edit::AlertSettings {
                account_failures: if yours(Part::AccountFailures)? {
                    *account_failures
                } else {
                    now.account_failures
                },
                network_accounts: if yours(Part::NetworkAccounts)? {
                    *network_accounts
                } else {
                    now.network_accounts
                },
                window_minutes: if yours(Part::WindowMinutes)? {
                    *window_minutes
                } else {
                    now.window_minutes
                },
            }),
            (Edit::MailSettings(mine), Content::MailSettings(now)) => {
                let from = if yours(Part::From)? { mine.from.clone() } else { now.from.clone() };
                let relay = if yours(Part::Transport)? {
                    if needs_password(self, theirs) {
                        let why =
                            "The service has this relay's password no longer. Type it again in the draft.";
                        return Err(Problem::field("relay.password", why));
                    }
                    mine.relay.clone()
                } else {
                    relay_as_it_is(&now.transport)
                };
                Ok(Edit::MailSettings(MailSettingsChange { from, relay }))
            }
            (Edit::Account { login, note }, Content::Account(now)) => {
                let note = if yours(Part::Note)? { note.clone() } else { now.note.clone() };
                Ok(Edit::Account { login: login.clone(), note })
            }
            (Edit::AlertSettings { .. } | Edit::MailSettings(_) | Edit::Account { .. }, _) => Err(mismatch()),
        }
    }
}

pub fn resource_of(content: &Content) -> Resource {
    match content {
        Content::AlertSettings(_) => Resource::AlertSettings,
        Content::MailSettings(_) => Resource::MailSettings,
        Content::Account(account) => Resource::Account { login: account.login.clone() },
    }
}

pub fn resource_of_edit(edit: &Edit) -> Resource {
    match edit {
        Edit::AlertSettings { .. } => Resource::AlertSettings,
        Edit::MailSettings(_) => Resource::MailSettings,
        Edit::Account { login, .. } => Resource::Account { login: login.clone() },
    }
}

pub fn version_of(content: &Content) -> u32 {
    match content {
        Content::AlertSettings(settings) => settings.version,
        Content::MailSettings(settings) => settings.version,
        Content::Account(account) => account.version,
    }
}

/// Whether the edit leaves everything as it is.
pub fn changes_nothing(edit: &Edit, content: &Content) -> bool {
    compare::wanted(edit, content) == compare::fields(content)
}

/// The edit with the password that an earlier draft of it holds, if it was typed for the same relay: pages
/// never get it back.
pub fn with_former_password(edit: Edit, former: Option<&Kept>) -> Edit {
    let Edit::MailSettings(mut change) = edit else { return edit };
    if let (Some(relay), Some(Kept { edit: Edit::MailSettings(former), .. })) = (&mut change.relay, former)
        && let Some(former) = &former.relay
        && relay.password.is_none()
        && relay.host == former.host
        && relay.username.is_some()
    {
        relay.password.clone_from(&former.password);
    }
    Edit::MailSettings(change)
}

fn without_password(edit: Edit) -> (Edit, bool) {
    let Edit::MailSettings(mut change) = edit else { return (edit, false) };
    let password = change.relay.as_mut().and_then(|relay| relay.password.take());
    (Edit::MailSettings(change), password.is_some())
}

/// The change that leaves a relay, with the password that the service has for it, or the local folder.
fn relay_as_it_is(transport: &MailTransport) -> Option<RelayChange> {
    match transport {
        MailTransport::Local { .. } => None,
        MailTransport::Relay(relay) => Some(RelayChange {
            host: relay.host.clone(),
            port: relay.port,
            security: relay.security,
            username: relay.username.clone(),
            password: None,
        }),
    }
}

fn wire_side(side: mailcup_guard::merge::Side) -> Side {
    match side {
        mailcup_guard::merge::Side::Yours => Side::Yours,
        mailcup_guard::merge::Side::Theirs => Side::Theirs,
    }
}

fn unchosen() -> Problem {
    Problem::field("choices", "Both changed the same. Choose which of the two shall be in effect.")
}

pub fn mismatch() -> Problem {
    Problem::new(Code::BadRequest, "This edit is of something else than what it began from.")
}
