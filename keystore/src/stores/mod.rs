//! Custom key stores: one file per operation.

pub(crate) mod api;
pub(crate) mod connection;
pub(crate) mod find;

use crate::ids::StoreId;
use crate::kms::Kms;

impl Kms {
    /// The rest of ConnectCustomKeyStore.
    pub(crate) fn finish_connecting(&self, id: &StoreId, attempt: u64) {
        let _ = (id, attempt);
        todo!()
    }

    /// The rest of DisconnectCustomKeyStore.
    pub(crate) fn finish_disconnecting(&self, id: &StoreId, attempt: u64) {
        let _ = (id, attempt);
        todo!()
    }

    /// After a start: stores that were connected connect again, and what was cut off goes on.
    pub fn resume(&self) {
        todo!()
    }
}
