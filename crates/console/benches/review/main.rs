//! Review of snapshots as a mirror holds them: how soon the newest of 60 opens, how long a folder of 20,000, a message,
//! a comparison and a search take, and what the full-text index costs beside plain FTS5 on the same texts.
//!
//! `cargo xtask bench review [-- MESSAGES SNAPSHOTS]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a failed step ends the benchmark")]

mod mail;

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use mailcup_console_core::{
    local_copy::ConsoleKey,
    reviewed::{MailIndex, Review},
    shown_mail::words,
};
use mailcup_lab::letters::message;
use mailcup_snapshots::{Folder, Label, MasterKey, Repository, Unwatched, Watch};
use mailcup_wire::{
    SnapshotId,
    desktop::{ComparisonQuery, MailExcerpts, MailSearch, MessageOrder, MessageQuery, MessageRequest},
};

use self::mail::{Day, LARGE};

const MESSAGES: u32 = 100_000;
const SNAPSHOTS: u32 = 60;
const ROUNDS: usize = 5;

fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let messages = numbers.first().copied().unwrap_or(MESSAGES);
    let snapshots = numbers.get(1).copied().unwrap_or(SNAPSHOTS);
    let folder = tempfile::tempdir().unwrap();
    println!("{messages} messages, {snapshots} snapshots");
    fill(folder.path(), messages, snapshots);

    let open = || {
        let store_key = ConsoleKey::generate().store_key(&"measured".into());
        let index = MailIndex::new(folder.path().join("mail-index.db"), store_key);
        Review::new(Arc::new(Repository::open(storage(folder.path()), key()).unwrap()), index)
    };
    tell("open, and list all snapshots", || {
        let review = open();
        assert_eq!(review.snapshots().unwrap().snapshots.len(), snapshots as usize);
    });
    let newest = open().snapshots().unwrap().snapshots;
    let page = |review: &Review, offset| {
        let query = MessageQuery {
            snapshot: newest[0].id.clone(),
            path: LARGE.to_owned(),
            offset,
            limit: 50,
            order: MessageOrder::Newest,
            threads: false,
        };
        review.messages(&query).unwrap()
    };
    let mut fresh: Vec<Review> = (0..=ROUNDS)
        .map(|_| {
            let review = open();
            review.snapshots().unwrap();
            review
        })
        .collect();
    let total = fresh.pop().map_or(0, |review| page(&review, 0).total);
    tell(&format!("first 50 of a folder of {total}, repository open"), || {
        let _ = page(&fresh.pop().unwrap(), 0);
    });
    let review = open();
    let first = page(&review, 0);
    let mut offset = 0;
    tell("the next 50 of it", || {
        offset += 50;
        let _ = page(&review, offset);
    });
    let mut at = 0;
    tell("a message", || {
        at += 1;
        let request =
            MessageRequest { snapshot: newest[0].id.clone(), path: first.messages[at].path.clone() };
        let _ = review.message(&request).unwrap();
    });
    for (what, old) in [("yesterday", 1), ("the oldest", newest.len() - 1)] {
        tell(&format!("a comparison with {what}"), || {
            let review = open();
            let found = review.compare(&compared(&newest[old].id, &newest[0].id)).unwrap();
            assert!(found.total > 0);
        });
    }
    index(&review, folder.path(), messages);
    search(&review);
}

fn compared(from: &SnapshotId, to: &SnapshotId) -> ComparisonQuery {
    ComparisonQuery {
        from: from.clone(),
        to: to.clone(),
        changes: Vec::new(),
        account: None,
        offset: 0,
        limit: 100,
    }
}

fn fill(folder: &Path, messages: u32, snapshots: u32) {
    let began = Instant::now();
    let repository = Repository::create(storage(folder), key()).unwrap();
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    for day in 0..snapshots {
        let time = mail::time(day);
        let label = Label { host: "measured".to_owned(), tags: vec!["mailcup".to_owned()], time };
        repository.backup(Arc::new(Day { day, messages }), &label, &watch).unwrap();
        repository.refresh();
    }
    println!("filled in {} s, {} MB", began.elapsed().as_secs(), size(&folder.join("mirror")) >> 20);
}

/// Ours reads the repository, takes messages apart and encrypts; the other has the texts at hand, and encrypts nothing.
fn index(review: &Review, folder: &Path, messages: u32) {
    let began = cpu();
    review.index_mail(&|_, _| {}, &Unwatched).unwrap();
    let ours = cpu().saturating_sub(began);
    let plain = rusqlite::Connection::open(folder.join("plain.db")).unwrap();
    plain
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64000;
             CREATE VIRTUAL TABLE words USING fts5 (
                 subject, people, body, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2')",
        )
        .unwrap();
    let mut plain_cpu = Duration::ZERO;
    let known: Vec<u32> = (0..messages).collect();
    for batch in known.chunks(500) {
        let texts: Vec<_> = batch.iter().map(|number| words(&message(*number))).collect();
        let began = cpu();
        plain.execute_batch("BEGIN").unwrap();
        for words in &texts {
            plain
                .prepare_cached("INSERT INTO words (subject, people, body) VALUES (?1, ?2, ?3)")
                .unwrap()
                .execute([&words.head.subject, &words.people, &words.text])
                .unwrap();
        }
        plain.execute_batch("COMMIT").unwrap();
        plain_cpu += cpu().saturating_sub(began);
    }
    let standing = review.index().standing().unwrap().unwrap();
    println!(
        "index of {} messages in {} snapshots: {:.1} CPU s, {} MB; plain FTS5 on {messages}: {:.1} CPU s; {:.2} times",
        standing.messages,
        standing.snapshots.len(),
        ours.as_secs_f64(),
        standing.bytes.0 >> 20,
        plain_cpu.as_secs_f64(),
        ours.as_secs_f64() / plain_cpu.as_secs_f64()
    );
}

fn search(review: &Review) {
    for (what, text) in
        [("a rare word", "zuber17"), ("two words", "wort40 wort90"), ("a common word", "wort1")]
    {
        let search = MailSearch { text: text.to_owned(), account: None, gone: false, offset: 0, limit: 100 };
        let total = review.count_mail(&search).unwrap();
        let hits = review.search_mail(&search).unwrap().hits;
        tell(&format!("a search for {what} ({total} found)"), || {
            let _ = review.search_mail(&search).unwrap();
        });
        tell("  counting them all", || {
            let _ = review.count_mail(&search).unwrap();
        });
        let messages =
            hits.into_iter().take(30).map(|it| MessageRequest { snapshot: it.snapshot, path: it.path });
        let asked = MailExcerpts { text: text.to_owned(), messages: messages.collect() };
        tell("  the words around the first 30", || {
            let _ = review.mail_excerpts(&asked).unwrap();
        });
    }
}

/// The median of some rounds.
fn tell(what: &str, mut work: impl FnMut()) {
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    println!("{what}: {:.1} ms (slowest {:.1})", ms(took[ROUNDS / 2]), ms(took[ROUNDS - 1]));
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Of this process, in steps of 10 ms.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // After the name: the state comes first, user and system time are the 12th and 13th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(
            |entry| if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().len() },
        )
        .sum()
}

fn storage(folder: &Path) -> Arc<Folder> {
    Arc::new(Folder::new(folder.join("mirror")))
}

fn key() -> MasterKey {
    MasterKey::from_bytes([7; 64])
}
