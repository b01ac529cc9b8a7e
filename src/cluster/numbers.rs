//! Numbers that are given once: object ids, and the IVs of everything vhsm seals.
//!
//! Both are taken from the store in advance, so that a number costs no commit. What a process took and did
//! not use is lost, not given again. After a fork the child opens its own `Clusters`, so it takes its own
//! numbers.

use crate::cluster::records::{decode, encode};
use crate::cluster::{Cluster, Clusters, ObjectId, keys};
use crate::crypto::random;
use crate::crypto::seal::NONCE_BYTES;
use crate::error::{ClusterError, Error};
use crate::sync::Mutex;
use once_cell::sync::OnceCell;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use vhsm_store::Batch;

/// Object ids that one commit takes.
const BLOCK: u64 = 1024;
/// Start numbers have 24 bits.
const LAST_START: u64 = (1 << 24) - 1;
/// A backup with greater object ids is none of a store that was ever filled: it would use up this one's.
const LAST_RESTORED: u64 = 1 << 62;
/// The counter has 48 bits.
const LAST_COUNT: u64 = (1 << 48) - 1;

/// What this process has taken from the store.
#[derive(Default)]
pub(super) struct Numbers {
    objects: Mutex<Range<u64>>,
    /// Taken when the first IV is wanted: a process that only reads costs no commit, and no entropy.
    ivs: OnceCell<IvSource>,
}

/// IVs of 24 bits of the cluster, 24 bits of this start, and a 48-bit counter: never one twice under a key,
/// in no process and after no restart (NIST SP 800-38D sec. 8.2.1, the first two are the fixed field).
///
/// The counter begins anywhere in its lower half. What is said above does not need that; but where a store was
/// put back to an earlier state, or copied and both go on, start numbers come again, and then the counters
/// hardly ever meet.
struct IvSource {
    start: u32,
    count: AtomicU64,
}

impl IvSource {
    fn new(start: u32, random: u64) -> Self {
        Self { start, count: AtomicU64::new(random & (LAST_COUNT >> 1)) }
    }

    fn next(&self, prefix: [u8; 3]) -> Result<[u8; NONCE_BYTES], Error> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        if count > LAST_COUNT {
            return Err(Error::Internal("this process has used up its IVs: start it again".into()));
        }
        let mut iv = [0; NONCE_BYTES];
        iv[..3].copy_from_slice(&prefix);
        iv[3..6].copy_from_slice(&self.start.to_be_bytes()[1..]);
        iv[6..].copy_from_slice(&count.to_be_bytes()[2..]);
        Ok(iv)
    }
}

impl Clusters {
    /// An IV for a key of this cluster that nobody else makes IVs for: taken from the store's start number
    /// and this process's counter. The first one costs a commit.
    pub fn next_iv(&self, cluster: &Cluster) -> Result<[u8; NONCE_BYTES], Error> {
        self.iv(cluster.iv_prefix)
    }

    pub(super) fn iv(&self, prefix: [u8; 3]) -> Result<[u8; NONCE_BYTES], Error> {
        if let Some(ivs) = self.numbers.ivs.get() {
            return ivs.next(prefix);
        }
        let start = self.take(keys::IV_STARTS, 1, LAST_START)?.start as u32;
        let taken = IvSource::new(start, u64::from_be_bytes(random::array()?));
        // Of two threads that both took one, one number is lost.
        self.numbers.ivs.get_or_init(|| taken).next(prefix)
    }

    /// An object id that was never given before, greater than `above`: what came with a backup of another store may
    /// lie in what this process took before. The store's counter is above it since the cluster is there.
    pub(super) fn next_object_id(&self, above: ObjectId) -> Result<ObjectId, Error> {
        if let Some(id) = self.numbers.objects.lock().find(|id| *id > above.0) {
            return Ok(ObjectId(id));
        }
        // The lock is not held over the commit: a thread that comes second takes a block too.
        let mut block = self.take(keys::OBJECT_IDS, BLOCK, u64::MAX)?;
        let id = block.start;
        if id <= above.0 {
            return Err(ClusterError::Corrupt("number record: the store gave greater ids before").into());
        }
        block.start += 1;
        let mut objects = self.numbers.objects.lock();
        if objects.is_empty() {
            *objects = block;
        }
        Ok(ObjectId(id))
    }

    /// Sees to it that object ids given from here on are greater than `id`. Errors: `Refused`.
    pub(super) fn raise_object_ids(&self, id: ObjectId) -> Result<(), Error> {
        self.retry(|| {
            let raw = self.view(|snapshot| Ok(snapshot.get(keys::OBJECT_IDS)?.map(<[u8]>::to_vec)))?;
            let next = raw.as_deref().map_or(Ok(1), |raw| decode::<u64>("number record", raw))?;
            if next > id.0 {
                return Ok(());
            }
            let above = id.0.checked_add(1).filter(|above| *above < LAST_RESTORED);
            let above = above.ok_or_else(|| ClusterError::Refused("object ids beyond any store's".into()))?;
            let batch = Batch::new().expect(keys::OBJECT_IDS, raw.as_deref());
            self.store.commit(batch.put(keys::OBJECT_IDS, encode(&above)?))?;
            Ok(())
        })
    }

    /// Takes `count` numbers from 1 to `last` durably.
    fn take(&self, key: &[u8], count: u64, last: u64) -> Result<Range<u64>, Error> {
        self.retry(|| {
            let raw = self.view(|snapshot| Ok(snapshot.get(key)?.map(<[u8]>::to_vec)))?;
            let first = match &raw {
                Some(raw) => decode::<u64>("number record", raw)?,
                None => 1,
            };
            if first == 0 {
                return Err(ClusterError::Corrupt("number record").into());
            }
            let next = first.checked_add(count).filter(|next| next - 1 <= last).ok_or_else(|| {
                ClusterError::Refused(format!("the store has given all its {last} numbers of a kind"))
            })?;
            self.store.commit(Batch::new().expect(key, raw.as_deref()).put(key, encode(&next)?))?;
            Ok(first..next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ivs_are_prefix_start_and_count_and_end() {
        let ivs = IvSource::new(0x010203, 0);
        assert_eq!(ivs.next([9, 8, 7]).unwrap(), [9, 8, 7, 1, 2, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(ivs.next([9, 8, 7]).unwrap(), [9, 8, 7, 1, 2, 3, 0, 0, 0, 0, 0, 1]);
        ivs.count.store(LAST_COUNT, Ordering::Relaxed);
        assert_eq!(ivs.next([0; 3]).unwrap()[6..], [255; 6]);
        assert!(ivs.next([0; 3]).is_err());
        assert!(ivs.next([0; 3]).is_err());
    }
}
