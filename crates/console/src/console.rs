mod backup_targets;
mod backups;
mod devices;
mod drafts;
mod logs;
mod people;
mod policy;
mod put_back;
mod review;
mod second_factors;
mod services;

use std::{path::PathBuf, sync::Arc};

use mailcup_wire::{
    Account, Alert, AlertChange, AlertId, AlertState, AuthenticatorConfirmation, Block, BlockId, Code,
    Details, Event, EventId, ExportId, Factor, FactorId, MailServer, MailServerSnippet, NewBlock,
    PasswordChange, Problem, RecoveryCodes, ServiceHealth, ServiceId, SnippetRequest, TestMailResult,
    desktop::{
        AuthenticatorOffer, Completion, CompletionQuery, Count, EventList, EventQuery, ExportRequest, Filter,
        GroupList, GroupQuery, Notice, NotificationAction, PassphraseChange, Pause, Preferences, SavedView,
        Timeline, TimelineQuery, View,
    },
};
use qrcode::{QrCode, render::svg};
use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Clock, Host,
    api::Api,
    blocking::blocking,
    controller::{Contact, Contacts, Controller, Request, locked},
    export::Exports,
    key::{ConsoleKey, SealedKey},
    log_files::LogFiles,
    profile::Folder,
    store::{Readers, ViewChange},
};

/// Where the console keeps its data, and the program that is the service on this computer.
#[derive(Debug, Clone)]
pub struct ConsolePaths {
    pub data: PathBuf,
    pub service_program: PathBuf,
}

/// A handle to the desktop core, with one method for each command of the window. What asks the service does
/// so here, beside the actor, which never waits for the network.
#[derive(Clone)]
pub struct Console {
    requests: mpsc::Sender<Request>,
    contacts: watch::Receiver<Contacts>,
    key_file: PathBuf,
    clock: Clock,
    exports: Exports,
    imports: people::Imports,
    logs: LogFiles,
    dry_runs: policy::DryRuns,
    mail_exports: review::MailExports,
    /// The service that this handle is about; none for the one that is shown.
    service: Option<ServiceId>,
}

impl Console {
    /// Starts the core on the running tokio runtime. It ends when its last handle is gone, or by
    /// [`Console::shut_down`].
    pub fn start(paths: ConsolePaths, host: impl Host) -> Result<Self, Problem> {
        Self::start_at(paths, host, Clock::default())
    }

    /// Like [`Console::start`], with a clock that the caller can move.
    pub fn start_at(paths: ConsolePaths, host: impl Host, clock: Clock) -> Result<Self, Problem> {
        let folder = Folder::new(paths.data);
        let key_file = folder.key_file();
        let (requests, waiting) = mpsc::channel(64);
        let host = Arc::new(host);
        let desk = Arc::clone(&host);
        let exports = Exports::new(move |progress| desk.push_export_progress(progress));
        let controller = Controller::new(host, clock.clone(), folder, paths.service_program)?;
        let contacts = controller.contacts();
        tokio::spawn(controller.run(waiting));
        Ok(Self {
            requests,
            contacts,
            key_file,
            clock,
            exports,
            imports: people::Imports::default(),
            logs: LogFiles::default(),
            dry_runs: policy::DryRuns::default(),
            mail_exports: review::MailExports::default(),
            service: None,
        })
    }

    /// A handle whose commands act on this service, whatever is shown by then.
    #[must_use]
    pub fn at(&self, service: ServiceId) -> Self {
        Self { service: Some(service), ..self.clone() }
    }

    pub async fn view(&self) -> Result<View, Problem> {
        self.ask(Request::View).await
    }

    pub async fn choose_passphrase(&self, passphrase: String) -> Result<(), Problem> {
        // The keyring's own key if it can be read by now: it opens the local copy that is there.
        let key = self.ask(Request::KeyToChoose).await??;
        let (passphrase, key_file, sealing) =
            (SecretString::from(passphrase), self.key_file.clone(), key.clone());
        blocking(move || SealedKey::seal(&sealing, &passphrase)?.write(&key_file)).await?;
        self.ask(|reply| Request::KeyChosen(key, reply)).await?
    }

    pub async fn lock(&self) -> Result<(), Problem> {
        self.ask(Request::Lock).await?
    }

    pub async fn unlock(&self, passphrase: String) -> Result<(), Problem> {
        let key = self.opened_key(passphrase.into()).await?;
        self.ask(|reply| Request::Unlock(key, reply)).await?
    }

    pub async fn set_passphrase(&self, change: PassphraseChange) -> Result<(), Problem> {
        let key = match change.current {
            Some(current) => self.opened_key(current.into()).await?,
            None if self.ask(Request::View).await?.can_lock => {
                return Err(Problem::field("current", "Type the passphrase that is set now."));
            }
            None => self.ask(Request::Key).await??,
        };
        let Some(new) = change.new else {
            return self.ask(|reply| Request::PassphraseRemoved(key, reply)).await?;
        };
        let (new, key_file, sealing) = (SecretString::from(new), self.key_file.clone(), key.clone());
        blocking(move || SealedKey::seal(&sealing, &new)?.write(&key_file)).await?;
        self.ask(Request::PassphraseSet).await?
    }

    pub async fn events(&self, query: EventQuery) -> Result<EventList, Problem> {
        Ok(self.readers()?.events(query, self.clock.now()).await?)
    }

    pub async fn events_at(&self, filter: Filter, offset: u32, limit: u32) -> Result<EventList, Problem> {
        Ok(self.readers()?.events_at(filter, offset, limit, self.clock.now()).await?)
    }

    pub async fn event_position(&self, filter: Filter, id: EventId) -> Result<u32, Problem> {
        Ok(self.readers()?.event_position(filter, id, self.clock.now()).await?)
    }

    pub async fn event(&self, id: EventId) -> Result<Option<Event>, Problem> {
        Ok(self.readers()?.event(id).await?)
    }

    pub async fn count_events(&self, filter: Filter, at_most: Option<u32>) -> Result<Count, Problem> {
        Ok(self.readers()?.count_events(filter, at_most, self.clock.now()).await?)
    }

    pub async fn event_groups(&self, query: GroupQuery) -> Result<GroupList, Problem> {
        Ok(self.readers()?.event_groups(query, self.clock.now()).await?)
    }

    pub async fn event_timeline(&self, query: TimelineQuery) -> Result<Timeline, Problem> {
        Ok(self.readers()?.event_timeline(query, self.clock.now()).await?)
    }

    pub async fn complete(&self, query: CompletionQuery) -> Result<Vec<Completion>, Problem> {
        Ok(self.readers()?.complete(query).await?)
    }

    /// Begins to write events to a file; how far it is gets pushed.
    pub fn export_events(&self, request: ExportRequest) -> Result<ExportId, Problem> {
        self.exports.begin(request, self.readers()?, self.clock.now())
    }

    pub fn cancel_export(&self, id: &ExportId) {
        self.exports.cancel(id);
    }

    pub async fn saved_views(&self) -> Result<Vec<SavedView>, Problem> {
        Ok(self.readers()?.saved_views().await?)
    }

    pub async fn save_view(&self, view: SavedView) -> Result<(), Problem> {
        self.change_views(ViewChange::Save(view)).await
    }

    pub async fn rename_view(&self, name: String, new_name: String) -> Result<(), Problem> {
        self.change_views(ViewChange::Rename { name, new_name }).await
    }

    pub async fn delete_view(&self, name: String) -> Result<(), Problem> {
        self.change_views(ViewChange::Delete { name }).await
    }

    pub async fn alerts(&self, states: Vec<AlertState>) -> Result<Vec<Alert>, Problem> {
        Ok(self.readers()?.alerts(states).await?)
    }

    pub async fn alert(&self, id: AlertId) -> Result<Option<Alert>, Problem> {
        Ok(self.readers()?.alert(id).await?)
    }

    pub async fn change_alert(&self, id: AlertId, change: AlertChange) -> Result<Alert, Problem> {
        let known = self.readers()?.alert(id.clone()).await?;
        let known = known.ok_or_else(|| Problem::new(Code::NotFound, "There is no such alert."))?;
        let api = self.signed_in()?;
        match api.change_alert(&id, &change, known.version).await {
            Err(problem) => match self.newer_by_oneself(&known, &problem)? {
                Some(version) => api.change_alert(&id, &change, version).await,
                None => Err(problem),
            },
            done => done,
        }
    }

    pub async fn blocks(&self) -> Result<Vec<Block>, Problem> {
        Ok(self.readers()?.blocks().await?)
    }

    pub async fn create_block(&self, block: NewBlock) -> Result<Block, Problem> {
        self.signed_in()?.create_block(&block).await
    }

    pub async fn lift_block(&self, id: BlockId) -> Result<Block, Problem> {
        self.signed_in()?.lift_block(&id).await
    }

    pub async fn accounts(&self, text: String) -> Result<Vec<Account>, Problem> {
        Ok(self.readers()?.accounts(text).await?)
    }

    pub async fn preferences(&self) -> Result<Preferences, Problem> {
        self.ask(Request::Preferences).await
    }

    pub async fn set_preferences(&self, preferences: Preferences) -> Result<Preferences, Problem> {
        self.ask(|reply| Request::SetPreferences(preferences, reply)).await?
    }

    pub async fn pause_notifications(&self, pause: Pause) -> Result<(), Problem> {
        self.ask(|reply| Request::Pause(pause, reply)).await?
    }

    pub async fn dismiss_notice(&self, notice: Notice) -> Result<(), Problem> {
        let service = self.here()?.service;
        self.ask(|reply| Request::Dismiss(service, notice, reply)).await?
    }

    pub async fn send_test_mail(&self, to: String) -> Result<TestMailResult, Problem> {
        self.signed_in()?.send_test_mail(to).await
    }

    pub async fn factors(&self) -> Result<Vec<Factor>, Problem> {
        self.signed_in()?.factors().await
    }

    pub async fn enrol_authenticator(&self) -> Result<AuthenticatorOffer, Problem> {
        let enrolment = self.signed_in()?.enrol_authenticator().await?;
        let qr_svg = qr_code(&enrolment.uri)?;
        Ok(AuthenticatorOffer { id: enrolment.id, secret: enrolment.secret, uri: enrolment.uri, qr_svg })
    }

    pub async fn confirm_authenticator(
        &self,
        confirmation: AuthenticatorConfirmation,
    ) -> Result<(), Problem> {
        self.signed_in()?.confirm_authenticator(&confirmation).await
    }

    pub async fn remove_factor(&self, id: FactorId) -> Result<(), Problem> {
        self.signed_in()?.remove_factor(&id).await
    }

    pub async fn renew_recovery_codes(&self) -> Result<RecoveryCodes, Problem> {
        self.signed_in()?.renew_recovery_codes().await
    }

    pub async fn change_password(&self, change: PasswordChange) -> Result<(), Problem> {
        self.signed_in()?.change_password(&change).await
    }

    pub async fn mail_server_snippet(&self, request: SnippetRequest) -> Result<MailServerSnippet, Problem> {
        self.signed_in()?.mail_server_snippet(&request).await
    }

    pub async fn mail_servers(&self) -> Result<Vec<MailServer>, Problem> {
        self.signed_in()?.mail_servers().await
    }

    pub async fn service_health(&self) -> Result<ServiceHealth, Problem> {
        self.signed_in()?.service_health().await
    }

    /// A button of a notification was pressed, or the notification itself ([`NotificationAction::Open`]).
    pub async fn notification_pressed(&self, key: String, action: NotificationAction) {
        let about = self.ask(|reply| Request::NotificationPressed(key, action, reply)).await.ok().flatten();
        let Some((service, alert)) = about else { return };
        let there = self.at(service.clone());
        let done = match action {
            NotificationAction::Open => Ok(()),
            NotificationAction::BlockAddress => there.block_address(&alert).await,
            NotificationAction::ItsFine => there.settle(&alert, false).await,
            NotificationAction::ItWasThem => there.settle(&alert, true).await,
        };
        if let Err(problem) = done {
            tracing::warn!(
                code = problem.code.as_str(),
                "what a notification's button asks for was not done"
            );
            // The page shows what can be done instead.
            let page = format!("/alerts/{}", alert.id);
            let _ = self.ask(|reply| Request::Show(Some(service), page, reply)).await;
        }
    }

    pub async fn notification_dismissed(&self, key: String) {
        // After the end nobody is interested.
        let _ = self.ask(|reply| Request::NotificationDismissed(key, reply)).await;
    }

    /// Ends the sync and the service on this computer, and closes the local copy.
    pub async fn shut_down(&self) -> Result<(), Problem> {
        self.exports.end().await;
        self.ask(Request::ShutDown).await
    }

    /// The version of an alert that is stale only because the stream has not yet brought what this admin did
    /// a moment ago, such as the block that stands in its history.
    fn newer_by_oneself(&self, known: &Alert, problem: &Problem) -> Result<Option<u32>, Problem> {
        let Some(Details::Current { value, .. }) = problem.details.as_ref() else { return Ok(None) };
        let Ok(now) = serde_json::from_value::<Alert>(value.clone()) else { return Ok(None) };
        let own = self.here()?.admin;
        let steps = now.history.get(known.history.len()..).unwrap_or_default();
        let all_own = own.is_some() && !steps.is_empty() && steps.iter().all(|step| step.admin == own);
        Ok(all_own.then_some(now.version))
    }

    async fn change_views(&self, change: ViewChange) -> Result<(), Problem> {
        let service = self.here()?.service;
        self.ask(|reply| Request::ChangeViews(service, change, reply)).await?
    }

    /// Blocks the newest address alone: among the older ones may be that of somebody who mistyped.
    async fn block_address(&self, alert: &Alert) -> Result<(), Problem> {
        let Some(address) = alert.addresses.first() else { return Ok(()) };
        let day_from_now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
        let block = NewBlock {
            target: mailcup_wire::BlockTarget::Address { address: *address },
            expires_at: Some(day_from_now.into()),
            note: alert.title.clone(),
            confirm_self: false,
            alert: Some(alert.id.clone()),
        };
        self.signed_in()?.create_block(&block).await?;
        let seen = AlertChange {
            state: Some(AlertState::Acknowledged),
            note: Some("From the notification".to_owned()),
            ..AlertChange::default()
        };
        self.change_alert(alert.id.clone(), seen).await?;
        Ok(())
    }

    async fn settle(&self, alert: &Alert, was_owner: bool) -> Result<(), Problem> {
        let pressed = if was_owner { "It was them" } else { "It's fine" };
        let settled = AlertChange {
            state: Some(AlertState::Resolved),
            note: Some(format!("“{pressed}”, from the notification")),
            was_owner,
            ..AlertChange::default()
        };
        self.change_alert(alert.id.clone(), settled).await?;
        Ok(())
    }

    /// The service that this handle is about.
    fn here(&self) -> Result<Contact, Problem> {
        let contacts = self.contacts.borrow();
        let Some(wanted) = self.service.as_ref().or(contacts.shown.as_ref()) else {
            return Err(Problem::new(Code::Unavailable, "This console is connected to no service yet."));
        };
        let found = contacts.all.iter().find(|contact| contact.service == *wanted);
        found.cloned().ok_or_else(|| {
            Problem::new(Code::NotFound, "This console is no longer connected to that service.")
        })
    }

    /// The service, with a session.
    fn signed_in(&self) -> Result<Api, Problem> {
        let api = self.here()?.reach()?;
        if api.token().is_none() {
            return Err(Problem::new(Code::Unauthenticated, "Sign in first."));
        }
        Ok(api)
    }

    fn readers(&self) -> Result<Readers, Problem> {
        if self.contacts.borrow().locked {
            return Err(locked());
        }
        let readers = self.here()?.readers;
        readers.ok_or_else(|| Problem::new(Code::Unavailable, "There is no local copy yet."))
    }

    async fn opened_key(&self, passphrase: SecretString) -> Result<ConsoleKey, Problem> {
        let key_file = self.key_file.clone();
        blocking(move || match SealedKey::read(&key_file)? {
            Some(sealed) => sealed.open(&passphrase),
            None => Err(Problem::new(Code::Conflict, "No passphrase is set.")),
        })
        .await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Problem> {
        let ended = || Problem::new(Code::Unavailable, "The console is shutting down.");
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())
    }
}

fn qr_code(text: &str) -> Result<String, Problem> {
    let code = QrCode::new(text).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(200, 200).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_is_an_svg_document() {
        let svg = qr_code("otpauth://totp/MailCup:anna?secret=JBSWY3DPEHPK3PXP").unwrap();
        assert!(svg.contains("<svg") && svg.ends_with("</svg>"));
    }
}
