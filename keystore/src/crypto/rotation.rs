//! EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus and ListKeyRotations: keys of the default key store alone
//! (reference sec. 6).

use super::api::{
    DisableKeyRotationRequest, EnableKeyRotationRequest, GetKeyRotationStatusRequest,
    GetKeyRotationStatusResponse, ListKeyRotationsRequest, ListKeyRotationsResponse, RotationsListEntry,
};
use crate::error::KmsError;
use crate::keys::locate::{KeyState, Located};
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::page::{Page, start};
use crate::records::key::{KeyRecord, Rotation};
use crate::records::{Change, keys};
use crate::validate::{Check, KEY_ID};
use crate::wire::Timestamp;

/// RotationPeriodInDays where EnableKeyRotation says none.
const DEFAULT_PERIOD_DAYS: u16 = 365;
pub(super) const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Entries of a page where ListKeyRotations says no Limit.
const DEFAULT_PAGE: usize = 100;
/// Tells markers of ListKeyRotations from those of other lists.
const MARKER_KIND: u8 = keys::KEY_ROTATION;
/// IncludeKeyMaterial
const ALL_KEY_MATERIAL: &str = "ALL_KEY_MATERIAL";

impl Kms {
    /// From now on the key gets new key material each period, beginning a period from now. With the period that it has already
    /// nothing changes.
    pub fn enable_key_rotation(
        &self,
        _caller: &Caller,
        request: &EnableKeyRotationRequest,
    ) -> Result<(), KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.number("rotationPeriodInDays", request.rotation_period_in_days, 90..=2560);
        check.finish()?;
        let wanted = request.rotation_period_in_days.and_then(|days| u16::try_from(days).ok());
        let period_days = wanted.unwrap_or(DEFAULT_PERIOD_DAYS);
        self.transact(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(Operation::EnableKeyRotation, &key)?;
            let now = key.record.value.rotation;
            if now.is_some_and(|rotation| rotation.period_days == period_days) {
                return Ok((Change::default(), ()));
            }
            let next_ms = self.now_ms() + u64::from(period_days) * DAY_MS;
            Ok((with_rotation(&key, Some(Rotation { period_days, next_ms }))?, ()))
        })
    }

    pub fn disable_key_rotation(
        &self,
        _caller: &Caller,
        request: &DisableKeyRotationRequest,
    ) -> Result<(), KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.finish()?;
        self.transact(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(Operation::DisableKeyRotation, &key)?;
            match key.record.value.rotation {
                Some(_) => Ok((with_rotation(&key, None)?, ())),
                None => Ok((Change::default(), ())),
            }
        })
    }

    /// While a key is pending deletion its rotation rests, and is told to be disabled.
    pub fn get_key_rotation_status(
        &self,
        _caller: &Caller,
        request: &GetKeyRotationStatusRequest,
    ) -> Result<GetKeyRotationStatusResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.finish()?;
        let key = self.view(|view| self.locate_key(view, key_id))?;
        self.allow(Operation::GetKeyRotationStatus, &key)?;
        let rotation = key.record.value.rotation.filter(|_| key.state != KeyState::PendingDeletion);
        Ok(GetKeyRotationStatusResponse {
            key_rotation_enabled: rotation.is_some(),
            key_id: key.id.to_string(),
            rotation_period_in_days: rotation.map(|rotation| rotation.period_days),
            next_rotation_date: rotation.map(|rotation| Timestamp(rotation.next_ms)),
        })
    }

    /// Oldest first.
    pub fn list_key_rotations(
        &self,
        _caller: &Caller,
        request: &ListKeyRotationsRequest,
    ) -> Result<ListKeyRotationsResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        let included = request.include_key_material.as_deref();
        check.one_of("includeKeyMaterial", included, &[ALL_KEY_MATERIAL, "ROTATIONS_ONLY"]);
        check.page(request.limit, request.marker.as_deref(), 1000);
        check.finish()?;
        let key = self.view(|view| self.locate_key(view, key_id))?;
        self.allow(Operation::ListKeyRotations, &key)?;
        let (from, to) = keys::between(key.id.as_bytes());
        let start = start(MARKER_KIND, request.marker.as_deref(), &from, &to)?;
        let mut page = Page::new(request.limit, DEFAULT_PAGE);
        for (place, entry) in entries(&key, included == Some(ALL_KEY_MATERIAL)) {
            if place >= start && page.push(&place, entry).is_break() {
                break;
            }
        }
        let (rotations, next_marker, truncated) = page.finish(MARKER_KIND);
        Ok(ListKeyRotationsResponse { rotations, next_marker, truncated })
    }
}

/// The key material of a key with where each stands in the list; `first`: that which it was made with too.
fn entries(key: &Located, first: bool) -> impl Iterator<Item = (Vec<u8>, RotationsListEntry)> + '_ {
    let backing = &key.record.value.backing;
    let last = backing.len().saturating_sub(1);
    backing.iter().zip(0_u32..).enumerate().skip(usize::from(!first)).map(move |(index, (one, number))| {
        let is_rotated = index > 0;
        let kind = if one.on_demand { "ON_DEMAND" } else { "AUTOMATIC" };
        let entry = RotationsListEntry {
            key_id: key.id.to_string(),
            key_material_id: one.id.to_string(),
            key_material_state: if index == last { "CURRENT" } else { "NON_CURRENT" },
            rotation_date: is_rotated.then_some(Timestamp(one.created_ms)),
            rotation_type: is_rotated.then_some(kind),
        };
        ([key.id.as_bytes().as_slice(), &number.to_be_bytes()].concat(), entry)
    })
}

/// The key with another rotation, and its place in the index.
fn with_rotation(key: &Located, rotation: Option<Rotation>) -> Result<Change, KmsError> {
    let new = KeyRecord { rotation, ..key.record.value.clone() };
    replace(key, &new)
}

/// Puts `new` in the key's place, and moves it in the index of rotations.
pub(super) fn replace(key: &Located, new: &KeyRecord) -> Result<Change, KmsError> {
    let (old, place) =
        (&key.record.value, |rotation: Rotation| keys::key_rotation(rotation.next_ms, &key.id));
    let mut change = Change::default().update(&key.record, new)?;
    if old.rotation != new.rotation {
        change =
            old.rotation.into_iter().fold(change, |change, rotation| change.remove_index(place(rotation)));
        change = new.rotation.into_iter().fold(change, |change, rotation| change.index(place(rotation)));
    }
    Ok(change)
}
