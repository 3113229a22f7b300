use crate::{Address, AdminId, AlertId, BlockId, Login, Network, Time, wire};

wire! {
    /// A temporary refusal.
    pub struct Block {
        pub id: BlockId,
        pub target: BlockTarget,
        pub note: String,
        pub created_at: Time,
        /// None when the service set it by itself.
        pub created_by: Option<AdminId>,
        pub created_by_login: Option<Login>,
        /// None: until lifted.
        pub expires_at: Option<Time>,
        pub lifted_at: Option<Time>,
        pub lifted_by_login: Option<Login>,
        /// Of a block that the service set by itself because of sign-ins or messages.
        #[serde(default)]
        pub cause: Option<BlockCause>,
        pub version: u32,
    }

    /// Why the service set a block by itself.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    pub enum BlockCause {
        /// One network fails on many accounts.
        PasswordSpraying,
        /// One network tries many passwords for one account.
        BruteForce,
        /// Many networks try many passwords for one account.
        DistributedGuessing,
        /// The account is used from so many places that it is no single person's any more.
        SharedPassword,
        /// The password was right, but the sign-in differs too much from what the account does.
        StolenPassword,
        /// More was sent from networks that the account does not use than it ever sent.
        SendingBurst,
        /// Mail was sent from more networks in a day than the account ever used.
        SendingFromManyNetworks,
        /// Mail was sent from more countries in a day than the account ever did.
        SendingFromManyCountries,
    }

    /// Whom a block refuses.
    #[derive(Eq, Hash, PartialOrd, Ord)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum BlockTarget {
        Address { address: Address },
        Network { network: Network },
        Account { login: Login },
        /// An account, where it comes from this network.
        AccountNetwork { login: Login, network: Network },
        /// What an account sends. It may sign in and read its mail.
        Sending { login: Login },
    }

    /// `POST /v1/blocks`
    pub struct NewBlock {
        pub target: BlockTarget,
        /// None: until lifted.
        #[serde(default)]
        pub expires_at: Option<Time>,
        #[serde(default)]
        pub note: String,
        /// Needed where the block would refuse the admin who sets it.
        #[serde(default)]
        pub confirm_self: bool,
        /// The alert that it answers, in whose history it then stands.
        #[serde(default)]
        pub alert: Option<AlertId>,
    }

    /// `PATCH /v1/blocks/{id}`
    pub struct BlockChange {
        /// The new end; none: until lifted.
        pub expires_at: Option<Time>,
        /// None keeps the note.
        #[serde(default)]
        pub note: Option<String>,
    }
}
