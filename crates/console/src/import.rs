//! Reads accounts from a file that people bring: CSV, or a Dovecot passwd-file, of which only the names are
//! looked at. Pure.

use std::collections::HashMap;

use mailcup_guard::account::{self, Fault};
use mailcup_wire::{
    Login, NewAccount,
    desktop::{BadLine, ImportFormat, LineFault},
};

/// What a file holds.
#[derive(Debug)]
pub struct Draft {
    pub format: ImportFormat,
    pub accounts: Vec<NewAccount>,
    pub bad: Vec<BadLine>,
}

/// Where a CSV file has what.
struct Columns {
    login: usize,
    name: Option<usize>,
    note: Option<usize>,
    most: usize,
}

const LOGIN: [&str; 8] = ["login", "account", "user", "username", "email", "e-mail", "mail", "address"];
const NAME: [&str; 4] = ["name", "full name", "fullname", "display name"];
const NOTE: [&str; 4] = ["note", "notes", "comment", "remark"];

/// Reads a file of either format; which it is shows in its first line.
pub fn read(text: &str) -> Draft {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_passwd_file(text) { read_passwd_file(text) } else { read_csv(text) }
}

fn is_passwd_file(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| match line.find([':', ',', ';', '\t', '"']) {
        Some(place) => line.as_bytes()[place] == b':',
        None => false,
    })
}

fn read_passwd_file(text: &str) -> Draft {
    let mut gathered = Gathered::new(ImportFormat::PasswdFile);
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        let login = text.split(':').next().unwrap_or_default();
        gathered.take(line, login, "", "");
    }
    gathered.draft
}

fn read_csv(text: &str) -> Draft {
    let mut gathered = Gathered::new(ImportFormat::Csv);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|delimiter| first.bytes().filter(|byte| byte == delimiter).count())
        .filter(|delimiter| first.as_bytes().contains(delimiter))
        .unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut columns = None;
    // Text is UTF-8 and lengths may differ, so that no record is refused by the reader itself.
    for record in reader.records().map_while(Result::ok) {
        let line = record.position().map_or(0, csv::Position::line).try_into().unwrap_or(u32::MAX);
        if record.iter().all(str::is_empty) {
            continue;
        }
        if columns.is_none() {
            let header = Columns::named(&record);
            let is_header = header.is_some();
            columns = Some(header.unwrap_or(Columns { login: 0, name: Some(1), note: Some(2), most: 3 }));
            if is_header {
                continue;
            }
        }
        let Some(columns) = &columns else { continue };
        if record.iter().skip(columns.most).any(|cell| !cell.is_empty()) {
            gathered.refuse(line, LineFault::TooManyColumns);
            continue;
        }
        let cell = |place: Option<usize>| place.and_then(|place| record.get(place)).unwrap_or_default();
        gathered.take(line, cell(Some(columns.login)), cell(columns.name), cell(columns.note));
    }
    gathered.draft
}

impl Columns {
    /// By a header; none if the record is none.
    fn named(record: &csv::StringRecord) -> Option<Self> {
        let place = |names: &[&str]| {
            record.iter().position(|cell| names.contains(&cell.trim().to_lowercase().as_str()))
        };
        Some(Self { login: place(&LOGIN)?, name: place(&NAME), note: place(&NOTE), most: record.len() })
    }
}

struct Gathered {
    draft: Draft,
    /// In which line a login stood first.
    lines: HashMap<String, u32>,
}

impl Gathered {
    fn new(format: ImportFormat) -> Self {
        Self { draft: Draft { format, accounts: Vec::new(), bad: Vec::new() }, lines: HashMap::new() }
    }

    fn take(&mut self, line: u32, login: &str, name: &str, note: &str) {
        let checked = account::login(login)
            .and_then(|login| account::name(name).map(|()| login))
            .and_then(|login| account::note(note).map(|()| login));
        let login = match checked {
            Ok(login) => login,
            Err(fault) => return self.refuse(line, fault_of(fault)),
        };
        if let Some(first) = self.lines.get(&login) {
            let first = *first;
            return self.refuse(line, LineFault::Repeated { line: first });
        }
        self.lines.insert(login.clone(), line);
        let (name, note) = (name.to_owned(), note.to_owned());
        self.draft.accounts.push(NewAccount { login: Login(login), name, note });
    }

    fn refuse(&mut self, line: u32, fault: LineFault) {
        self.draft.bad.push(BadLine { line, fault });
    }
}

fn fault_of(fault: Fault) -> LineFault {
    match fault {
        Fault::NoLogin => LineFault::NoLogin,
        Fault::BlankInLogin => LineFault::BlankInLogin,
        Fault::LoginTooLong => LineFault::LoginTooLong,
        Fault::NameTooLong => LineFault::NameTooLong,
        Fault::NoteTooLong => LineFault::NoteTooLong,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> String {
        let draft = read(text);
        let mut told = format!("{:?}\n", draft.format);
        for NewAccount { login, name, note } in draft.accounts {
            let _ = writeln!(told, "{}", format!("{login} | {name} | {note}").trim_end());
        }
        for BadLine { line, fault } in draft.bad {
            let _ = writeln!(told, "line {line}: {fault:?}");
        }
        told
    }

    #[test]
    fn a_csv_file_is_read_with_and_without_a_header() {
        let plain = "Anna@example.org,Anna,\"likes \"\"quotes\"\",\nand lines\"\nbert@example.org\n\n , ,\n";
        insta::assert_snapshot!(told(plain), @r#"
        Csv
        anna@example.org | Anna | likes "quotes",
        and lines
        bert@example.org |  |
        "#);
        let named =
            "\u{feff}Note;Full name;E-Mail\r\nx;Anna;anna@example.org\r\n;;\r\n;Bert;bert@example.org;\r\n";
        insta::assert_snapshot!(told(named), @r"
        Csv
        anna@example.org | Anna | x
        bert@example.org | Bert |
        ");
    }

    #[test]
    fn of_a_passwd_file_only_the_names_are_taken() {
        let file = "# users\n\nanna@example.org:{SSHA512}s3cret:5000:5000::/var/mail/anna::userdb_quota=1G\n\
                    bert:{PLAIN}pass,word:::\n :x\nanna@example.org:again\n";
        let told = told(file);
        assert!(!told.contains("s3cret") && !told.contains("pass"), "{told}");
        insta::assert_snapshot!(told, @r"
        PasswdFile
        anna@example.org |  |
        bert |  |
        line 5: NoLogin
        line 6: Repeated { line: 3 }
        ");
    }

    #[test]
    fn bad_lines_are_named_with_their_reason() {
        let long = format!("{}@example.org", "a".repeat(400));
        let name = "n".repeat(201);
        let note = "n".repeat(2001);
        let file = format!(
            "a b@x\n,only a name\n{long}\nc@x,{name}\nd@x,D,{note}\ne@x,E,note,more\nf@x\nF@x,again\n\"open quote\n"
        );
        insta::assert_snapshot!(told(&file), @r"
        Csv
        f@x |  |
        line 1: BlankInLogin
        line 2: NoLogin
        line 3: LoginTooLong
        line 4: NameTooLong
        line 5: NoteTooLong
        line 6: TooManyColumns
        line 8: Repeated { line: 7 }
        line 9: BlankInLogin
        ");
    }

    proptest! {
        #[test]
        fn whatever_is_read_what_comes_out_can_be_imported(text in "([ab@:,;\t\"\n\r\u{0}\u{feff}#ü]|login|name){0,60}") {
            let draft = read(&text);
            let mut seen = std::collections::BTreeSet::new();
            for new in draft.accounts {
                prop_assert_eq!(account::login(&new.login.0), Ok(new.login.0.clone()));
                prop_assert!(account::name(&new.name).is_ok() && account::note(&new.note).is_ok());
                prop_assert!(seen.insert(new.login.0));
            }
            for bad in draft.bad {
                prop_assert!(bad.line >= 1 && (bad.line as usize) <= text.lines().count().max(1) + 1);
            }
        }

        #[test]
        fn any_bytes_at_all_are_read_without_panic(text in any::<String>()) {
            let _ = read(&text);
        }
    }
}
