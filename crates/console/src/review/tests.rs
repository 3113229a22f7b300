//! Review of a real repository, as a mirror holds it.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use jiff::Timestamp;
use mailcup_snapshots::{
    BackupSource, FileKind, Folder, Label, MasterKey, Progress, Repository, Snapshot, SourceEntry,
    Storage as _, Unwatched, Watch,
};
use mailcup_wire::{
    Code, Login, SnapshotId,
    desktop::{
        ComparisonQuery, HistoryChange, HistoryOf, MailExcerpts, MailExport, MailFlag, MailFormat,
        MailSearch, MessageChangeKind, MessageOrder, MessageQuery, MessageRequest, RecordChangeKind,
        StateExport, StateFormat, StatePart, StateQuery,
    },
};
use serde_json::json;
use tempfile::TempDir;

use super::{MailIndex, Review, export_mail, export_state, wire_id};
use crate::key::ConsoleKey;

const DAY: i64 = 86_400;
const START: i64 = 1_790_000_000;
const ANNA: &str = "example.org/anna/Maildir";

type Files = BTreeMap<PathBuf, Vec<u8>>;

struct Memory(Files);

impl BackupSource for Memory {
    fn entries(&self) -> Box<dyn Iterator<Item = SourceEntry> + Send> {
        Box::new(self.0.clone().into_iter().map(|(path, content)| SourceEntry {
            modified: Timestamp::from_second(START).unwrap(),
            size: content.len() as u64,
            mode: 0o640,
            open: Box::new(move || Ok(Box::new(Cursor::new(content)) as Box<dyn Read + Send>)),
            path,
        }))
    }

    fn expected(&self) -> Option<(u64, u64)> {
        None
    }
}

struct Lab {
    folder: TempDir,
    repository: Repository,
    review: Review,
    days: i64,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::from_bytes([7; 64]);
        let storage = || Arc::new(Folder::new(folder.path().join("mirror")));
        let repository = Repository::create(storage(), key.clone()).unwrap();
        let opened = Arc::new(Repository::open(storage(), key).unwrap());
        let store_key = ConsoleKey::generate().store_key(&"reviewed".into());
        let index = MailIndex::new(folder.path().join("mail-index.db"), store_key);
        Self { review: Review::new(opened, index), repository, folder, days: 0 }
    }

    /// A snapshot a day.
    fn backup(&mut self, files: &Files) -> SnapshotId {
        let time = Timestamp::from_second(START + self.days * DAY).unwrap();
        self.days += 1;
        let label = Label { host: "mail".to_owned(), tags: vec!["mailcup".to_owned()], time };
        let watch: Arc<dyn Watch> = Arc::new(Unwatched);
        let backed = self.repository.backup(Arc::new(Memory(files.clone())), &label, &watch).unwrap();
        self.repository.refresh();
        self.review.refresh();
        wire_id(&backed.snapshot)
    }

    fn forget(&self, id: &SnapshotId) {
        let listing = self.repository.snapshots().unwrap();
        let gone: Vec<Snapshot> = listing.snapshots.into_iter().filter(|it| wire_id(it) == *id).collect();
        self.repository.forget(&gone.iter().map(|it| it.id).collect::<Vec<_>>()).unwrap();
        self.review.refresh();
    }

    fn index(&self) {
        self.review.index_mail(&|_, _| {}, &Unwatched).unwrap();
    }

    fn subjects(&self, query: &MessageQuery) -> Vec<(String, u32)> {
        let list = self.review.messages(query).unwrap();
        assert!(list.ordered);
        list.messages.into_iter().map(|row| (row.subject, row.depth)).collect()
    }

    fn found(&self, text: &str) -> Vec<String> {
        let hits = self.review.search_mail(&search(text)).unwrap();
        assert_eq!(hits.total as usize, hits.hits.len());
        hits.hits.into_iter().map(|hit| format!("{}: {}", hit.folder, hit.subject)).collect()
    }
}

fn mail(subject: &str, from: &str, id: &str, answers: Option<&str>, body: &str) -> Vec<u8> {
    let answers = answers.map(|id| format!("In-Reply-To: <{id}>\r\n")).unwrap_or_default();
    format!("From: {from}\r\nTo: anna@example.org\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\n{answers}\r\n{body}\r\n")
        .into_bytes()
}

fn at(path: &str) -> PathBuf {
    Path::new("mail").join(path)
}

fn put(files: &mut Files, path: &str, record: &serde_json::Value) {
    files.insert(path.into(), serde_json::to_vec(record).unwrap());
}

/// Anna's mail in two folders, Bert's in one, and some state.
fn first_day() -> Files {
    let mut files = Files::new();
    let inbox =
        |second: i64, flags: &str| at(&format!("{ANNA}/cur/{}.M{second}.host:2,{flags}", START + second));
    files.insert(
        inbox(1, "S"),
        mail("Offer", "Zoe <zoe@example.net>", "1@x", None, "The red bicycle costs 100."),
    );
    files.insert(inbox(2, ""), mail("Re: Offer", "Anna <anna@example.org>", "2@x", Some("1@x"), "Too much."));
    files.insert(
        inbox(3, "S"),
        mail("Accounts", "Bert <bert@example.org>", "3@x", None, "Numbers, Größe, numbers."),
    );
    files.insert(
        inbox(4, "S"),
        mail("Re: Re: Offer", "Zoe <zoe@example.net>", "4@x", Some("2@x"), "Then 90."),
    );
    files.insert(
        at(&format!("{ANNA}/.Sent/new/{}.M5.host", START + 5)),
        mail("Sent", "anna@example.org", "5@x", None, "x"),
    );
    files.insert(
        at("example.org/bert/Maildir/cur/1.M1.host:2,S"),
        mail("For Bert", "zoe@example.net", "6@x", None, "red"),
    );
    files.insert(at(&format!("{ANNA}/subscriptions")), b"Sent\n".to_vec());
    put(
        &mut files,
        "state/mailboxes/anna@example.org.json",
        &json!({"login": "anna@example.org", "messages": 5, "bytes": 1000}),
    );
    put(
        &mut files,
        "state/access-rules/r1.json",
        &json!({"enforced": false, "id": "r1", "networks": ["192.0.2.0/24"]}),
    );
    put(
        &mut files,
        "state/accounts/anna@example.org.json",
        &json!({"login": "anna@example.org", "note": ""}),
    );
    files.insert(
        "state/events/2026-09-21.jsonl".into(),
        b"{\"id\":\"a:1\",\"kind\":\"x\"}\n{\"id\":\"a:2\",\"kind\":\"y\"}\n".to_vec(),
    );
    let state =
        json!({"access_rules": 1, "sending_limits": 0, "admins": 1, "blocks": 0, "alerts": 0, "events": 2});
    let part = json!({"from": "2026-09-21T00:00:00Z", "until": "2026-09-21T00:01:00Z", "accounts": 2, "messages": 6,
        "bytes": 900, "left_out_count": 0});
    put(
        &mut files,
        "manifest.json",
        &json!({"version": "0.1.0", "organization": "Example", "state": state, "mail": part}),
    );
    files
}

/// The offer was read and moved, the accounts were deleted, one came, and the rule is in force.
fn second_day() -> Files {
    let mut files = first_day();
    let path =
        |second: i64, flags: &str| at(&format!("{ANNA}/cur/{}.M{second}.host:2,{flags}", START + second));
    let offer = files.remove(&path(1, "S")).unwrap();
    files.insert(at(&format!("{ANNA}/.Archive/cur/{}.M1.host:2,S", START + 1)), offer);
    files.remove(&path(3, "S"));
    let answer = files.remove(&path(2, "")).unwrap();
    files.insert(path(2, "RS"), answer);
    files.insert(path(9, ""), mail("New", "new@example.net", "9@x", None, "green bicycle"));
    put(
        &mut files,
        "state/access-rules/r1.json",
        &json!({"enforced": true, "id": "r1", "networks": ["192.0.2.0/24"]}),
    );
    put(&mut files, "state/access-rules/r2.json", &json!({"enforced": false, "id": "r2", "networks": []}));
    files
}

fn query(snapshot: &SnapshotId, path: &str) -> MessageQuery {
    MessageQuery {
        snapshot: snapshot.clone(),
        path: path.to_owned(),
        offset: 0,
        limit: 100,
        order: MessageOrder::Newest,
        threads: false,
    }
}

fn search(text: &str) -> MailSearch {
    MailSearch { text: text.to_owned(), account: None, gone: false, offset: 0, limit: 100 }
}

#[test]
fn a_snapshot_is_looked_through_from_accounts_to_messages() {
    let mut lab = Lab::new();
    let id = lab.backup(&first_day());
    let list = lab.review.snapshots().unwrap();
    let counts = list.snapshots[0].counts.clone().unwrap();
    assert_eq!((counts.messages, counts.rules, counts.organization.as_deref()), (6, 1, Some("Example")));
    let boxes = lab.review.mailboxes(&id).unwrap();
    assert_eq!(boxes[0].path, "example.org/anna");
    let boxes: Vec<_> = boxes.iter().map(|it| (it.login.0.as_str(), it.messages)).collect();
    assert_eq!(boxes, [("anna@example.org", Some(5)), ("bert@example.org", None)]);
    let folders = lab.review.mail_folders(&id, "example.org/anna").unwrap();
    let folders: Vec<_> = folders.iter().map(|it| (it.name.as_str(), it.messages, it.unread)).collect();
    assert_eq!(folders, [("INBOX", 4, 1), ("Sent", 1, 1)]);

    let of = |subjects: &[(&str, u32)]| {
        subjects.iter().map(|(it, depth)| ((*it).to_owned(), *depth)).collect::<Vec<_>>()
    };
    let newest = of(&[("Re: Re: Offer", 0), ("Accounts", 0), ("Re: Offer", 0), ("Offer", 0)]);
    assert_eq!(lab.subjects(&query(&id, ANNA)), newest);
    let mut page = query(&id, ANNA);
    (page.offset, page.limit, page.order) = (1, 2, MessageOrder::Oldest);
    assert_eq!(lab.subjects(&page), of(&[("Re: Offer", 0), ("Accounts", 0)]));

    // By what stands in messages only once they are indexed.
    let mut by_sender = query(&id, ANNA);
    by_sender.order = MessageOrder::From;
    assert!(!lab.review.messages(&by_sender).unwrap().ordered);
    lab.index();
    let senders: Vec<_> =
        lab.review.messages(&by_sender).unwrap().messages.into_iter().map(|row| row.from).collect();
    assert_eq!(senders, ["Anna", "Bert", "Zoe", "Zoe"]);
    let mut threads = query(&id, ANNA);
    threads.threads = true;
    let threaded = of(&[("Offer", 0), ("Re: Offer", 1), ("Re: Re: Offer", 2), ("Accounts", 0)]);
    assert_eq!(lab.subjects(&threads), threaded);
}

#[test]
fn what_is_not_there_is_told_apart_from_what_was_not_fetched() {
    let mut lab = Lab::new();
    let id = lab.backup(&first_day());
    let request = |path: &str| MessageRequest { snapshot: id.clone(), path: path.to_owned() };
    for path in
        ["example.org/anna/Maildir/cur/none", "../state/accounts/anna@example.org.json", "", "example.org"]
    {
        assert_eq!(lab.review.message(&request(path)).unwrap_err().code, Code::NotFound, "{path}");
    }
    let other = MessageRequest { snapshot: SnapshotId("ab".repeat(32)), path: ANNA.to_owned() };
    assert_eq!(lab.review.message(&other).unwrap_err().code, Code::NotFound);
    // Only what holds folders was fetched.
    let root = lab.folder.path().join("mirror");
    for pack in lab.repository.packs().unwrap().into_iter().filter(|pack| !pack.holds_folders) {
        Folder::new(&root).remove(FileKind::Pack, &pack.id).unwrap();
    }
    lab.review.refresh();
    let list = lab.review.messages(&query(&id, ANNA)).unwrap();
    assert_eq!(list.total, 4);
    assert!(list.messages.iter().all(|row| row.unread_because.as_ref().unwrap().contains("wasn't fetched")));
    let path = list.messages[0].path.clone();
    assert_eq!(lab.review.message(&request(&path)).unwrap_err().code, Code::Unavailable);
    assert_eq!(lab.review.snapshots().unwrap().snapshots[0].counts, None);
}

#[test]
fn a_comparison_says_what_became_of_mail_and_rules() {
    let mut lab = Lab::new();
    let (first, second) = (lab.backup(&first_day()), lab.backup(&second_day()));
    let mut query = ComparisonQuery {
        from: first.clone(),
        to: second.clone(),
        changes: Vec::new(),
        account: None,
        offset: 0,
        limit: 100,
    };
    let found = lab.review.compare(&query).unwrap();
    assert_eq!((found.added, found.removed, found.moved, found.flagged, found.changed), (1, 1, 1, 1, 0));
    assert_eq!(found.accounts.len(), 1);
    let removed = &found.messages[0];
    assert_eq!((removed.change, removed.subject.as_str()), (MessageChangeKind::Removed, "Accounts"));
    assert_eq!(removed.snapshot, first);
    let moved = found.messages.iter().find(|it| it.change == MessageChangeKind::Moved).unwrap();
    assert_eq!((moved.from_folder.as_deref(), moved.folder.as_str()), (Some("INBOX"), "Archive"));
    let flagged = found.messages.iter().find(|it| it.change == MessageChangeKind::Flagged).unwrap();
    assert_eq!(flagged.flags_added, [MailFlag::Seen, MailFlag::Answered]);
    assert_eq!(flagged.subject, "Re: Offer");
    let records: Vec<_> = found.records.iter().map(|it| (it.key.as_str(), it.change)).collect();
    assert_eq!(records, [("r1", RecordChangeKind::Changed), ("r2", RecordChangeKind::Added)]);
    let field = &found.records[0].fields[0];
    assert_eq!(
        (field.name.as_str(), field.before.as_deref(), field.after.as_deref()),
        ("enforced", Some("false"), Some("true"))
    );

    query.changes = vec![MessageChangeKind::Added];
    assert_eq!(lab.review.compare(&query).unwrap().total, 1);
    query.changes.clear();
    query.account = Some(Login("bert@example.org".to_owned()));
    assert_eq!(lab.review.compare(&query).unwrap().total, 0);
    // Backwards, what went came.
    (query.from, query.to, query.account) = (second, first, None);
    let back = lab.review.compare(&query).unwrap();
    assert_eq!((back.added, back.removed, back.moved), (1, 1, 1));
}

#[test]
fn the_history_of_one_thing_goes_through_all_snapshots() {
    let mut lab = Lab::new();
    let first = lab.backup(&first_day());
    lab.backup(&first_day());
    lab.backup(&second_day());
    let mut third = second_day();
    third.retain(|path, _| {
        !path.to_string_lossy().contains("M1.host:2,S") || path.to_string_lossy().contains("bert")
    });
    third.remove(Path::new("state/access-rules/r1.json"));
    lab.backup(&third);
    let path = format!("{ANNA}/cur/{}.M1.host:2,S", START + 1);
    let history = lab.review.history(&HistoryOf::Message { snapshot: first, path }).unwrap();
    let changes: Vec<_> = history.steps.iter().map(|step| step.change.clone()).collect();
    assert_eq!(
        changes,
        [
            HistoryChange::Gone,
            HistoryChange::Moved { from: "INBOX".into(), to: "Archive".into() },
            HistoryChange::There { folder: Some("INBOX".into()) },
        ]
    );
    assert_eq!(history.steps[1].after.unwrap().as_millis(), (START + DAY) * 1000);
    let rule = HistoryOf::Record { part: StatePart::AccessRules, key: "r1".into() };
    let history = lab.review.history(&rule).unwrap();
    assert!(
        matches!(&history.steps[1].change, HistoryChange::Changed { fields } if fields[0].name == "enforced")
    );
    assert_eq!(history.steps.len(), 3);
    let late = HistoryOf::Record { part: StatePart::AccessRules, key: "r2".into() };
    assert_eq!(lab.review.history(&late).unwrap().steps[0].change, HistoryChange::Appeared { folder: None });
}

#[test]
fn words_are_found_in_all_snapshots_and_what_is_gone_with_the_last_that_held_it() {
    let mut lab = Lab::new();
    assert_eq!(lab.review.search_mail(&search("bicycle")).unwrap_err().code, Code::Unavailable);
    let first = lab.backup(&first_day());
    lab.index();
    assert_eq!(lab.found("bicycle"), ["INBOX: Offer"]);
    let second = lab.backup(&second_day());
    lab.index();
    assert_eq!(lab.found("bicyc"), ["INBOX: New", "Archive: Offer"]);
    assert_eq!(lab.found("RED bicycle"), ["Archive: Offer"]);
    assert_eq!(lab.found("grosse grösse"), Vec::<String>::new());
    assert_eq!(lab.found("größe"), ["INBOX: Accounts"]);
    assert_eq!(lab.found("zoe@example.net red"), ["Archive: Offer", "INBOX: For Bert"]);
    for odd in ["\"", "red* OR", "NEAR(", "-", "a\"b", "' ; DROP"] {
        let _ = lab.review.search_mail(&search(odd)).unwrap();
    }
    let hit = lab.review.search_mail(&search("numbers")).unwrap().hits.remove(0);
    assert_eq!((&hit.snapshot, hit.gone_at.unwrap().as_millis()), (&first, (START + DAY) * 1000));
    let request = MessageRequest { snapshot: hit.snapshot, path: hit.path };
    let missing = MessageRequest { snapshot: first.clone(), path: "example.org/anna/Maildir/cur/0".into() };
    let asked = MailExcerpts { text: "numbers".to_owned(), messages: vec![missing, request.clone()] };
    let excerpts = lab.review.mail_excerpts(&asked).unwrap();
    assert!(excerpts[0].is_empty() && excerpts[1].starts_with("Numbers, Größe"), "{excerpts:?}");
    let asked = MailExcerpts { text: "numbers".to_owned(), messages: vec![request.clone(); 101] };
    assert_eq!(lab.review.mail_excerpts(&asked).unwrap_err().code, Code::Invalid);
    assert_eq!(lab.review.message(&request).unwrap().0.subject, "Accounts");
    let mut gone = search("zoe@example.net");
    gone.gone = true;
    assert_eq!(lab.review.search_mail(&gone).unwrap().total, 0);
    gone.text = "numbers".to_owned();
    assert_eq!(lab.review.search_mail(&gone).unwrap().total, 1);
    let mut of_bert = search("red");
    of_bert.account = Some(Login("bert@example.org".to_owned()));
    assert_eq!(lab.review.search_mail(&of_bert).unwrap().total, 1);

    // The rules of keeping took the first away.
    lab.forget(&first);
    lab.index();
    assert_eq!(lab.found("numbers"), Vec::<String>::new());
    assert_eq!(lab.review.index().standing().unwrap().unwrap().snapshots, std::slice::from_ref(&second));
    // The newest that was indexed went, too: what is in the next is found again, each once.
    let third = lab.backup(&second_day());
    lab.forget(&second);
    lab.index();
    assert_eq!(lab.found("bicycle"), ["INBOX: New", "Archive: Offer"]);
    let hit = lab.review.search_mail(&search("green")).unwrap().hits.remove(0);
    assert_eq!((hit.snapshot, hit.gone_at), (third, None));
}

#[test]
fn whole_words_come_before_beginnings_in_any_script_and_the_newest_first() {
    let mut lab = Lab::new();
    let mut files = Files::new();
    // As they lie on the disk, not as they came.
    let texts =
        ["invoice", "invoices are due", "यह हिन्दी है", "Ελληνικά", "日本語のメール", "an invoice again"];
    for (number, text) in texts.into_iter().enumerate() {
        let received = START - DAY * i64::try_from(number).unwrap();
        let path = at(&format!("{ANNA}/cur/{received}.M{number}.host:2,S"));
        files.insert(path, mail(&number.to_string(), "a@example.net", &format!("{number}@x"), None, text));
    }
    lab.backup(&files);
    lab.index();
    let found = |text: &str| lab.found(text).join(", ").replace("INBOX: ", "");
    assert_eq!(found("invoice"), "0, 5", "what only begins so is left out");
    assert_eq!(found("invoi"), "0, 1, 5");
    assert_eq!(found("due invo"), "1");
    assert_eq!((found("हिन्दी"), found("हि"), found("ΕΛΛΗΝΙΚΆ")), ("2".into(), "2".into(), "3".into()));
    assert_eq!(found("日本語"), "4");
    assert_eq!((found("🎉"), found("Ⓐ invoice")), (String::new(), "0, 5".into()));
}

/// Cancels after so many questions.
struct Impatient(AtomicU32);

impl Watch for Impatient {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) > 60
    }
}

#[test]
fn an_index_that_was_cancelled_goes_on_and_can_be_forgotten() {
    let mut lab = Lab::new();
    let mut files = first_day();
    for number in 0..1_200 {
        let path = at(&format!("{ANNA}/.Many/cur/{}.M{number}.host:2,", START + number));
        files.insert(
            path,
            mail(&format!("Many {number}"), "a@example.net", &format!("m{number}@x"), None, "many"),
        );
    }
    lab.backup(&files);
    assert!(lab.review.index_mail(&|_, _| {}, &Impatient(AtomicU32::new(0))).is_err());
    let halfway = lab.review.index().standing().unwrap().unwrap();
    assert!(halfway.snapshots.is_empty() && (1..60).contains(&halfway.messages), "{halfway:?}");
    lab.index();
    let whole = lab.review.index().standing().unwrap().unwrap();
    assert_eq!((whole.messages, whole.snapshots.len()), (1_206, 1));
    let mut many = search("many");
    many.limit = 10;
    let hits = lab.review.search_mail(&many).unwrap();
    assert_eq!((hits.total, hits.more, hits.hits.len()), (1_000, true, 10));
    assert_eq!(hits.hits[0].subject, "Many 1199");
    assert_eq!(lab.review.count_mail(&many).unwrap(), 1_200);
    lab.review.index().forget().unwrap();
    assert!(!lab.review.index().is_there());
    lab.index();
    assert_eq!(lab.review.count_mail(&many).unwrap(), 1_200);
}

#[test]
fn the_state_is_shown_as_it_was_and_exported() {
    let mut lab = Lab::new();
    let id = lab.backup(&second_day());
    let mut query = StateQuery {
        snapshot: id.clone(),
        part: StatePart::AccessRules,
        day: None,
        text: String::new(),
        offset: 0,
        limit: 1,
    };
    let table = lab.review.snapshot_state(&query).unwrap();
    assert_eq!((table.total, table.records[0].key.as_str()), (2, "r1"));
    query.text = "R2".to_owned();
    assert_eq!(lab.review.snapshot_state(&query).unwrap().total, 1);
    (query.part, query.text, query.limit) = (StatePart::Events, String::new(), 10);
    let events = lab.review.snapshot_state(&query).unwrap();
    assert_eq!(
        (events.days.as_slice(), events.records[0].key.as_str()),
        (&["2026-09-21".to_owned()][..], "a:2")
    );
    query.part = StatePart::SendingLimits;
    assert_eq!(lab.review.snapshot_state(&query).unwrap().total, 0);

    let to = lab.folder.path().join("rules.csv");
    let export = |format, to: &Path| StateExport {
        snapshot: id.clone(),
        part: StatePart::AccessRules,
        format,
        to: to.display().to_string(),
    };
    export_state(&lab.review, &export(StateFormat::Csv, &to)).unwrap();
    assert_eq!(fs::read_to_string(&to).unwrap(), "enforced,id,networks\ntrue,r1,192.0.2.0/24\nfalse,r2,\n");
    let to = lab.folder.path().join("rules.json");
    export_state(&lab.review, &export(StateFormat::Json, &to)).unwrap();
    let read: serde_json::Value = serde_json::from_slice(&fs::read(&to).unwrap()).unwrap();
    assert_eq!(read.as_array().unwrap().len(), 2);
    assert_eq!(
        export_state(&lab.review, &export(StateFormat::Json, Path::new("here"))).unwrap_err().code,
        Code::Invalid
    );
}

#[test]
fn mail_is_exported_whole_in_each_format_or_not_at_all() {
    let mut lab = Lab::new();
    let files = first_day();
    let id = lab.backup(&files);
    let export = |format, to: &str| MailExport {
        snapshot: id.clone(),
        paths: vec!["example.org/anna".to_owned(), format!("{ANNA}/.Sent")],
        format,
        to: lab.folder.path().join(to).display().to_string(),
    };
    let tell = |_: (u32, u32), _: (u64, u64)| {};
    let (done, of) =
        export_mail(&lab.review, &export(MailFormat::Maildir, "maildir"), &tell, &Unwatched).unwrap();
    assert_eq!((done.messages, done.trouble_count), (5, 0));
    assert_eq!(
        of.iter().map(|(_, folder, messages)| (folder.as_str(), *messages)).collect::<Vec<_>>(),
        [("INBOX", 4), ("Sent", 1)]
    );
    for (path, content) in
        files.iter().filter(|(path, _)| path.starts_with(at(ANNA)) && path.to_string_lossy().contains("host"))
    {
        let below = path.strip_prefix(at("example.org/anna")).unwrap().strip_prefix("Maildir").unwrap();
        let written = lab.folder.path().join("maildir/anna@example.org").join("Maildir").join(below);
        assert_eq!(
            &fs::read(&written).unwrap_or_else(|error| panic!("{}: {error}", written.display())),
            content
        );
    }
    let inbox = MailExport { paths: vec![ANNA.to_owned()], ..export(MailFormat::Eml, "inbox") };
    let (done, of) = export_mail(&lab.review, &inbox, &tell, &Unwatched).unwrap();
    assert_eq!((done.messages, of.len()), (4, 1), "a folder without those below it");
    export_mail(&lab.review, &export(MailFormat::Eml, "eml"), &tell, &Unwatched).unwrap();
    let eml = lab.folder.path().join(format!("eml/anna@example.org/INBOX/{}.M1.host.eml", START + 1));
    assert!(fs::read_to_string(eml).unwrap().contains("red bicycle"));
    export_mail(&lab.review, &export(MailFormat::Mbox, "anna.mbox"), &tell, &Unwatched).unwrap();
    let mbox = fs::read_to_string(lab.folder.path().join("anna.mbox")).unwrap();
    assert_eq!(mbox.matches("\nFrom MAILER-DAEMON ").count() + 1, 5);
    assert!(
        export_mail(
            &lab.review,
            &export(MailFormat::Mbox, "no.mbox"),
            &tell,
            &Impatient(AtomicU32::new(100))
        )
        .is_err()
    );
    assert!(!lab.folder.path().join("no.mbox").exists() && !lab.folder.path().join("no.mbox.part").exists());
    let nothing = MailExport {
        paths: vec!["example.org/anna/Maildir/subscriptions".into()],
        ..export(MailFormat::Eml, "none")
    };
    assert_eq!(export_mail(&lab.review, &nothing, &tell, &Unwatched).unwrap_err().code, Code::NotFound);
}
