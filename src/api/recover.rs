//! Signing with recovery, and verifying with it (PKCS#11 3.0 sec. 5.13.5, 5.13.6, 5.15.5 and 5.15.6).

use super::start::{Kind, start};
use super::{Trace, call, params, raw};
use crate::mechanism::Recovery;
use crate::session::Operations;
use cryptoki_sys::*;

/// A null mechanism ends an active operation (PKCS#11 3.0 sec. 5.2).
///
/// # Safety
/// As `raw::mechanism` and `params::parse`.
unsafe fn init(
    function: &'static str,
    half: Recovery,
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    let (sign_recover, verify_recover) = (half == Recovery::Sign, half == Recovery::Verify);
    let ends = Operations { sign_recover, verify_recover, ..Operations::default() };
    let kind = Kind { does: |row| row.recover.is_some(), ends };
    // SAFETY: the caller's promise about its mechanism and its parameter.
    unsafe {
        start(function, kind, session, mechanism, |session, row, mechanism| {
            session.recover_init(half, row, &params::parse(row.params, mechanism)?, key)
        })
    }
}

/// # Safety
/// As `raw::with_io`.
unsafe fn one_shot(
    function: &'static str,
    half: Recovery,
    session: CK_SESSION_HANDLE,
    input: (CK_BYTE_PTR, CK_ULONG),
    output: (CK_BYTE_PTR, CK_ULONG_PTR),
) -> CK_RV {
    call(function, Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffers.
        unsafe { raw::with_io((input.0, input.1), output.0, output.1, |io| session.recover(half, io)) }
    })
}

pub unsafe extern "C" fn C_SignRecoverInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: the caller's promise, passed on.
    unsafe { init("C_SignRecoverInit", Recovery::Sign, session, mechanism, key) }
}

pub unsafe extern "C" fn C_SignRecover(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG_PTR,
) -> CK_RV {
    let (input, output) = ((data, data_bytes), (signature, signature_bytes));
    // SAFETY: the caller's promise, passed on.
    unsafe { one_shot("C_SignRecover", Recovery::Sign, session, input, output) }
}

pub unsafe extern "C" fn C_VerifyRecoverInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: the caller's promise, passed on.
    unsafe { init("C_VerifyRecoverInit", Recovery::Verify, session, mechanism, key) }
}

pub unsafe extern "C" fn C_VerifyRecover(
    session: CK_SESSION_HANDLE,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG_PTR,
) -> CK_RV {
    let (input, output) = ((signature, signature_bytes), (data, data_bytes));
    // SAFETY: the caller's promise, passed on.
    unsafe { one_shot("C_VerifyRecover", Recovery::Verify, session, input, output) }
}
