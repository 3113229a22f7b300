//! What the handle asks of the actor.

use mailcup_wire::{
    Alert, Challenge, Code, DeviceName, Problem, SessionGrant,
    desktop::{Notice, NotificationAction, Pause, Preferences, View},
};
use secrecy::SecretString;
use tokio::sync::oneshot;
use url::Url;

use crate::{api::Api, key::ConsoleKey, store::ViewChange};

type Reply<T> = oneshot::Sender<T>;
type Done = Reply<Result<(), Problem>>;

pub enum Request {
    View(Reply<View>),
    StartEmbedded(Done),
    Connect(Url, Done),
    /// The key for a passphrase that is chosen because no keyring keeps one.
    KeyToChoose(Reply<Result<ConsoleKey, Problem>>),
    /// It lies sealed in its file now.
    KeyChosen(ConsoleKey, Done),
    /// The sign-in that waits for its second factor; none for anew.
    Challenged(Option<Challenge>, Reply<()>),
    Challenge(Reply<Option<Challenge>>),
    SignedIn(Box<SessionGrant>, Done),
    SignedOut(Done),
    ForgetService(Done),
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
    Dismiss(Notice, Done),
    ChangeViews(ViewChange, Done),
    /// Answers the alert that the action is about, if it is about one.
    NotificationPressed(String, NotificationAction, Reply<Option<Alert>>),
    NotificationDismissed(String, Reply<()>),
    /// Brings the window forward at a page.
    Show(String, Reply<()>),
    ShutDown(Reply<()>),
}

/// How the service is reached now.
#[derive(Clone)]
pub struct Contact {
    pub api: Option<Api>,
    pub device: DeviceName,
    /// Of the service that we started.
    pub setup_token: Option<SecretString>,
}

impl Contact {
    /// The service, with a session's token if there is one.
    pub fn reach(&self) -> Result<Api, Problem> {
        let problem =
            || Problem::new(Code::Unreachable, "The service is not there yet. Try again in a moment.");
        self.api.clone().ok_or_else(problem)
    }
}
