//! One record of a snapshot's state, put back at the service.

use mailcup_console_core::Console;
use mailcup_wire::{
    AccessAction, AccessTerms, Account, AccountChange, AuditPage, Block, BlockTarget, Code, LimitAction,
    LimitEdit, LimitMeasure, LimitPer, LimitTerms, LimitWindow, Login, NewAccount, NewBlock, PolicyChange,
    PolicyMode, PolicyScope, RuleEdit, SnapshotId,
    desktop::{
        MirrorScope, PolicySaved, PutBack, PutBackKind, PutBackUndo, RecordPreview, RecordPutBack,
        RecordRequest, StatePart,
    },
};
use reqwest::Method;

use super::backups::{Backed, settings};

const ANNA: &str = "anna@example.org";

fn rule(network: &str) -> AccessTerms {
    AccessTerms {
        scope: PolicyScope::Organization,
        action: AccessAction::Deny,
        protocols: Vec::new(),
        networks: vec![network.parse().unwrap()],
        countries: Vec::new(),
        schedule: None,
        expires_at: None,
        note: "Nobody of ours is there.".to_owned(),
        enabled: true,
        mode: PolicyMode::Enforced,
    }
}

fn limit() -> LimitTerms {
    LimitTerms {
        scope: PolicyScope::Organization,
        measure: LimitMeasure::Recipients { window: LimitWindow::Hour },
        per: LimitPer::Account,
        known: Some(500),
        others: Some(50),
        burst: None,
        action: LimitAction::Defer,
        text: None,
        note: String::new(),
        enabled: true,
        mode: PolicyMode::Enforced,
    }
}

async fn save(console: &Console, rules: Vec<RuleEdit>, limits: Vec<LimitEdit>) {
    let saved = console.save_policy(PolicyChange { rules, limits, ..PolicyChange::default() }).await.unwrap();
    assert!(matches!(saved, PolicySaved::Done { .. }), "{saved:?}");
}

/// A service with a piece of everything that can be put back, and a snapshot of that.
struct Past {
    backed: Backed,
    snapshot: SnapshotId,
    block: Block,
}

impl Past {
    async fn make() -> Self {
        let backed = Backed::start(2).await;
        let console = &backed.console;
        let (rules, limits) = (
            vec![RuleEdit::Create { terms: rule("203.0.113.0/24") }],
            vec![LimitEdit::Create { terms: limit() }],
        );
        save(console, rules, limits).await;
        let target = BlockTarget::Network { network: "198.51.100.0/24".parse().unwrap() };
        let block =
            NewBlock { target, expires_at: None, note: "Scanners".into(), confirm_self: false, alert: None };
        let block = console.create_block(block).await.unwrap();
        let account = NewAccount { login: Login(ANNA.into()), name: "Anna".into(), note: "Treasurer".into() };
        let _: Account = backed.owner.post("/v1/accounts", &account).await.unwrap();
        backed.back_up().await;
        backed.may_read_mail().await;
        console.begin_mirror(settings(MirrorScope::Whole, None)).await.unwrap();
        backed.complete().await;
        let snapshot = console.snapshots().await.unwrap().snapshots.remove(0).id;
        Self { backed, snapshot, block }
    }

    fn record(&self, part: StatePart, key: &str) -> RecordRequest {
        RecordRequest { snapshot: self.snapshot.clone(), part, key: key.to_owned() }
    }

    async fn preview(&self, part: StatePart, key: &str) -> RecordPreview {
        self.backed.console.record_preview(self.record(part, key)).await.unwrap()
    }

    async fn put_back(&self, part: StatePart, key: &str, version: Option<u32>) -> RecordPutBack {
        let put = PutBack { record: self.record(part, key), version, confirm_lock_out: false };
        self.backed.console.put_back_record(put).await.unwrap()
    }

    /// How often the audit log says that something was put back from the snapshot.
    async fn told(&self, action: &str) -> usize {
        let audit: AuditPage = self.backed.owner.get("/v1/audit?limit=500").await.unwrap();
        let told = audit.entries.iter().filter(|it| it.action == action);
        told.filter(|it| it.details.contains("restored_from") && it.details.contains(&self.snapshot.0))
            .count()
    }
}

fn changed(preview: &RecordPreview) -> Vec<(&str, Option<&str>, Option<&str>)> {
    let fields = preview.fields.iter();
    fields.map(|it| (it.name.as_str(), it.before.as_deref(), it.after.as_deref())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_and_a_limit_are_put_back_as_they_were_and_taken_back_again() {
    let past = Past::make().await;
    let console = &past.backed.console;
    let policy = console.policy().await.unwrap();
    let (known, bound) = (policy.rules[0].clone(), policy.limits[0].clone());
    let key = known.id.0.as_str();
    let same = past.preview(StatePart::AccessRules, key).await;
    assert_eq!((same.does, same.fields.len()), (PutBackKind::Nothing, 0));

    let opened =
        RuleEdit::Update { id: known.id.clone(), version: known.version, terms: rule("192.0.2.0/24") };
    let deleted = LimitEdit::Delete { id: bound.id.clone(), version: bound.version };
    save(console, vec![opened], vec![deleted]).await;
    let preview = past.preview(StatePart::AccessRules, key).await;
    assert_eq!(preview.does, PutBackKind::Changes);
    assert_eq!(changed(&preview), [("networks", Some("192.0.2.0/24"), Some("203.0.113.0/24"))]);
    // Somebody was faster than the admin who looks at this.
    let version = preview.version.unwrap();
    let other = RuleEdit::Update { id: known.id.clone(), version, terms: rule("192.0.2.7/32") };
    save(console, vec![other], Vec::new()).await;
    assert_eq!(past.put_back(StatePart::AccessRules, key, Some(version)).await, RecordPutBack::Stale);
    let version = past.preview(StatePart::AccessRules, key).await.version;
    let done = past.put_back(StatePart::AccessRules, key, version).await;
    let RecordPutBack::Done { undo: Some(PutBackUndo::Policy { change }), trial: None } = done else {
        panic!("{done:?}")
    };
    assert_eq!(console.policy().await.unwrap().rules[0].terms, known.terms);
    assert_eq!(past.told("policy.change").await, 1);
    let undone = console.save_policy(*change).await.unwrap();
    assert!(matches!(undone, PolicySaved::Done { .. }), "{undone:?}");
    assert_eq!(console.policy().await.unwrap().rules[0].terms, rule("192.0.2.7/32"));

    let key = bound.id.0.as_str();
    let preview = past.preview(StatePart::SendingLimits, key).await;
    assert_eq!((preview.does, preview.version), (PutBackKind::Creates, None));
    assert!(changed(&preview).contains(&("others", None, Some("50"))), "{preview:?}");
    let done = past.put_back(StatePart::SendingLimits, key, None).await;
    assert!(matches!(done, RecordPutBack::Done { undo: Some(_), .. }), "{done:?}");
    assert_eq!(console.policy().await.unwrap().limits[0].terms, bound.terms);
    assert_eq!(past.told("policy.change").await, 2);
    past.backed.console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_and_an_account_are_put_back_and_what_holds_secrets_is_not() {
    let mut past = Past::make().await;
    let console = past.backed.console.clone();
    console.lift_block(past.block.id.clone()).await.unwrap();
    let key = past.block.id.0.clone();
    let preview = past.preview(StatePart::Blocks, &key).await;
    assert_eq!(preview.does, PutBackKind::Creates);
    let done = past.put_back(StatePart::Blocks, &key, None).await;
    let RecordPutBack::Done { undo: Some(PutBackUndo::Block { id }), .. } = done else { panic!("{done:?}") };
    let blocks: Vec<Block> = past.backed.owner.list("/v1/blocks").await.unwrap();
    let again = blocks.iter().find(|block| block.id == id).unwrap();
    assert_eq!((&again.target, again.note.as_str()), (&past.block.target, "Scanners"));
    assert_eq!(past.told("block.create").await, 1);

    let change = AccountChange { name: None, note: Some("Left".into()) };
    let path = format!("/v1/accounts/{ANNA}");
    let _: Account = past.backed.owner.change(Method::PATCH, &path, &change).await.unwrap();
    let preview = past.preview(StatePart::Accounts, ANNA).await;
    assert_eq!(changed(&preview), [("note", Some("Left"), Some("Treasurer"))]);
    let done = past.put_back(StatePart::Accounts, ANNA, preview.version).await;
    assert!(matches!(done, RecordPutBack::Done { .. }), "{done:?}");
    let account: Account = past.backed.owner.get(&path).await.unwrap();
    assert_eq!((account.name.as_str(), account.note.as_str()), ("Anna", "Treasurer"));
    assert_eq!(past.told("account.change").await, 1);

    let admin = past.record(StatePart::Admins, "owner@example.org");
    let listed = console.admins().await.unwrap().remove(0).login.0;
    let admin = RecordRequest { key: listed, ..admin };
    let refused = console.record_preview(admin).await.unwrap_err();
    assert!(refused.code == Code::Invalid && refused.message.contains("passwords"), "{refused:?}");
    let unknown = console.record_preview(past.record(StatePart::Blocks, "nothing")).await.unwrap_err();
    assert_eq!(unknown.code, Code::NotFound);
    past.backed.service.stop();
    let away = console.record_preview(past.record(StatePart::Accounts, ANNA)).await.unwrap_err();
    assert_eq!(away.code, Code::Unreachable);
    console.shut_down().await.unwrap();
}
