//! What custom key stores have each alone: their names, and (in one record) their clusters and their places below the limit.

use crate::error::KmsError;
use crate::ids::StoreId;
use crate::records::store::{StoreName, StoreRecord, StoreRegister};
use crate::records::{Change, View, keys};

/// The key store of this name.
pub(super) fn named(view: &View, name: &str) -> Result<Option<(StoreId, StoreRecord)>, KmsError> {
    let Some(entry) = view.get::<StoreName>(keys::store_name(name))? else { return Ok(None) };
    let id = entry.value.id;
    let record = view.get::<StoreRecord>(keys::store(&id))?;
    let record = record.ok_or_else(|| KmsError::internal(format!("{id} has a name and no record")))?;
    Ok(Some((id, record.value)))
}

pub(super) fn register(view: &View) -> Result<StoreRegister, KmsError> {
    let read = view.get::<StoreRegister>(keys::store_register())?;
    Ok(read.map(|read| read.value).unwrap_or_default())
}

/// Puts another register in the place of the one that `view` has.
pub(super) fn put_register(change: Change, view: &View, new: &StoreRegister) -> Result<Change, KmsError> {
    match view.get::<StoreRegister>(keys::store_register())? {
        Some(read) => change.update(&read, new),
        None => change.create(keys::store_register(), new),
    }
}
