//! Importing logs of mail servers.

use std::path::PathBuf;

use mailcup_wire::{
    Code, Problem,
    desktop::{LogDesk, Navigate},
};

use super::Console;
use crate::log_files::ToSend;

/// Where the window shows logs that wait.
pub const PAGE: &str = "/settings/logs";

impl Console {
    /// Takes logs that the desktop gave: dropped onto the window, or chosen in its dialog.
    pub fn offer_logs(&self, paths: &[PathBuf]) -> Result<LogDesk, Problem> {
        self.logs.offer(paths)?;
        Ok(self.logs.shown())
    }

    /// Where the window is to go, after logs were dropped onto it.
    pub fn page_of_logs(&self) -> Navigate {
        Navigate { to: PAGE.to_owned(), service: None }
    }

    pub fn log_desk(&self) -> LogDesk {
        self.logs.shown()
    }

    pub fn clear_logs(&self) -> LogDesk {
        self.logs.clear();
        self.logs.shown()
    }

    /// Sends all logs that wait, one after the other, and answers how they stand. A log that the service refuses is told,
    /// and the others go on; where the service is gone, the rest waits. Stamps that name no zone are in this one.
    pub async fn import_logs(&self, time_zone: String) -> Result<LogDesk, Problem> {
        let api = self.signed_in()?;
        let (files, cancel) = self.logs.begin()?;
        let work = async {
            for file in files {
                let ToSend { at, .. } = file;
                self.logs.sending(at);
                let came_of_it = api.import_log(&file, &time_zone).await;
                if let Err(problem) = &came_of_it
                    && matches!(
                        problem.code,
                        Code::Unreachable
                            | Code::Unauthenticated
                            | Code::ProofRefused
                            | Code::RefusedHere
                            | Code::Forbidden
                    )
                {
                    return came_of_it.map(drop);
                }
                self.logs.done(at, came_of_it);
            }
            Ok(())
        };
        let done = cancel.run_until_cancelled(work).await;
        self.logs.end();
        done.unwrap_or(Ok(()))?;
        Ok(self.logs.shown())
    }

    pub fn cancel_log_import(&self) {
        self.logs.cancel();
    }
}
