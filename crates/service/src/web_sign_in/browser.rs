//! The browser that somebody signs in with, as far as it tells.

use mailcup_wire::DeviceId;

use crate::http::client::Client;

/// Longest User-Agent that is kept, in characters.
const LONGEST: usize = 256;

/// A browser at the other end of a request.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    pub client: Client,
    /// Its User-Agent.
    pub agent: Option<String>,
    /// As its cookie says, which is ours.
    pub device: Option<DeviceId>,
}

impl Browser {
    pub fn new(client: Client, agent: Option<&str>) -> Self {
        let agent = agent.map(|agent| agent.chars().filter(|c| !c.is_control()).take(LONGEST).collect());
        Self { client, agent, device: None }
    }

    /// What a person calls it: “Firefox on Windows”. It may say anything of itself.
    pub fn name(&self) -> Option<String> {
        const BROWSERS: [(&str, &str); 6] = [
            ("Edg", "Edge"),
            ("OPR/", "Opera"),
            ("Firefox/", "Firefox"),
            ("FxiOS/", "Firefox"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ];
        const SYSTEMS: [(&str, &str); 7] = [
            ("Android", "Android"),
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Windows", "Windows"),
            ("Mac OS X", "macOS"),
            ("CrOS", "ChromeOS"),
            ("Linux", "Linux"),
        ];
        let agent = self.agent.as_deref()?;
        let find = |known: &[(&str, &'static str)]| {
            known.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name)
        };
        match (find(&BROWSERS), find(&SYSTEMS)) {
            (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
            (Some(browser), None) => Some(browser.to_owned()),
            (None, _) => Some(agent.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_as_people_call_it() {
        let name = |agent: &str| Browser::new(Client::default(), Some(agent)).name().unwrap();
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
        assert_eq!(name(&format!("{windows} Chrome/130.0 Safari/537.36 Edg/130.0")), "Edge on Windows");
        assert_eq!(name(&format!("{windows} Chrome/130.0 Safari/537.36")), "Chrome on Windows");
        assert_eq!(
            name("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
            "Firefox on Linux"
        );
        assert_eq!(name("curl/8.5"), "curl/8.5");
    }
}
