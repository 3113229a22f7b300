//! Edits of what the service keeps: sent to it, or kept as drafts and compared with what changed meanwhile.

use crate::{Account, AdminId, AlertSettings, Login, MailSettings, MailSettingsChange, Time, wire};

wire! {
    /// What an admin can edit.
    #[derive(Eq, Hash, PartialOrd, Ord)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Resource {
        AlertSettings,
        MailSettings,
        Account { login: Login },
    }

    /// A resource as the service told of it.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Content {
        AlertSettings(AlertSettings),
        MailSettings(MailSettings),
        Account(Account),
    }

    /// A resource as an admin wants it.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Edit {
        AlertSettings { account_failures: u32, network_accounts: u32, window_minutes: u32 },
        MailSettings(MailSettingsChange),
        Account { login: Login, note: String },
    }

    /// A resource, opened to be read or edited.
    pub struct Opened {
        pub content: Content,
        pub read_at: Time,
        /// Why this is the copy of `read_at`; none if the service told of it just now.
        pub away: Option<String>,
        pub draft: Option<Draft>,
    }

    /// What became of an edit.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Saved {
        /// It is in effect.
        Done { content: Content },
        /// The service is away: it is kept as a draft.
        Kept { why: String },
        /// Somebody else changed the resource: it is kept as a draft, to be compared.
        Conflict,
        /// The service is away, and there is nothing to keep.
        Nothing,
    }

    /// An edit that is not in effect.
    pub struct Draft {
        pub resource: Resource,
        /// What it began from.
        pub began: Content,
        /// A password that was typed is not in it.
        pub edit: Edit,
        pub has_password: bool,
        pub edited_at: Time,
        pub admin: AdminId,
        pub login: Login,
        /// Whether the admin who is signed in made it.
        pub own: bool,
        pub meanwhile: Meanwhile,
        /// Beside the resource as this console knows it.
        pub parts: Vec<PartComparison>,
    }

    /// A draft beside the resource.
    pub struct Comparison {
        pub draft: Draft,
        pub theirs: Content,
        /// When `theirs` was read.
        pub read_at: Time,
        /// Why `theirs` is the copy of `read_at`; such a draft can't be applied.
        pub away: Option<String>,
    }

    pub struct PartComparison {
        pub part: Part,
        pub mark: Mark,
        pub fields: Vec<FieldComparison>,
    }

    /// None: it has no such field.
    pub struct FieldComparison {
        pub field: Field,
        pub mark: Mark,
        pub began: Option<FieldValue>,
        pub yours: Option<FieldValue>,
        pub theirs: Option<FieldValue>,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum FieldValue {
        Number { number: u32 },
        Text { text: String },
        Way { way: MailWay },
        Security { security: crate::RelaySecurity },
        Password { password: PasswordState },
    }

    /// Applies a draft with the merge that the admin chose.
    pub struct ApplyDraft {
        pub resource: Resource,
        /// The version of `theirs` that was shown.
        pub version: u32,
        /// When the draft that was shown was made.
        pub edited_at: Time,
        /// Of parts that both changed there must be one.
        pub choices: Vec<Choice>,
        /// Says that another admin's draft is meant.
        #[serde(default)]
        pub of_other: bool,
    }

    pub struct Choice {
        pub part: Part,
        pub side: Side,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Applied {
        Done { content: Content },
        /// Draft or resource changed again; nothing was sent or changed.
        Changed { comparison: Box<Comparison> },
    }
}

wire! {
    /// The smallest piece of a resource that is chosen as a whole. A relay is one: a mix of two relays is none.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum Part {
        AccountFailures,
        NetworkAccounts,
        WindowMinutes,
        From,
        Transport,
        Note,
    }

    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum Field {
        AccountFailures,
        NetworkAccounts,
        WindowMinutes,
        From,
        Way,
        Host,
        Port,
        Security,
        Username,
        Password,
        Note,
    }

    /// Who changed it since the edit began.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Mark {
        /// Both have the same.
        Same,
        OnlyYours,
        OnlyTheirs,
        /// Both, differently.
        Both,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Side {
        Yours,
        Theirs,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum MailWay {
        Local,
        Relay,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum PasswordState {
        None,
        /// The one that the service has.
        Stored,
        /// One that was typed.
        New,
        /// The service has it no longer: it must be typed again.
        Lost,
    }

    /// What became of a draft's resource since the edit began, as far as this console knows.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Meanwhile {
        Nothing,
        /// Something else in it.
        Changed,
        /// The same as in the draft, differently.
        Conflict,
        /// It stands as the draft wants it.
        InEffect,
    }
}
