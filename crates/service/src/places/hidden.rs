//! Networks behind which anybody may be (Tor, VPN providers, servers for rent), from lists that the admin brings: text
//! with a network or an address a line, as such lists are published. Other programs renew them, so they are read again
//! when they have changed.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use mailcup_guard::{networks::NetworkMap, risk::signals::HiddenBy};
use mailcup_policy::read_networks;

use super::{PlacesError, PlacesFiles};

/// The lists, and what they say.
#[derive(Debug, Default)]
pub(super) struct HiddenNetworks {
    lists: Mutex<Vec<List>>,
    networks: ArcSwap<NetworkMap<HiddenBy>>,
}

#[derive(Debug)]
struct List {
    by: HiddenBy,
    key: &'static str,
    path: PathBuf,
    /// None when it is gone.
    seen: Option<Version>,
    networks: Vec<IpNet>,
}

/// What a file is recognised by while nobody has changed it.
type Version = (Option<SystemTime>, u64);

impl HiddenNetworks {
    /// # Errors
    /// When a file can't be read, or has a line that is no network.
    pub fn open(files: &PlacesFiles) -> Result<Self, PlacesError> {
        let named = [
            (HiddenBy::Tor, "tor", &files.tor),
            (HiddenBy::Vpn, "vpn", &files.vpn),
            (HiddenBy::Hosting, "hosting", &files.hosting),
        ];
        let lists = named
            .into_iter()
            .filter_map(|(by, key, path)| path.as_deref().map(|path| List::read(by, key, path)))
            .collect::<Result<Vec<_>, _>>()?;
        let hidden = Self { networks: ArcSwap::from_pointee(map(&lists)), lists: Mutex::new(lists) };
        Ok(hidden)
    }

    /// What hides who comes from there; the most hidden where several do.
    pub fn by(&self, address: IpAddr) -> Option<HiddenBy> {
        let networks = self.networks.load();
        let mut found = None;
        networks.each_holding(address, |by| found = found.max(Some(*by)));
        found
    }

    /// The lists, by their file names.
    pub fn files(&self) -> Vec<(HiddenBy, String)> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |list: &List| list.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        lists.iter().map(|list| (list.by, name(list))).collect()
    }

    /// Reads again what has changed. What can't be used any more stays as it was.
    pub fn renew(&self) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_new = false;
        for list in lists.iter_mut() {
            let seen = version(&list.path).ok();
            if seen == list.seen {
                continue;
            }
            match List::read(list.by, list.key, &list.path) {
                Ok(read) => {
                    tracing::info!(
                        list = list.key,
                        networks = read.networks.len(),
                        "a list of networks was read again"
                    );
                    *list = read;
                    is_new = true;
                }
                Err(error) => {
                    tracing::warn!(%error, "a list of networks stays as it was");
                    // Said once, not each time.
                    list.seen = seen;
                }
            }
        }
        if is_new {
            self.networks.store(map(&lists).into());
        }
    }
}

impl List {
    fn read(by: HiddenBy, key: &'static str, path: &Path) -> Result<Self, PlacesError> {
        let unreadable = |source| PlacesError::Unreadable { key, path: path.to_owned(), source };
        // Before the content: whoever writes meanwhile is read once more.
        let seen = version(path).map_err(unreadable)?;
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let found = read_networks(&text);
        if let Some(bad) = found.bad_lines.first() {
            return Err(PlacesError::NoNetwork {
                key,
                path: path.to_owned(),
                line: bad.line,
                text: bad.text.clone(),
            });
        }
        let networks = found.networks.iter().map(|network| network.net()).collect();
        Ok(Self { by, key, path: path.to_owned(), seen: Some(seen), networks })
    }
}

fn version(path: &Path) -> io::Result<Version> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.modified().ok(), metadata.len()))
}

fn map(lists: &[List]) -> NetworkMap<HiddenBy> {
    let mut map = NetworkMap::default();
    for list in lists {
        for network in &list.networks {
            map.insert(*network, list.by);
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(hidden: &HiddenNetworks, address: &str) -> Option<HiddenBy> {
        hidden.by(address.parse().unwrap())
    }

    #[test]
    fn the_most_hidden_counts_and_lists_are_read_again_when_they_change() {
        let folder = tempfile::tempdir().unwrap();
        let [tor, hosting] = ["tor.txt", "hosting.txt"].map(|name| folder.path().join(name));
        fs::write(&tor, "# exits\n46.1.1.7\n2001:db9::/32\n").unwrap();
        fs::write(&hosting, "46.1.0.0/16 # a provider\n").unwrap();
        let files =
            PlacesFiles { tor: Some(tor.clone()), hosting: Some(hosting.clone()), ..PlacesFiles::default() };
        let hidden = HiddenNetworks::open(&files).unwrap();
        assert_eq!(by(&hidden, "46.1.1.7"), Some(HiddenBy::Tor));
        assert_eq!(by(&hidden, "::ffff:46.1.1.8"), Some(HiddenBy::Hosting));
        assert_eq!(by(&hidden, "2001:db9::1"), Some(HiddenBy::Tor));
        assert_eq!(by(&hidden, "46.2.0.1"), None);

        fs::write(&tor, "46.2.0.1, 46.2.0.2\n").unwrap();
        hidden.renew();
        assert_eq!(by(&hidden, "46.2.0.2"), Some(HiddenBy::Tor));
        assert_eq!(by(&hidden, "46.1.1.7"), Some(HiddenBy::Hosting));
        // What is broken, or gone, changes nothing.
        fs::write(&tor, "<html>502 Bad Gateway</html>\n").unwrap();
        hidden.renew();
        fs::remove_file(&hosting).unwrap();
        hidden.renew();
        assert_eq!(by(&hidden, "46.2.0.2"), Some(HiddenBy::Tor));
        assert_eq!(by(&hidden, "46.1.1.7"), Some(HiddenBy::Hosting));
    }

    #[test]
    fn a_list_with_something_else_in_it_is_refused_at_the_start_with_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let vpn = folder.path().join("vpn.txt");
        fs::write(&vpn, "10.0.0.0/8\nexample.org\n").unwrap();
        let files = PlacesFiles { vpn: Some(vpn), ..PlacesFiles::default() };
        let refused = HiddenNetworks::open(&files).unwrap_err().to_string();
        assert!(refused.contains("places.vpn") && refused.contains("line 2: “example.org”"), "{refused}");
    }
}
