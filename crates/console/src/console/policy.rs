//! Access rules, sending limits, and mails to owners.

use mailcup_wire::{
    AccountNotices, Code, FieldProblem, Login, NoticeSettings, NoticeSettingsChange, PlaceSource,
    PolicyChange, Problem, Trial,
    desktop::{
        DecisionAnswer, DecisionQuestion, DryRunOutcome, DryRunProgress, DryRunQuestion, Filter,
        LearnProposal, LearnQuestion, PolicyExport, PolicyImport, PolicyPart, PolicySaved, PolicyView,
        ReadNetworks, SendingNetworks, Terms, UsageList, UsageQuestion, WhereFrom,
    },
};

use super::Console;

impl Console {
    /// All rules, limits and known networks in the local copy.
    pub async fn policy(&self) -> Result<PolicyView, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Puts a change into effect, all of it or nothing.
    pub async fn save_policy(&self, _change: PolicyChange) -> Result<PolicySaved, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Says that a change that locked somebody out stays.
    pub async fn keep_trial(&self) -> Result<Trial, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Takes the change on trial back now.
    pub async fn return_trial(&self) -> Result<Trial, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Replays stored events with a change. Ends early with [`Console::cancel_dry_run`].
    pub async fn dry_run(&self, _question: DryRunQuestion) -> Result<DryRunOutcome, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// How far the dry run is that runs now.
    pub async fn dry_run_progress(&self) -> Result<Option<DryRunProgress>, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Ends the dry run that runs now.
    pub async fn cancel_dry_run(&self) -> Result<(), Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// What one attempt would be answered, step by step.
    pub async fn decide(&self, _question: DecisionQuestion) -> Result<DecisionAnswer, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Proposes an allow rule from successful sign-ins.
    pub async fn learn(&self, _question: LearnQuestion) -> Result<LearnProposal, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Counts against limits.
    pub async fn sending_usage(&self, _question: UsageQuestion) -> Result<UsageList, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// From which networks accounts send.
    pub async fn sending_networks(
        &self,
        _text: String,
        _count: u32,
    ) -> Result<Vec<SendingNetworks>, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Reads many networks from a text.
    pub async fn read_networks(&self, _text: String) -> Result<ReadNetworks, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// What is wrong with a rule or limit.
    pub async fn check_terms(&self, _terms: Terms) -> Result<Vec<FieldProblem>, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// What an import of a text would do.
    pub async fn preview_policy_import(
        &self,
        _text: String,
        _part: PolicyPart,
    ) -> Result<PolicyImport, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Rules or limits as a text.
    pub async fn policy_text(&self, _export: PolicyExport) -> Result<String, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Writes rules or limits to a file.
    pub async fn write_policy(&self, _path: String, _export: PolicyExport) -> Result<(), Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Where sign-ins came from.
    pub async fn where_from(&self, _filter: Filter) -> Result<WhereFrom, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Whose data of places the service has.
    pub async fn place_sources(&self) -> Result<Vec<PlaceSource>, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Mails to owners after each authorization.
    pub async fn notice_settings(&self) -> Result<NoticeSettings, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Changes mails to owners.
    pub async fn set_notice_settings(
        &self,
        _change: NoticeSettingsChange,
        _version: u32,
    ) -> Result<NoticeSettings, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// How an account's mails differ.
    pub async fn account_notices(&self, _login: Login) -> Result<AccountNotices, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }

    /// Changes how an account's mails differ.
    pub async fn set_account_notices(
        &self,
        _login: Login,
        _notices: AccountNotices,
    ) -> Result<AccountNotices, Problem> {
        Err(Problem::new(Code::Unavailable, "Not built yet."))
    }
}
