//! Second factors of everybody: the policy, who is covered, reminders, resets.

use mailcup_wire::{
    AdminId, FactorCoverage, FactorPolicy, FactorPolicyChange, FactorReminders, Login, Problem,
    UnansweredCode, desktop::CoverageQuery,
};
use reqwest::Method;

use super::{Api, people::segment};

impl Api {
    pub async fn factor_policy(&self) -> Result<FactorPolicy, Problem> {
        self.get("second-factors/policy").await
    }

    pub async fn change_factor_policy(&self, change: &FactorPolicyChange) -> Result<FactorPolicy, Problem> {
        self.send(Method::PUT, "second-factors/policy", change).await
    }

    pub async fn factor_coverage(&self, query: &CoverageQuery) -> Result<FactorCoverage, Problem> {
        let CoverageQuery { text, missing, cursor } = query;
        let cursor =
            cursor.as_deref().map(|cursor| format!("&cursor={}", segment(cursor))).unwrap_or_default();
        let text = segment(text);
        self.get(&format!("second-factors/coverage?limit=200&text={text}&missing={missing}{cursor}")).await
    }

    pub async fn remind_of_factors(&self) -> Result<FactorReminders, Problem> {
        self.send(Method::POST, "second-factors/reminders", &()).await
    }

    pub async fn unanswered_codes(&self) -> Result<Vec<UnansweredCode>, Problem> {
        self.get("second-factors/unanswered").await
    }

    pub async fn reset_factors(&self, id: &AdminId) -> Result<(), Problem> {
        self.delete(&format!("admins/{}/factors", segment(&id.0))).await
    }

    pub async fn reset_account_factors(&self, login: &Login) -> Result<(), Problem> {
        self.delete(&format!("accounts/{}/factors", segment(&login.0))).await
    }
}
