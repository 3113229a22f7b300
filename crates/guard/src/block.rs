//! Blocks: temporary refusals of an address, a network or an account, compiled for lookup on the hot path.

pub mod list;

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use jiff::Timestamp;

/// Names a block to whoever set it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub Arc<str>);

/// Whom a block refuses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    Address(IpAddr),
    Network(IpNet),
    /// A login in lower case.
    Account(String),
    /// A login in lower case, where it comes from this network.
    AccountNetwork(String, IpNet),
    /// What a login in lower case sends; its sign-ins go on.
    Sending(String),
}

/// A temporary refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub id: BlockId,
    pub target: Target,
    /// The moment from which it no longer refuses; none means until lifted.
    pub expires_at: Option<Timestamp>,
}

/// Blocks in a form that is looked up in a time that depends on how many different prefix lengths there
/// are, not on how many blocks. Immutable: a change compiles a new one. Expiry is judged at the lookup, so
/// that no job has to run for a block to end on time.
#[derive(Debug, Default)]
pub struct BlockSet {
    blocks: Vec<Block>,
    v4: Prefixes,
    v6: Prefixes,
    accounts: HashMap<String, Vec<usize>>,
    /// Accounts that may not send.
    sending: HashMap<String, Vec<usize>>,
}

impl Block {
    /// Whether it refuses anybody at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it refuses sign-ins, and with them all that follows one.
    fn refuses(&self, address: Option<IpAddr>, login: Option<&str>) -> bool {
        let address = address.map(|address| address.to_canonical());
        match &self.target {
            Target::Address(blocked) => address == Some(blocked.to_canonical()),
            Target::Network(network) => address.is_some_and(|address| network.contains(&address)),
            Target::Account(account) => login == Some(account.as_str()),
            Target::AccountNetwork(account, network) => {
                login == Some(account.as_str()) && address.is_some_and(|address| network.contains(&address))
            }
            Target::Sending(_) => false,
        }
    }
}

impl BlockSet {
    /// Compiles `blocks`; later ones do not replace earlier ones with the same target.
    pub fn new(blocks: impl IntoIterator<Item = Block>) -> Self {
        let mut set = Self { blocks: blocks.into_iter().collect(), ..Self::default() };
        for (index, block) in set.blocks.iter().enumerate() {
            match &block.target {
                Target::Address(address) => match address.to_canonical() {
                    IpAddr::V4(v4) => set.v4.add(32, u128::from(u32::from(v4)), index),
                    IpAddr::V6(v6) => set.v6.add(128, u128::from(v6), index),
                },
                Target::Network(IpNet::V4(net)) => {
                    set.v4.add(net.prefix_len(), u128::from(u32::from(net.network())), index);
                }
                Target::Network(IpNet::V6(net)) => {
                    set.v6.add(net.prefix_len(), u128::from(net.network()), index);
                }
                Target::Account(login) | Target::AccountNetwork(login, _) => {
                    set.accounts.entry(login.clone()).or_default().push(index);
                }
                Target::Sending(login) => set.sending.entry(login.clone()).or_default().push(index),
            }
        }
        set.v4.sort();
        set.v6.sort();
        set
    }

    /// The blocks that refuse sign-ins from `address` or of `login` at `now`: the narrowest network first, the account
    /// last.
    pub fn matching(&self, address: Option<IpAddr>, login: Option<&str>, now: Timestamp) -> Vec<&Block> {
        if self.blocks.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::<usize>::new();
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(v4)) => self.v4.find(32, u128::from(u32::from(v4)), &mut found),
            Some(IpAddr::V6(v6)) => self.v6.find(128, u128::from(v6), &mut found),
            None => {}
        }
        if let Some(indexes) = login.and_then(|login| self.accounts.get(login)) {
            found.extend(indexes);
        }
        found
            .into_iter()
            .filter_map(|index| self.blocks.get(index))
            .filter(|block| block.is_active(now) && block.refuses(address, login))
            .collect()
    }

    /// The blocks that keep `login` from sending at `now`, beside those of [`BlockSet::matching`].
    pub fn suspending(&self, login: Option<&str>, now: Timestamp) -> Vec<&Block> {
        let indexes = login.and_then(|login| self.sending.get(login));
        let blocks = indexes.into_iter().flatten().filter_map(|index| self.blocks.get(*index));
        blocks.filter(|block| block.is_active(now)).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// Networks of one family by prefix length, longest first.
#[derive(Debug, Default)]
struct Prefixes(Vec<(u8, HashMap<u128, Vec<usize>>)>);

impl Prefixes {
    fn add(&mut self, length: u8, bits: u128, index: usize) {
        let at = self.0.iter().position(|(known, _)| *known == length).unwrap_or_else(|| {
            self.0.push((length, HashMap::new()));
            self.0.len() - 1
        });
        self.0[at].1.entry(bits).or_default().push(index);
    }

    fn sort(&mut self) {
        self.0.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    }

    fn find(&self, width: u8, bits: u128, found: &mut Vec<usize>) {
        for (length, networks) in &self.0 {
            let host_bits = u32::from(width - length);
            let network =
                bits.checked_shr(host_bits).and_then(|bits| bits.checked_shl(host_bits)).unwrap_or(0);
            if let Some(indexes) = networks.get(&network) {
                found.extend(indexes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn block(id: usize, target: Target, expires_at: Option<i64>) -> Block {
        Block { id: BlockId(id.to_string().into()), target, expires_at: expires_at.map(at) }
    }

    #[test]
    fn a_block_ends_at_its_expiry() {
        let set = BlockSet::new([block(1, Target::Account("a@x".into()), Some(100))]);
        assert_eq!(set.matching(None, Some("a@x"), at(99)).len(), 1);
        assert!(set.matching(None, Some("a@x"), at(100)).is_empty());
    }

    #[test]
    fn suspended_sending_refuses_no_sign_in() {
        let set = BlockSet::new([block(1, Target::Sending("a@x".into()), Some(100))]);
        assert!(set.matching(None, Some("a@x"), at(0)).is_empty());
        assert_eq!(set.suspending(Some("a@x"), at(99)).len(), 1);
        assert!(set.suspending(Some("a@x"), at(100)).is_empty());
        assert!(set.suspending(Some("b@x"), at(0)).is_empty());
        assert!(set.suspending(None, at(0)).is_empty());
    }

    #[test]
    fn the_narrowest_network_comes_first_and_the_account_last() {
        let set = BlockSet::new([
            block(1, Target::Account("a@x".into()), None),
            block(2, Target::Network("203.0.113.0/24".parse().unwrap()), None),
            block(3, Target::Address("203.0.113.7".parse().unwrap()), None),
        ]);
        let found = set.matching("::ffff:203.0.113.7".parse().ok(), Some("a@x"), at(0));
        let ids: Vec<_> = found.iter().map(|block| &*block.id.0).collect();
        assert_eq!(ids, ["3", "2", "1"]);
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            // Few bits vary, so that networks and addresses meet.
            (0u32..64).prop_map(|low| IpAddr::from((0xcb00_7100u32 | low).to_be_bytes())),
            any::<u32>().prop_map(|bits| IpAddr::from(bits.to_be_bytes())),
            (0u128..64).prop_map(|low| IpAddr::from(((0x2001_0db8u128 << 96) | low).to_be_bytes())),
            (0u128..64).prop_map(|low| IpAddr::from(((0xffffu128 << 32) | 0xcb00_7100 | low).to_be_bytes())),
            any::<u128>().prop_map(|bits| IpAddr::from(bits.to_be_bytes())),
        ]
    }

    fn target() -> impl Strategy<Value = Target> {
        prop_oneof![
            address().prop_map(Target::Address),
            (address(), 0u8..=128).prop_map(|(ip, length)| {
                let ip = ip.to_canonical();
                let width = if ip.is_ipv4() { 32 } else { 128 };
                Target::Network(IpNet::new(ip, length.min(width)).unwrap())
            }),
            "[abc]@x".prop_map(Target::Account),
            "[abc]@x".prop_map(Target::Sending),
            ("[abc]@x", address(), 0u8..=128).prop_map(|(login, ip, length)| {
                let ip = ip.to_canonical();
                let width = if ip.is_ipv4() { 32 } else { 128 };
                Target::AccountNetwork(login, IpNet::new(ip, length.min(width)).unwrap())
            }),
        ]
    }

    proptest! {
        #[test]
        fn compiled_blocks_refuse_what_single_blocks_refuse(
            blocks in prop::collection::vec((target(), prop::option::of(0i64..20)), 0..30),
            asks in prop::collection::vec((prop::option::of(address()), prop::option::of("[abc]@x"), 0i64..20), 1..30),
        ) {
            let blocks: Vec<_> =
                blocks.into_iter().enumerate().map(|(id, (target, end))| block(id, target, end)).collect();
            let set = BlockSet::new(blocks.clone());
            for (address, login, now) in asks {
                let mut found: Vec<_> =
                    set.matching(address, login.as_deref(), at(now)).into_iter().map(|b| b.id.clone()).collect();
                let mut expected: Vec<_> = blocks
                    .iter()
                    .filter(|b| b.is_active(at(now)) && b.refuses(address, login.as_deref()))
                    .map(|b| b.id.clone())
                    .collect();
                found.sort();
                expected.sort();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
