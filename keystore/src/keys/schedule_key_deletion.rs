//! ScheduleKeyDeletion

use super::api::{ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse};
use super::locate::KeyState;
use super::states::Operation;
use crate::error::KmsError;
use crate::kms::{Caller, Kms};
use crate::records::key::{KeyRecord, StoredState};
use crate::records::{Change, keys};
use crate::validate::{Check, KEY_ID, invalid};
use crate::wire::Timestamp;
use std::ops::RangeInclusive;

/// What the documentation allows of the model's 1 to 365.
const WINDOW_DAYS: RangeInclusive<i64> = 7..=30;
const DEFAULT_DAYS: i64 = 30;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Kms {
    /// Errors: `Validation`, `NotFound`, `InvalidArn`, `KmsInvalidState`.
    pub fn schedule_key_deletion(
        &self,
        _caller: &Caller,
        request: &ScheduleKeyDeletionRequest,
    ) -> Result<ScheduleKeyDeletionResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.number("pendingWindowInDays", request.pending_window_in_days, 1..=365);
        check.finish()?;
        let days = request.pending_window_in_days.unwrap_or(DEFAULT_DAYS);
        if !WINDOW_DAYS.contains(&days) {
            return Err(invalid("PendingWindowInDays must be between 7 and 30 days."));
        }
        let deletion_ms = self.now_ms() + days.unsigned_abs() * DAY_MS;
        let id = self.transact(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(Operation::ScheduleKeyDeletion, &key)?;
            let state = StoredState::PendingDeletion { deletion_ms };
            let record = KeyRecord { state, ..key.record.value.clone() };
            let change = Change::default().update(&key.record, &record)?;
            Ok((change.index(keys::key_deletion(deletion_ms, &key.id)), key.id))
        })?;
        Ok(ScheduleKeyDeletionResponse {
            key_id: self.key_arn(&id),
            deletion_date: Timestamp(deletion_ms),
            key_state: KeyState::PendingDeletion.name().into(),
            pending_window_in_days: days,
        })
    }
}
