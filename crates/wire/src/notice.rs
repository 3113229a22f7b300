use crate::{Time, wire};

wire! {
    /// Mails to account owners after each authorization, unless an account has its own settings.
    /// `GET` and `PUT /v1/settings/notices`.
    pub struct NoticeSettings {
        pub mode: NoticeMode,
        /// Authorizations of the same account, network and protocol within so many hours are one mail.
        pub window_hours: u32,
        /// The time zone of owners who have none of their own; of the IANA database.
        pub zone: String,
        pub version: u32,
    }

    pub struct NoticeSettingsChange {
        pub mode: NoticeMode,
        pub window_hours: u32,
        pub zone: String,
    }

    /// How one account differs from the organization. `GET` and `PUT /v1/accounts/{login}/notices`.
    pub struct AccountNotices {
        /// None: as the organization has it.
        #[serde(default)]
        pub mode: Option<NoticeMode>,
        #[serde(default)]
        pub zone: Option<String>,
        /// Where mails go instead of to the account itself.
        #[serde(default)]
        pub address: Option<String>,
        #[serde(default)]
        pub last_sent_at: Option<Time>,
        #[serde(default)]
        pub version: u32,
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum NoticeMode {
        /// After every authorization; many of one kind within the window are one mail.
        Every,
        /// Only when the account was never used from that network.
        NewNetworks,
        /// Once a day, all together.
        Daily,
        Off,
    }
}
