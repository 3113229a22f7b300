//! The desktop's keyring: Secret Service, Keychain, Credential Manager.

use keyring::{Entry, Error};
use mailcup_console_core::KeyringError;
use zeroize::Zeroizing;

const SERVICE: &str = "org.mailcup.console";

pub fn get(name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
    aside(|| match entry(name)?.get_secret() {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(refused(error)),
    })
}

pub fn set(name: &str, secret: &[u8]) -> Result<(), KeyringError> {
    aside(|| entry(name)?.set_secret(secret).map_err(refused))
}

pub fn delete(name: &str) -> Result<(), KeyringError> {
    aside(|| match entry(name)?.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(refused(error)),
    })
}

/// On a thread of its own: the Secret Service's client waits for D-Bus in a way that a runtime's threads must
/// not.
fn aside<T: Send>(work: impl FnOnce() -> Result<T, KeyringError> + Send) -> Result<T, KeyringError> {
    std::thread::scope(|scope| scope.spawn(work).join())
        .unwrap_or_else(|_| Err(KeyringError::Locked("its client failed".to_owned())))
}

fn entry(name: &str) -> Result<Entry, KeyringError> {
    Entry::new(SERVICE, name).map_err(refused)
}

fn refused(error: Error) -> KeyringError {
    match error {
        Error::NoDefaultStore => {
            let cause = Entry::store_status().as_ref().err().map(ToString::to_string);
            KeyringError::None(cause.unwrap_or_else(|| "no store of secrets was found".to_owned()))
        }
        Error::NotSupportedByStore(why) => KeyringError::None(why),
        other => KeyringError::Locked(other.to_string()),
    }
}
