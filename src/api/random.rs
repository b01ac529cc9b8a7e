//! Random number generation (PKCS#11 3.0 sec. 5.19).

use super::{Trace, bad, call, raw};
use cryptoki_sys::*;

/// What the caller gives is mixed into everything that C_GenerateRandom gives from then on; it cannot make the
/// generator, which seeds itself, worse.
pub unsafe extern "C" fn C_SeedRandom(
    session: CK_SESSION_HANDLE,
    seed: CK_BYTE_PTR,
    seed_bytes: CK_ULONG,
) -> CK_RV {
    call("C_SeedRandom", Trace::session(session), |library, _| {
        library.session(session)?;
        // SAFETY: the caller's promise about its buffer.
        let seed = unsafe { raw::bytes(seed, seed_bytes, "the seed is null") }?;
        library.seed.stir(seed);
        Ok(())
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
        let random = unsafe { std::slice::from_raw_parts_mut(random, room) };
        crate::crypto::random::fill(random)?;
        library.seed.mix_into(random)
    })
}
