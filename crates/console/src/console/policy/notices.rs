//! Mails to owners after each authorization, and whose data of places there is: known to the service alone.

use mailcup_wire::{AccountNotices, Login, NoticeSettings, NoticeSettingsChange, PlaceSource, Problem};

use super::super::Console;

impl Console {
    /// Whose data of places the service has.
    pub async fn place_sources(&self) -> Result<Vec<PlaceSource>, Problem> {
        self.signed_in()?.place_sources().await
    }

    /// Mails to owners after each authorization.
    pub async fn notice_settings(&self) -> Result<NoticeSettings, Problem> {
        self.signed_in()?.notice_settings().await
    }

    /// Changes mails to owners.
    pub async fn set_notice_settings(
        &self,
        change: NoticeSettingsChange,
        version: u32,
    ) -> Result<NoticeSettings, Problem> {
        self.signed_in()?.set_notice_settings(&change, version).await
    }

    /// How an account's mails differ.
    pub async fn account_notices(&self, login: Login) -> Result<AccountNotices, Problem> {
        self.signed_in()?.account_notices(&login).await
    }

    /// Changes how an account's mails differ.
    pub async fn set_account_notices(
        &self,
        login: Login,
        notices: AccountNotices,
    ) -> Result<AccountNotices, Problem> {
        self.signed_in()?.set_account_notices(&login, &notices).await
    }
}
