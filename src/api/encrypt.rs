//! Encryption (PKCS#11 3.0 sec. 5.8).

use super::cipher;
use crate::mechanism::Direction::Encrypt;
use crate::session::Step;
use cryptoki_sys::*;

pub unsafe extern "C" fn C_EncryptInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: the caller's promise, passed on.
    unsafe { cipher::init("C_EncryptInit", Encrypt, session, mechanism, key) }
}

pub unsafe extern "C" fn C_Encrypt(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG,
    encrypted: CK_BYTE_PTR,
    encrypted_bytes: CK_ULONG_PTR,
) -> CK_RV {
    let (input, output) = ((data, data_bytes), (encrypted, encrypted_bytes));
    // SAFETY: the caller's promise, passed on.
    unsafe { cipher::process("C_Encrypt", (Encrypt, Step::OneShot), session, input, output) }
}

pub unsafe extern "C" fn C_EncryptUpdate(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG,
    encrypted: CK_BYTE_PTR,
    encrypted_bytes: CK_ULONG_PTR,
) -> CK_RV {
    let (input, output) = ((data, data_bytes), (encrypted, encrypted_bytes));
    // SAFETY: the caller's promise, passed on.
    unsafe { cipher::process("C_EncryptUpdate", (Encrypt, Step::Update), session, input, output) }
}

pub unsafe extern "C" fn C_EncryptFinal(
    session: CK_SESSION_HANDLE,
    last: CK_BYTE_PTR,
    last_bytes: CK_ULONG_PTR,
) -> CK_RV {
    // SAFETY: the caller's promise, passed on.
    unsafe { cipher::finish("C_EncryptFinal", Encrypt, session, (last, last_bytes)) }
}
