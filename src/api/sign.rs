//! Signing, MACing and verifying (PKCS#11 3.0 sec. 5.13 and 5.15).

use super::start::{Kind, start};
use super::{Trace, call, params, raw};
use crate::session::Operations;
use cryptoki_sys::*;

/// A null mechanism ends an active operation (PKCS#11 3.0 sec. 5.2).
pub unsafe extern "C" fn C_SignInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    let ends = Operations { sign: true, ..Operations::default() };
    let kind = Kind { does: |row| row.sign.is_some(), ends };
    // SAFETY: the caller's promise about its mechanism and its parameter.
    unsafe {
        start("C_SignInit", kind, session, mechanism, |session, row, mechanism| {
            session.sign_init(row, &params::parse(row.params, mechanism)?, key)
        })
    }
}

pub unsafe extern "C" fn C_Sign(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_Sign", Trace::data(session, data_bytes), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffers.
        unsafe {
            raw::with_io((data, data_bytes), signature, signature_bytes, |io| session.sign_one_shot(io))
        }
    })
}

pub unsafe extern "C" fn C_SignUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_bytes: CK_ULONG,
) -> CK_RV {
    call("C_SignUpdate", Trace::data(session, part_bytes), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        session.sign_update(unsafe { raw::bytes(part, part_bytes, "the data pointer is null") })
    })
}

pub unsafe extern "C" fn C_SignFinal(
    session: CK_SESSION_HANDLE,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_SignFinal", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        unsafe { raw::with_output(signature, signature_bytes, |output| session.sign_final(output)) }
    })
}

/// A null mechanism ends an active operation (PKCS#11 3.0 sec. 5.2).
pub unsafe extern "C" fn C_VerifyInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    let ends = Operations { verify: true, ..Operations::default() };
    let kind = Kind { does: |row| row.sign.is_some(), ends };
    // SAFETY: the caller's promise about its mechanism and its parameter.
    unsafe {
        start("C_VerifyInit", kind, session, mechanism, |session, row, mechanism| {
            session.verify_init(row, &params::parse(row.params, mechanism)?, key)
        })
    }
}

pub unsafe extern "C" fn C_Verify(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG,
) -> CK_RV {
    call("C_Verify", Trace::data(session, data_bytes), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffers.
        let io = unsafe {
            raw::bytes(data, data_bytes, "the data pointer is null").and_then(|data| {
                Ok((data, raw::bytes(signature, signature_bytes, "the signature pointer is null")?))
            })
        };
        session.verify_one_shot(io)
    })
}

pub unsafe extern "C" fn C_VerifyUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_bytes: CK_ULONG,
) -> CK_RV {
    call("C_VerifyUpdate", Trace::data(session, part_bytes), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        session.verify_update(unsafe { raw::bytes(part, part_bytes, "the data pointer is null") })
    })
}

pub unsafe extern "C" fn C_VerifyFinal(
    session: CK_SESSION_HANDLE,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG,
) -> CK_RV {
    call("C_VerifyFinal", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        session
            .verify_final(unsafe { raw::bytes(signature, signature_bytes, "the signature pointer is null") })
    })
}
