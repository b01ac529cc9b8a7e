//! New key material for a key of the default key store: RotateKeyOnDemand, and what is due.
//!
//! The HSMs make the key material before the key's record names it, for a ciphertext must never name what is not there. Before that
//! it is noted as an orphan of some minutes later, and the commit that names it takes the note away: whenever the process is
//! killed, and even where it is not known whether the commit was made, just one of both names it. No commit comes after those minutes,
//! and no orphan is destroyed before.

use super::api::{RotateKeyOnDemandRequest, RotateKeyOnDemandResponse};
use super::rotation::{DAY_MS, replace};
use crate::error::{Exception, KmsError};
use crate::ids::{BackingKeyId, KeyId};
use crate::keys::locate::{KeyState, Located};
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::records::key::{BackingKey, KeyRecord, OrphanRecord, Rotation};
use crate::records::{Change, View, keys};
use crate::stores::connection::Purpose;
use crate::validate::{Check, KEY_ID};
use std::ops::ControlFlow;

/// How long before an automatic rotation there is none on demand (ConflictException).
const QUIET_MS: u64 = 20 * 60 * 1000;
/// How long a rotation may take.
const GRACE_MS: u64 = 10 * 60 * 1000;

impl Kms {
    /// Rotates at once, whether or not the key rotates by itself; its schedule stays.
    pub fn rotate_key_on_demand(
        &self,
        _caller: &Caller,
        request: &RotateKeyOnDemandRequest,
    ) -> Result<RotateKeyOnDemandResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.finish()?;
        let id = self.view(|view| Ok(self.rotatable(view, key_id)?.id))?;
        let is_done = self.rotate(&id, |view, new| {
            let key = self.rotatable(view, key_id)?;
            let mut record = key.record.value.clone();
            record.backing.push(BackingKey { on_demand: true, ..new });
            Ok((replace(&key, &record)?, true))
        })?;
        match is_done {
            true => Ok(RotateKeyOnDemandResponse { key_id: id.to_string() }),
            false => Err(KmsError::internal("new key material was taken away before it was used")),
        }
    }

    /// Rotates the keys whose time has come: for a thread that calls it now and then. Keys that are not Enabled are left until they are.
    /// Answers how many were rotated; one that fails does not stop the others, and the first failure is told when all were tried.
    pub fn rotate_due_keys(&self) -> Result<usize, KmsError> {
        let due = self.view(|view| due(view, self.now_ms()))?;
        let (mut rotated, mut failed) = (0, None);
        for (next_ms, id) in due {
            match self.rotate_due_key(&id, next_ms) {
                Ok(done) => rotated += usize::from(done),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(rotated), Err)
    }

    fn rotate_due_key(&self, id: &KeyId, next_ms: u64) -> Result<bool, KmsError> {
        match self.view(|view| self.due_key(view, id, next_ms))? {
            Due::Now(_) => {}
            Due::Later => return Ok(false),
            Due::Never => {
                self.transact(|view| match self.due_key(view, id, next_ms)? {
                    Due::Never => Ok((Change::default().remove_index(keys::key_rotation(next_ms, id)), ())),
                    _ => Ok((Change::default(), ())),
                })?;
                return Ok(false);
            }
        }
        self.rotate(id, |view, new| match self.due_key(view, id, next_ms)? {
            Due::Now(key) => Ok((replace(&key, &rotated(&key, new))?, true)),
            // Another process was faster, or the key was disabled meanwhile.
            _ => Ok((Change::default(), false)),
        })
    }

    /// Makes key material and lets `change` put it into the key's record; destroys it if that is refused, or says `false`.
    fn rotate(
        &self,
        id: &KeyId,
        change: impl Fn(&View, BackingKey) -> Result<(Change, bool), KmsError>,
    ) -> Result<bool, KmsError> {
        let link = self.connection_of(None, Purpose::Management)?;
        let new = BackingKey { id: BackingKeyId::random(), created_ms: self.now_ms(), on_demand: false };
        self.note_orphan(id, &new.id)?;
        link.run(|connection| connection.generate_key(&self.key_arn(id), &new.id))?;
        let done = self.transact(|view| {
            let note = view.get::<OrphanRecord>(keys::orphan(&new.id))?;
            let note = note.filter(|note| self.now_ms() < note.value.since_ms);
            match (note, change(view, new)?) {
                (Some(note), (change, true)) => Ok((change.remove(&note), true)),
                _ => Ok((Change::default(), false)),
            }
        });
        match &done {
            Ok(true) => {}
            // Perhaps it is in use: the note knows.
            Err(error) if error.exception.is_fault() => {}
            _ => {
                // What cannot be destroyed now stays noted.
                if link.run(|connection| connection.destroy_key(&new.id)).is_ok() {
                    self.forget_orphan(&new.id)?;
                }
            }
        }
        done
    }

    fn note_orphan(&self, id: &KeyId, backing: &BackingKeyId) -> Result<(), KmsError> {
        let note = OrphanRecord {
            key_arn: self.key_arn(id),
            custom_key_store: None,
            cluster_id: None,
            since_ms: self.now_ms() + GRACE_MS,
            cause: "it was made for a rotation that did not come to its end".into(),
            aliases: Vec::new(),
        };
        self.transact(|_| Ok((Change::default().create(keys::orphan(backing), &note)?, ())))
    }

    fn forget_orphan(&self, backing: &BackingKeyId) -> Result<(), KmsError> {
        self.transact(|view| {
            let note = view.get::<OrphanRecord>(keys::orphan(backing))?;
            Ok((note.iter().fold(Change::default(), Change::remove), ()))
        })
    }

    /// Errors: the state's; `LimitExceeded`; `Conflict`: its automatic rotation is near.
    fn rotatable(&self, view: &View, key_id: &str) -> Result<Located, KmsError> {
        let key = self.locate_key(view, key_id)?;
        self.allow(Operation::RotateKeyOnDemand, &key)?;
        let most = self.settings.limits.on_demand_rotations;
        if key.record.value.backing.iter().filter(|one| one.on_demand).count() >= most {
            let message = format!("{} has been rotated on demand {most} times.", self.key_arn(&key.id));
            return Err(KmsError::new(Exception::LimitExceeded, message));
        }
        let near_ms = self.now_ms() + QUIET_MS;
        if key.record.value.rotation.is_some_and(|rotation| rotation.next_ms <= near_ms) {
            let message = "An automatic rotation of this key is in progress or scheduled to begin within the next 20 minutes.";
            return Err(KmsError::new(Exception::Conflict, message));
        }
        Ok(key)
    }

    /// What is to be done about an entry of the index.
    fn due_key(&self, view: &View, id: &KeyId, next_ms: u64) -> Result<Due, KmsError> {
        let key = match self.locate_id(view, *id) {
            Err(error) if error.exception == Exception::NotFound => return Ok(Due::Never),
            key => key?,
        };
        let is_its_own = key.record.value.rotation.is_some_and(|rotation| rotation.next_ms == next_ms);
        Ok(match (is_its_own, key.state) {
            (false, _) => Due::Never,
            (true, KeyState::Enabled) => Due::Now(Box::new(key)),
            (true, _) => Due::Later,
        })
    }
}

/// An entry of the index whose time has come.
enum Due {
    Now(Box<Located>),
    /// When the key is enabled.
    Later,
    /// The key is gone, or has another time.
    Never,
}

/// The record after an automatic rotation: the next one is a period after this one's time, or after now if that is past.
fn rotated(key: &Located, new: BackingKey) -> KeyRecord {
    let mut record = key.record.value.clone();
    record.backing.push(new);
    record.rotation = record.rotation.map(|Rotation { period_days, next_ms }| {
        let period_ms = u64::from(period_days) * DAY_MS;
        let after = next_ms + period_ms;
        let next_ms = if after > new.created_ms { after } else { new.created_ms + period_ms };
        Rotation { period_days, next_ms }
    });
    record
}

/// Entries of the index up to `now_ms`.
fn due(view: &View, now_ms: u64) -> Result<Vec<(u64, KeyId)>, KmsError> {
    let mut due = Vec::new();
    let to = keys::key_rotation(now_ms.saturating_add(1), &KeyId::from_bytes([0; 16]));
    view.0.range(&[keys::KEY_ROTATION], &to, &mut |key, _| {
        due.extend(keys::of_key_rotation(key));
        ControlFlow::Continue(())
    })?;
    Ok(due)
}
