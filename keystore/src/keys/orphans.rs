//! Key material that outlived its KMS key.

use crate::error::{Exception, KmsError};
use crate::ids::{AliasName, BackingKeyId, KeyName, StoreId};
use crate::kms::Kms;
use crate::records::key::{KeyRecord, OrphanRecord, StoredState};
use crate::records::{Change, Read, View, keys};
use crate::stores::connection::Purpose;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Key material that could not be destroyed with its KMS key. Later runs of [`Kms::delete_due_keys`] try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// CKA_ID
    pub backing_key_id: BackingKeyId,
    /// Of the deleted key: CKA_LABEL.
    pub key_arn: String,
    /// `None`: it is in the default key store.
    pub custom_key_store_id: Option<StoreId>,
    pub cluster_id: Option<String>,
    /// Milliseconds since 1970.
    pub since_ms: u64,
    /// Why it could not be destroyed: for the log.
    pub cause: String,
    /// What the key was called.
    pub aliases: Vec<AliasName>,
}

impl Kms {
    /// All key material without a key. What is noted for a later time is in the making: its note goes when its key takes it. Errors:
    /// `KmsInternal`.
    pub fn orphans(&self) -> Result<Vec<Orphan>, KmsError> {
        let (from, to) = keys::between(&[keys::ORPHAN]);
        self.view(|view| {
            let mut orphans = Vec::new();
            view.range::<OrphanRecord>(&from, &to, |place, record| {
                if record.since_ms <= self.now_ms() {
                    orphans.push(orphan(backing_id(place)?, record));
                }
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(orphans)
        })
    }

    /// Tries to destroy what is orphaned. What cannot be destroyed says why.
    pub(super) fn destroy_orphans(&self) -> Result<(), KmsError> {
        // A key store that cannot be reached is asked once.
        let mut unreachable: HashMap<Option<StoreId>, String> = HashMap::new();
        for orphan in self.orphans()? {
            let store = orphan.custom_key_store_id.clone();
            let destroyed = match (self.view(|view| self.owner(view, &orphan))?, unreachable.get(&store)) {
                (Owner::Going, _) => continue,
                (Owner::There, _) => Ok(()),
                (Owner::Gone, Some(cause)) => Err(cause.clone()),
                (Owner::Gone, None) => self.destroy(&orphan).map_err(|error| {
                    let cause = error.detail.unwrap_or(error.message);
                    // An internal error is this orphan's own.
                    if error.exception != Exception::KmsInternal {
                        unreachable.insert(store, cause.clone());
                    }
                    cause
                }),
            };
            self.settle(&orphan.backing_key_id, destroyed)?;
        }
        Ok(())
    }

    fn destroy(&self, orphan: &Orphan) -> Result<(), KmsError> {
        let link = self.connection_of(orphan.custom_key_store_id.as_ref(), Purpose::Management)?;
        // That there was none is as good.
        link.run(|hsms| hsms.destroy_key(&orphan.backing_key_id)).map(drop)
    }

    fn owner(&self, view: &View, orphan: &Orphan) -> Result<Owner, KmsError> {
        let id = KeyName::parse_key(&orphan.key_arn, &self.settings)?;
        let key: Option<Read<KeyRecord>> = view.get(keys::key(&id))?;
        let is_its = |key: &KeyRecord| key.backing.iter().any(|one| one.id == orphan.backing_key_id);
        Ok(match key.map(|key| key.value).filter(is_its).map(|key| key.state) {
            None => Owner::Gone,
            Some(StoredState::PendingDeletion { deletion_ms }) if deletion_ms <= self.now_ms() => {
                Owner::Going
            }
            Some(_) => Owner::There,
        })
    }

    /// Forgets an orphan that is no more, or keeps why it still is.
    fn settle(&self, id: &BackingKeyId, destroyed: Result<(), String>) -> Result<(), KmsError> {
        self.transact(|view| {
            let Some(read) = view.get::<OrphanRecord>(keys::orphan(id))? else {
                return Ok((Change::default(), ()));
            };
            let change = match &destroyed {
                Ok(()) => Change::default().remove(&read),
                Err(cause) if *cause == read.value.cause => Change::default(),
                Err(cause) => {
                    let record = OrphanRecord { cause: cause.clone(), ..read.value.clone() };
                    Change::default().update(&read, &record)?
                }
            };
            Ok((change, ()))
        })
    }
}

/// What became of an orphan's key.
enum Owner {
    Gone,
    /// It is just being deleted.
    Going,
    /// It is there after all: nobody knew whether it was made, or its deletion was cancelled at the last moment.
    There,
}

fn orphan(backing_key_id: BackingKeyId, record: OrphanRecord) -> Orphan {
    let OrphanRecord { key_arn, custom_key_store, cluster_id, since_ms, cause, aliases } = record;
    Orphan {
        backing_key_id,
        key_arn,
        custom_key_store_id: custom_key_store,
        cluster_id,
        since_ms,
        cause,
        aliases,
    }
}

fn backing_id(place: &[u8]) -> Result<BackingKeyId, KmsError> {
    let id = place[1..].try_into().map(BackingKeyId);
    id.map_err(|_| KmsError::internal("an orphan is stored under what is no ID"))
}
