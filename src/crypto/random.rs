//! Random bytes from AWS-LC's generator: reseeds itself, and again after a fork.

use crate::error::Error;

/// Fills `out` with random bytes. Errors: `Error::Internal` when the system gives no entropy.
pub fn fill(out: &mut [u8]) -> Result<(), Error> {
    openssl::rand::rand_bytes(out).map_err(|e| Error::Internal(format!("random generator: {e}")))
}

/// An array of random bytes.
pub fn array<const N: usize>() -> Result<[u8; N], Error> {
    let mut out = [0; N];
    fill(&mut out)?;
    Ok(out)
}
