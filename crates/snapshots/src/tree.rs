//! Folders of a snapshot.

use std::borrow::Cow;
use std::ffi::OsString;

use jiff::Timestamp;
use serde::Deserialize;

use crate::error::Wrong;
use crate::id::Id;

/// A file or folder in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: OsString,
    pub kind: Kind,
    /// In bytes; 0 of anything but a file.
    pub size: u64,
    pub modified: Option<Timestamp>,
    /// Permission bits, where they are known.
    pub mode: Option<u32>,
    pub(crate) blobs: Vec<Id>,
    pub(crate) subtree: Option<Id>,
}

impl Entry {
    /// The same for the same content, in each snapshot of a repository; of an empty file, that of no bytes.
    pub fn content(&self) -> Id {
        match self.blobs.as_slice() {
            [only] => *only,
            blobs => Id::of(&blobs.iter().flat_map(|blob| blob.0).collect::<Vec<_>>()),
        }
    }
}

/// What an [`Entry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    File,
    Folder,
    /// A symbolic link, device or socket, which other programs back up: listed, never restored.
    Other,
}

/// Reads what a tree blob holds, sorted by name.
pub fn read(plain: &[u8]) -> Result<Vec<Entry>, Wrong> {
    let tree: Tree<'_> = serde_json::from_slice(plain).map_err(|error| Wrong::Form(error.to_string()))?;
    let mut entries: Vec<Entry> = tree.nodes.into_iter().map(Entry::from).collect();
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Whether nothing of a path can be meant by this name but one entry of its folder.
pub fn is_plain(name: &std::ffi::OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    let forbidden = |byte: &u8| matches!(byte, 0 | b'/') || cfg!(windows) && matches!(byte, b'\\' | b':');
    !bytes.is_empty() && bytes != b"." && bytes != b".." && !bytes.iter().any(forbidden)
}

#[derive(Deserialize)]
struct Tree<'a> {
    #[serde(borrow)]
    nodes: Vec<Node<'a>>,
}

/// What is read of a node. The engine's own type takes all of it, which takes several times as long.
#[derive(Deserialize)]
struct Node<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    size: u64,
    mtime: Option<Timestamp>,
    mode: Option<u32>,
    content: Option<Vec<Id>>,
    subtree: Option<Id>,
}

impl From<Node<'_>> for Entry {
    fn from(node: Node<'_>) -> Self {
        let kind = match node.kind.as_ref() {
            "file" => Kind::File,
            "dir" => Kind::Folder,
            _ => Kind::Other,
        };
        Self {
            name: unescaped(node.name),
            kind,
            size: if kind == Kind::File { node.size } else { 0 },
            modified: node.mtime,
            mode: node.mode,
            blobs: node.content.unwrap_or_default(),
            subtree: node.subtree,
        }
    }
}

/// Names are written as Go quotes strings.
fn unescaped(name: Cow<'_, str>) -> OsString {
    if !name.contains('\\') {
        return name.into_owned().into();
    }
    let node = rustic_core::repofile::Node { name: name.into_owned(), ..Default::default() };
    node.name().into_owned()
}

pub(crate) fn engine_id(id: &rustic_core::Id) -> Id {
    // The engine keeps its bytes to itself; its hexadecimal form is always 64 digits.
    id.to_hex().as_str().parse().unwrap_or(Id([0; 32]))
}
