//! Blocks in the form in which decisions are made from them.

use mailcup_guard::{
    block::{Block as GuardBlock, BlockId, BlockSet, Target},
    decision::Policy,
};
use mailcup_wire::{Block, BlockTarget};

/// The policy that these blocks make.
pub fn policy<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Policy {
    Policy { blocks: BlockSet::new(blocks.into_iter().map(guards)) }
}

fn guards(block: &Block) -> GuardBlock {
    GuardBlock {
        id: BlockId(block.id.0.as_str().into()),
        target: match &block.target {
            BlockTarget::Address { address } => Target::Address(address.ip()),
            BlockTarget::Network { network } => Target::Network(network.net()),
            BlockTarget::Account { login } => Target::Account(login.0.clone()),
        },
        expires_at: block.expires_at.map(|time| time.0),
    }
}
