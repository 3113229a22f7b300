//! Mails to owners after each authorization, how sign-ins are judged by their risk, and whose data of places there is:
//! known to the service alone.

use mailcup_wire::{
    AccountNotices, Login, NoticeSettings, NoticeSettingsChange, Organization, OrganizationChange,
    PlaceSource, Problem, RiskSettings,
};

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

    pub async fn organization(&self) -> Result<Organization, Problem> {
        self.signed_in()?.organization().await
    }

    pub async fn set_organization(
        &self,
        change: OrganizationChange,
        version: u32,
    ) -> Result<Organization, Problem> {
        self.signed_in()?.set_organization(&change, version).await
    }

    /// How sign-ins are judged by their risk.
    pub async fn risk_settings(&self) -> Result<RiskSettings, Problem> {
        self.signed_in()?.risk_settings().await
    }

    /// Changes how they are judged, if nobody did after the version that the settings name.
    pub async fn set_risk_settings(&self, settings: RiskSettings) -> Result<RiskSettings, Problem> {
        self.signed_in()?.set_risk_settings(&settings).await
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
