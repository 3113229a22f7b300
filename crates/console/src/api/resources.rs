//! What can be edited, read and written as one.

use mailcup_wire::{
    AccountChange, AlertSettings, Problem,
    desktop::{Content, Edit, Resource},
};
use reqwest::Method;

use super::Api;

impl Api {
    pub async fn resource(&self, resource: &Resource) -> Result<Content, Problem> {
        Ok(match resource {
            Resource::AlertSettings => Content::AlertSettings(self.get("settings/alerts").await?),
            Resource::MailSettings => Content::MailSettings(self.get("settings/mail").await?),
            Resource::Account { login } => Content::Account(self.account(login).await?),
        })
    }

    /// Puts an edit into effect, if the resource is still the one of this version.
    pub async fn edit(&self, edit: Edit, version: u32) -> Result<Content, Problem> {
        Ok(match edit {
            Edit::AlertSettings { account_failures, network_accounts, window_minutes } => {
                let wanted = AlertSettings { account_failures, network_accounts, window_minutes, version };
                Content::AlertSettings(self.replace(Method::PUT, "settings/alerts", &wanted, version).await?)
            }
            Edit::MailSettings(change) => {
                Content::MailSettings(self.replace(Method::PUT, "settings/mail", &change, version).await?)
            }
            Edit::Account { login, note } => {
                let change = AccountChange { name: None, note: Some(note) };
                Content::Account(self.change_account(&login, &change, version).await?)
            }
        })
    }
}
