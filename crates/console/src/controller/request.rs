//! What the handle asks of the actor.

use mailcup_wire::{
    AdminId, Alert, Challenge, Code, DeviceName, PolicyItem, Problem, ServiceId, SessionGrant, Time,
    desktop::{Certificate, Content, Edit, Notice, NotificationAction, Pause, Preferences, Resource, View},
};
use secrecy::SecretString;
use tokio::sync::oneshot;
use url::Url;

use crate::{
    api::Api,
    audit::Asking,
    key::ConsoleKey,
    mirror::Mirror,
    store::{Readers, Store, ViewChange},
};

type Reply<T> = oneshot::Sender<T>;
type Done = Reply<Result<(), Problem>>;

pub enum Request {
    View(Reply<View>),
    /// What the console itself raises about each service.
    OwnAlerts(Reply<Vec<(ServiceId, Vec<Alert>)>>),
    StartEmbedded(Done),
    Connect(Url, Option<Certificate>, Done),
    /// The certificate of this SHA-256.
    Trust(ServiceId, String, Done),
    Switch(ServiceId, Done),
    Rename(ServiceId, Option<String>, Done),
    Forget(ServiceId, Done),
    /// The key for a passphrase that is chosen because no keyring keeps one.
    KeyToChoose(Reply<Result<ConsoleKey, Problem>>),
    /// It lies sealed in its file now.
    KeyChosen(ConsoleKey, Done),
    /// The sign-in that waits for its second factor; none for anew.
    Challenged(ServiceId, Option<Challenge>, Reply<()>),
    Challenge(ServiceId, Reply<Option<Challenge>>),
    SignedIn(ServiceId, Box<SessionGrant>, Done),
    SignedOut(ServiceId, Done),
    Lock(Done),
    Unlock(ConsoleKey, Done),
    /// The key, to be sealed under a passphrase.
    Key(Reply<Result<ConsoleKey, Problem>>),
    /// The key lies sealed in its file now.
    PassphraseSet(Done),
    PassphraseRemoved(ConsoleKey, Done),
    Preferences(Reply<Preferences>),
    SetPreferences(Preferences, Reply<Result<Preferences, Problem>>),
    Pause(Pause, Done),
    ChangeViews(ServiceId, ViewChange, Done),
    Drafts(ServiceId, DraftStep, Done),
    /// The service told of these pieces of the policy.
    PolicyTold(ServiceId, Vec<PolicyItem>, Done),
    Dismiss(ServiceId, Notice, Done),
    /// Answers the alert that the action is about, if it is about one.
    NotificationPressed(String, NotificationAction, Reply<Option<(ServiceId, Alert)>>),
    NotificationDismissed(String, Reply<()>),
    /// Brings the window forward at a page of a service.
    Show(Option<ServiceId>, String, Reply<()>),
    ShutDown(Reply<()>),
}

/// What becomes of edits.
pub enum DraftStep {
    /// The service told of a resource at that time.
    Told(Content, Time),
    /// An edit that can't be in effect now.
    Keep {
        edit: Edit,
        began: Content,
    },
    /// The resource is as the service says here; the draft of that time (none: any) is done with.
    Settle(Content, Option<Time>),
    Discard(Resource),
    /// Brings back the one that was discarded last.
    Restore(Resource),
}

/// How the services are reached now, and what may be read of them.
#[derive(Clone, Default)]
pub struct Contacts {
    pub locked: bool,
    pub shown: Option<ServiceId>,
    /// In their order.
    pub all: Vec<Contact>,
}

/// How one service is reached.
#[derive(Clone)]
pub struct Contact {
    pub service: ServiceId,
    pub name: String,
    pub api: Option<Api>,
    pub device: DeviceName,
    /// Who is signed in there.
    pub admin: Option<AdminId>,
    /// Of the service that we started.
    pub setup_token: Option<SecretString>,
    /// Its local copy, while it can be read.
    pub readers: Option<Readers>,
    /// Its backups on this computer, while they can be read.
    pub mirror: Option<Mirror>,
    /// The copy that keeps the audit log, and who checks that.
    pub audit: Option<(Store, Asking)>,
}

impl Contact {
    /// The service, with a session's token if there is one.
    pub fn reach(&self) -> Result<Api, Problem> {
        let problem =
            || Problem::new(Code::Unreachable, "The service is not there yet. Try again in a moment.");
        self.api.clone().ok_or_else(problem)
    }
}
