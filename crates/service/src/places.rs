//! Where addresses are: the country and the network's name, from data that came with the service or that the
//! admin brought. Without data every place is unknown, and nothing else changes.

pub mod centres;
pub mod countries;
mod database;
mod hidden;
mod table;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Instant,
};

use mailcup_guard::{access::Country, risk::signals::HiddenBy};
use mailcup_wire::{Place, PlaceSource};

use self::{database::Database, hidden::HiddenNetworks, table::Table};
use crate::data_folder::data_folder;

/// Files of places that the admin brings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlacesFiles {
    /// Instead of what came with the service: MMDB, with the fields of `MaxMind` or of ip-location-db.
    pub country: Option<PathBuf>,
    pub networks: Option<PathBuf>,
    /// Text, a network a line: behind them anybody may be.
    pub tor: Option<PathBuf>,
    pub vpn: Option<PathBuf>,
    pub hosting: Option<PathBuf>,
}

/// A file that the admin named can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    #[error("places.{key} {path}: {source}")]
    Unreadable { key: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "places.{key} {path}, line {line}: “{text}” is no network; write one address or network in CIDR notation a line"
    )]
    NoNetwork { key: &'static str, path: PathBuf, line: u32, text: String },
    #[error("places.{key} {path} is not an MMDB file: {reason}")]
    NoDatabase { key: &'static str, path: PathBuf, reason: String },
    #[error(
        "places.{key} {path} is a database of the type “{kind}”, in which no record says {lacks}; use one whose \
         records have {expected}"
    )]
    OtherContent {
        key: &'static str,
        path: PathBuf,
        kind: String,
        lacks: &'static str,
        expected: &'static str,
    },
}

/// All that is known of places.
#[derive(Debug, Default)]
pub struct Places {
    countries: Option<Database>,
    own_networks: Option<Database>,
    /// The names of networks that came with the service; filled by [`Places::load`].
    networks: OnceLock<Table>,
    /// Where those are read from.
    folder: Option<PathBuf>,
    hidden: HiddenNetworks,
}

/// The files in the folder of places, as their makers call them.
const COUNTRIES: &str = "geo-whois-asn-country.mmdb";
const NETWORKS: [&str; 2] = ["asn-ipv4.csv", "asn-ipv6.csv"];

const CC_BY: &str = "CC BY 4.0";
const AS_ITS_MAKER_SAYS: &str = "as its maker says";

impl Places {
    /// Opens the admin's files, else those of the folder that came with the program.
    ///
    /// # Errors
    /// When a file that the admin named can't be used. What came with the program and can't be used is left out.
    pub fn open(files: &PlacesFiles) -> Result<Self, PlacesError> {
        Self::open_beside(files, data_folder("places"))
    }

    fn open_beside(files: &PlacesFiles, folder: Option<PathBuf>) -> Result<Self, PlacesError> {
        let countries = match (&files.country, &folder) {
            (Some(own), _) => Some(Database::countries(own)?),
            (None, Some(folder)) => came_with(folder).unwrap_or_else(|error| {
                tracing::warn!(%error, "countries are unknown");
                None
            }),
            (None, None) => None,
        };
        let own_networks = files.networks.as_deref().map(Database::networks).transpose()?;
        let hidden = HiddenNetworks::open(files)?;
        let places = Self { countries, own_networks, networks: OnceLock::new(), folder, hidden };
        places.tell();
        Ok(places)
    }

    /// Reads the names of networks that came with the service. It takes a moment: do it beside the rest.
    pub fn load(&self) {
        let Some(files) = self.bundled_networks() else { return };
        let begun = Instant::now();
        match Table::read(&files) {
            Ok(table) => {
                tracing::info!(
                    ranges = table.len(),
                    kibibytes = table.bytes() / 1024,
                    millis = begun.elapsed().as_millis(),
                    "names of networks are known"
                );
                // Read once; a second time would say the same.
                let _ = self.networks.set(table);
            }
            Err(error) => tracing::warn!(%error, "names of networks are unknown"),
        }
    }

    /// Where an address is; none if nothing is known. Private and special addresses are nowhere.
    pub fn of(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        if !is_public(address) {
            return None;
        }
        let country = self.country_of(address).map(|country| country.to_string());
        let owner = match &self.own_networks {
            Some(own) => own.owner(address),
            None => self
                .networks
                .get()
                .and_then(|table| table.owner(address))
                .map(|(number, name)| (number, Some(name.to_owned()))),
        };
        let (asn, network) = owner.map_or((None, None), |(number, name)| (Some(number), name));
        let place = Place { country, asn, network: network.filter(|name| !name.is_empty()) };
        (place != Place::default()).then_some(place)
    }

    /// The country alone: what access rules ask for.
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        let address = address.to_canonical();
        is_public(address).then(|| self.country_of(address)).flatten()
    }

    /// What hides who comes from an address, if the admin's lists say that something does.
    pub fn hidden_by(&self, address: IpAddr) -> Option<HiddenBy> {
        self.hidden.by(address)
    }

    /// Reads the admin's lists again that have changed; for now and then.
    pub fn renew(&self) {
        self.hidden.renew();
    }

    /// Whose data says so, with the attribution that they ask for.
    pub fn sources(&self) -> Vec<PlaceSource> {
        let mut sources = Vec::new();
        match &self.countries {
            Some(own) if own.is_own() => sources.push(own_source("Countries", own)),
            Some(_) => sources.push(source(
                "Countries: Number Resource Organization, through ip-location-db",
                "https://www.nro.net",
            )),
            None => {}
        }
        if let Some(own) = &self.own_networks {
            sources.push(own_source("Networks", own));
        } else if self.networks.get().is_some() {
            sources.extend([
                source("Networks: IP Geolocation by DB-IP", "https://db-ip.com"),
                source("Networks: Route Views, University of Oregon", "https://www.routeviews.org"),
                source(
                    "Networks: Number Resource Organization, through ip-location-db",
                    "https://www.nro.net",
                ),
            ]);
        }
        for (by, file) in self.hidden.files() {
            sources.push(PlaceSource {
                name: format!("{}: {file}", kind_of_list(by)),
                license: AS_ITS_MAKER_SAYS.to_owned(),
                url: None,
                own: true,
            });
        }
        sources
    }

    fn country_of(&self, address: IpAddr) -> Option<Country> {
        self.countries.as_ref()?.country(address)
    }

    fn bundled_networks(&self) -> Option<[PathBuf; 2]> {
        if self.own_networks.is_some() {
            return None;
        }
        let files = NETWORKS.map(|name| self.folder.as_ref().map(|folder| folder.join(name)));
        let [Some(v4), Some(v6)] = files else { return None };
        (v4.is_file() && v6.is_file()).then_some([v4, v6])
    }

    fn tell(&self) {
        if self.countries.is_none() {
            tracing::info!("there is no data of countries; places are unknown, see places.country");
        }
        if self.own_networks.is_none() && self.bundled_networks().is_none() {
            tracing::info!("there is no data of networks; their names are unknown, see places.networks");
        }
    }
}

fn came_with(folder: &Path) -> Result<Option<Database>, PlacesError> {
    let file = folder.join(COUNTRIES);
    if !file.is_file() {
        return Ok(None);
    }
    Database::countries(&file).map(|database| Some(database.bundled()))
}

fn source(name: &str, url: &str) -> PlaceSource {
    PlaceSource { name: name.to_owned(), license: CC_BY.to_owned(), url: Some(url.to_owned()), own: false }
}

fn own_source(what: &str, database: &Database) -> PlaceSource {
    PlaceSource {
        name: format!("{what}: {} ({})", database.file_name(), database.kind()),
        license: AS_ITS_MAKER_SAYS.to_owned(),
        url: None,
        own: true,
    }
}

fn kind_of_list(by: HiddenBy) -> &'static str {
    match by {
        HiddenBy::Tor => "Tor",
        HiddenBy::Vpn => "VPN providers",
        HiddenBy::Hosting => "Servers for rent",
    }
}

/// Whether an address can be somewhere: none that is private, of this machine, special or for documentation.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a, b, c) == (192, 0, 0);
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is given out; within it 2001:db8::/32 and 3fff::/20 are for documentation.
    a & 0xe000 == 0x2000 && (a, b) != (0x2001, 0x0db8) && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mailcup_guard::alert::Rules;
    use mailcup_wire::{
        EventBody, EventKind, Outcome, Protocol, SignIn, Submission, SubmissionOutcome, Time,
    };

    use super::{
        database::sample::{Record, database},
        *,
    };
    use crate::{
        clock::Clock,
        event_log::EventLog,
        store::{Store, codes::RowCode},
    };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn own(country: &Record) -> (tempfile::TempDir, PlacesFiles) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own.mmdb");
        std::fs::write(&file, database("Own-Country", country)).unwrap();
        (folder, PlacesFiles { country: Some(file), ..PlacesFiles::default() })
    }

    #[test]
    fn an_address_that_is_nowhere_has_no_place() {
        let (_folder, files) = own(&Record::Country("DE"));
        let places = Places::open_beside(&files, None).unwrap();
        assert_eq!(places.country(address("9.9.9.9")), Country::read("DE"));
        assert_eq!(places.country(address("::ffff:9.9.9.9")), Country::read("DE"));
        for nowhere in [
            "0.0.0.1",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.9",
            "169.254.1.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.7",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::ffff:10.0.0.1",
            "fd00::1",
            "fe80::1",
            "2001:db8::1",
            "3fff::1",
        ] {
            assert_eq!(places.of(address(nowhere)), None, "{nowhere}");
        }
    }

    #[tokio::test]
    async fn what_happens_from_now_on_is_recorded_with_its_place() {
        let (_files_folder, files) = own(&Record::Country("DE"));
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let clock = Clock::fixed(Time::from_millis(1_795_507_200_000));
        let (log, _writing) = EventLog::open(store, clock, Rules::default()).await.unwrap();
        log.stamp_with(Arc::new(Places::open_beside(&files, None).unwrap()));

        let submission = |address: &str| Submission {
            login: None,
            address: address.parse().ok(),
            sender: None,
            recipients: 1,
            outcome: SubmissionOutcome::Accepted,
            reasons: Vec::new(),
            size: 0,
            place: None,
        };
        log.append(&EventBody::Submission(submission("9.9.9.9"))).await.unwrap();
        log.append(&EventBody::Submission(submission("10.0.0.1"))).await.unwrap();
        let sign_in = |address: &str| SignIn {
            login: "anna@example.org".into(),
            protocol: Protocol::Imap,
            address: address.parse().ok(),
            outcome: Outcome::Succeeded,
            reasons: Vec::new(),
            server: None,
            client: None,
            tls: true,
            place: None,
        };
        log.append_sign_in(sign_in("9.9.9.9"), None).await.unwrap();
        let mut tx = log.begin().await.unwrap();
        tx.append_sign_in(sign_in("2620:fe::9"), None);
        tx.commit().await.unwrap();

        let bodies: Vec<String> =
            sqlx::query_scalar("SELECT body FROM events WHERE kind IN ($1, $2) ORDER BY seq")
                .bind(EventKind::SignIn.code())
                .bind(EventKind::Submission.code())
                .fetch_all(log.store().read())
                .await
                .unwrap();
        let countries: Vec<_> = bodies
            .iter()
            .map(|body| match serde_json::from_str(body).unwrap() {
                EventBody::SignIn(it) => it.place.and_then(|place| place.country),
                EventBody::Submission(it) => it.place.and_then(|place| place.country),
                other => panic!("{other:?}"),
            })
            .collect();
        let german = Some("DE".to_owned());
        assert_eq!(countries, [german.clone(), None, german.clone(), german]);
    }

    #[test]
    fn without_data_places_are_unknown_and_nothing_is_claimed() {
        let folder = tempfile::tempdir().unwrap();
        for folder in [None, Some(folder.path().to_owned())] {
            let places = Places::open_beside(&PlacesFiles::default(), folder).unwrap();
            places.load();
            assert_eq!(places.of(address("9.9.9.9")), None);
            assert_eq!(places.sources(), []);
        }
    }

    #[test]
    fn what_came_with_the_program_is_read_and_credited() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
        write(COUNTRIES, &database("geo", &Record::CountryCode("ch")));
        write("asn-ipv4.csv", b"9.9.9.0,9.9.9.255,19281,Quad9\n");
        write("asn-ipv6.csv", b"2620:fe::,2620:fe::ffff,19281,Quad9\n");
        let places = Places::open_beside(&PlacesFiles::default(), Some(folder.path().to_owned())).unwrap();
        assert_eq!(places.of(address("9.9.9.9")).unwrap().network, None, "names are read later");
        places.load();
        let place = |country: &str| Place {
            country: Some(country.to_owned()),
            asn: Some(19281),
            network: Some("Quad9".to_owned()),
        };
        assert_eq!(places.of(address("9.9.9.9")), Some(place("CH")));
        assert_eq!(places.of(address("2620:fe::9")).unwrap().asn, Some(19281));
        let names: Vec<_> = places.sources().into_iter().map(|source| source.name).collect();
        assert!(names.iter().any(|name| name.contains("DB-IP")), "{names:?}");
        assert!(places.sources().iter().all(|source| !source.own && source.url.is_some()));
    }

    #[test]
    fn the_admins_own_files_stand_before_what_came_with_the_program() {
        let (folder, mut files) = own(&Record::Country("AT"));
        let networks = folder.path().join("asn.mmdb");
        std::fs::write(&networks, database("Own-ASN", &Record::Owner(64500, "Example Net"))).unwrap();
        std::fs::write(folder.path().join(COUNTRIES), database("geo", &Record::CountryCode("CH"))).unwrap();
        files.networks = Some(networks);
        let places = Places::open_beside(&files, Some(folder.path().to_owned())).unwrap();
        places.load();
        let place = places.of(address("9.9.9.9")).unwrap();
        assert_eq!(place.country.as_deref(), Some("AT"));
        assert_eq!((place.asn, place.network.as_deref()), (Some(64500), Some("Example Net")));
        let sources = places.sources();
        assert!(sources.iter().all(|source| source.own));
        assert_eq!(sources[0].name, "Countries: own.mmdb (Own-Country)");
    }

    #[test]
    fn a_file_that_the_admin_named_and_is_wrong_is_refused_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.mmdb");
        let refused = |country: bool| {
            let named = Some(file.clone());
            let files = if country {
                PlacesFiles { country: named, ..PlacesFiles::default() }
            } else {
                PlacesFiles { networks: named, ..PlacesFiles::default() }
            };
            Places::open_beside(&files, None).unwrap_err().to_string()
        };
        assert!(refused(true).contains("No such file"), "{}", refused(true));
        std::fs::write(&file, "country,asn\n").unwrap();
        assert!(refused(true).contains("is not an MMDB file"), "{}", refused(true));
        std::fs::write(&file, database("Own-ASN", &Record::Owner(64500, "x"))).unwrap();
        let error = refused(true);
        assert!(error.contains("“Own-ASN”") && error.contains("country.iso_code"), "{error}");
        std::fs::write(&file, database("Own-Country", &Record::Country("AT"))).unwrap();
        let error = refused(false);
        assert!(
            error.starts_with("places.networks") && error.contains("autonomous_system_number"),
            "{error}"
        );
    }
}
