//! Which service a command is about: the one for which the calling page was drawn. A switch that happens
//! meanwhile changes nothing for it.

use std::ops::Deref;

use mailcup_console_core::Console;
use mailcup_wire::desktop::SERVICE_HEADER;
use specta::{Types, datatype::DataType, function::FunctionArg};
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
        let service = command.message.headers().get(SERVICE_HEADER).and_then(|name| name.to_str().ok());
        Ok(Self(match service {
            Some(service) => console.at(service.into()),
            None => console.inner().clone(),
        }))
    }
}

impl FunctionArg for Here {
    /// Pages don't give it; it comes from the header.
    fn to_datatype(_: &mut Types) -> Option<DataType> {
        None
    }
}
