//! Reading a backup file so that no change goes unseen.

use super::format::{
    CHANGED, CUT, CopyOf, Counts, DIGEST_BYTES, END_BYTES, Head, MAGIC, MANIFEST, MANIFEST_BYTES,
    MAX_COPY_BYTES, MAX_HEAD_BYTES, Manifest, RECORD, ReadError, VERSION, decode, finished,
};
use super::is_backup_id;
use crate::crypto::digest::{Hash, Sha256};
use std::io::{Read, Seek, SeekFrom};
use vhsm_store::{MAX_BATCH_BYTES, MAX_KEY_BYTES};

/// Reads a backup from its start to its end, and tells any change. Records are only as good as the rest when `finish`
/// says so.
pub(super) struct Reader<R: Read> {
    input: R,
    hash: Sha256,
    taken: u64,
    head: Head,
    counts: Counts,
    key: Vec<u8>,
    value: Vec<u8>,
    manifest: Option<Manifest>,
}

/// A key and its value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// What a whole file was found to be.
pub(super) struct Whole {
    pub manifest: Manifest,
    pub copy: Option<CopyOf>,
    /// The last one: of the whole file.
    pub digest: [u8; DIGEST_BYTES],
    pub bytes: u64,
}

impl<R: Read> Reader<R> {
    pub(super) fn begin(mut input: R) -> Result<Self, ReadError> {
        let mut hash = Sha256::new()?;
        let mut start = [0; MAGIC.len() + 2 + 4];
        input.read_exact(&mut start)?;
        let (magic, rest) = start.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(ReadError::Damaged("it is no backup of vhsm; name the right file"));
        }
        match u16::from_be_bytes([rest[0], rest[1]]) {
            VERSION => {}
            0 => return Err(CHANGED),
            newer => return Err(ReadError::Newer(newer)),
        }
        let length = u32::from_be_bytes([rest[2], rest[3], rest[4], rest[5]]) as usize;
        if length > MAX_HEAD_BYTES {
            return Err(CHANGED);
        }
        let mut raw = vec![0; length];
        input.read_exact(&mut raw)?;
        hash.update(&start)?;
        hash.update(&raw)?;
        let head: Head = decode(&raw).ok_or(CHANGED)?;
        if !is_backup_id(&head.backup) {
            return Err(CHANGED);
        }
        Ok(Self {
            input,
            hash,
            taken: (start.len() + length) as u64,
            head,
            counts: Counts::default(),
            key: Vec::new(),
            value: Vec::new(),
            manifest: None,
        })
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Bytes read so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The next record; `None`: there are no more, and the manifest fits what was read.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        if self.manifest.is_some() {
            return Ok(None);
        }
        let mut kind = [0];
        self.input.read_exact(&mut kind)?;
        match kind[0] {
            RECORD => self.read_record()?,
            MANIFEST => {
                self.manifest = Some(self.read_manifest()?);
                return Ok(None);
            }
            _ => return Err(CHANGED),
        }
        self.counts.count(&self.key);
        Ok(Some((&self.key, &self.value)))
    }

    fn read_record(&mut self) -> Result<(), ReadError> {
        let mut lengths = [0; 6];
        self.input.read_exact(&mut lengths)?;
        let key_bytes = usize::from(u16::from_be_bytes([lengths[0], lengths[1]]));
        let value_bytes = u32::from_be_bytes([lengths[2], lengths[3], lengths[4], lengths[5]]) as usize;
        if key_bytes > MAX_KEY_BYTES || value_bytes > MAX_BATCH_BYTES {
            return Err(CHANGED);
        }
        let mut key = vec![0; key_bytes];
        self.input.read_exact(&mut key)?;
        if key <= self.key {
            return Err(CHANGED);
        }
        self.key = key;
        self.value.resize(value_bytes, 0);
        self.input.read_exact(&mut self.value)?;
        for part in [&[RECORD][..], &lengths, &self.key, &self.value] {
            self.hash.update(part)?;
            self.taken += part.len() as u64;
        }
        Ok(())
    }

    fn read_manifest(&mut self) -> Result<Manifest, ReadError> {
        let mut raw = [0; MANIFEST_BYTES];
        self.input.read_exact(&mut raw)?;
        let manifest = Manifest::decode(&raw).ok_or(CHANGED)?;
        let read = (self.counts, self.taken, finished(&mut self.hash)?);
        if (manifest.counts, manifest.bytes, manifest.digest) != read {
            return Err(CHANGED);
        }
        // From here on the end's own digest.
        self.hash.update(&[MANIFEST])?;
        self.hash.update(&raw)?;
        self.taken += 1 + raw.len() as u64;
        Ok(manifest)
    }

    /// What follows the manifest, up to the file's end. Call when `next` gave `None`.
    pub(super) fn finish(mut self) -> Result<Whole, ReadError> {
        let manifest = self.manifest.take().ok_or(CHANGED)?;
        let mut end = Vec::new();
        self.input.by_ref().take((MAX_COPY_BYTES + END_BYTES + 1) as u64).read_to_end(&mut end)?;
        let copy_bytes = end.len().checked_sub(END_BYTES).ok_or(CUT)?;
        let (signed, digest) = end.split_at(copy_bytes + 2);
        self.hash.update(signed)?;
        let whole = finished(&mut self.hash)?;
        let (copy, length) = signed.split_at(copy_bytes);
        if digest != whole || usize::from(u16::from_be_bytes([length[0], length[1]])) != copy_bytes {
            return Err(CHANGED);
        }
        let copy = (!copy.is_empty()).then(|| decode_copy(copy)).transpose()?;
        Ok(Whole { manifest, copy, digest: whole, bytes: self.taken + end.len() as u64 })
    }
}

/// What a listing needs of a file, without reading all of it: head, first record and end. Errors where these do not fit
/// each other or the file's length; a change elsewhere is not seen.
pub(super) fn glance<R: Read + Seek>(mut input: R) -> Result<Glance, ReadError> {
    let bytes = input.seek(SeekFrom::End(0))?;
    let tail_bytes = bytes.min((1 + MANIFEST_BYTES + MAX_COPY_BYTES + END_BYTES) as u64);
    input.seek(SeekFrom::End(-(tail_bytes as i64)))?;
    let mut tail = Vec::new();
    input.by_ref().take(tail_bytes).read_to_end(&mut tail)?;
    input.seek(SeekFrom::Start(0))?;
    let mut reader = Reader::begin(&mut input)?;
    let (key, value) = reader.next()?.ok_or(CHANGED)?;
    let (cluster_key, cluster) = (key.to_vec(), value.to_vec());
    let head = reader.head;
    let (manifest, copy) = tail_of(&tail)?;
    let wanted = manifest.bytes.checked_add((1 + MANIFEST_BYTES + copy.len() + END_BYTES) as u64);
    if wanted != Some(bytes) {
        return Err(CHANGED);
    }
    let copy = (!copy.is_empty()).then(|| decode_copy(copy)).transpose()?;
    Ok(Glance { head, cluster_key, cluster, manifest, copy, bytes })
}

/// What `glance` saw.
pub(super) struct Glance {
    pub head: Head,
    pub cluster_key: Vec<u8>,
    /// The cluster's record, whoever wrote it.
    pub cluster: Vec<u8>,
    pub manifest: Manifest,
    pub copy: Option<CopyOf>,
    pub bytes: u64,
}

/// Manifest and copy at the end of these bytes, if the last digest fits them.
fn tail_of(tail: &[u8]) -> Result<(Manifest, &[u8]), ReadError> {
    let end = tail.len().checked_sub(END_BYTES).ok_or(CUT)?;
    let copy_bytes = usize::from(u16::from_be_bytes([tail[end], tail[end + 1]]));
    let start = end.checked_sub(copy_bytes + MANIFEST_BYTES + 1).ok_or(CUT)?;
    let (signed, digest) = tail[start..].split_at(1 + MANIFEST_BYTES + copy_bytes + 2);
    let mut hash = Sha256::new()?;
    hash.update(signed)?;
    if finished(&mut hash)? != digest || signed[0] != MANIFEST {
        return Err(CUT);
    }
    let manifest = signed[1..].first_chunk().and_then(Manifest::decode).ok_or(CHANGED)?;
    Ok((manifest, &signed[1 + MANIFEST_BYTES..][..copy_bytes]))
}

fn decode_copy(raw: &[u8]) -> Result<CopyOf, ReadError> {
    let copy: CopyOf = decode(raw).ok_or(CHANGED)?;
    if raw.len() > MAX_COPY_BYTES || ![&copy.backup, &copy.source].into_iter().all(|id| is_backup_id(id)) {
        return Err(CHANGED);
    }
    Ok(copy)
}
