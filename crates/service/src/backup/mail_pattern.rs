//! Where the mail server keeps each account's mail: `/var/vmail/{domain}/{user}/Maildir`.

use std::{
    ffi::OsStr,
    fmt, fs, io,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

/// A path with placeholders: `{domain}`, `{user}` (what stands before the @) and `{login}` (all of it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPattern {
    text: String,
    /// What stands before the first placeholder.
    root: PathBuf,
    /// The components below it.
    components: Vec<Vec<Piece>>,
}

/// Whose mail it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// None of accounts that have no domain.
    pub domain: Option<String>,
    pub user: String,
}

/// A folder, or file, that the pattern leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub owner: Owner,
    pub path: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Domain,
    User,
    Login,
}

#[derive(Clone, Debug, Default)]
struct Captured {
    domain: Option<String>,
    user: Option<String>,
    login: Option<String>,
}

impl MailPattern {
    /// The folder that holds all the mail.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where an account's mail lies, relative to the root. None where the pattern names a domain and the account has
    /// none.
    pub fn place_of(&self, owner: &Owner) -> Option<PathBuf> {
        let mut path = PathBuf::new();
        for component in &self.components {
            let mut name = String::new();
            for piece in component {
                match piece {
                    Piece::Text(text) => name.push_str(text),
                    Piece::User => name.push_str(&owner.user),
                    Piece::Domain => name.push_str(owner.domain.as_deref()?),
                    Piece::Login => name.push_str(&owner.login()),
                }
            }
            path.push(name);
        }
        Some(path)
    }

    /// Everything that the pattern leads to, in no particular order. What can't be looked into is told to `refused`.
    ///
    /// # Errors
    /// When the root can't be read.
    pub fn places(&self, refused: &mut dyn FnMut(&Path, &io::Error)) -> io::Result<Vec<Place>> {
        fs::read_dir(&self.root)?;
        let mut places = Vec::new();
        expand(&self.components, &self.root, &Captured::default(), &mut places, refused);
        Ok(places)
    }
}

impl Owner {
    pub fn login(&self) -> String {
        match &self.domain {
            Some(domain) => format!("{}@{domain}", self.user),
            None => self.user.clone(),
        }
    }
}

impl fmt::Display for MailPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for MailPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{why}; write it like /var/vmail/{{domain}}/{{user}}/Maildir");
        let path = Path::new(text);
        if !path.is_absolute() {
            return Err(wrong("a pattern of mail begins at the root"));
        }
        let mut root = PathBuf::from("/");
        let mut components: Vec<Vec<Piece>> = Vec::new();
        for component in path.components() {
            let name = match component {
                Component::RootDir => continue,
                Component::Normal(name) => name.to_str().unwrap_or_default(),
                Component::ParentDir | Component::CurDir | Component::Prefix(_) => {
                    return Err(wrong("a pattern of mail has no . and .. in it"));
                }
            };
            let pieces = pieces(name).map_err(|why| wrong(&why))?;
            if components.is_empty() && matches!(pieces[..], [Piece::Text(_)]) {
                root.push(name);
            } else {
                components.push(pieces);
            }
        }
        let all: Vec<&Piece> = components.iter().flatten().collect();
        let count = |wanted: &Piece| all.iter().filter(|piece| **piece == wanted).count();
        if count(&Piece::User) + count(&Piece::Login) == 0 {
            return Err(wrong("a pattern of mail says with {user} or {login} whose it is"));
        }
        if [Piece::User, Piece::Login, Piece::Domain].iter().any(|piece| count(piece) > 1) {
            return Err(wrong("each placeholder stands once in a pattern of mail"));
        }
        Ok(Self { text: text.to_owned(), root, components })
    }
}

fn pieces(name: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let Some(start) = rest.find('{') else {
            pieces.push(Piece::Text(rest.to_owned()));
            break;
        };
        if start > 0 {
            pieces.push(Piece::Text(rest[..start].to_owned()));
        } else if matches!(pieces.last(), Some(Piece::Domain | Piece::User | Piece::Login)) {
            return Err("between two placeholders there must be something that tells them apart".to_owned());
        }
        let end = rest.find('}').ok_or("a { lacks its }")?;
        pieces.push(match &rest[start..=end] {
            "{domain}" => Piece::Domain,
            "{user}" => Piece::User,
            "{login}" => Piece::Login,
            other => {
                return Err(format!(
                    "“{other}” is no placeholder: there are {{domain}}, {{user}}, {{login}}"
                ));
            }
        });
        rest = &rest[end + 1..];
    }
    Ok(pieces)
}

fn expand(
    components: &[Vec<Piece>],
    folder: &Path,
    captured: &Captured,
    places: &mut Vec<Place>,
    refused: &mut dyn FnMut(&Path, &io::Error),
) {
    let Some((component, rest)) = components.split_first() else {
        if let Some(owner) = captured.owner() {
            places.push(Place { owner, path: folder.to_owned() });
        }
        return;
    };
    if let [Piece::Text(name)] = &component[..] {
        let path = folder.join(name);
        if path.exists() {
            expand(rest, &path, captured, places, refused);
        }
        return;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // A file where a folder was to be: no place of mail.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return,
        Err(error) => return refused(folder, &error),
    };
    for entry in entries {
        match entry {
            Ok(entry) => {
                let name = entry.file_name();
                let captured = name.to_str().and_then(|name| captured.with(component, name));
                if let Some(captured) = captured.filter(|_| is_mail(&name)) {
                    expand(rest, &entry.path(), &captured, places, refused);
                }
            }
            Err(error) => refused(folder, &error),
        }
    }
}

/// Hidden names are somebody's own business, and each disk has its `lost+found`.
fn is_mail(name: &OsStr) -> bool {
    !name.as_encoded_bytes().starts_with(b".") && name != "lost+found"
}

impl Captured {
    /// With what a name says; none if it doesn't fit.
    fn with(&self, pieces: &[Piece], name: &str) -> Option<Self> {
        let mut captured = self.clone();
        let mut rest = name;
        let mut pieces = pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            if let Piece::Text(text) = piece {
                rest = rest.strip_prefix(text.as_str())?;
                continue;
            }
            let end = match pieces.peek() {
                Some(Piece::Text(text)) => rest.rfind(text.as_str())?,
                Some(_) | None => rest.len(),
            };
            let (value, after) = rest.split_at(end);
            rest = after;
            let slot = match piece {
                Piece::Domain => &mut captured.domain,
                Piece::User => &mut captured.user,
                Piece::Login | Piece::Text(_) => &mut captured.login,
            };
            *slot = Some(value).filter(|value| !value.is_empty()).map(str::to_owned);
            slot.as_ref()?;
        }
        rest.is_empty().then_some(captured)
    }

    /// None if its parts contradict one another.
    fn owner(&self) -> Option<Owner> {
        let named = self.login.as_deref().map(|login| match login.rsplit_once('@') {
            Some((user, domain)) => (user, Some(domain)),
            None => (login, None),
        });
        let (user, domain) = match (named, &self.user, &self.domain) {
            (Some((user, domain)), known_user, known_domain) => {
                let user_fits = known_user.as_deref().is_none_or(|known| known == user);
                let domain_fits = known_domain.as_deref().is_none_or(|known| domain == Some(known));
                (user_fits && domain_fits).then_some((user, domain))?
            }
            (None, Some(user), domain) => (user.as_str(), domain.as_deref()),
            (None, None, _) => return None,
        };
        let is_name = |name: &str| !name.is_empty() && name != "." && name != "..";
        if !is_name(user) || !domain.is_none_or(is_name) {
            return None;
        }
        Some(Owner { domain: domain.map(str::to_owned), user: user.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(login: &str) -> Owner {
        match login.split_once('@') {
            Some((user, domain)) => Owner { domain: Some(domain.into()), user: user.into() },
            None => Owner { domain: None, user: login.into() },
        }
    }

    #[test]
    fn every_usual_layout_leads_to_its_accounts_and_back() {
        for (pattern, login, place) in [
            ("{root}/{domain}/{user}/Maildir", "anna@example.org", "example.org/anna/Maildir"),
            ("{root}/{login}", "anna@example.org", "anna@example.org"),
            ("{root}/{domain}/{login}", "anna@example.org", "example.org/anna@example.org"),
            ("{root}/{user}/mail/Maildir", "anna", "anna/mail/Maildir"),
            ("{root}/u-{user}.d", "anna", "u-anna.d"),
            ("{root}/{user}-at-{domain}", "a-at-b@example.org", "a-at-b-at-example.org"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().to_str().unwrap();
            let pattern: MailPattern = pattern.replace("{root}", root).parse().unwrap();
            assert_eq!(pattern.root(), folder.path());
            assert_eq!(pattern.place_of(&owner(login)), Some(place.into()));
            fs::create_dir_all(folder.path().join(place)).unwrap();
            fs::create_dir_all(folder.path().join("lost+found/cur")).unwrap();
            fs::create_dir_all(folder.path().join(".hidden/anna/Maildir")).unwrap();
            let found = pattern.places(&mut |path, error| panic!("{path:?}: {error}")).unwrap();
            assert_eq!(found, [Place { owner: owner(login), path: folder.path().join(place) }], "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_leads_nowhere_is_refused_with_what_to_write() {
        for (text, why) in [
            ("var/vmail/{user}", "begins at the root"),
            ("/var/vmail/../{user}", "no . and .."),
            ("/var/vmail", "{user} or {login}"),
            ("/var/vmail/{domain}", "{user} or {login}"),
            ("/var/vmail/{user}/{user}", "stands once"),
            ("/var/vmail/{user}{domain}", "tells them apart"),
            ("/var/vmail/{name}", "“{name}” is no placeholder"),
            ("/var/vmail/{user", "lacks its }"),
        ] {
            let error = text.parse::<MailPattern>().unwrap_err();
            assert!(error.contains(why) && error.contains("write it like"), "{text}: {error}");
        }
    }
}
