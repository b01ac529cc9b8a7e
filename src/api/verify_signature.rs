//! Verifying data against a signature that was given first (PKCS#11 3.2 sec. 5.15.7 to 5.15.10).

use super::start::{Kind, start};
use super::{Trace, call, params, raw};
use crate::session::Operations;
use cryptoki_sys::*;

/// A null mechanism ends an active operation (PKCS#11 3.0 sec. 5.2).
pub unsafe extern "C" fn C_VerifySignatureInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
    signature: CK_BYTE_PTR,
    signature_bytes: CK_ULONG,
) -> CK_RV {
    let ends = Operations { verify_signature: true, ..Operations::default() };
    let kind = Kind { does: |row| row.sign.is_some(), ends };
    // SAFETY: the caller's promise about its mechanism, its parameter and its signature.
    unsafe {
        start("C_VerifySignatureInit", kind, session, mechanism, |session, row, mechanism| {
            let signature = raw::bytes(signature, signature_bytes, "the signature pointer is null")?;
            session.verify_signature_init(row, &params::parse(row.params, mechanism)?, key, signature)
        })
    }
}

pub unsafe extern "C" fn C_VerifySignature(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG,
) -> CK_RV {
    call("C_VerifySignature", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        session.verify_signature(unsafe { raw::bytes(data, data_bytes, "the data pointer is null") })
    })
}

pub unsafe extern "C" fn C_VerifySignatureUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_bytes: CK_ULONG,
) -> CK_RV {
    call("C_VerifySignatureUpdate", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        session.verify_signature_update(unsafe { raw::bytes(part, part_bytes, "the data pointer is null") })
    })
}

pub unsafe extern "C" fn C_VerifySignatureFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    call("C_VerifySignatureFinal", Trace::session(session), |library, _| {
        library.session(session)?.verify_signature_final()
    })
}
