//! Decryption (PKCS#11 3.0 sec. 5.10).

use super::{Trace, call, mechanism_row, params, raw};
use crate::mechanism::Direction;
use crate::session::Operations;
use cryptoki_sys::*;

/// A null mechanism ends an active operation (PKCS#11 3.0 sec. 5.2).
pub unsafe extern "C" fn C_DecryptInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    call("C_DecryptInit", Trace::session(session), |library, trace| {
        let session = library.session(session)?;
        if mechanism.is_null() {
            session.cancel(Operations { decrypt: true, ..Operations::default() });
            return Ok(());
        }
        // SAFETY: the caller's promise about its mechanism.
        let mechanism = unsafe { raw::mechanism(mechanism) }?;
        let row = mechanism_row(mechanism.mechanism, trace, |row| row.cipher.is_some())?;
        // SAFETY: the caller's promise about the mechanism's parameter.
        let params = || unsafe { params::parse(row.params, &mechanism) };
        session.cipher_init(Direction::Decrypt, row, params, key)
    })
}

pub unsafe extern "C" fn C_Decrypt(
    session: CK_SESSION_HANDLE,
    encrypted: CK_BYTE_PTR,
    encrypted_bytes: CK_ULONG,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_Decrypt", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffers.
        unsafe {
            raw::with_io((encrypted, encrypted_bytes), data, data_bytes, |io| {
                session.cipher_one_shot(Direction::Decrypt, io)
            })
        }
    })
}

pub unsafe extern "C" fn C_DecryptUpdate(
    session: CK_SESSION_HANDLE,
    encrypted: CK_BYTE_PTR,
    encrypted_bytes: CK_ULONG,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_DecryptUpdate", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffers.
        unsafe {
            raw::with_io((encrypted, encrypted_bytes), data, data_bytes, |io| {
                session.cipher_update(Direction::Decrypt, io)
            })
        }
    })
}

pub unsafe extern "C" fn C_DecryptFinal(
    session: CK_SESSION_HANDLE,
    last: CK_BYTE_PTR,
    last_bytes: CK_ULONG_PTR,
) -> CK_RV {
    call("C_DecryptFinal", Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        unsafe {
            raw::with_output(last, last_bytes, |output| session.cipher_final(Direction::Decrypt, output))
        }
    })
}
