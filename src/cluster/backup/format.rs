//! A backup file: what it is made of, writing it in one stream, and reading it so that no change goes unseen.
//!
//! | part | content |
//! | --- | --- |
//! | start | `vhsm backup` and a zero byte, the version of this format (2 bytes) |
//! | head | its length (4 bytes), then postcard: BackupId, when it was taken, number and generation of the cluster |
//! | records | for each `01`, the key's length (2 bytes), the value's (4), key and value; in ascending order of keys; the cluster's own record first |
//! | manifest | `02`, counts of records, users and objects, the greatest object id, the store's revision, the length of all before the manifest (8 bytes each), SHA-256 of all before the manifest, `01` or `00`: MACed or not, and the MAC (HMAC-SHA256 under the key of the cluster's MACs, over the manifest and so over all before it) or 32 zero bytes |
//! | copy | in a copy, postcard: its own BackupId, the one it was made from, when; else nothing |
//! | end | the copy's length (2 bytes), SHA-256 of all from the manifest's `02` on |
//!
//! Numbers are big endian. The last SHA-256 covers the manifest, which covers all before it, and nothing follows it:
//! another byte, a byte less or more is told. Whoever can write the file can make that digest anew, but not the MAC, nor the MACs and
//! seals of the records themselves. What is written is made under another name, synced and then renamed.

use crate::cluster::keys;
use crate::cluster::{ClusterId, ObjectId};
use crate::crypto::digest::{Hash, Sha256};
use crate::crypto::seal::MacKey;
use crate::error::{BackupError, Error};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use vhsm_store::{MAX_BATCH_BYTES, MAX_KEY_BYTES};

pub(super) const MAGIC: &[u8; 12] = b"vhsm backup\0";
/// The version of this format. A newer one is refused, never guessed at.
pub(super) const VERSION: u16 = 1;
pub(super) const RECORD: u8 = 1;
pub(super) const MANIFEST: u8 = 2;
pub(super) const MAX_HEAD_BYTES: usize = 4096;
pub(super) const MAX_COPY_BYTES: usize = 4096;
pub(super) const DIGEST_BYTES: usize = 32;
/// Six numbers, a digest, a flag and a MAC.
pub(super) const MANIFEST_BYTES: usize = 6 * 8 + 2 * DIGEST_BYTES + 1;
/// The copy's length and the last digest.
pub(super) const END_BYTES: usize = 2 + DIGEST_BYTES;

/// What stands before the records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub backup: String,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// The cluster's numbers in the store that the backup is of, which the records' keys carry.
    pub cluster: u32,
    pub generation: u32,
}

impl Head {
    pub(super) fn space(&self) -> keys::Space {
        keys::Space { cluster: ClusterId(self.cluster), generation: self.generation }
    }
}

/// What stands behind the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub counts: Counts,
    pub revision: u64,
    /// Length of all before the manifest.
    pub bytes: u64,
    pub digest: [u8; DIGEST_BYTES],
    mac: Option<[u8; DIGEST_BYTES]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub records: u64,
    pub users: u64,
    pub objects: u64,
    pub greatest_object: u64,
}

/// What a copy knows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CopyOf {
    /// Its own BackupId.
    pub backup: String,
    pub source: String,
    pub source_region: Option<String>,
    /// Milliseconds since 1970.
    pub copied_ms: u64,
}

impl Counts {
    pub(super) fn count(&mut self, key: &[u8]) {
        self.records += 1;
        self.users += u64::from(keys::is_user(key));
        if let Some(ObjectId(id)) = keys::stored_object(key) {
            self.objects += 1;
            self.greatest_object = self.greatest_object.max(id);
        }
    }
}

impl Manifest {
    pub(super) fn is_maced(&self) -> bool {
        self.mac.is_some()
    }

    /// Whether the manifest is what a process with this key wrote. `None`: it was written without one.
    pub(super) fn is_authentic(&self, mac: &MacKey) -> Option<bool> {
        Some(mac.verify(&[MAC_DOMAIN, &self.body()], &self.mac?))
    }

    /// All but the MAC.
    fn body(&self) -> Vec<u8> {
        let c = &self.counts;
        let numbers = [c.records, c.users, c.objects, c.greatest_object, self.revision, self.bytes];
        let mut body: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        body.extend_from_slice(&self.digest);
        body
    }

    fn encode(&self) -> Vec<u8> {
        let mut raw = self.body();
        raw.push(u8::from(self.is_maced()));
        raw.extend_from_slice(&self.mac.unwrap_or_default());
        raw
    }

    pub(super) fn decode(raw: &[u8; MANIFEST_BYTES]) -> Option<Self> {
        let (numbers, rest) = raw.split_at(6 * 8);
        let number = |i: usize| u64::from_be_bytes(numbers.as_chunks().0[i]);
        let (digest, rest) = rest.split_first_chunk()?;
        let (flag, mac) = rest.split_first()?;
        let mac: [u8; DIGEST_BYTES] = mac.try_into().ok()?;
        let mac = match flag {
            0 if mac == [0; DIGEST_BYTES] => None,
            1 => Some(mac),
            _ => return None,
        };
        let counts =
            Counts { records: number(0), users: number(1), objects: number(2), greatest_object: number(3) };
        Some(Self { counts, revision: number(4), bytes: number(5), digest: *digest, mac })
    }
}

/// Keeps the MAC apart from those of records.
const MAC_DOMAIN: &[u8] = b"vhsm backup 1";

/// Writes a backup in one stream.
pub(super) struct Writer<W: Write> {
    out: W,
    hash: Sha256,
    written: u64,
    counts: Counts,
    last: Vec<u8>,
}

impl<W: Write> Writer<W> {
    pub(super) fn begin(out: W, head: &Head) -> Result<Self, WriteError> {
        let mut writer =
            Self { out, hash: Sha256::new()?, written: 0, counts: Counts::default(), last: Vec::new() };
        let head = encode(head)?;
        writer.put(MAGIC)?;
        writer.put(&VERSION.to_be_bytes())?;
        writer.put(&(head.len() as u32).to_be_bytes())?;
        writer.put(&head)?;
        Ok(writer)
    }

    pub(super) fn records(&self) -> u64 {
        self.counts.records
    }

    /// Keys must ascend.
    pub(super) fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), WriteError> {
        if key <= self.last.as_slice() || key.len() > MAX_KEY_BYTES || value.len() > MAX_BATCH_BYTES {
            return Err(Error::Internal("a record that no backup can hold".into()).into());
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        self.put(&[RECORD])?;
        self.put(&(key.len() as u16).to_be_bytes())?;
        self.put(&(value.len() as u32).to_be_bytes())?;
        self.put(key)?;
        self.put(value)?;
        self.counts.count(key);
        Ok(())
    }

    /// Writes manifest and end. Gives back what was written to: not yet synced.
    pub(super) fn finish(mut self, revision: u64, mac: Option<&MacKey>) -> Result<(W, Counts), WriteError> {
        let (counts, bytes) = (self.counts, self.written);
        let mut manifest = Manifest { counts, revision, bytes, digest: finished(&mut self.hash)?, mac: None };
        manifest.mac = mac.map(|mac| mac.tag(&[MAC_DOMAIN, &manifest.body()]));
        write_end(&mut self.out, &manifest, None)?;
        Ok((self.out, counts))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.out.write_all(bytes)?;
        self.hash.update(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// Writes the manifest and what follows it.
pub(super) fn write_end(
    out: &mut impl Write,
    manifest: &Manifest,
    copy: Option<&CopyOf>,
) -> Result<(), WriteError> {
    let mut end = vec![MANIFEST];
    end.extend_from_slice(&manifest.encode());
    let copy = copy.map(encode).transpose()?.unwrap_or_default();
    end.extend_from_slice(&copy);
    end.extend_from_slice(&(copy.len() as u16).to_be_bytes());
    let mut hash = Sha256::new()?;
    hash.update(&end)?;
    end.extend_from_slice(&finished(&mut hash)?);
    out.write_all(&end)?;
    out.flush()?;
    Ok(())
}

pub(super) fn finished(hash: &mut Sha256) -> Result<[u8; DIGEST_BYTES], Error> {
    let mut digest = [0; DIGEST_BYTES];
    hash.finish(&mut digest)?;
    Ok(digest)
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    postcard::to_allocvec(value).map_err(|e| Error::Internal(format!("encoding a backup's head: {e}")))
}

pub(super) fn decode<'a, T: Deserialize<'a>>(raw: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(raw) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// Writing stopped: at the file, or at what was to be written.
pub(super) enum WriteError {
    Io(std::io::Error),
    Other(Error),
}

impl From<std::io::Error> for WriteError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Why a file cannot be used.
pub(super) enum ReadError {
    Damaged(&'static str),
    Newer(u16),
    Io(std::io::Error),
    Other(Error),
}

impl ReadError {
    pub(super) fn of(self, file: &str) -> Error {
        let file = file.to_string();
        match self {
            Self::Damaged(what) => BackupError::Damaged { file, what }.into(),
            Self::Newer(found) => BackupError::NewerFormat { file, found, known: VERSION }.into(),
            Self::Io(error) => {
                BackupError::Io { file, cause: error.to_string(), mend: "see whether it can be read" }.into()
            }
            Self::Other(error) => error,
        }
    }
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Damaged("it is cut short; take it from another copy"),
            _ => Self::Io(error),
        }
    }
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

pub(super) const CHANGED: ReadError =
    ReadError::Damaged("it was changed or damaged; take it from another copy");
pub(super) const CUT: ReadError =
    ReadError::Damaged("it is cut short, or something was added; take it from another copy");
