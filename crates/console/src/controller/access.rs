//! Who may read the local copy: the key, the keyring, the passphrase and the lock.

use std::{fs, io, sync::Arc};

use mailcup_wire::{Code, Problem, desktop::Preferences};

use super::{Controller, Plan};
use crate::{
    Host,
    host::KeyringError,
    key::{ConsoleKey, KeyringKey, look_in_keyring, put_into_keyring},
    notify::wall_time,
    view::Access,
};

impl<H: Host> Controller<H> {
    /// Takes up what was there when the console ended.
    pub(super) async fn resume(&mut self) {
        self.can_lock = self.folder.key_file().exists();
        if self.can_lock {
            self.access = Access::Locked;
        } else if !self.install.services.is_empty() && !matches!(self.find_key(Plan::Resume).await, Ok(true))
        {
            return;
        }
        self.take_up_services().await;
    }

    /// While the console is locked its key is nowhere but sealed: another one would open nothing.
    pub(super) fn not_locked(&self) -> Result<(), Problem> {
        if self.access == Access::Locked { Err(locked()) } else { Ok(()) }
    }

    /// Makes sure that there is a key. Without one `plan` waits for a passphrase.
    pub(super) async fn find_key(&mut self, plan: Plan) -> Result<bool, Problem> {
        self.not_locked()?;
        if self.key.is_some() {
            return Ok(true);
        }
        match self.key_of_keyring().await {
            Ok(key) => {
                self.hold(key)?;
                self.access = Access::Open;
                Ok(true)
            }
            Err(error) => {
                let why = why_a_passphrase(&error, !self.install.services.is_empty());
                self.access = Access::NeedsPassphrase { why };
                self.waiting = Some(plan);
                Ok(false)
            }
        }
    }

    /// The key that a passphrase will keep; only where there is none and a sealed one is not there either.
    pub(super) async fn key_to_choose(&mut self) -> Result<ConsoleKey, Problem> {
        let asked_for = matches!(self.access, Access::NeedsPassphrase { .. });
        if !asked_for || self.folder.key_file().exists() {
            return Err(Problem::new(Code::Conflict, "No passphrase is asked for now."));
        }
        Ok(self.key_of_keyring().await.unwrap_or_else(|_| ConsoleKey::generate()))
    }

    pub(super) async fn key_chosen(&mut self, key: ConsoleKey) -> Result<(), Problem> {
        self.hold(key)?;
        self.passphrase_set().await?;
        self.access = Access::Open;
        match self.waiting.take() {
            None => {}
            Some(Plan::Resume) => self.take_up_services().await,
            Some(Plan::StartEmbedded) => self.start_embedded(None).await,
            Some(Plan::Connect(url, pinned)) => self.connect(url, pinned.map(|it| *it)).await?,
        }
        Ok(())
    }

    /// Closes the local copy and wipes its key. The stream goes on with the session in memory.
    pub(super) async fn lock(&mut self) -> Result<(), Problem> {
        if !self.can_lock {
            return Err(Problem::new(
                Code::Conflict,
                "Set a passphrase first; without one nobody could unlock.",
            ));
        }
        if self.access == Access::Locked {
            return Ok(());
        }
        self.access = Access::Locked;
        self.tell_contacts();
        for number in self.connections.numbers() {
            self.close_store(number).await;
            self.clear_desk(number);
        }
        self.key = None;
        Ok(())
    }

    pub(super) async fn unlock(&mut self, key: ConsoleKey) -> Result<(), Problem> {
        if self.access != Access::Locked {
            return Ok(());
        }
        self.hold(key)?;
        self.access = Access::Open;
        self.tell_contacts();
        let (mut opened, mut refused) = (0, Vec::new());
        for number in self.connections.numbers() {
            self.clear_desk(number);
            match self.open_store(number).await {
                Ok(()) => opened += 1,
                Err(problem) => refused.push((number, problem)),
            }
        }
        if opened == 0
            && let Some((_, problem)) = refused.pop()
        {
            self.key = None;
            self.access = Access::Locked;
            self.tell_contacts();
            return Err(problem);
        }
        for (number, problem) in refused {
            self.copy_unusable(number, problem).await;
        }
        Ok(())
    }

    /// The key, which is made if there is none yet.
    pub(super) async fn key_to_seal(&mut self) -> Result<ConsoleKey, Problem> {
        self.not_locked()?;
        if self.key.is_none() {
            // Nothing lies under a key yet, so that any will do.
            let key = self.key_of_keyring().await.unwrap_or_else(|_| ConsoleKey::generate());
            self.hold(key)?;
        }
        self.key.clone().ok_or_else(locked)
    }

    /// The key lies sealed in its file; the keyring gives up its copy.
    pub(super) async fn passphrase_set(&mut self) -> Result<(), Problem> {
        self.can_lock = true;
        let (host, name) = (Arc::clone(&self.host), self.install.keyring_name());
        let deleted = blocking(move || host.delete(&name)).await;
        if let Err(error) = deleted {
            // There may be no keyring at all.
            tracing::warn!(%error, "the keyring was not told to forget the key");
        }
        Ok(())
    }

    pub(super) async fn passphrase_removed(&mut self, key: ConsoleKey) -> Result<(), Problem> {
        self.not_locked()?;
        let (host, name, kept) = (Arc::clone(&self.host), self.install.keyring_name(), key.clone());
        blocking(move || put_into_keyring(&*host, &name, &kept)).await.map_err(|error| {
            Problem::new(Code::NoKeyring, format!("The passphrase stays, since {error}."))
        })?;
        match fs::remove_file(self.folder.key_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Problem::new(
                    Code::Internal,
                    format!("The sealed key can't be removed: {error}."),
                ));
            }
            _ => {}
        }
        self.key = Some(key);
        self.can_lock = false;
        Ok(())
    }

    pub(super) fn set_preferences(&mut self, preferences: Preferences) -> Result<Preferences, Problem> {
        if let Some(hours) = &preferences.quiet_hours {
            for (field, text) in [("quiet_hours.from", &hours.from), ("quiet_hours.until", &hours.until)] {
                if wall_time(text).is_none() {
                    return Err(Problem::field(field, "Write the time like 22:00."));
                }
            }
        }
        if preferences.lock_after_minutes == Some(0) {
            return Err(Problem::field("lock_after_minutes", "Choose at least one minute."));
        }
        if preferences.start_at_login != self.install.preferences.start_at_login {
            self.host.set_start_at_login(preferences.start_at_login)?;
        }
        self.change_install(|install| install.preferences = preferences)?;
        Ok(self.install.preferences.clone())
    }

    /// Takes the console's key, and the install's own that is sealed under it.
    fn hold(&mut self, key: ConsoleKey) -> Result<(), Problem> {
        self.device_key = Some(self.folder.device_key(&key)?);
        self.key = Some(key);
        Ok(())
    }

    /// The key that the keyring holds; one is made when it holds none.
    async fn key_of_keyring(&self) -> Result<ConsoleKey, KeyringError> {
        let (host, name) = (Arc::clone(&self.host), self.install.keyring_name());
        blocking(move || match look_in_keyring(&*host, &name) {
            KeyringKey::Kept(key) => Ok(key),
            KeyringKey::NoneYet => {
                let key = ConsoleKey::generate();
                put_into_keyring(&*host, &name, &key)?;
                Ok(key)
            }
            KeyringKey::Unusable(error) => Err(error),
        })
        .await
    }
}

pub fn locked() -> Problem {
    Problem::new(Code::Locked, "The console is locked.")
}

/// Why a passphrase is asked for, and what it costs where there is a local copy under the keyring's key.
fn why_a_passphrase(error: &KeyringError, has_copy: bool) -> String {
    let (reason, mend) = match error {
        KeyringError::None(why) => (format!("This desktop has no keyring ({why})."), "start its keyring"),
        KeyringError::Locked(why) => {
            (format!("The desktop's keyring is locked or takes no secrets ({why})."), "unlock it")
        }
    };
    if !has_copy {
        return reason;
    }
    format!(
        "{reason} To keep the local copy, {mend} and start MailCup Console again. With a passphrase the copy \
         begins anew from the service, and you sign in once more."
    )
}

/// Keyrings answer when their owner has typed a password, so that asking them may take long.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => Err(KeyringError::None(error.to_string())),
    }
}
