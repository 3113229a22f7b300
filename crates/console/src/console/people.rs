//! Accounts, admins, keys and the audit log.

use mailcup_wire::{
    Login, Problem,
    desktop::{AccountList, AccountQuery, AccountRow},
};

use super::Console;

impl Console {
    pub async fn list_accounts(&self, query: AccountQuery) -> Result<AccountList, Problem> {
        Ok(self.readers()?.list_accounts(query, self.clock.now()).await?)
    }

    pub async fn account(&self, login: Login) -> Result<Option<AccountRow>, Problem> {
        Ok(self.readers()?.account(login, self.clock.now()).await?)
    }
}
