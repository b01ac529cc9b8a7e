//! Session management (PKCS#11 3.0 sec. 5.6).

use super::{Trace, bad, call, raw};
use crate::error::CallError;
use crate::session::{Operations, Pin, SessionState, UserType};
use cryptoki_sys::*;

pub unsafe extern "C" fn C_OpenSession(
    slot_id: CK_SLOT_ID,
    flags: CK_FLAGS,
    _application: CK_VOID_PTR,
    _notify: CK_NOTIFY,
    session: CK_SESSION_HANDLE_PTR,
) -> CK_RV {
    call("C_OpenSession", Trace::slot(slot_id), |library, trace| {
        library.slot(slot_id)?.must_be_present()?;
        if flags & CKF_SERIAL_SESSION == 0 {
            return Err(CallError::ParallelSession.into());
        }
        if flags & CKF_RW_SESSION == 0 && !library.active.rules.read_only_sessions {
            return Err(CallError::ReadOnlyNotSupported.into());
        }
        // SAFETY: the caller passes null or a place for a handle.
        let place = unsafe { raw::place(session, "phSession is null") }?;
        *place = library.open_session(slot_id, flags & CKF_RW_SESSION != 0)?;
        trace.session = Some(*place);
        Ok(())
    })
}

pub unsafe extern "C" fn C_CloseSession(session: CK_SESSION_HANDLE) -> CK_RV {
    call("C_CloseSession", Trace::session(session), |library, _| library.close_session(session))
}

pub unsafe extern "C" fn C_CloseAllSessions(slot_id: CK_SLOT_ID) -> CK_RV {
    call("C_CloseAllSessions", Trace::slot(slot_id), |library, _| library.close_all_sessions(slot_id))
}

pub unsafe extern "C" fn C_GetSessionInfo(session: CK_SESSION_HANDLE, info: CK_SESSION_INFO_PTR) -> CK_RV {
    call("C_GetSessionInfo", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller passes null or a place for a CK_SESSION_INFO.
        let info = unsafe { raw::place(info, "pInfo is null") }?;
        *info = CK_SESSION_INFO {
            slotID: session.slot_id,
            state: match session.session_state() {
                SessionState::ReadOnlyPublic => CKS_RO_PUBLIC_SESSION,
                SessionState::ReadOnlyUser => CKS_RO_USER_FUNCTIONS,
                SessionState::ReadWritePublic => CKS_RW_PUBLIC_SESSION,
                SessionState::ReadWriteUser => CKS_RW_USER_FUNCTIONS,
                SessionState::ReadWriteSecurityOfficer => CKS_RW_SO_FUNCTIONS,
            },
            flags: CKF_SERIAL_SESSION | if session.read_write { CKF_RW_SESSION } else { 0 },
            ulDeviceError: 0,
        };
        Ok(())
    })
}

pub unsafe extern "C" fn C_GetOperationState(
    session: CK_SESSION_HANDLE,
    state: CK_BYTE_PTR,
    state_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_GetOperationState", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        unsafe { raw::with_output(state, state_bytes, |output| session.operation_state(output?)) }
    })
}

pub unsafe extern "C" fn C_SetOperationState(
    session: CK_SESSION_HANDLE,
    state: CK_BYTE_PTR,
    state_bytes: CK_ULONG,
    encryption_key: CK_OBJECT_HANDLE,
    authentication_key: CK_OBJECT_HANDLE,
) -> CK_RV {
    call("C_SetOperationState", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        if state.is_null() {
            return Err(bad("the state is null"));
        }
        // SAFETY: the caller's promise about its state.
        let state = unsafe { raw::bytes(state, state_bytes, "the state is null") }?;
        session.set_operation_state(state, [encryption_key, authentication_key])
    })
}

/// PKCS#11 3.2 sec. 5.6.12: no validation is claimed, so no indicator is ever set.
pub unsafe extern "C" fn C_GetSessionValidationFlags(
    session: CK_SESSION_HANDLE,
    kind: CK_SESSION_VALIDATION_FLAGS_TYPE,
    flags: *mut CK_FLAGS,
) -> CK_RV {
    call("C_GetSessionValidationFlags", Trace::session(session), |library, _| {
        library.session(session)?;
        if kind != CKS_LAST_VALIDATION_OK {
            return Err(bad("there are no validation flags of this type"));
        }
        // SAFETY: the caller passes null or a place for flags.
        *unsafe { raw::place(flags, "pFlags is null") }? = 0;
        Ok(())
    })
}

/// PKCS#11 3.0 sec. 5.6.8. Flags of operations that are not active, or that do not exist here, are ignored.
pub unsafe extern "C" fn C_SessionCancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS) -> CK_RV {
    call("C_SessionCancel", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let has = |flag: CK_FLAGS| flags & flag != 0;
        session.cancel(Operations {
            encrypt: has(CKF_ENCRYPT),
            decrypt: has(CKF_DECRYPT),
            digest: has(CKF_DIGEST),
            sign: has(CKF_SIGN),
            verify: has(CKF_VERIFY),
            verify_signature: has(CKF_VERIFY),
            sign_recover: has(CKF_SIGN_RECOVER),
            verify_recover: has(CKF_VERIFY_RECOVER),
            message_encrypt: has(CKF_MESSAGE_ENCRYPT),
            message_decrypt: has(CKF_MESSAGE_DECRYPT),
            message_sign: has(CKF_MESSAGE_SIGN),
            message_verify: has(CKF_MESSAGE_VERIFY),
            find: has(CKF_FIND_OBJECTS),
        });
        Ok(())
    })
}

pub unsafe extern "C" fn C_Login(
    session: CK_SESSION_HANDLE,
    user_type: CK_USER_TYPE,
    pin: CK_UTF8CHAR_PTR,
    pin_bytes: CK_ULONG,
) -> CK_RV {
    call("C_Login", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let user_type = UserType::parse(user_type)?;
        if pin.is_null() {
            return Err(bad("the PIN is null: there is no protected authentication path"));
        }
        // SAFETY: the caller passes a PIN of that length.
        let pin = unsafe { raw::bytes(pin, pin_bytes, "the PIN is null") }?;
        library.log_in(&session, user_type, Pin::Text(pin))
    })
}

/// PKCS#11 3.0 sec. 5.6.10
pub unsafe extern "C" fn C_LoginUser(
    session: CK_SESSION_HANDLE,
    user_type: CK_USER_TYPE,
    pin: CK_UTF8CHAR_PTR,
    pin_bytes: CK_ULONG,
    user: CK_UTF8CHAR_PTR,
    user_bytes: CK_ULONG,
) -> CK_RV {
    call("C_LoginUser", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let user_type = UserType::parse(user_type)?;
        if pin.is_null() {
            return Err(bad("the PIN is null: there is no protected authentication path"));
        }
        // SAFETY: the caller passes a PIN and a name of those lengths.
        let (password, user) = unsafe {
            (
                raw::bytes(pin, pin_bytes, "the PIN is null")?,
                raw::bytes(user, user_bytes, "the user name is null")?,
            )
        };
        if user.is_empty() {
            return library.log_in(&session, user_type, Pin::Text(password));
        }
        let user = std::str::from_utf8(user).map_err(|_| bad("the user name is not UTF-8"))?;
        library.log_in(&session, user_type, Pin::Named { user, password })
    })
}

pub unsafe extern "C" fn C_Logout(session: CK_SESSION_HANDLE) -> CK_RV {
    call("C_Logout", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        library.log_out(&session)
    })
}
