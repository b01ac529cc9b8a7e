//! Decryption (PKCS#11 3.0 sec. 5.10).

use super::cipher;
use crate::mechanism::Direction::Decrypt;
use crate::session::Step;
use cryptoki_sys::*;

pub unsafe extern "C" fn C_DecryptInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: the caller's promise, passed on.
    unsafe { cipher::init("C_DecryptInit", Decrypt, session, mechanism, key) }
}

pub unsafe extern "C" fn C_Decrypt(
    session: CK_SESSION_HANDLE,
    encrypted: CK_BYTE_PTR,
    encrypted_bytes: CK_ULONG,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG_PTR,
) -> CK_RV {
    let (input, output) = ((encrypted, encrypted_bytes), (data, data_bytes));
    // SAFETY: the caller's promise, passed on.
    unsafe { cipher::process("C_Decrypt", (Decrypt, Step::OneShot), session, input, output) }
}

pub unsafe extern "C" fn C_DecryptUpdate(
    session: CK_SESSION_HANDLE,
    encrypted: CK_BYTE_PTR,
    encrypted_bytes: CK_ULONG,
    data: CK_BYTE_PTR,
    data_bytes: CK_ULONG_PTR,
) -> CK_RV {
    let (input, output) = ((encrypted, encrypted_bytes), (data, data_bytes));
    // SAFETY: the caller's promise, passed on.
    unsafe { cipher::process("C_DecryptUpdate", (Decrypt, Step::Update), session, input, output) }
}

pub unsafe extern "C" fn C_DecryptFinal(
    session: CK_SESSION_HANDLE,
    last: CK_BYTE_PTR,
    last_bytes: CK_ULONG_PTR,
) -> CK_RV {
    // SAFETY: the caller's promise, passed on.
    unsafe { cipher::finish("C_DecryptFinal", Decrypt, session, (last, last_bytes)) }
}
