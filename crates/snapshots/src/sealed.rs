//! Encryption and compression of files and blobs (restic's `crypto` and format version 2).

use std::cell::RefCell;
use std::io::Read;

use aes256ctr_poly1305aes::aead::Aead;
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, Nonce};
use zstd::bulk::Decompressor;

use crate::error::Wrong;
use crate::id::Id;
use crate::key::MasterKey;

/// No snapshot, index or config is larger once unpacked; a bomb would be.
const LARGEST_FILE: u64 = 1 << 30;
/// Blobs of files are of 8 MiB at most; a larger one may be a folder, or a lie.
const LARGEST_AT_ONCE: u32 = 16 << 20;
const NONCE: usize = 16;
/// What sealing adds: nonce and authentication code.
pub const OVERHEAD: u32 = 32;

/// The plain content of what was sealed with this key.
pub fn unseal(key: &MasterKey, sealed: &[u8]) -> Result<Vec<u8>, Wrong> {
    let (nonce, content) = sealed.split_first_chunk::<NONCE>().ok_or(Wrong::Seal)?;
    Aes256CtrPoly1305Aes::new(&Key::from(*key.expose()))
        .decrypt(&Nonce::from(*nonce), content)
        .map_err(|_| Wrong::Seal)
}

/// The plain content of an unpacked file: snapshot, index, config, lock.
pub fn open_file(key: &MasterKey, sealed: &[u8]) -> Result<Vec<u8>, Wrong> {
    let plain = unseal(key, sealed)?;
    match plain.first() {
        Some(b'{' | b'[') => Ok(plain),
        Some(2) => unpack(&plain[1..], LARGEST_FILE),
        _ => Err(Wrong::Form("neither JSON nor compressed".to_owned())),
    }
}

/// The plain content of a blob, which is what its name promises or an error.
pub fn open_blob(key: &MasterKey, sealed: &[u8], id: &Id, raw_length: Option<u32>) -> Result<Vec<u8>, Wrong> {
    let damaged = |_| Wrong::Blob(*id);
    let plain = unseal(key, sealed).map_err(damaged)?;
    let plain = match raw_length {
        Some(length) if length <= LARGEST_AT_ONCE => unpack_at_once(&plain, length).map_err(damaged)?,
        Some(length) => unpack(&plain, u64::from(length)).map_err(damaged)?,
        None => plain,
    };
    if Id::of(&plain) == *id { Ok(plain) } else { Err(Wrong::Blob(*id)) }
}

/// Much cheaper than [`unpack`] for the many small blobs: the state of the decoder is made once a thread.
fn unpack_at_once(packed: &[u8], length: u32) -> Result<Vec<u8>, Wrong> {
    thread_local! {
        static DECODER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let form = |error: std::io::Error| Wrong::Form(error.to_string());
    DECODER.with_borrow_mut(|decoder| {
        if decoder.is_none() {
            *decoder = Some(Decompressor::new().map_err(form)?);
        }
        let Some(decoder) = decoder else { return Err(Wrong::Form("no decoder".to_owned())) };
        decoder.decompress(packed, length as usize).map_err(form)
    })
}

fn unpack(packed: &[u8], longest: u64) -> Result<Vec<u8>, Wrong> {
    let form = |error: std::io::Error| Wrong::Form(error.to_string());
    let mut plain = Vec::new();
    let read = zstd::Decoder::with_buffer(packed)
        .map_err(form)?
        .take(longest + 1)
        .read_to_end(&mut plain)
        .map_err(form)?;
    if read as u64 > longest { Err(Wrong::Form("longer than it says".to_owned())) } else { Ok(plain) }
}
