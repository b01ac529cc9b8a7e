//! What one commit does: conditions on what was read, and the writes.

use crate::StoreError;
use crate::state::STATE_KEY;

/// The most operations a batch may have (etcd's default limit is 128 with the conditions' own).
pub const MAX_OPERATIONS: usize = 100;
/// The most bytes of keys and values a batch may have (etcd's default limit is 1.5 MiB).
pub const MAX_BATCH_BYTES: usize = 1 << 20;
/// The longest key. The shortest has one byte. Bounds of a range may have any length.
pub const MAX_KEY_BYTES: usize = 510;

/// Holds if the value under `key` is exactly this one; `None`: if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub key: Vec<u8>,
    pub value: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Put { key: Vec<u8>, value: Vec<u8> },
    Delete { key: Vec<u8> },
}

/// Conditions and operations of one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub conditions: Vec<Condition>,
    pub operations: Vec<Operation>,
}

impl Batch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Demands that `key` holds exactly `value` (or nothing) when the batch is applied.
    pub fn expect(mut self, key: impl Into<Vec<u8>>, value: Option<&[u8]>) -> Self {
        self.conditions.push(Condition { key: key.into(), value: value.map(<[u8]>::to_vec) });
        self
    }

    pub fn put(mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.operations.push(Operation::Put { key: key.into(), value: value.into() });
        self
    }

    pub fn delete(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.operations.push(Operation::Delete { key: key.into() });
        self
    }
    /// Refuses what no store takes: more than `MAX_OPERATIONS` operations (or conditions), more than
    /// `MAX_BATCH_BYTES` bytes of keys and values, keys that are empty or longer than `MAX_KEY_BYTES`. The store's own
    /// condition does not count.
    pub fn check(&self) -> Result<(), StoreError> {
        let operations = self.operations.len().max(self.counted_conditions().count());
        let bytes = self.bytes();
        if operations > MAX_OPERATIONS || bytes > MAX_BATCH_BYTES {
            let (max_operations, max_bytes) = (MAX_OPERATIONS, MAX_BATCH_BYTES);
            return Err(StoreError::TooLarge { operations, bytes, max_operations, max_bytes });
        }
        let keys = self.conditions.iter().map(|condition| &condition.key);
        match keys.chain(self.operations.iter().map(Operation::key)).find(|key| !is_key(key)) {
            Some(key) => Err(StoreError::InvalidKey { bytes: key.len(), max_bytes: MAX_KEY_BYTES }),
            None => Ok(()),
        }
    }

    fn counted_conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|condition| condition.key != STATE_KEY)
    }

    /// Bytes of all keys and values, those of the conditions too.
    fn bytes(&self) -> usize {
        let conditions = self
            .counted_conditions()
            .map(|condition| condition.key.len() + condition.value.as_ref().map_or(0, Vec::len));
        let operations = self.operations.iter().map(|operation| match operation {
            Operation::Put { key, value } => key.len() + value.len(),
            Operation::Delete { key } => key.len(),
        });
        conditions.chain(operations).sum()
    }
}

impl Operation {
    pub fn key(&self) -> &Vec<u8> {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// Whether a store can hold this key.
pub(crate) fn is_key(key: &[u8]) -> bool {
    (1..=MAX_KEY_BYTES).contains(&key.len())
}
