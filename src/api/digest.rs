//! Message digesting (PKCS#11 3.0 sec. 5.12).

use super::start::{Kind, start};
use super::{Trace, call, params, raw};
use crate::session::Operations;
use cryptoki_sys::*;

/// A null mechanism ends an active operation (PKCS#11 3.0 sec. 5.2).
pub unsafe extern "C" fn C_DigestInit(session: CK_SESSION_HANDLE, mechanism: CK_MECHANISM_PTR) -> CK_RV {
    let ends = Operations { digest: true, ..Operations::default() };
    let kind = Kind { does: |row| row.digest.is_some(), ends };
    // SAFETY: the caller's promise about its mechanism and its parameter.
    unsafe {
        start("C_DigestInit", kind, session, mechanism, |session, row, mechanism| {
            session.digest_init(row, params::parse(row.params, mechanism)?)
        })
    }
}

pub unsafe extern "C" fn C_Digest(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG,
    digest: CK_BYTE_PTR,
    digest_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_Digest", Trace::data(session, data_bytes), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffers.
        unsafe { raw::with_io((data, data_bytes), digest, digest_bytes, |io| session.digest_one_shot(io)) }
    })
}

pub unsafe extern "C" fn C_DigestUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_bytes: CK_ULONG,
) -> CK_RV {
    call("C_DigestUpdate", Trace::data(session, part_bytes), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        session.digest_update(unsafe { raw::bytes(part, part_bytes, "the data pointer is null") })
    })
}

pub unsafe extern "C" fn C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> CK_RV {
    call("C_DigestKey", Trace::session(session), |library, _| library.session(session)?.digest_key(key))
}

pub unsafe extern "C" fn C_DigestFinal(
    session: CK_SESSION_HANDLE,
    digest: CK_BYTE_PTR,
    digest_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_DigestFinal", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        unsafe { raw::with_output(digest, digest_bytes, |output| session.digest_final(output)) }
    })
}
