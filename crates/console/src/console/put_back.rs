//! One record of the state, put back as a snapshot holds it: by the same requests as an edit by hand.

use mailcup_wire::{
    AccessRule, Account, AccountChange, Block, BlockChange, Code, KnownNetworks, KnownNetworksEdit,
    LimitEdit, NewAccount, NewBlock, PolicyChange, PolicyState, Problem, RestoredFrom, RuleEdit,
    SendingLimit,
    desktop::{
        PolicySaved, PutBack, PutBackKind, PutBackUndo, RecordPreview, RecordPutBack, RecordRequest,
        StatePart,
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Console, blocking};
use crate::{api::Api, review};

/// A record that can be put back.
enum Record {
    Rule(AccessRule),
    Limit(SendingLimit),
    Known(KnownNetworks),
    Block(Block),
    Account(Account),
}

/// What stands at the service.
struct Standing {
    version: u32,
    value: Value,
}

impl Console {
    /// What would change at the service; asks it how the record stands.
    pub async fn record_preview(&self, request: RecordRequest) -> Result<RecordPreview, Problem> {
        let (record, from) = self.recorded(request).await?;
        let standing = record.standing(&self.signed_in()?).await?;
        let fields = review::changes(standing.as_ref().map(|it| &it.value), &record.value());
        let does = match &standing {
            None => PutBackKind::Creates,
            Some(_) if fields.is_empty() => PutBackKind::Nothing,
            Some(_) => PutBackKind::Changes,
        };
        Ok(RecordPreview { at: from.at, does, fields, version: standing.map(|it| it.version) })
    }

    /// Puts it back, if what stands is still what the preview showed.
    pub async fn put_back_record(&self, put: PutBack) -> Result<RecordPutBack, Problem> {
        let (record, from) = self.recorded(put.record).await?;
        let api = self.signed_in()?.restoring(&from);
        let version = record.standing(&api).await?.map(|it| it.version);
        if version != put.version {
            return Ok(RecordPutBack::Stale);
        }
        let done = match record {
            Record::Rule(_) | Record::Limit(_) | Record::Known(_) => {
                let change = record.policy_change(version, put.confirm_lock_out);
                self.save_policy_by(&api, change).await.map(of_policy)
            }
            Record::Block(block) => put_back_block(&api, block, version).await,
            Record::Account(account) => put_back_account(&api, account, version).await,
        };
        match done {
            Err(problem) if problem.code == Code::Stale => Ok(RecordPutBack::Stale),
            done => done,
        }
    }

    async fn recorded(&self, request: RecordRequest) -> Result<(Record, RestoredFrom), Problem> {
        let (part, snapshot) = (request.part, request.snapshot.clone());
        let reviewed = self.mirror()?.review()?;
        let (value, at) = blocking(move || reviewed.record_value(&request)).await?;
        let record = match part {
            StatePart::AccessRules => Record::Rule(read(value)?),
            StatePart::SendingLimits => Record::Limit(read(value)?),
            StatePart::KnownNetworks => Record::Known(read(value)?),
            StatePart::Blocks => Record::Block(read(value)?),
            StatePart::Accounts => Record::Account(read(value)?),
            StatePart::Admins => {
                return Err(Problem::new(
                    Code::Invalid,
                    "An admin can't be put back: passwords and second factors are in no snapshot's state. Invite them \
                     anew.",
                ));
            }
            StatePart::Alerts | StatePart::Events => {
                return Err(Problem::new(Code::Invalid, "What happened can be looked at, not put back."));
            }
        };
        Ok((record, RestoredFrom { snapshot, at }))
    }
}

impl Record {
    /// What of it can be set.
    fn value(&self) -> Value {
        match self {
            Self::Rule(rule) => json!(rule.terms),
            Self::Limit(limit) => json!(limit.terms),
            Self::Known(known) => json!({ "networks": known.networks }),
            Self::Block(block) => {
                json!({ "target": block.target, "expires_at": block.expires_at, "note": block.note })
            }
            Self::Account(account) => json!({ "name": account.name, "note": account.note }),
        }
    }

    fn version(&self) -> u32 {
        match self {
            Self::Rule(rule) => rule.version,
            Self::Limit(limit) => limit.version,
            Self::Known(known) => known.version,
            Self::Block(block) => block.version,
            Self::Account(account) => account.version,
        }
    }

    /// The record of the same name at the service.
    async fn standing(&self, api: &Api) -> Result<Option<Standing>, Problem> {
        let found = match self {
            Self::Rule(rule) => {
                policy(api).await?.rules.into_iter().find(|it| it.id == rule.id).map(Self::Rule)
            }
            Self::Limit(limit) => {
                policy(api).await?.limits.into_iter().find(|it| it.id == limit.id).map(Self::Limit)
            }
            Self::Known(known) => {
                let all = policy(api).await?.known_networks;
                all.into_iter().find(|it| it.scope == known.scope).map(Self::Known)
            }
            Self::Block(block) => {
                api.blocks().await?.into_iter().find(|it| it.id == block.id).map(Self::Block)
            }
            Self::Account(account) => match api.account(&account.login).await {
                Ok(account) => Some(Self::Account(account)),
                Err(problem) if problem.code == Code::NotFound => None,
                Err(problem) => return Err(problem),
            },
        };
        Ok(found.map(|it| Standing { version: it.version(), value: it.value() }))
    }

    /// Nothing, if it is no piece of the policy.
    fn policy_change(self, version: Option<u32>, confirm_lock_out: bool) -> PolicyChange {
        let mut change = PolicyChange { confirm_lock_out, ..PolicyChange::default() };
        match self {
            Self::Rule(AccessRule { id, terms, .. }) => change.rules.push(match version {
                Some(version) => RuleEdit::Update { id, version, terms },
                None => RuleEdit::Create { terms },
            }),
            Self::Limit(SendingLimit { id, terms, .. }) => change.limits.push(match version {
                Some(version) => LimitEdit::Update { id, version, terms },
                None => LimitEdit::Create { terms },
            }),
            Self::Known(KnownNetworks { scope, networks, .. }) => {
                let version = version.unwrap_or_default();
                change.known_networks.push(KnownNetworksEdit { scope, version, networks });
            }
            Self::Block(_) | Self::Account(_) => {}
        }
        change
    }
}

async fn put_back_block(api: &Api, block: Block, version: Option<u32>) -> Result<RecordPutBack, Problem> {
    if let Some(version) = version {
        let change = BlockChange { expires_at: block.expires_at, note: Some(block.note) };
        api.change_block(&block.id, &change, version).await?;
        return Ok(RecordPutBack::Done { undo: None, trial: None });
    }
    if let Some(end) = block.expires_at.filter(|end| end.0 <= jiff::Timestamp::now()) {
        return Err(Problem::new(
            Code::Conflict,
            format!("This block was to end at {end}, and that is over. Set a new one on the Blocks page."),
        ));
    }
    let new = NewBlock {
        target: block.target,
        expires_at: block.expires_at,
        note: block.note,
        confirm_self: false,
        alert: None,
    };
    let id = api.create_block(&new).await?.id;
    Ok(RecordPutBack::Done { undo: Some(PutBackUndo::Block { id }), trial: None })
}

async fn put_back_account(
    api: &Api,
    account: Account,
    version: Option<u32>,
) -> Result<RecordPutBack, Problem> {
    let Account { login, name, note, .. } = account;
    match version {
        Some(version) => {
            let change = AccountChange { name: Some(name), note: Some(note) };
            api.change_account(&login, &change, version).await?;
        }
        None => drop(api.create_account(&NewAccount { login, name, note }).await?),
    }
    Ok(RecordPutBack::Done { undo: None, trial: None })
}

fn of_policy(saved: PolicySaved) -> RecordPutBack {
    match saved {
        PolicySaved::Done { undo, trial } => {
            // What is on trial is taken back by its end, or on its own page.
            let undo = trial.is_none().then(|| PutBackUndo::Policy { change: Box::new(undo) });
            RecordPutBack::Done { undo, trial }
        }
        PolicySaved::LocksOut { lock_out, minutes } => RecordPutBack::LocksOut { lock_out, minutes },
        PolicySaved::Stale => RecordPutBack::Stale,
    }
}

async fn policy(api: &Api) -> Result<PolicyState, Problem> {
    let old = || Problem::new(Code::Unavailable, "The service is too old for rules and limits.");
    api.policy().await?.ok_or_else(old)
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| {
        let message = format!(
            "This record was written by another version and can't be put back by itself ({error}). Set it by hand."
        );
        Problem::new(Code::Invalid, message)
    })
}
