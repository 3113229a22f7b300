//! What programs say of themselves when somebody signs in with them (a User-Agent, an IMAP ID), read by the rules of
//! [uap-core](https://github.com/ua-parser/uap-core), which come with the service. They may say anything.

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Once, OnceLock},
    thread,
    time::Instant,
};

use mailcup_guard::risk::{self, Value};
use quick_cache::sync::Cache;
use ua_parser::{Extractor, Regexes};

use crate::data_folder::data_folder;

/// As its makers call it.
const RULES: &str = "regexes.yaml";
/// So much of what a program says is read, in bytes.
const LONGEST: usize = 512;
/// Programs that are remembered as they were read: to read one costs about 100 µs.
const REMEMBERED: usize = 10_000;
/// What uap-core calls what it doesn't know, such as an ordinary computer.
const OTHER: &str = "Other";

/// Reads what programs say. Without rules nothing is known but their words.
pub struct Clients {
    rules: Option<PathBuf>,
    /// Read when the first program says something: they take 27 MB, and many services never meet one.
    extractor: OnceLock<Option<Extractor<'static>>>,
    begun: Once,
    remembered: Cache<Box<str>, Arc<ClientFacts>>,
}

/// What a program is, as far as its words were understood. Its version is not among it: browsers change theirs each
/// month, and are still their owners'.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFacts {
    /// “Firefox”, “Thunderbird”.
    pub program: Option<String>,
    /// “Windows”, “iOS”.
    pub system: Option<String>,
    /// “iPhone”, “Samsung SM-G991B”; none for an ordinary computer.
    pub device: Option<String>,
}

/// The admin's own rules can't be used.
#[derive(Debug, thiserror::Error)]
#[error("clients.rules {path}: {why}; give it the regexes.yaml of uap-core, or leave it out")]
pub struct ClientsError {
    path: PathBuf,
    why: String,
}

impl Clients {
    /// With the admin's own rules, else with those that came with the program.
    ///
    /// # Errors
    /// When the admin's own can't be used. What came with the program and can't be used is left out.
    pub fn open(own: Option<&Path>) -> Result<Self, ClientsError> {
        let Some(own) = own else {
            return Ok(Self::lazy(data_folder("clients").map(|folder| folder.join(RULES))));
        };
        let read = read_rules(own).map_err(|why| ClientsError { path: own.to_owned(), why })?;
        let clients = Self::lazy(Some(own.to_owned()));
        let _ = clients.extractor.set(Some(read));
        Ok(clients)
    }

    fn lazy(rules: Option<PathBuf>) -> Self {
        Self { rules, extractor: OnceLock::new(), begun: Once::new(), remembered: Cache::new(REMEMBERED) }
    }

    /// Reads the rules, which takes a moment, before somebody waits for them.
    pub fn begin(self: &Arc<Self>) {
        self.begun.call_once(|| {
            let clients = Arc::clone(self);
            thread::spawn(move || clients.extractor().is_some());
        });
    }

    /// What is known of a program by what it says; none where there are no rules.
    pub fn facts(&self, agent: &str) -> Option<Arc<ClientFacts>> {
        let agent = &agent[..agent.floor_char_boundary(LONGEST)];
        if let Some(known) = self.remembered.get(agent) {
            return Some(known);
        }
        let facts = Arc::new(ClientFacts::read(self.extractor()?, agent));
        self.remembered.insert(agent.into(), Arc::clone(&facts));
        Some(facts)
    }

    /// What a person calls a browser: “Firefox on Windows”; its own words where they aren't known.
    pub fn name(&self, agent: &str) -> String {
        let facts = self.facts(agent).unwrap_or_default();
        match (&facts.program, &facts.system) {
            (Some(program), Some(system)) => format!("{program} on {system}"),
            (Some(program), None) => program.clone(),
            (None, _) => agent.to_owned(),
        }
    }

    /// As the risk score counts it.
    pub fn counted(&self, agent: &str) -> risk::Client {
        let facts = self.facts(agent);
        let facts = facts.as_deref();
        risk::Client {
            agent: Value::of(agent),
            browser: facts.and_then(|it| it.program.as_ref()).map(Value::of),
            system: facts.and_then(|it| it.system.as_ref()).map(Value::of),
            device: facts.map(|it| Value::of(it.device.as_deref().unwrap_or(OTHER))),
        }
    }

    fn extractor(&self) -> Option<&Extractor<'static>> {
        let rules = self.rules.as_deref()?;
        let extractor = self.extractor.get_or_init(|| {
            let begun = Instant::now();
            match read_rules(rules) {
                Ok(extractor) => {
                    tracing::info!(millis = begun.elapsed().as_millis(), "programs are told apart");
                    Some(extractor)
                }
                Err(why) => {
                    tracing::info!(rules = %rules.display(), why, "programs are not told apart");
                    None
                }
            }
        });
        extractor.as_ref()
    }
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl ClientFacts {
    fn read(extractor: &Extractor<'_>, agent: &str) -> Self {
        let (program, system, device) = extractor.extract(agent);
        let known = |name: Cow<'_, str>| (name != OTHER).then(|| name.into_owned());
        Self {
            program: program.and_then(|it| known(it.family)),
            system: system.and_then(|it| known(it.os)),
            device: device.and_then(|it| known(it.device)),
        }
    }
}

fn read_rules(file: &Path) -> Result<Extractor<'static>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let rules: Regexes<'static> = serde_saphyr::from_str(&text).map_err(|error| error.to_string())?;
    Extractor::try_from(rules).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of uap-core.
    const OWN: &str = r"
user_agent_parsers:
  - regex: '(Firefox|Thunderbird)/(\d+)\.(\d+)'
  - regex: 'Version/(\d+)\.(\d+).* Safari/'
    family_replacement: 'Safari'
os_parsers:
  - regex: '(Windows) NT 10'
    os_v1_replacement: '10'
  - regex: 'iPhone OS (\d+)'
    os_replacement: 'iOS'
device_parsers:
  - regex: '(iPhone)'
    brand_replacement: 'Apple'
";
    const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0";
    const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1";

    fn own(rules: &str) -> (tempfile::TempDir, Result<Clients, ClientsError>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(RULES);
        fs::write(&file, rules).unwrap();
        (folder, Clients::open(Some(&file)))
    }

    #[test]
    fn a_browser_is_called_as_people_call_it() {
        let (_folder, clients) = own(OWN);
        let clients = clients.unwrap();
        assert_eq!(clients.name(FIREFOX), "Firefox on Windows");
        assert_eq!(clients.name(PHONE), "Safari on iOS");
        assert_eq!(clients.name("Thunderbird/140.1.0"), "Thunderbird");
        assert_eq!(clients.name("curl/8.5"), "curl/8.5");
        assert_eq!(clients.facts(PHONE).unwrap().device.as_deref(), Some("iPhone"));
        let long = "ü".repeat(100_000);
        assert_eq!(clients.name(&long), long);
    }

    #[test]
    fn an_update_is_the_same_browser_on_the_same_system() {
        let (_folder, clients) = own(OWN);
        let clients = clients.unwrap();
        let (old, new) = (clients.counted(FIREFOX), clients.counted(&FIREFOX.replace("128.0", "129.0")));
        assert_ne!(old.agent, new.agent);
        assert_eq!((old.browser, old.system, old.device), (new.browser, new.system, new.device));
        let phone = clients.counted(PHONE);
        assert!(phone.browser.is_some() && phone.device != new.device);
        let unknown = clients.counted("curl/8.5");
        assert_eq!((unknown.browser, unknown.system), (None, None));
    }

    #[test]
    fn own_rules_that_cannot_be_used_are_refused_and_without_rules_words_are_all() {
        for (rules, why) in [
            ("", "clients.rules"),
            ("user_agent_parsers: []", "missing"),
            (&*OWN.replace("(Firefox", "(((F"), "regex"),
        ] {
            let (_folder, opened) = own(rules);
            let refused = opened.unwrap_err().to_string();
            assert!(refused.contains(why) && refused.contains("regexes.yaml of uap-core"), "{refused}");
        }
        let none = Clients::lazy(Some("/nonexistent/regexes.yaml".into()));
        assert_eq!((none.facts(FIREFOX), none.name(FIREFOX)), (None, FIREFOX.to_owned()));
        assert_eq!(none.counted(FIREFOX).device, None);
    }
}
