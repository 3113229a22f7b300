//! Which service a command is about: the one for which the calling page was drawn. A switch that happens
//! meanwhile changes nothing for it.

use std::ops::Deref;

use mailcup_console_core::Console;
use mailcup_wire::{ServiceId, desktop::SERVICE_HEADER};
use specta::{Types, datatype::DataType, function::FunctionArg};
use tauri::http::HeaderMap;
use tauri::ipc::{CommandArg, CommandItem, InvokeError};
use tauri::{Manager, Runtime, State};

/// The desktop core at the service that the page names; at the one that is shown if it names none.
pub struct Here(Console);

impl Deref for Here {
    type Target = Console;

    fn deref(&self) -> &Console {
        &self.0
    }
}

impl<'de, R: Runtime> CommandArg<'de, R> for Here {
    fn from_command(command: CommandItem<'de, R>) -> Result<Self, InvokeError> {
        let console: State<'_, Console> = command.message.webview_ref().state();
        Ok(Self(match named(command.message.headers()) {
            Some(service) => console.at(service),
            None => console.inner().clone(),
        }))
    }
}

/// A name that can't be read is one that no service has, rather than none.
fn named(headers: &HeaderMap) -> Option<ServiceId> {
    headers.get(SERVICE_HEADER).map(|name| ServiceId(String::from_utf8_lossy(name.as_bytes()).into_owned()))
}

impl FunctionArg for Here {
    /// Pages don't give it; it comes from the header.
    fn to_datatype(_: &mut Types) -> Option<DataType> {
        None
    }
}

#[cfg(test)]
mod tests {
    use tauri::http::HeaderValue;

    use super::*;

    #[test]
    fn a_name_that_cannot_be_read_does_not_mean_the_service_that_is_shown() {
        let of = |name: &[u8]| {
            let value = HeaderValue::from_bytes(name).unwrap();
            named(&HeaderMap::from_iter([(SERVICE_HEADER.parse().unwrap(), value)]))
        };
        assert_eq!(of(b"12bc310aa90918cb"), Some("12bc310aa90918cb".into()));
        assert_eq!(of(b"caf\xe9"), Some("caf\u{fffd}".into()));
        assert_eq!(named(&HeaderMap::new()), None);
    }
}
