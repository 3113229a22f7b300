//! What services are called, and which of them is shown. Pure.

use mailcup_wire::ServiceId;
use url::Url;

/// What a service may be called by.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    pub given: Option<&'a str>,
    pub organization: Option<&'a str>,
    pub embedded: bool,
    pub url: &'a Url,
}

impl Named<'_> {
    /// As the admin named it, else the organization's name, else where it is. Where others of `all` are called the
    /// same, its place tells it from them.
    pub fn among<'a>(self, all: impl Iterator<Item = Named<'a>>) -> String {
        let (name, place) = (self.name(), self.place());
        let called_so = all.filter(|it| it.name() == name).count();
        if called_so > 1 && name != place { format!("{name} ({place})") } else { name }
    }

    fn name(self) -> String {
        self.given.or(self.organization).map_or_else(|| self.place(), str::to_owned)
    }

    fn place(self) -> String {
        match (self.url.host_str(), self.url.port()) {
            _ if self.embedded => "This computer".to_owned(),
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => self.url.to_string(),
        }
    }
}

/// The one that is to be shown, else the first.
pub fn shown_of<'a, T>(
    all: &'a [T],
    id_of: impl Fn(&T) -> &ServiceId,
    shown: Option<&ServiceId>,
) -> Option<&'a T> {
    all.iter().find(|it| Some(id_of(it)) == shown).or_else(|| all.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_the_same_name_are_told_apart_by_their_place() {
        let here = "http://127.0.0.1:8480/".parse().unwrap();
        let elsewhere = "https://mail.example.org:8480/".parse().unwrap();
        let one = Named { given: None, organization: Some("Example"), embedded: true, url: &here };
        let two = Named { embedded: false, url: &elsewhere, ..one };
        assert_eq!(one.among([one].into_iter()), "Example");
        let both = [one, two];
        let names = both.map(|it| it.among(both.into_iter()));
        assert_eq!(names, ["Example (This computer)", "Example (mail.example.org:8480)"]);
        let named = Named { given: Some("Choir"), ..two };
        assert_eq!(named.among([one, named].into_iter()), "Choir");
        let unknown = Named { organization: None, ..two };
        assert_eq!(unknown.among([unknown, unknown].into_iter()), "mail.example.org:8480");
    }
}
