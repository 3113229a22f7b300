use crate::{ApiKeyId, Time, wire};

wire! {
    /// What to paste into a mail server's configuration; nothing is left to fill in.
    pub struct MailServerSnippet {
        pub server: MailServerKind,
        /// Where it belongs: a file, or in words where it is run.
        pub path: String,
        pub text: String,
        /// The command that makes it take effect, unless the text ends with it.
        pub reload: String,
        /// The key minted for it; none where the protocol carries none.
        pub key: Option<ApiKeyId>,
    }

    /// `POST /v1/mail-servers/snippet`
    pub struct SnippetRequest {
        pub server: MailServerKind,
        #[serde(default)]
        pub when_down: WhenDown,
    }

    /// A mail server as its requests show it.
    pub struct MailServer {
        pub server: MailServerKind,
        pub name: String,
        pub first_request_at: Time,
        pub last_request_at: Time,
        pub requests: u32,
    }
}

wire! {
    /// What a mail server does while the service gives no answer.
    #[derive(Copy, Eq, Hash, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum WhenDown {
        /// Mail goes on; nothing is decided or recorded meanwhile.
        #[default]
        Open,
        /// Nobody signs in or sends until the service is back.
        Closed,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum MailServerKind {
        Dovecot,
        Postfix,
    }
}
