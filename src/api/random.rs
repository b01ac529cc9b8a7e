//! Random number generation (PKCS#11 3.0 sec. 5.19).

use super::{Trace, bad, call, raw};
use crate::error::CallError;
use cryptoki_sys::*;

/// The generator seeds itself from the system; what a caller adds cannot make it better.
pub unsafe extern "C" fn C_SeedRandom(
    session: CK_SESSION_HANDLE,
    seed: CK_BYTE_PTR,
    seed_bytes: CK_ULONG,
) -> CK_RV {
    call("C_SeedRandom", Trace::session(session), |library, _| {
        library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        unsafe { raw::bytes(seed, seed_bytes, "the seed is null") }?;
        Err(CallError::SeedNotSupported.into())
    })
}

pub unsafe extern "C" fn C_GenerateRandom(
    session: CK_SESSION_HANDLE,
    random: CK_BYTE_PTR,
    random_bytes: CK_ULONG,
) -> CK_RV {
    call("C_GenerateRandom", Trace::session(session), |library, _| {
        library.session(session)?;
        let room = usize::try_from(random_bytes).unwrap_or(usize::MAX);
        if random.is_null() || room > isize::MAX as usize {
            return Err(bad("the buffer is null, or its length is not one"));
        }
        // SAFETY: not null, and so long, by the caller's promise.
        crate::crypto::random::fill(unsafe { std::slice::from_raw_parts_mut(random, room) })
    })
}
