//! GetKeyLastUsage, and what it tells.
//!
//! Uses are noted in memory and written by [`Kms::write_last_uses`]: a commit with each use would cost a hundred times what the use
//! does. What a process has not written when it is killed is lost.

use super::api::{GetKeyLastUsageRequest, GetKeyLastUsageResponse, KeyLastUsageData};
use crate::error::KmsError;
use crate::ids::KeyId;
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::records::key::{KeyRecord, LastUse};
use crate::records::{Change, Read, View, keys};
use crate::validate::{Check, KEY_ID};
use crate::wire::Timestamp;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Threads that use different keys seldom meet.
const SHARDS: usize = 16;
/// In one commit: each is a condition and a write, and a store takes 100 operations.
const WRITTEN_AT_ONCE: usize = 40;

/// Uses that are not written yet.
#[derive(Default)]
pub(crate) struct LastUses([Mutex<HashMap<KeyId, Use>>; SHARDS]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Use {
    at_ms: u64,
    operation: Operation,
}

impl LastUses {
    fn shard(&self, key: &KeyId) -> &Mutex<HashMap<KeyId, Use>> {
        &self.0[usize::from(key.as_bytes()[0]) % SHARDS]
    }

    fn note(&self, key: KeyId, new: Use) {
        let mut shard = self.shard(&key).lock();
        let noted = shard.entry(key).or_insert(new);
        if noted.at_ms <= new.at_ms {
            *noted = new;
        }
    }

    fn of(&self, key: &KeyId) -> Option<Use> {
        self.shard(key).lock().get(key).copied()
    }

    /// Takes them all out.
    fn drain(&self) -> Vec<(KeyId, Use)> {
        self.0.iter().flat_map(|shard| std::mem::take(&mut *shard.lock())).collect()
    }
}

impl Kms {
    /// Notes a use that succeeded.
    pub(super) fn used(&self, key: &KeyId, operation: Operation) {
        self.last_uses.note(*key, Use { at_ms: self.now_ms(), operation });
    }

    /// Writes what was noted since the last time: for a thread that calls it now and then, and once before the process ends. Answers how
    /// many keys were used. What cannot be written is noted again.
    pub fn write_last_uses(&self) -> Result<usize, KmsError> {
        let uses = self.last_uses.drain();
        for (number, some) in uses.chunks(WRITTEN_AT_ONCE).enumerate() {
            let written = self.transact(|view| Ok((change(view, some)?, ())));
            if let Err(error) = written {
                let left = &uses[number * WRITTEN_AT_ONCE..];
                left.iter().for_each(|(key, one)| self.last_uses.note(*key, *one));
                return Err(error);
            }
        }
        Ok(uses.len())
    }

    /// When a key was last used, and for what. Uses by other processes are known as far as they have written them.
    pub fn get_key_last_usage(
        &self,
        _caller: &Caller,
        request: &GetKeyLastUsageRequest,
    ) -> Result<GetKeyLastUsageResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.finish()?;
        let (key, written) = self.view(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(Operation::GetKeyLastUsage, &key)?;
            let written: Option<Read<LastUse>> = view.get(keys::last_use(&key.id))?;
            Ok((key, written.map(|read| read.value)))
        })?;
        let noted = self.last_uses.of(&key.id).map(LastUse::from);
        let last = noted.into_iter().chain(written).max_by_key(|one| one.at_ms);
        let created = Timestamp(key.record.value.created_ms);
        Ok(GetKeyLastUsageResponse {
            key_id: key.id.to_string(),
            key_last_usage: last.map_or_else(KeyLastUsageData::default, |last| KeyLastUsageData {
                operation: Some(last.operation),
                timestamp: Some(Timestamp(last.at_ms)),
            }),
            // Every key is watched from its start.
            tracking_start_date: created,
            key_creation_date: created,
        })
    }
}

impl From<Use> for LastUse {
    fn from(one: Use) -> Self {
        Self { at_ms: one.at_ms, operation: one.operation.name().into() }
    }
}

/// Writes uses of keys that are still there, where no later one is written.
fn change(view: &View, uses: &[(KeyId, Use)]) -> Result<Change, KmsError> {
    let mut change = Change::default();
    for (id, one) in uses {
        let Some(key) = view.get::<KeyRecord>(keys::key(id))? else { continue };
        let place = keys::last_use(id);
        change = match view.get::<LastUse>(place.clone())? {
            Some(old) if old.value.at_ms >= one.at_ms => continue,
            Some(old) => change.keep(&key).update(&old, &LastUse::from(*one))?,
            None => change.keep(&key).create(place, &LastUse::from(*one))?,
        };
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_use_is_kept() {
        let uses = LastUses::default();
        let key = KeyId::random();
        let [early, late] = [5, 6].map(|at_ms| Use { at_ms, operation: Operation::Encrypt });
        let other = Use { at_ms: 6, operation: Operation::Decrypt };
        [late, early, other].into_iter().for_each(|one| uses.note(key, one));
        assert_eq!(uses.of(&key), Some(other));
        assert_eq!(uses.drain(), [(key, other)]);
        assert_eq!(uses.of(&key), None);
    }
}
