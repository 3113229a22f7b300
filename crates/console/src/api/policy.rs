//! Access rules, sending limits, places, and mails to owners.

use mailcup_wire::{
    AccountNotices, Address, Code, Login, NoticeSettings, NoticeSettingsChange, Organization,
    OrganizationChange, PlaceAnswer, PlaceSource, PolicyChange, PolicyChanged, PolicyState, Problem,
    RiskSettings, Trial,
};
use reqwest::Method;

use super::{Api, people::segment};

impl Api {
    /// None from a service that is too old to have one.
    pub async fn policy(&self) -> Result<Option<PolicyState>, Problem> {
        match self.get("policy").await {
            Ok(state) => Ok(Some(state)),
            Err(problem) if problem.code == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    pub async fn change_policy(&self, change: &PolicyChange) -> Result<PolicyChanged, Problem> {
        self.send(Method::POST, "policy", change).await
    }

    pub async fn keep_trial(&self) -> Result<Trial, Problem> {
        self.send(Method::POST, "policy/trial/keep", &()).await
    }

    pub async fn return_trial(&self) -> Result<Trial, Problem> {
        self.send(Method::POST, "policy/trial/return", &()).await
    }

    /// Whose data of places the service has.
    pub async fn place_sources(&self) -> Result<Vec<PlaceSource>, Problem> {
        let anywhere = Address::from(std::net::IpAddr::from(std::net::Ipv4Addr::LOCALHOST));
        let answer: PlaceAnswer = self.get(&format!("places/{anywhere}")).await?;
        Ok(answer.sources)
    }

    pub async fn notice_settings(&self) -> Result<NoticeSettings, Problem> {
        self.get("settings/notices").await
    }

    pub async fn set_notice_settings(
        &self,
        change: &NoticeSettingsChange,
        version: u32,
    ) -> Result<NoticeSettings, Problem> {
        self.replace(Method::PUT, "settings/notices", change, version).await
    }

    pub async fn set_organization(
        &self,
        change: &OrganizationChange,
        version: u32,
    ) -> Result<Organization, Problem> {
        self.replace(Method::PUT, "organization", change, version).await
    }

    pub async fn risk_settings(&self) -> Result<RiskSettings, Problem> {
        self.get("settings/risk").await
    }

    pub async fn set_risk_settings(&self, settings: &RiskSettings) -> Result<RiskSettings, Problem> {
        self.replace(Method::PUT, "settings/risk", settings, settings.version).await
    }

    pub async fn account_notices(&self, login: &Login) -> Result<AccountNotices, Problem> {
        self.get(&format!("accounts/{}/notices", segment(&login.0))).await
    }

    pub async fn set_account_notices(
        &self,
        login: &Login,
        notices: &AccountNotices,
    ) -> Result<AccountNotices, Problem> {
        let path = format!("accounts/{}/notices", segment(&login.0));
        self.replace(Method::PUT, &path, notices, notices.version).await
    }
}
