use crate::wire;

wire! {
    /// Where an address is, as far as the data of places that the service has tells.
    #[derive(Eq, Hash, Default)]
    #[serde(default)]
    pub struct Place {
        /// ISO 3166-1 alpha-2, in capitals.
        pub country: Option<String>,
        /// The number of the autonomous system that announces the address.
        pub asn: Option<u32>,
        /// Who runs that system.
        pub network: Option<String>,
    }

    /// `GET /v1/places/{address}`: where an address is, and whose data says so.
    pub struct PlaceAnswer {
        pub place: Place,
        pub sources: Vec<PlaceSource>,
    }

    /// Data of places, with the attribution that its licence asks for.
    pub struct PlaceSource {
        pub name: String,
        pub license: String,
        pub url: Option<String>,
        /// Brought by the admin instead of what came with the service.
        pub own: bool,
    }
}
