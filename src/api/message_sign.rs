//! Message-based signing and verifying (PKCS#11 3.0 sec. 5.14 and 5.16).
//!
//! No mechanism that is here has a parameter for the single message: one that is given is refused.

use super::start::{Kind, start};
use super::{Trace, call, params, raw};
use crate::error::{Error, MechanismError};
use crate::session::{Operations, Signing};
use cryptoki_sys::*;

fn no_parameter(bytes: CK_ULONG) -> Result<(), Error> {
    if bytes == 0 {
        return Ok(());
    }
    Err(MechanismError::Params("messages of this mechanism take no parameter").into())
}

/// A null mechanism ends the process and the message in it.
///
/// # Safety
/// As `raw::mechanism` and `params::parse`.
unsafe fn init(
    function: &'static str,
    half: Signing,
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    let (message_sign, message_verify) = (half == Signing::Sign, half == Signing::Verify);
    let ends = Operations { message_sign, message_verify, ..Operations::default() };
    let kind = Kind { does: |row| row.sign.is_some(), ends };
    // SAFETY: the caller's promise about its mechanism and its parameter.
    unsafe {
        start(function, kind, session, mechanism, |session, row, mechanism| {
            session.message_sign_init(half, row, params::parse(row.params, mechanism)?, key)
        })
    }
}

fn begin(function: &'static str, half: Signing, session: CK_SESSION_HANDLE, bytes: CK_ULONG) -> CK_RV {
    call(function, Trace::session(session), |library, _| {
        library.session(session)?.sign_message_begin(half, no_parameter(bytes))
    })
}

fn finish(function: &'static str, half: Signing, session: CK_SESSION_HANDLE) -> CK_RV {
    call(function, Trace::session(session), |library, _| library.session(session)?.message_sign_final(half))
}

pub unsafe extern "C" fn C_MessageSignInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: the caller's promise, passed on.
    unsafe { init("C_MessageSignInit", Signing::Sign, session, mechanism, key) }
}

pub unsafe extern "C" fn C_SignMessage(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_bytes: CK_ULONG,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_SignMessage", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffers.
        unsafe {
            raw::with_io((data, data_bytes), signature, signature_bytes, |io| {
                session.sign_message(no_parameter(parameter_bytes).and(io))
            })
        }
    })
}

pub unsafe extern "C" fn C_SignMessageBegin(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_bytes: CK_ULONG,
) -> CK_RV {
    begin("C_SignMessageBegin", Signing::Sign, session, parameter_bytes)
}

/// Without a place for the signature's length, more parts follow.
pub unsafe extern "C" fn C_SignMessageNext(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_bytes: CK_ULONG,
    part: CK_BYTE_PTR,
    part_bytes: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_SignMessageNext", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let parameter = no_parameter(parameter_bytes);
        // SAFETY: the caller's promise about its buffers.
        unsafe {
            if signature_bytes.is_null() {
                let part = raw::bytes(part, part_bytes, "the data pointer is null");
                return session.sign_message_part(Signing::Sign, parameter.and(part));
            }
            raw::with_io((part, part_bytes), signature, signature_bytes, |io| {
                session.sign_message_last(parameter.and(io))
            })
        }
    })
}

pub unsafe extern "C" fn C_MessageSignFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    finish("C_MessageSignFinal", Signing::Sign, session)
}

pub unsafe extern "C" fn C_MessageVerifyInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: the caller's promise, passed on.
    unsafe { init("C_MessageVerifyInit", Signing::Verify, session, mechanism, key) }
}

pub unsafe extern "C" fn C_VerifyMessage(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_bytes: CK_ULONG,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG,
) -> CK_RV {
    call("C_VerifyMessage", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffers.
        let io = unsafe { data_and_signature((data, data_bytes), (signature, signature_bytes)) };
        session.verify_message(no_parameter(parameter_bytes).and(io))
    })
}

pub unsafe extern "C" fn C_VerifyMessageBegin(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_bytes: CK_ULONG,
) -> CK_RV {
    begin("C_VerifyMessageBegin", Signing::Verify, session, parameter_bytes)
}

/// Without a signature, more parts follow.
pub unsafe extern "C" fn C_VerifyMessageNext(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_bytes: CK_ULONG,
    part: CK_BYTE_PTR,
    part_bytes: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG,
) -> CK_RV {
    call("C_VerifyMessageNext", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        let parameter = no_parameter(parameter_bytes);
        // SAFETY: the caller's promise about its buffers.
        let io = unsafe { data_and_signature((part, part_bytes), (signature, signature_bytes)) };
        if signature.is_null() && signature_bytes == 0 {
            return session.sign_message_part(Signing::Verify, parameter.and(io).map(|(part, _)| part));
        }
        session.verify_message_last(parameter.and(io))
    })
}

pub unsafe extern "C" fn C_MessageVerifyFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    finish("C_MessageVerifyFinal", Signing::Verify, session)
}

/// # Safety
/// As `raw::bytes`.
unsafe fn data_and_signature<'a>(
    data: (CK_BYTE_PTR, CK_ULONG),
    signature: (CK_BYTE_PTR, CK_ULONG),
) -> Result<(&'a [u8], &'a [u8]), Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let data = raw::bytes(data.0, data.1, "the data pointer is null")?;
        Ok((data, raw::bytes(signature.0, signature.1, "the signature pointer is null")?))
    }
}
