//! What C_EncryptInit to C_DecryptFinal have in common: both directions take the same arguments.

use super::start::{Kind, start};
use super::{Trace, call, params, raw};
use crate::mechanism::{Direction, Mechanism};
use crate::session::{Operations, Session, Step};
use cryptoki_sys::*;

/// A null mechanism ends an active operation (PKCS#11 3.0 sec. 5.2).
///
/// # Safety
/// As `raw::mechanism` and `params::parse`.
#[inline]
pub unsafe fn init(
    function: &'static str,
    direction: Direction,
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    let (encrypt, decrypt) = (direction == Direction::Encrypt, direction == Direction::Decrypt);
    let ends = Operations { encrypt, decrypt, ..Operations::default() };
    let kind = Kind { does: |row| row.cipher.is_some(), ends };
    let begin = |session: &Session, row: &'static Mechanism, mechanism: &CK_MECHANISM| {
        // SAFETY: the caller's promise about the mechanism's parameter.
        let params = || unsafe { params::parse(row.params, mechanism) };
        // SAFETY: the caller's promise about the mechanism's parameter.
        let write_iv = unsafe { params::iv_place(row, direction, mechanism) }?;
        session.cipher_init(direction, row, params, key, write_iv)
    };
    // SAFETY: the caller's promise about its mechanism, passed on.
    unsafe { start(function, kind, session, mechanism, begin) }
}

/// One part, or the only one.
///
/// # Safety
/// As `raw::with_io`.
#[inline]
pub unsafe fn process(
    function: &'static str,
    (direction, step): (Direction, Step),
    session: CK_SESSION_HANDLE,
    input: (CK_BYTE_PTR, CK_ULONG),
    output: (CK_BYTE_PTR, CK_ULONG_PTR),
) -> CK_RV {
    call(function, Trace::data(session, input.1), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffers.
        unsafe {
            raw::with_io((input.0, input.1), output.0, output.1, |io| match step {
                Step::Update => session.cipher_update(direction, io),
                _ => session.cipher_one_shot(direction, io),
            })
        }
    })
}

/// # Safety
/// As `raw::with_output`.
#[inline]
pub unsafe fn finish(
    function: &'static str,
    direction: Direction,
    session: CK_SESSION_HANDLE,
    output: (CK_BYTE_PTR, CK_ULONG_PTR),
) -> CK_RV {
    call(function, Trace::session(session), |library, _| {
        let session = library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        unsafe { raw::with_output(output.0, output.1, |output| session.cipher_final(direction, output)) }
    })
}
