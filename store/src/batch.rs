//! What one commit does: conditions on what was read, and the writes.

/// The most operations a batch may have (etcd's default limit is 128 with the conditions' own).
pub const MAX_OPERATIONS: usize = 100;
/// The most bytes of keys and values a batch may have (etcd's default limit is 1.5 MiB).
pub const MAX_BATCH_BYTES: usize = 1 << 20;

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
}
