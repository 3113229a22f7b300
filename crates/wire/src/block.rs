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
        pub version: u32,
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
