//! Edits while the service is away, or while somebody else edits the same.

use std::{fs, time::Duration};

use mailcup_console_core::Console;
use mailcup_lab::{
    service::{Api, OWNER, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{
    Account, AlertSettings, ChallengeAnswer, Code, FactorKind, MailSettings, MailSettingsChange,
    MailTransport, NewAccount, NewAdmin, RelayChange, RelaySecurity, Role,
    desktop::{
        Applied, ApplyDraft, Choice, Comparison, Content, Credentials, Draft, Edit, Link, Mark, Meanwhile,
        Notice, Opened, Part, Resource, Saved, Side, View,
    },
};
use reqwest::Method;

use super::{all_bytes, connect, damage_a_page, desk::Desk, holds, reports, reports::copy_folder};

const ALERTS: &str = "/v1/settings/alerts";

fn alerts(account_failures: u32, network_accounts: u32, window_minutes: u32) -> Edit {
    Edit::AlertSettings { account_failures, network_accounts, window_minutes }
}

/// Another admin's change, past this console.
async fn change_alerts(owner: &Api, [account_failures, network_accounts, window_minutes]: [u32; 3]) {
    let wanted = AlertSettings { account_failures, network_accounts, window_minutes, version: 0 };
    let _: AlertSettings = owner.change(Method::PUT, ALERTS, &wanted).await.unwrap();
}

async fn alerts_now(owner: &Api) -> [u32; 3] {
    let now: AlertSettings = owner.get(ALERTS).await.unwrap();
    [now.account_failures, now.network_accounts, now.window_minutes]
}

async fn opened(console: &Console, resource: Resource) -> Opened {
    console.open_resource(resource).await.unwrap()
}

fn apply(shown: &Comparison, choices: Vec<Choice>) -> ApplyDraft {
    let version = match &shown.theirs {
        Content::AlertSettings(settings) => settings.version,
        Content::MailSettings(settings) => settings.version,
        Content::Account(account) => account.version,
    };
    let (resource, edited_at) = (shown.draft.resource.clone(), shown.draft.edited_at);
    ApplyDraft { resource, version, edited_at, choices, of_other: false }
}

fn is_live(view: &View) -> bool {
    view.service.as_ref().is_some_and(|it| it.link == Link::Live)
}

fn is_away(view: &View) -> bool {
    matches!(view.service.as_ref().map(|it| &it.link), Some(Link::Offline { .. }))
}

/// A draft as the core knows it by itself, without a page that asks for a comparison.
async fn draft_with(console: &Console, wanted: impl Fn(&Draft) -> bool) -> Draft {
    let found = wait::until("such a draft", Duration::from_secs(20), async || {
        console.drafts().await.ok()?.into_iter().find(&wanted)
    });
    found.await.unwrap()
}

struct Stage {
    service: Service,
    owner: Api,
    folder: tempfile::TempDir,
    desk: Desk,
    console: Console,
}

async fn stage() -> Stage {
    let service = Service::start(ServiceConfig::default()).await.unwrap();
    let owner = service.set_up().await.unwrap();
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    connect(&console, &service).await;
    desk.view_with(is_live).await;
    Stage { service, owner, folder, desk, console }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_made_offline_outlives_a_crash_and_waits_beside_what_changed_meanwhile() {
    let Stage { mut service, owner, folder, desk, console } = stage().await;
    let began = opened(&console, Resource::AlertSettings).await;
    assert_eq!((began.away, began.draft), (None, None));
    let before = alerts_now(&owner).await;
    service.stop();
    desk.view_with(is_away).await;

    let offline = opened(&console, Resource::AlertSettings).await;
    assert_eq!(offline.content, began.content, "as it was last read");
    assert!(offline.away.is_some() && offline.read_at.as_millis() == began.read_at.as_millis());
    let unchanged = alerts(before[0], before[1], before[2]);
    assert_eq!(console.save_edit(unchanged, began.content.clone()).await.unwrap(), Saved::Nothing);
    let saved = console.save_edit(alerts(7, 8, before[2]), began.content.clone()).await.unwrap();
    assert!(matches!(saved, Saved::Kept { .. }), "{saved:?}");
    desk.view_with(|view| view.drafts == 1).await;

    // What lies on the disk at this moment is what a crash leaves.
    copy_folder(&folder.path().join("console"), &folder.path().join("crashed"));
    console.shut_down().await.unwrap();
    drop(console);
    fs::rename(folder.path().join("console"), folder.path().join("former")).unwrap();
    fs::rename(folder.path().join("crashed"), folder.path().join("console")).unwrap();
    let console = desk.start(folder.path());
    desk.view_with(|view| view.drafts == 1 && is_away(view)).await;
    assert_eq!(opened(&console, Resource::AlertSettings).await.draft.unwrap().edit, alerts(7, 8, before[2]));
    let shown = console.compare_draft(Resource::AlertSettings).await.unwrap();
    assert!(shown.away.is_some(), "it says that this is not how it stands now");

    console.shut_down().await.unwrap();
    drop(console);
    service.run().await.unwrap();
    change_alerts(&owner, [before[0], 9, 30]).await;
    let console = desk.start(folder.path());
    desk.view_with(is_live).await;
    draft_with(&console, |draft| draft.meanwhile == Meanwhile::Conflict).await;
    assert_eq!(alerts_now(&owner).await, [before[0], 9, 30], "nothing is applied by itself");

    let shown = console.compare_draft(Resource::AlertSettings).await.unwrap();
    let marks: Vec<_> = shown.draft.parts.iter().map(|part| part.mark).collect();
    assert_eq!(marks, [Mark::OnlyYours, Mark::Both, Mark::OnlyTheirs]);
    assert_eq!(console.apply_draft(apply(&shown, vec![])).await.unwrap_err().code, Code::Invalid);
    let mine = || vec![Choice { part: Part::NetworkAccounts, side: Side::Yours }];
    change_alerts(&owner, [before[0], 9, 45]).await;
    let again = console.apply_draft(apply(&shown, mine())).await.unwrap();
    let Applied::Changed { comparison } = again else { panic!("{again:?}") };
    assert_eq!(alerts_now(&owner).await, [before[0], 9, 45], "nothing was sent over what nobody has seen");
    let done = console.apply_draft(apply(&comparison, mine())).await.unwrap();
    assert!(matches!(done, Applied::Done { .. }), "{done:?}");
    assert_eq!(alerts_now(&owner).await, [7, 8, 45]);
    desk.view_with(|view| view.drafts == 0).await;
    assert_eq!(opened(&console, Resource::AlertSettings).await.draft, None);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_admins_is_told_and_loses_nothing() {
    let Stage { service: _service, owner, folder: _folder, desk, console } = stage().await;
    let login = NewAccount { login: "anna@example.org".into(), name: String::new(), note: "Board".into() };
    let account: Account = owner.post("/v1/accounts", &login).await.unwrap();
    let resource = Resource::Account { login: account.login.clone() };
    let began = opened(&console, resource.clone()).await.content;
    let path = "/v1/accounts/anna@example.org";
    let theirs = serde_json::json!({ "note": "Left in May" });
    let _: Account = owner.change(Method::PATCH, path, &theirs).await.unwrap();

    let edit = Edit::Account { login: account.login.clone(), note: "Treasurer".into() };
    assert_eq!(console.save_edit(edit.clone(), began.clone()).await.unwrap(), Saved::Conflict);
    let now: Account = owner.get(path).await.unwrap();
    assert_eq!(now.note, "Left in May");
    let draft = draft_with(&console, |_| true).await;
    assert_eq!((draft.edit, draft.own, draft.meanwhile), (edit, true, Meanwhile::Conflict));
    let shown = console.compare_draft(resource.clone()).await.unwrap();
    assert_eq!(shown.draft.parts[0].mark, Mark::Both);
    let mine = vec![Choice { part: Part::Note, side: Side::Yours }];
    console.apply_draft(apply(&shown, mine)).await.unwrap();
    let now: Account = owner.get(path).await.unwrap();
    assert_eq!(now.note, "Treasurer");

    // Who wants the same as the other is told nothing.
    let began = opened(&console, Resource::AlertSettings).await.content;
    change_alerts(&owner, [6, 6, 6]).await;
    let saved = console.save_edit(alerts(6, 6, 6), began).await.unwrap();
    assert!(matches!(saved, Saved::Done { .. }), "{saved:?}");
    desk.view_with(|view| view.drafts == 0).await;
    // One that is wrong stays with its page.
    let began = opened(&console, Resource::AlertSettings).await.content;
    assert_eq!(console.save_edit(alerts(0, 6, 6), began).await.unwrap_err().code, Code::Invalid);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_outlives_damage_in_another_part_of_the_copy() {
    let Stage { mut service, owner: _, folder, desk, console } = stage().await;
    let reports = reports(&console).await;
    for attempt in 0..300 {
        reports.failure(&format!("user{attempt}@example.org"), "203.0.113.9", attempt).await;
    }
    desk.view_with(|view| view.events >= 300).await;
    let began = opened(&console, Resource::AlertSettings).await.content;
    service.stop();
    desk.view_with(is_away).await;
    let saved = console.save_edit(alerts(7, 8, 9), began).await.unwrap();
    assert!(matches!(saved, Saved::Kept { .. }), "{saved:?}");
    console.shut_down().await.unwrap();
    drop(console);

    damage_a_page(folder.path());
    service.run().await.unwrap();
    let console = desk.start(folder.path());
    let is_replaced = |view: &View| {
        view.notices.iter().any(|it| matches!(it, Notice::StoreReplaced { .. })) && view.drafts == 1
    };
    desk.view_with(is_replaced).await;
    assert_eq!(console.drafts().await.unwrap()[0].edit, alerts(7, 8, 9));
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_draft_is_kept_encrypted_and_comes_back_to_no_page() {
    let Stage { mut service, owner, folder, desk, console } = stage().await;
    let began = opened(&console, Resource::MailSettings).await.content;
    service.stop();
    desk.view_with(is_away).await;
    let relay = |password: Option<&str>, port| {
        let relay = RelayChange {
            host: "localhost".into(),
            port,
            security: RelaySecurity::None,
            username: Some("mailcup".into()),
            password: password.map(Into::into),
        };
        Edit::MailSettings(MailSettingsChange { from: "mail@example.org".into(), relay: Some(relay) })
    };
    let saved = console.save_edit(relay(Some("s3cret-of-the-relay"), 2525), began).await.unwrap();
    assert!(matches!(saved, Saved::Kept { .. }), "{saved:?}");
    // The page edits the draft again, without the password that it never got.
    let draft = opened(&console, Resource::MailSettings).await.draft.unwrap();
    assert!(draft.has_password);
    console.save_edit(relay(None, 2526), draft.began).await.unwrap();
    let shown = console.compare_draft(Resource::MailSettings).await.unwrap();
    let seen = format!("{shown:?} {:?}", console.drafts().await.unwrap());
    assert!(!seen.contains("s3cret") && shown.draft.has_password, "{seen}");
    assert!(!holds(&all_bytes(&folder.path().join("console")), "s3cret-of-the-relay"));

    service.run().await.unwrap();
    desk.view_with(is_live).await;
    let shown = console.compare_draft(Resource::MailSettings).await.unwrap();
    assert_eq!((shown.draft.meanwhile, &shown.away), (Meanwhile::Nothing, &None));
    console.apply_draft(apply(&shown, vec![])).await.unwrap();
    let now: MailSettings = owner.get("/v1/settings/mail").await.unwrap();
    let MailTransport::Relay(relay) = now.transport else { panic!("{now:?}") };
    assert!(relay.has_password && relay.port == 2526);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_says_whose_it_is_and_an_auditor_has_none() {
    let Stage { mut service, owner, folder: _folder, desk, console } = stage().await;
    for (login, role) in [("adam@example.org", Role::Admin), ("ada@example.org", Role::Auditor)] {
        let new = NewAdmin {
            login: login.into(),
            name: login.into(),
            email: login.into(),
            role,
            password: OWNER.password.into(),
        };
        let _: mailcup_wire::Admin = owner.post("/v1/admins", &new).await.unwrap();
    }
    let began = opened(&console, Resource::AlertSettings).await.content;
    service.stop();
    desk.view_with(is_away).await;
    console.save_edit(alerts(7, 8, 9), began.clone()).await.unwrap();
    desk.view_with(|view| view.drafts == 1).await;
    console.discard_draft(Resource::AlertSettings).await.unwrap();
    desk.view_with(|view| view.drafts == 0).await;
    console.restore_draft(Resource::AlertSettings).await.unwrap();
    assert_eq!(console.restore_draft(Resource::AlertSettings).await.unwrap_err().code, Code::NotFound);
    console.sign_out().await.unwrap();
    service.run().await.unwrap();

    sign_in(&console, &service, "ada@example.org").await;
    desk.view_with(|view| view.drafts == 1 && is_live(view)).await;
    assert_eq!(console.discard_draft(Resource::AlertSettings).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(console.save_edit(alerts(1, 2, 3), began).await.unwrap_err().code, Code::Forbidden);
    console.sign_out().await.unwrap();

    sign_in(&console, &service, "adam@example.org").await;
    let draft = draft_with(&console, |_| true).await;
    assert_eq!((draft.login.0.as_str(), draft.own), (OWNER.login, false));
    let shown = console.compare_draft(Resource::AlertSettings).await.unwrap();
    let request = apply(&shown, vec![]);
    assert_eq!(console.apply_draft(request.clone()).await.unwrap_err().code, Code::Conflict);
    console.apply_draft(ApplyDraft { of_other: true, ..request }).await.unwrap();
    assert_eq!(alerts_now(&owner).await, [7, 8, 9]);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_stay_under_a_lock_and_go_with_their_service() {
    let Stage { mut service, owner: _, folder, desk, console } = stage().await;
    let id = desk.ready().await.service.unwrap().id;
    let passphrase = || Some("correct horse battery".to_owned());
    let set = mailcup_wire::desktop::PassphraseChange { current: None, new: passphrase() };
    console.set_passphrase(set).await.unwrap();
    let began = opened(&console, Resource::AlertSettings).await.content;
    service.stop();
    desk.view_with(is_away).await;
    console.save_edit(alerts(7, 8, 9), began.clone()).await.unwrap();
    desk.view_with(|view| view.services[0].drafts == 1).await;

    console.lock().await.unwrap();
    let locked = desk.view_with(|view| view.phase == mailcup_wire::desktop::Phase::Locked).await;
    assert_eq!((locked.drafts, locked.services[0].drafts), (0, 0), "it shows nothing of what it holds");
    assert_eq!(console.drafts().await.unwrap_err().code, Code::Locked);
    assert_eq!(console.save_edit(alerts(6, 6, 6), began).await.unwrap_err().code, Code::Locked);
    assert_eq!(console.discard_draft(Resource::AlertSettings).await.unwrap_err().code, Code::Locked);
    console.unlock(passphrase().unwrap()).await.unwrap();
    desk.view_with(|view| view.drafts == 1).await;

    // It lies nowhere but in the copy, which may have to be set aside.
    console.forget_service(id.clone()).await.unwrap();
    assert!(!folder.path().join("console/services").join(&id.0).exists());
    desk.view_with(|view| view.drafts == 0).await;
    console.shut_down().await.unwrap();
}

/// Signs in at the service that is shown, with the code from its outbox.
async fn sign_in(console: &Console, service: &Service, login: &str) {
    let credentials = Credentials { login: login.into(), password: OWNER.password.into() };
    let found = wait::until("the service to take the password", Duration::from_secs(20), async || {
        console.sign_in(credentials.clone()).await.ok()
    });
    found.await.unwrap();
    let mails = service.data_dir().join("outbox/new");
    let code = wait::until("the code's mail", Duration::from_secs(10), async || {
        let all = fs::read_dir(&mails).ok()?.filter_map(|mail| fs::read_to_string(mail.ok()?.path()).ok());
        let mail = all.into_iter().find(|mail| mail.contains(login))?;
        let mut words = mail.split(|c: char| !c.is_ascii_digit());
        words.rfind(|word| word.len() == 6).map(str::to_owned)
    });
    let answer = ChallengeAnswer { factor: FactorKind::Email, code: code.await.unwrap() };
    console.answer_challenge(answer).await.unwrap();
}
