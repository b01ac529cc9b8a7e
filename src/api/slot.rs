//! Slot and token management (PKCS#11 3.0 sec. 5.5).

use super::general::library_version;
use super::{Trace, bad, call, mechanism_row, raw};
use crate::cluster::{PasswordRules, PinStatus, Role};
use crate::error::{CallError, Error};
use crate::session::Slot;
use cryptoki_sys::*;

pub unsafe extern "C" fn C_GetSlotList(
    token_present: CK_BBOOL,
    list: CK_SLOT_ID_PTR,
    count: CK_ULONG_PTR,
) -> CK_RV {
    call("C_GetSlotList", Trace::none(), |library, _| {
        if token_present > CK_TRUE {
            return Err(bad("tokenPresent is neither CK_TRUE nor CK_FALSE"));
        }
        let ids = library.listed_slots(token_present == CK_TRUE);
        // SAFETY: the caller's promise about its array.
        unsafe { raw::write_list(list, count, &ids) }
    })
}

pub unsafe extern "C" fn C_GetSlotInfo(slot_id: CK_SLOT_ID, info: CK_SLOT_INFO_PTR) -> CK_RV {
    call("C_GetSlotInfo", Trace::slot(slot_id), |library, _| {
        let slot = library.slot(slot_id)?;
        // SAFETY: the caller passes null or a place for a CK_SLOT_INFO.
        let info = unsafe { raw::place(info, "pInfo is null") }?;
        let description = match slot.hsm() {
            Some(hsm) => format!("{} in {}", hsm.name, hsm.availability_zone),
            None => "no HSM yet: C_InitToken makes one".to_string(),
        };
        *info = CK_SLOT_INFO {
            slotDescription: raw::padded(&description),
            manufacturerID: raw::padded("vhsm"),
            flags: if slot.must_be_present().is_ok() {
                CKF_TOKEN_PRESENT | flag(can_be_lost(&slot), CKF_REMOVABLE_DEVICE)
            } else {
                CKF_REMOVABLE_DEVICE
            },
            hardwareVersion: library_version(),
            firmwareVersion: library_version(),
        };
        Ok(())
    })
}

/// An HSM of a cluster that vhsm made may fail, be deleted and come back; a token of C_InitToken stays.
fn can_be_lost(slot: &Slot) -> bool {
    slot.cluster().is_ok_and(|cluster| !cluster.by_init_token)
}

pub unsafe extern "C" fn C_GetTokenInfo(slot_id: CK_SLOT_ID, info: CK_TOKEN_INFO_PTR) -> CK_RV {
    call("C_GetTokenInfo", Trace::slot(slot_id), |library, _| {
        let slot = library.slot(slot_id)?;
        slot.must_be_present()?;
        // SAFETY: the caller passes null or a place for a CK_TOKEN_INFO.
        let info = unsafe { raw::place(info, "pInfo is null") }?;
        *info = token_info(&slot)?;
        Ok(())
    })
}

fn token_info(slot: &Slot) -> Result<CK_TOKEN_INFO, Error> {
    let (label, serial, flags) = match (slot.cluster(), slot.hsm()) {
        (Ok(cluster), Some(hsm)) => {
            let user = slot.clusters.pin_status(&cluster, Role::CryptoUser)?;
            let officer = slot.clusters.pin_status(&cluster, Role::Admin)?;
            (cluster.label.clone(), hsm.name, CKF_TOKEN_INITIALIZED | user_flags(user) | so_flags(officer))
        }
        _ => (String::new(), format!("slot-{}", slot.id), 0),
    };
    let counts = *slot.counts.lock();
    let (min_pin, max_pin) = PasswordRules::Token.length();
    Ok(CK_TOKEN_INFO {
        label: raw::padded(&label),
        manufacturerID: raw::padded("vhsm"),
        model: raw::padded("virtual HSM"),
        serialNumber: raw::padded(&serial),
        flags: flags | CKF_RNG | CKF_LOGIN_REQUIRED | CKF_RESTORE_KEY_NOT_NEEDED | CKF_DUAL_CRYPTO_OPERATIONS,
        ulMaxSessionCount: CK_EFFECTIVELY_INFINITE,
        ulSessionCount: counts.read_only + counts.read_write,
        ulMaxRwSessionCount: CK_EFFECTIVELY_INFINITE,
        ulRwSessionCount: counts.read_write,
        ulMaxPinLen: max_pin as CK_ULONG,
        ulMinPinLen: min_pin as CK_ULONG,
        ulTotalPublicMemory: CK_UNAVAILABLE_INFORMATION,
        ulFreePublicMemory: CK_UNAVAILABLE_INFORMATION,
        ulTotalPrivateMemory: CK_UNAVAILABLE_INFORMATION,
        ulFreePrivateMemory: CK_UNAVAILABLE_INFORMATION,
        hardwareVersion: library_version(),
        firmwareVersion: library_version(),
        utcTime: raw::padded(""),
    })
}

fn user_flags(status: PinStatus) -> CK_FLAGS {
    flag(status.exists, CKF_USER_PIN_INITIALIZED)
        | flag(status.count_low, CKF_USER_PIN_COUNT_LOW)
        | flag(status.final_try, CKF_USER_PIN_FINAL_TRY)
        | flag(status.locked, CKF_USER_PIN_LOCKED)
}

fn so_flags(status: PinStatus) -> CK_FLAGS {
    flag(status.count_low, CKF_SO_PIN_COUNT_LOW)
        | flag(status.final_try, CKF_SO_PIN_FINAL_TRY)
        | flag(status.locked, CKF_SO_PIN_LOCKED)
}

fn flag(set: bool, flag: CK_FLAGS) -> CK_FLAGS {
    if set { flag } else { 0 }
}

pub unsafe extern "C" fn C_WaitForSlotEvent(
    flags: CK_FLAGS,
    slot: CK_SLOT_ID_PTR,
    reserved: CK_VOID_PTR,
) -> CK_RV {
    call("C_WaitForSlotEvent", Trace::none(), |library, trace| {
        if !reserved.is_null() {
            return Err(bad("pReserved is not null"));
        }
        // SAFETY: the caller passes null or a place for a slot id.
        let place = unsafe { raw::place(slot, "pSlot is null") }?;
        let event = library.wait_for_slot_event(flags & CKF_DONT_BLOCK == 0)?;
        trace.slot = Some(event);
        *place = event;
        Ok(())
    })
}

pub unsafe extern "C" fn C_GetMechanismList(
    slot_id: CK_SLOT_ID,
    list: CK_MECHANISM_TYPE_PTR,
    count: CK_ULONG_PTR,
) -> CK_RV {
    call("C_GetMechanismList", Trace::slot(slot_id), |library, _| {
        library.slot(slot_id)?.must_be_present()?;
        let ids: Vec<CK_MECHANISM_TYPE> = library.mechanisms.rows().map(|row| row.id).collect();
        // SAFETY: the caller's promise about its array.
        unsafe { raw::write_list(list, count, &ids) }
    })
}

/// What CK_MECHANISM_INFO says since 3.0.
const NEWER_FLAGS: CK_FLAGS = CKF_MESSAGE_ENCRYPT
    | CKF_MESSAGE_DECRYPT
    | CKF_MESSAGE_SIGN
    | CKF_MESSAGE_VERIFY
    | CKF_MULTI_MESSAGE
    | CKF_ENCAPSULATE
    | CKF_DECAPSULATE;

pub unsafe extern "C" fn C_GetMechanismInfo(
    slot_id: CK_SLOT_ID,
    kind: CK_MECHANISM_TYPE,
    info: CK_MECHANISM_INFO_PTR,
) -> CK_RV {
    call("C_GetMechanismInfo", Trace::slot(slot_id), |library, trace| {
        library.slot(slot_id)?.must_be_present()?;
        // SAFETY: the caller passes null or a place for a CK_MECHANISM_INFO.
        let info = unsafe { raw::place(info, "pInfo is null") }?;
        let row = mechanism_row(library, kind, trace, |_| true)?;
        let sizes = row.key_sizes(library.config.legacy);
        *info = CK_MECHANISM_INFO {
            ulMinKeySize: sizes.min as CK_ULONG,
            ulMaxKeySize: sizes.max as CK_ULONG,
            flags: if library.active.rules.new_interfaces { row.flags() } else { row.flags() & !NEWER_FLAGS },
        };
        Ok(())
    })
}

pub unsafe extern "C" fn C_InitToken(
    slot_id: CK_SLOT_ID,
    pin: CK_UTF8CHAR_PTR,
    pin_bytes: CK_ULONG,
    label: CK_UTF8CHAR_PTR,
) -> CK_RV {
    call("C_InitToken", Trace::slot(slot_id), |library, _| {
        library.slot(slot_id)?.must_be_present()?;
        // SAFETY: the caller passes a PIN of that length and a label of 32 characters.
        let (pin, label) = unsafe {
            if pin.is_null() {
                return Err(bad("the PIN is null: there is no protected authentication path"));
            }
            (raw::bytes(pin, pin_bytes, "the PIN is null")?, raw::bytes(label, 32, "the label is null")?)
        };
        let label = std::str::from_utf8(label).map_err(|_| bad("the label is not UTF-8"))?;
        library.init_token(slot_id, pin, label.trim_end_matches(' '))
    })
}

pub unsafe extern "C" fn C_InitPIN(
    session: CK_SESSION_HANDLE,
    pin: CK_UTF8CHAR_PTR,
    pin_bytes: CK_ULONG,
) -> CK_RV {
    call("C_InitPIN", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        if pin.is_null() {
            return Err(bad("the PIN is null: there is no protected authentication path"));
        }
        // SAFETY: the caller passes a PIN of that length.
        session.init_pin(unsafe { raw::bytes(pin, pin_bytes, "the PIN is null") }?)
    })
}

pub unsafe extern "C" fn C_SetPIN(
    session: CK_SESSION_HANDLE,
    old: CK_UTF8CHAR_PTR,
    old_bytes: CK_ULONG,
    new: CK_UTF8CHAR_PTR,
    new_bytes: CK_ULONG,
) -> CK_RV {
    call("C_SetPIN", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        if old.is_null() || new.is_null() {
            return Err(
                CallError::Arguments("a PIN is null: there is no protected authentication path").into()
            );
        }
        // SAFETY: the caller passes PINs of those lengths.
        let (old, new) = unsafe {
            (raw::bytes(old, old_bytes, "the old PIN")?, raw::bytes(new, new_bytes, "the new PIN")?)
        };
        session.set_pin(old, new)
    })
}
