//! Second factors of everybody; only the service knows them.

use mailcup_wire::{
    AdminId, FactorCoverage, FactorPolicy, FactorPolicyChange, FactorReminders, Login, Problem,
    UnansweredCode, desktop::CoverageQuery,
};

use super::Console;

impl Console {
    pub async fn factor_policy(&self) -> Result<FactorPolicy, Problem> {
        self.signed_in()?.factor_policy().await
    }

    pub async fn change_factor_policy(&self, change: FactorPolicyChange) -> Result<FactorPolicy, Problem> {
        self.signed_in()?.change_factor_policy(&change).await
    }

    pub async fn factor_coverage(&self, query: CoverageQuery) -> Result<FactorCoverage, Problem> {
        self.signed_in()?.factor_coverage(&query).await
    }

    pub async fn remind_of_factors(&self) -> Result<FactorReminders, Problem> {
        self.signed_in()?.remind_of_factors().await
    }

    pub async fn unanswered_codes(&self) -> Result<Vec<UnansweredCode>, Problem> {
        self.signed_in()?.unanswered_codes().await
    }

    pub async fn reset_factors(&self, id: AdminId) -> Result<(), Problem> {
        self.signed_in()?.reset_factors(&id).await
    }

    pub async fn reset_account_factors(&self, login: Login) -> Result<(), Problem> {
        self.signed_in()?.reset_account_factors(&login).await
    }
}
