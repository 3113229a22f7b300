//! Mail and state of a snapshot, written to files of this computer.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use mailcup_snapshots::{Entry, Kind, Watch};
use mailcup_wire::{
    Bytes, Code, LeftOutFile, Login, Problem,
    desktop::{MailExport, MailExported, MailFormat, StateExport, StateFormat, StatePart},
};
use serde_json::Value;

use super::{
    Review, count,
    layout::{self, MessagePlace, below_mail, mail_path, received_at},
    state,
};

/// How far it is: messages written so far, and of how many; bytes, and of how many.
pub type Exporting<'a> = &'a (dyn Fn((u32, u32), (u64, u64)) + Sync);

/// How many messages of which account and folder.
pub type ExportedFrom = (Login, String, u32);

const NAMED_TROUBLES: usize = 100;

struct Chosen {
    path: PathBuf,
    entry: Entry,
    place: MessagePlace,
}

/// Writes messages. What can't be read is named, and the others are written. Also says how many were of which account
/// and folder.
pub fn export_mail(
    review: &Review,
    export: &MailExport,
    tell: Exporting<'_>,
    watch: &dyn Watch,
) -> Result<(MailExported, Vec<ExportedFrom>), Problem> {
    let (chosen, unreadable) = choose(review, export)?;
    let total = (count(chosen.len()), chosen.iter().map(|it| it.entry.size).sum());
    let to = absolute(&export.to)?;
    let trouble_count = count(unreadable.len());
    let troubles = unreadable.into_iter().take(NAMED_TROUBLES).collect();
    let mut done = MailExported { messages: 0, bytes: Bytes(0), troubles, trouble_count };
    let mut of: std::collections::BTreeMap<(Login, String), u32> = std::collections::BTreeMap::new();
    let mut writer = Writer::begin(export.format, &to)?;
    for message in &chosen {
        if watch.cancelled() {
            writer.give_up();
            return Err(Problem::new(Code::Unavailable, "Cancelled. Nothing half done was left behind."));
        }
        match writer.write(review, message) {
            Ok(bytes) => {
                done.messages += 1;
                done.bytes.0 += bytes;
                *of.entry((message.place.account.clone(), message.place.folder.clone())).or_default() += 1;
            }
            Err(Failure::Message(why)) => {
                done.trouble_count += 1;
                if done.troubles.len() < NAMED_TROUBLES {
                    done.troubles.push(LeftOutFile { path: below_mail(&message.path), why });
                }
            }
            Err(Failure::Destination(error)) => {
                writer.give_up();
                return Err(destination(&to, &error));
            }
        }
        tell((done.messages, total.0), (done.bytes.0, total.1));
    }
    writer.finish().map_err(|error| destination(&to, &error))?;
    Ok((done, of.into_iter().map(|((account, folder), messages)| (account, folder, messages)).collect()))
}

/// Writes a part of the state; the file is there once it is whole.
pub fn export_state(review: &Review, export: &StateExport) -> Result<(), Problem> {
    let to = absolute(&export.to)?;
    let snapshot = review.snapshot(&export.snapshot)?;
    let mut values = Vec::new();
    for file in review.record_files(&snapshot, export.part)? {
        if export.part == StatePart::Events {
            values.extend(review.day(&file)?);
        } else {
            let mut text = Vec::new();
            review.repository().export(&file, &mut text).map_err(|error| review.told(error))?;
            let read = serde_json::from_slice::<Value>(&text);
            values.push(read.map_err(|error| Problem::new(Code::Unavailable, error.to_string()))?);
        }
    }
    let text = match export.format {
        StateFormat::Json => serde_json::to_vec_pretty(&values)
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?,
        StateFormat::Csv => csv(&values)?,
    };
    crate::profile::write_whole(&to, &text)
}

fn csv(values: &[Value]) -> Result<Vec<u8>, Problem> {
    let rows: Vec<_> = values.iter().map(state::fields).collect();
    let mut names: Vec<&str> = Vec::new();
    for field in rows.iter().flatten() {
        if !names.contains(&field.name.as_str()) {
            names.push(&field.name);
        }
    }
    let failed = |error: csv::Error| Problem::new(Code::Internal, error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&names).map_err(failed)?;
    for row in &rows {
        let value =
            |name: &&str| row.iter().find(|field| field.name == **name).map_or("", |field| &field.value);
        // A spreadsheet would take these for formulas.
        let inert = |value: &str| {
            if value.starts_with(['=', '+', '-', '@', '\t']) { format!("'{value}") } else { value.to_owned() }
        };
        writer.write_record(names.iter().map(|name| inert(value(name)))).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

/// All messages that are meant, each once, ordered by account, folder and time. A folder is meant without those below it,
/// an account with all of its folders. With what can't be looked into.
fn choose(review: &Review, export: &MailExport) -> Result<(Vec<Chosen>, Vec<LeftOutFile>), Problem> {
    let snapshot = review.snapshot(&export.snapshot)?;
    let (mut chosen, mut unreadable) = (Vec::new(), Vec::new());
    for path in &export.paths {
        let path = mail_path(path)?;
        let entry = review.repository().entry(&snapshot, &path).map_err(|error| review.told(error))?;
        let is_account = path.components().count() < 4;
        let mut waiting = vec![(path, entry)];
        while let Some((path, entry)) = waiting.pop() {
            if entry.kind == Kind::Folder {
                let inside = match review.repository().tree(&snapshot, &path) {
                    Ok(inside) => inside,
                    Err(error) => {
                        let why = review.told(error).message;
                        unreadable.push(LeftOutFile { path: below_mail(&path), why });
                        continue;
                    }
                };
                let meant = inside.iter().filter(|entry| is_account || !layout::is_mail_folder(entry));
                waiting.extend(meant.map(|entry| (path.join(&entry.name), entry.clone())));
            } else if let Some(place) = layout::message_at(&path).filter(|_| entry.kind == Kind::File) {
                chosen.push(Chosen { path, entry, place });
            }
        }
    }
    if chosen.is_empty() {
        if let Some(trouble) = unreadable.pop() {
            return Err(Problem::new(Code::Unavailable, trouble.why));
        }
        return Err(Problem::new(Code::NotFound, "There are no messages in what was chosen."));
    }
    chosen.sort_by(|a, b| {
        let key = |it: &Chosen| {
            (it.place.account.clone(), it.place.folder.clone(), received_at(&it.place.name, &it.entry))
        };
        key(a).cmp(&key(b)).then_with(|| a.path.cmp(&b.path))
    });
    chosen.dedup_by(|a, b| a.path == b.path);
    Ok((chosen, unreadable))
}

enum Failure {
    /// This one; the others may do.
    Message(String),
    Destination(io::Error),
}

enum Writer {
    Mbox { to: PathBuf, unfinished: PathBuf, file: BufWriter<File> },
    Folder { format: MailFormat, to: PathBuf, written: Vec<PathBuf> },
}

impl Writer {
    fn begin(format: MailFormat, to: &Path) -> Result<Self, Problem> {
        let failed = |error| destination(to, &error);
        match format {
            MailFormat::Mbox => {
                let mut name = to.file_name().unwrap_or_default().to_owned();
                name.push(".part");
                let unfinished = to.with_file_name(name);
                let file = BufWriter::new(File::create(&unfinished).map_err(failed)?);
                Ok(Self::Mbox { to: to.to_owned(), unfinished, file })
            }
            MailFormat::Eml | MailFormat::Maildir => {
                fs::create_dir_all(to).map_err(failed)?;
                Ok(Self::Folder { format, to: to.to_owned(), written: Vec::new() })
            }
        }
    }

    fn write(&mut self, review: &Review, message: &Chosen) -> Result<u64, Failure> {
        let mut content = review
            .repository()
            .read(&message.entry)
            .map_err(|error| Failure::Message(review.told(error).message))?;
        match self {
            Self::Mbox { file, .. } => {
                // Read first, so that no half a message stands in the file.
                let mut text = Vec::new();
                if content.read_to_end(&mut text).is_err() {
                    return Err(Failure::Message(unreadable(review, content)));
                }
                mbox(file, message, &text).map_err(Failure::Destination)?;
                Ok(text.len() as u64)
            }
            Self::Folder { format, to, written } => {
                let path = match format {
                    MailFormat::Maildir => maildir_place(to, message).map_err(Failure::Destination)?,
                    MailFormat::Eml | MailFormat::Mbox => {
                        eml_place(to, message).map_err(Failure::Destination)?
                    }
                };
                let mut file = File::create_new(&path).map_err(Failure::Destination)?;
                written.push(path.clone());
                let mut piece = vec![0; 1 << 16];
                let mut bytes = 0;
                loop {
                    let Ok(read) = content.read(&mut piece) else {
                        let _ = fs::remove_file(&path);
                        written.pop();
                        return Err(Failure::Message(unreadable(review, content)));
                    };
                    if read == 0 {
                        return Ok(bytes);
                    }
                    file.write_all(&piece[..read]).map_err(Failure::Destination)?;
                    bytes += read as u64;
                }
            }
        }
    }

    /// Takes away what was written.
    fn give_up(self) {
        match self {
            Self::Mbox { unfinished, .. } => drop(fs::remove_file(unfinished)),
            Self::Folder { written, .. } => written.iter().for_each(|path| drop(fs::remove_file(path))),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Mbox { to, unfinished, file } => {
                file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
                fs::rename(unfinished, to)
            }
            Self::Folder { .. } => Ok(()),
        }
    }
}

fn unreadable(review: &Review, content: mailcup_snapshots::Content<'_>) -> String {
    content.into_error().map_or_else(|| "it can't be read".to_owned(), |error| review.told(error).message)
}

/// `mboxrd`: lines that begin with any number of `>` and `From ` get one more `>`.
fn mbox(file: &mut impl Write, message: &Chosen, text: &[u8]) -> io::Result<()> {
    let received = received_at(&message.place.name, &message.entry).0;
    writeln!(file, "From MAILER-DAEMON {}", received.strftime("%a %b %e %H:%M:%S %Y"))?;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let quoted = line.iter().position(|byte| *byte != b'>').unwrap_or(0);
        if line[quoted..].starts_with(b"From ") {
            file.write_all(b">")?;
        }
        let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line);
        file.write_all(line)?;
        file.write_all(b"\n")?;
    }
    file.write_all(b"\n")
}

/// A free name that a mail program opens: account, folder, and the message's own.
fn eml_place(to: &Path, message: &Chosen) -> io::Result<PathBuf> {
    let folder = to.join(safe(&message.place.account.0)).join(safe(&message.place.folder));
    fs::create_dir_all(&folder)?;
    let name = safe(&message.place.name.unique);
    let first = folder.join(format!("{name}.eml"));
    let others = (2..).map(|number| folder.join(format!("{name}-{number}.eml")));
    Ok(std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first))
}

/// Where it lay: account, and its Maildir as it is in the snapshot.
fn maildir_place(to: &Path, message: &Chosen) -> io::Result<PathBuf> {
    let names: Vec<_> = message.path.components().skip(3).collect();
    let mut path = to.join(safe(&message.place.account.0));
    path.extend(names);
    if let Some(folder) = path.parent().and_then(Path::parent) {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part))?;
        }
    }
    Ok(path)
}

/// A text as the name of a file on any system.
fn safe(text: &str) -> String {
    let plain = |char: char| if char.is_alphanumeric() || "@._-+ ".contains(char) { char } else { '_' };
    let name: String = text.chars().map(plain).take(120).collect();
    let name = name.trim_matches(['.', ' ']);
    if name.is_empty() { "_".to_owned() } else { name.to_owned() }
}

fn absolute(path: &str) -> Result<PathBuf, Problem> {
    let path = PathBuf::from(path);
    if path.is_absolute() && path.file_name().is_some() {
        Ok(path)
    } else {
        Err(Problem::field("to", "Choose where it is to be saved."))
    }
}

fn destination(to: &Path, error: &io::Error) -> Problem {
    let code = if error.kind() == io::ErrorKind::StorageFull { Code::StorageFull } else { Code::Unavailable };
    Problem::new(code, format!("{} can't be written: {error}.", to.display()))
}
