use crate::{ApiKeyId, Login, Time, wire};

wire! {
    /// A key with which a program calls the API. The secret is not in it.
    pub struct ApiKey {
        pub id: ApiKeyId,
        pub name: String,
        pub scopes: Vec<Scope>,
        pub created_at: Time,
        pub created_by_login: Option<Login>,
        pub last_used_at: Option<Time>,
        pub revoked_at: Option<Time>,
    }

    /// `POST /v1/api-keys`
    pub struct NewApiKey {
        pub name: String,
        pub scopes: Vec<Scope>,
    }

    /// Shown once.
    pub struct ApiKeyGrant {
        pub key: ApiKey,
        pub secret: String,
    }
}

wire! {
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum Scope {
        /// Ask for decisions and report attempts; read nothing.
        Policy,
        /// Read what an auditor reads.
        Read,
        /// Change what an admin changes.
        Write,
        /// Read the repository of backups, and so everyone's mail for whoever has its key.
        Mail,
    }
}
