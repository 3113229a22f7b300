//! Mail on the disk, of which a hundredth changes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mailcup_lab::letters::message;

const ACCOUNTS: u32 = 50;

pub struct Maildir {
    root: PathBuf,
    /// The oldest message that is still there, and the one to come next.
    numbers: (u32, u32),
}

impl Maildir {
    pub fn fill(root: &Path, messages: u32) -> Self {
        for account in 0..ACCOUNTS {
            fs::create_dir_all(root.join(folder(account))).unwrap();
        }
        let mail = Self { root: root.to_owned(), numbers: (0, messages) };
        (0..messages).for_each(|number| mail.deliver(number));
        mail
    }

    /// Of a hundredth, half is new, a quarter is gone, and a quarter has another name for another flag.
    pub fn change(&mut self) {
        let (first, next) = self.numbers;
        let part = ((next - first) / 400).max(1);
        (first..first + part).for_each(|number| fs::remove_file(self.path(number)).unwrap());
        (next..next + 2 * part).for_each(|number| self.deliver(number));
        for number in first + part..first + 2 * part {
            let path = self.path(number);
            let flagged = path.with_file_name(format!("{}F", path.file_name().unwrap().display()));
            // Those of an earlier change are flagged already.
            let _ = fs::rename(path, flagged);
        }
        self.numbers = (first + 2 * part, next + 2 * part);
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of one message, below the root.
    pub fn one(&self) -> String {
        let (first, next) = self.numbers;
        let path = self.path(first.midpoint(next));
        path.strip_prefix(&self.root).unwrap().display().to_string()
    }

    pub fn bytes(&self) -> u64 {
        (0..ACCOUNTS)
            .flat_map(|account| fs::read_dir(self.root.join(folder(account))).unwrap())
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum()
    }

    fn deliver(&self, number: u32) {
        fs::write(self.path(number), message(number)).unwrap();
    }

    fn path(&self, number: u32) -> PathBuf {
        self.root
            .join(folder(number % ACCOUNTS))
            .join(format!("{}.M{number}P1.host:2,S", 1_790_000_000 + number))
    }
}

/// How many files there are below a folder.
pub fn count(root: &Path) -> usize {
    fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| if entry.file_type().unwrap().is_dir() { count(&entry.path()) } else { 1 })
        .sum()
}

fn folder(account: u32) -> String {
    format!("mail/example.org/p{account:03}/Maildir/cur")
}
