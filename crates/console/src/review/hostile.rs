//! Mail that is meant to harm, in a real snapshot: it is shown in bounded memory and time.

use std::{
    env, fs,
    io::{self, Cursor, Read},
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use mailcup_snapshots::{BackupSource, Folder, Label, MasterKey, Repository, SourceEntry, Unwatched};
use mailcup_wire::{
    Code, SnapshotId,
    desktop::{MessageOrder, MessageQuery, MessageRequest},
};

use super::{MailIndex, Review, wire_id};
use crate::key::ConsoleKey;

const MIB: u64 = 1 << 20;
/// MiB above what is taken before.
const BOUND: u64 = 300;
/// Of a build that isn't optimized, on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);
const FOLDER: &str = "example.org/anna/Maildir";
/// Tells the process what it is to show: of which mirror, which snapshot, and which message, or one of these.
const SHOWS: &str = "MAILCUP_TEST_SHOWS";
const LIST: &str = "all as a list";
const INDEX: &str = "all in the index";

/// A message: its beginning, what is repeated until it is so large, and its end.
struct Bomb {
    name: &'static str,
    start: String,
    repeated: String,
    size: u64,
    end: &'static str,
}

impl Bomb {
    fn new(name: &'static str, start: impl Into<String>, repeated: impl Into<String>, size: u64) -> Self {
        Self { name, start: start.into(), repeated: repeated.into(), size, end: "" }
    }

    fn read(&self) -> Box<dyn Read + Send> {
        let repeated = Repeated { text: self.repeated.clone().into_bytes(), at: 0 };
        let start = Cursor::new(self.start.clone().into_bytes());
        Box::new(start.chain(repeated.take(self.size)).chain(self.end.as_bytes()))
    }

    fn length(&self) -> u64 {
        self.start.len() as u64 + self.size + self.end.len() as u64
    }
}

struct Repeated {
    text: Vec<u8>,
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let piece = &self.text[self.at..];
            let taken = piece.len().min(buffer.len() - filled);
            buffer[filled..filled + taken].copy_from_slice(&piece[..taken]);
            filled += taken;
            self.at = (self.at + taken) % self.text.len();
        }
        Ok(filled)
    }
}

struct Bombs(Vec<Arc<Bomb>>);

impl BackupSource for Bombs {
    fn entries(&self) -> Box<dyn Iterator<Item = SourceEntry> + Send> {
        Box::new(self.0.clone().into_iter().map(|bomb| SourceEntry {
            path: PathBuf::from(format!("mail/{FOLDER}/cur/1790000000.{}.lab:2,S", bomb.name)),
            modified: Timestamp::UNIX_EPOCH,
            size: bomb.length(),
            mode: 0o600,
            open: Box::new(move || Ok(bomb.read())),
        }))
    }

    fn expected(&self) -> Option<(u64, u64)> {
        None
    }
}

/// The most memory that this process took since it was asked to forget, and takes now.
fn memory(of: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(of)).unwrap();
    line.trim_matches(|char: char| !char.is_ascii_digit()).parse::<u64>().unwrap() * 1024
}

fn mixed(further: &str) -> String {
    format!("Subject: bomb\r\nContent-Type: multipart/mixed; boundary=b\r\n{further}\r\n--b\r\n")
}

fn html(start: &str) -> String {
    format!("Subject: bomb\r\nContent-Type: text/html\r\n\r\n{start}")
}

fn bombs() -> Vec<Bomb> {
    let nested: Vec<_> = (0..20_000)
        .map(|depth| format!("Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n"))
        .collect();
    let nested = nested.concat();
    let picture = "Content-Type: text/html\r\n\r\n";
    let large = format!(
        "{}{picture}<img src=cid:p>\r\n--b\r\nContent-Type: application/zip; name=large.zip\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n",
        mixed("")
    );
    let inline = format!(
        "Subject: bomb\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n{picture}{}\r\n--b\r\n\
         Content-Type: image/png\r\nContent-ID: <p>\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        "<img src=cid:p>".repeat(65_000)
    );
    let formats: Vec<_> = (0..20_000).map(|number| format!("<b id={number}>")).collect();
    let formats = formats.concat();
    vec![
        Bomb {
            end: "\r\n--b--\r\n",
            ..Bomb::new("large", large, format!("{}\r\n", "QUJD".repeat(19)), 1 << 30)
        },
        Bomb::new("headers", "Subject: bomb\r\n", "X-Header: value\r\n", 170_000),
        Bomb::new("short-headers", "Subject: bomb\r\n", "a:\n", 25 * MIB),
        Bomb::new("long-header", "Subject: bomb\r\nTo: ", "a,", 25 * MIB),
        Bomb::new("ids", "Subject: bomb\r\nReferences: ", "<a> ", 25 * MIB),
        Bomb::new("continued", "Subject: bomb\r\nContent-Type: text/plain", ";\r\n a*1=b", 25 * MIB),
        Bomb::new("parameters", "Subject: bomb\r\nContent-Type: text/plain", ";a=b", 25 * MIB),
        Bomb::new("parts", mixed(""), "x\r\n--b\r\n\r\n", 25 * MIB),
        Bomb::new(
            "empty-boundary",
            "Subject: bomb\r\nContent-Type: multipart/mixed; boundary=\"\"\r\n\r\n",
            "-",
            25 * MIB,
        ),
        Bomb::new("messages", "Subject: bomb\r\n", "Content-Type: message/rfc822\r\n\r\n", 25 * MIB),
        Bomb::new(
            "digest",
            "Subject: bomb\r\nContent-Type: multipart/digest; boundary=b\r\n",
            "\n\n--b\n\na:\n",
            25 * MIB,
        ),
        Bomb::new("nested", format!("Subject: bomb\r\n{nested}"), "x", 24 * MIB),
        Bomb::new("names", mixed(""), "--b\r\nContent-Type: a/b; name*0*=a''%41; name*1=b\r\n\r\n", 25 * MIB),
        Bomb::new("tags", html(""), "<i>", 2 * MIB),
        Bomb::new("formats", html(&formats), "<p>x", 2 * MIB),
        Bomb::new("divs", html(""), "<div>", 2 * MIB),
        Bomb::new("tables", html(""), "<table><td><a>", 2 * MIB),
        Bomb::new("entities", html(""), "&lt;", 2 * MIB),
        Bomb::new("pictures", inline, "QUJD", 2_000_000),
        Bomb::new("attributes", html("<a "), "a=b ", 1 << 20),
    ]
}

/// No test of its own: a process that looks at one message, so that nothing but that takes memory.
#[test]
fn shows_what_it_is_told_in_bounds() {
    let Ok(told) = env::var(SHOWS) else { return };
    let [mirror, snapshot, name] = *told.split('\n').collect::<Vec<_>>() else { panic!("{told}") };
    let opened = Repository::open(Arc::new(Folder::new(mirror)), MasterKey::from_bytes([7; 64])).unwrap();
    let store_key = ConsoleKey::generate().store_key(&"reviewed".into());
    let index = tempfile::tempdir().unwrap();
    let index = MailIndex::new(index.path().join("mail-index.db"), store_key);
    let review = Review::new(Arc::new(opened), index);
    let snapshot = SnapshotId(snapshot.to_owned());
    let bombs = bombs();
    let (base, started) = (memory("VmRSS:"), Instant::now());
    match name {
        LIST => {
            let (order, path) = (MessageOrder::Newest, FOLDER.to_owned());
            let query = MessageQuery { snapshot, path, offset: 0, limit: 100, order, threads: false };
            let list = review.messages(&query).unwrap();
            assert!(list.messages.iter().all(|it| it.subject == "bomb" && it.unread_because.is_none()));
            assert_eq!(list.messages.len(), bombs.len());
        }
        INDEX => review.index_mail(&|_, _| {}, &Unwatched).unwrap(),
        name => show(&review, snapshot, bombs.iter().find(|bomb| bomb.name == name).unwrap()),
    }
    let (took, more) = (started.elapsed(), memory("VmHWM:").saturating_sub(base) / MIB);
    assert!(more < BOUND && took < PATIENCE, "{more} MiB, {took:?}");
}

fn show(review: &Review, snapshot: SnapshotId, bomb: &Bomb) {
    let path = format!("{FOLDER}/cur/1790000000.{}.lab:2,S", bomb.name);
    let request = MessageRequest { snapshot, path };
    let (message, ..) = review.message(&request).unwrap();
    assert_eq!((message.subject.as_str(), message.size.0), ("bomb", bomb.length()));
    match bomb.name {
        "large" => {
            let shown = &message.attachments[0];
            assert!(message.cut && shown.name == "large.zip");
            let decoded = (1_u64 << 30) / 78 * 57;
            assert!(shown.size.0.abs_diff(decoded) < MIB, "{:?} of {decoded}", shown.size);
            let told = review.attachment(&request, shown.part).unwrap_err();
            assert_eq!(told.code, Code::TooLarge);
        }
        "headers" => assert_eq!((message.headers.len(), message.header_count), (500, 10_001)),
        "pictures" => assert!(message.html.unwrap().contains("data:image/png")),
        _ => {}
    }
}

#[test]
fn hostile_mail_is_shown_in_bounded_memory_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    let mut bombs: Vec<_> = bombs().into_iter().map(Arc::new).collect();
    bombs.sort_by_key(|bomb| bomb.name);
    let label = Label { host: "mail".to_owned(), tags: Vec::new(), time: Timestamp::UNIX_EPOCH };
    let repository =
        Repository::create(Arc::new(Folder::new(&mirror)), MasterKey::from_bytes([7; 64])).unwrap();
    let backed =
        repository.backup(Arc::new(Bombs(bombs.clone())), &label, &(Arc::new(Unwatched) as _)).unwrap();
    let snapshot = wire_id(&backed.snapshot);
    let mut broken = Vec::new();
    for name in bombs.iter().map(|bomb| bomb.name).chain([LIST, INDEX]) {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "review::hostile::shows_what_it_is_told_in_bounds"])
            .env(SHOWS, format!("{}\n{}\n{name}", mirror.display(), snapshot.0))
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if !output.status.success() || !said.contains("1 passed") {
            broken.push(format!("{name}: {}: {said}", output.status));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
