//! Accounts, folders and messages of a snapshot.

use std::path::{Path, PathBuf};

use mailcup_snapshots::{Entry, Error, Kind, Snapshot};
use mailcup_wire::{
    Bytes, Code, Login, Problem, SnapshotId, Time,
    desktop::{
        MailFlag, MailFolder, Mailbox, Message, MessageList, MessageOrder, MessageQuery, MessageRequest,
        MessageRow, MessageSource,
    },
};
use serde::Deserialize;

use super::{
    Review, count,
    index::IndexedHead,
    layout::{self, MAIL, MAILDIR, MessageName, mail_path, message_name, received_at},
    message,
};

const LARGEST_PAGE: u32 = 200;
const SHOWN_SOURCE: usize = 1 << 20;
/// Of more accounts, no sizes are read: each is a file of its own.
const COUNTED_ACCOUNTS: usize = 2_000;
const LARGEST_RECORD: usize = 1 << 20;

/// A message of a folder, by its name and file.
struct Listed<'a> {
    name: MessageName,
    received_at: Time,
    part: &'static str,
    entry: &'a Entry,
    /// How deep it lies in its conversation.
    depth: u32,
}

/// `state/mailboxes/LOGIN.json`; more stands in it.
#[derive(Deserialize)]
struct MailboxRecord {
    login: String,
    messages: u32,
    bytes: u64,
}

impl Review {
    pub fn mailboxes(&self, snapshot: &SnapshotId) -> Result<Vec<Mailbox>, Problem> {
        let snapshot = self.snapshot(snapshot)?;
        let mut found = Vec::new();
        for domain in self.folders(&snapshot, Path::new(MAIL))? {
            let path = Path::new(MAIL).join(&domain);
            for user in self.folders(&snapshot, &path)? {
                let login = layout::login_of(&domain, &user);
                found.push(Mailbox { login, path: format!("{domain}/{user}"), messages: None, bytes: None });
            }
        }
        found.sort_by(|a, b| a.login.cmp(&b.login));
        if found.len() <= COUNTED_ACCOUNTS {
            self.add_sizes(&snapshot, &mut found);
        }
        Ok(found)
    }

    pub fn mail_folders(&self, snapshot: &SnapshotId, path: &str) -> Result<Vec<MailFolder>, Problem> {
        let snapshot = self.snapshot(snapshot)?;
        let top = mail_path(path)?.join(MAILDIR);
        let mut found = Vec::new();
        for entry in self.repository.tree(&snapshot, &top).map_err(|error| self.told(error))?.iter() {
            if let Some(name) = entry.name.to_str().filter(|_| layout::is_mail_folder(entry)) {
                found.push(self.folder(&snapshot, &top.join(name), layout::folder_name(name))?);
            }
        }
        found.sort_by_key(|folder| folder.name.to_lowercase());
        found.insert(0, self.folder(&snapshot, &top, "INBOX".to_owned())?);
        Ok(found)
    }

    pub fn messages(&self, query: &MessageQuery) -> Result<MessageList, Problem> {
        let snapshot = self.snapshot(&query.snapshot)?;
        let folder = mail_path(&query.path)?;
        let (cur, new) = (self.part(&snapshot, &folder, "cur")?, self.part(&snapshot, &folder, "new")?);
        let mut listed: Vec<Listed<'_>> = listed(&cur, "cur").chain(listed(&new, "new")).collect();
        let ordered = self.order(&mut listed, query.order, query.threads)?;
        let total = count(listed.len());
        let page =
            listed.into_iter().skip(query.offset as usize).take(query.limit.clamp(1, LARGEST_PAGE) as usize);
        let messages = page.map(|listed| self.row(&folder, listed)).collect();
        Ok(MessageList { messages, total, ordered })
    }

    /// A message, with whose it is and in which folder.
    pub fn message(&self, request: &MessageRequest) -> Result<(Message, Login, String), Problem> {
        let (entry, path) = self.message_entry(request)?;
        let place = layout::message_at(&path).ok_or_else(|| no_message(&request.path))?;
        let source = self.start_of(&entry, message::SHOWN_BYTES)?;
        let letter = message::letter(&source, entry.size);
        let message = Message {
            path: request.path.clone(),
            received_at: received_at(&place.name, &entry),
            size: Bytes(entry.size),
            flags: place.name.flags,
            subject: letter.subject,
            sent_at: letter.sent_at,
            from: letter.from,
            to: letter.to,
            cc: letter.cc,
            reply_to: letter.reply_to,
            html: letter.html,
            text: letter.text,
            cut: letter.cut,
            remote: letter.remote,
            attachments: letter.attachments,
            authentication: letter.authentication,
            headers: letter.headers,
            header_count: letter.header_count,
            parts_left_out: letter.parts_left_out,
        };
        Ok((message, place.account, place.folder))
    }

    pub fn message_source(&self, request: &MessageRequest) -> Result<MessageSource, Problem> {
        let (entry, _) = self.message_entry(request)?;
        let source = self.start_of(&entry, SHOWN_SOURCE)?;
        Ok(MessageSource {
            text: String::from_utf8_lossy(&source).into_owned(),
            cut: (source.len() as u64) < entry.size,
        })
    }

    /// The content of an attachment.
    pub fn attachment(&self, request: &MessageRequest, part: u32) -> Result<Vec<u8>, Problem> {
        let (entry, _) = self.message_entry(request)?;
        if entry.size > message::SHOWN_BYTES as u64 {
            return Err(Problem::new(
                Code::TooLarge,
                format!(
                    "This message has {} MB; attachments are taken out of messages of up to {} MB. Export the message and \
                     open it with a mail program.",
                    entry.size >> 20,
                    message::SHOWN_BYTES >> 20
                ),
            ));
        }
        let source = self.start_of(&entry, message::SHOWN_BYTES)?;
        message::attachment(&source, part)
            .ok_or_else(|| Problem::new(Code::NotFound, "The message has no such attachment."))
    }

    pub(super) fn message_entry(&self, request: &MessageRequest) -> Result<(Entry, PathBuf), Problem> {
        let snapshot = self.snapshot(&request.snapshot)?;
        let path = mail_path(&request.path)?;
        let entry = self.repository.entry(&snapshot, &path).map_err(|error| self.told(error))?;
        if entry.kind == Kind::File { Ok((entry, path)) } else { Err(no_message(&request.path)) }
    }

    /// The names of the folders in a folder; none where it isn't.
    fn folders(&self, snapshot: &Snapshot, path: &Path) -> Result<Vec<String>, Problem> {
        match self.repository.tree(snapshot, path) {
            Ok(entries) => {
                let folders = entries.iter().filter(|entry| entry.kind == Kind::Folder);
                Ok(folders.filter_map(|entry| entry.name.to_str().map(str::to_owned)).collect())
            }
            Err(Error::NotFound { .. } | Error::NotAFolder { .. }) => Ok(Vec::new()),
            Err(error) => Err(self.told(error)),
        }
    }

    /// `cur` or `new` of a folder; nothing where it isn't.
    pub(super) fn part(
        &self,
        snapshot: &Snapshot,
        folder: &Path,
        part: &str,
    ) -> Result<std::sync::Arc<Vec<Entry>>, Problem> {
        match self.repository.tree(snapshot, &folder.join(part)) {
            Ok(entries) => Ok(entries),
            Err(Error::NotFound { .. } | Error::NotAFolder { .. }) => Ok(std::sync::Arc::default()),
            Err(error) => Err(self.told(error)),
        }
    }

    fn folder(&self, snapshot: &Snapshot, path: &Path, name: String) -> Result<MailFolder, Problem> {
        let (cur, new) = (self.part(snapshot, path, "cur")?, self.part(snapshot, path, "new")?);
        let (mut messages, mut unread) = (0, 0);
        for message in listed(&cur, "cur").chain(listed(&new, "new")) {
            messages += 1;
            unread += u32::from(message.name.is_new || !message.name.flags.contains(&MailFlag::Seen));
        }
        Ok(MailFolder { name, path: layout::below_mail(path), messages, unread })
    }

    fn add_sizes(&self, snapshot: &Snapshot, boxes: &mut [Mailbox]) {
        let folder = Path::new("state/mailboxes");
        let Ok(records) = self.repository.tree(snapshot, folder) else { return };
        for record in records.iter().take(COUNTED_ACCOUNTS) {
            let Ok(text) = self.start_of(record, LARGEST_RECORD) else { continue };
            let Ok(read) = serde_json::from_slice::<MailboxRecord>(&text) else { continue };
            if let Ok(at) = boxes.binary_search_by(|it| it.login.0.as_str().cmp(&read.login)) {
                boxes[at].messages = Some(read.messages);
                boxes[at].bytes = Some(Bytes(read.bytes));
            }
        }
    }

    /// Puts messages into an order. False if it is another than was asked for, since the index doesn't know them all.
    fn order(
        &self,
        listed: &mut Vec<Listed<'_>>,
        order: MessageOrder,
        threads: bool,
    ) -> Result<bool, Problem> {
        listed.sort_by(|a, b| (b.received_at, &b.name.unique).cmp(&(a.received_at, &a.name.unique)));
        match order {
            MessageOrder::Newest => {}
            MessageOrder::Oldest => listed.reverse(),
            MessageOrder::Largest => listed.sort_by_key(|it| std::cmp::Reverse(it.entry.size)),
            MessageOrder::From | MessageOrder::Subject => {
                let Some(heads) = self.indexed_heads(listed)? else { return Ok(false) };
                let by = |head: &IndexedHead| {
                    let text = if order == MessageOrder::From { &head.from } else { &head.subject };
                    base_subject(text).to_lowercase()
                };
                let keys: Vec<String> = heads.iter().map(by).collect();
                let mut keyed: Vec<_> = keys.into_iter().zip(std::mem::take(listed)).collect();
                keyed.sort_by(|a, b| a.0.cmp(&b.0));
                listed.extend(keyed.into_iter().map(|(_, it)| it));
            }
        }
        if !threads {
            return Ok(true);
        }
        let Some(heads) = self.indexed_heads(listed)? else { return Ok(false) };
        thread(listed, &heads);
        Ok(true)
    }

    fn indexed_heads(&self, listed: &[Listed<'_>]) -> Result<Option<Vec<IndexedHead>>, Problem> {
        self.index.heads(listed.iter().map(|it| it.entry.content()))
    }

    fn row(&self, folder: &Path, listed: Listed<'_>) -> MessageRow {
        let (head, unread_because) = match self.head(listed.entry) {
            Ok(head) => (head, None),
            Err(problem) => (message::Head::default(), Some(problem.message)),
        };
        let path = folder.join(listed.part).join(&listed.entry.name);
        MessageRow {
            path: layout::below_mail(&path),
            received_at: listed.received_at,
            from: head.from,
            subject: head.subject,
            size: Bytes(listed.entry.size),
            flags: listed.name.flags,
            attachments: head.attachments,
            depth: listed.depth,
            unread_because,
        }
    }
}

/// The messages among the files of `cur` or `new`.
fn listed<'a>(entries: &'a [Entry], part: &'static str) -> impl Iterator<Item = Listed<'a>> {
    entries.iter().filter(|entry| entry.kind == Kind::File).filter_map(move |entry| {
        let name = message_name(entry.name.to_str()?, part == "new");
        Some(Listed { received_at: received_at(&name, entry), name, part, entry, depth: 0 })
    })
}

/// Puts conversations together, each where its first message in the given order stands: a message follows the one that
/// it answers (RFC 5256's REFERENCES, without joining by subject).
fn thread(listed: &mut Vec<Listed<'_>>, heads: &[IndexedHead]) {
    const DEEPEST: u32 = 100;
    let by_id: std::collections::HashMap<&str, usize> =
        heads.iter().enumerate().filter_map(|(at, head)| Some((head.message_id.as_deref()?, at))).collect();
    let parent =
        |at: usize| heads[at].parent.as_deref().and_then(|id| by_id.get(id).copied()).filter(|it| *it != at);
    let mut children = vec![Vec::new(); heads.len()];
    let mut root_of = vec![0; heads.len()];
    for (at, root_of) in root_of.iter_mut().enumerate() {
        // Messages may say that they answer each other in a circle.
        let (mut root, mut steps) = (at, 0);
        while let Some(next) = parent(root).filter(|_| steps < DEEPEST) {
            root = next;
            steps += 1;
        }
        *root_of = if steps == DEEPEST { at } else { root };
        if let Some(parent) = parent(at).filter(|_| steps < DEEPEST) {
            children[parent].push(at);
        }
    }
    let mut taken: Vec<Option<Listed<'_>>> = std::mem::take(listed).into_iter().map(Some).collect();
    for at in 0..taken.len() {
        let mut waiting = vec![(root_of[at], 0)];
        while let Some((next, depth)) = waiting.pop() {
            let Some(mut it) = taken[next].take() else { continue };
            it.depth = depth;
            listed.push(it);
            // What was answered first comes first, whatever the order of the whole.
            let mut answers = children[next].clone();
            answers.sort_by_key(|answer| std::cmp::Reverse(taken[*answer].as_ref().map(|it| it.received_at)));
            waiting.extend(answers.into_iter().map(|answer| (answer, depth + 1)));
        }
        // A circle has no root.
        listed.extend(taken[at].take());
    }
}

/// A subject without what answers and forwards put before it.
fn base_subject(subject: &str) -> &str {
    let mut rest = subject.trim_start();
    while let Some((before, after)) = rest.split_once(':') {
        let prefix = ["re", "fw", "fwd", "aw", "wg", "sv", "vs", "odp"];
        if !prefix.iter().any(|prefix| before.trim().eq_ignore_ascii_case(prefix)) {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

fn no_message(path: &str) -> Problem {
    Problem::new(Code::NotFound, format!("“{path}” is no message."))
}
