//! Random bytes from AWS-LC's generator: reseeds itself, and again after a fork.

use crate::error::Error;
use crate::sync::Mutex;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroizing;

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

/// What a caller seeds the generator with, on top of its own entropy (PKCS#11 3.0 sec. 5.19.1): a key stream of
/// AES-256-CTR under a hash of all seeds is added to the generator's bytes. Two independent streams added
/// are as unpredictable as the better one, so a poor seed does no harm.
#[derive(Default)]
pub struct Seed {
    given: AtomicBool,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    hash: Zeroizing<[u8; 32]>,
    /// Of the key stream: the first half of CTR's block, new for each call.
    calls: u64,
}

impl Seed {
    /// Takes a seed in, with all before it.
    pub fn stir(&self, seed: &[u8]) {
        let mut pool = self.pool.lock();
        let mut hash = openssl::sha::Sha256::new();
        hash.update(&*pool.hash);
        hash.update(seed);
        *pool.hash = hash.finish();
        self.given.store(true, Ordering::Release);
    }

    /// Adds the stream of the seeds, if any were given, to bytes of the generator.
    pub fn mix_into(&self, random: &mut [u8]) -> Result<(), Error> {
        if !self.given.load(Ordering::Acquire) {
            return Ok(());
        }
        let (key, block) = {
            let mut pool = self.pool.lock();
            pool.calls += 1;
            (pool.hash.clone(), u128::from(pool.calls) << 64)
        };
        let stream = |random: &mut [u8]| {
            let mut context = CipherCtx::new()?;
            context.encrypt_init(Some(Cipher::aes_256_ctr()), Some(&key[..]), Some(&block.to_be_bytes()))?;
            context.cipher_update_inplace(random, random.len()).map(drop)
        };
        stream(random).map_err(|e: openssl::error::ErrorStack| Error::Internal(format!("seeded stream: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_mixed_without_a_seed() {
        let mut bytes = [0; 40];
        Seed::default().mix_into(&mut bytes).unwrap();
        assert_eq!(bytes, [0; 40]);
    }

    #[test]
    fn every_call_and_every_seed_gives_another_stream() {
        let stream = |seed: &Seed| {
            let mut bytes = [0; 40];
            seed.mix_into(&mut bytes).unwrap();
            bytes
        };
        let (one, other) = (Seed::default(), Seed::default());
        one.stir(b"seed");
        other.stir(b"other");
        let streams = [stream(&one), stream(&one), stream(&other)];
        assert!(streams[0] != streams[1] && streams[0] != streams[2] && streams[1] != streams[2]);
        one.stir(b"more");
        assert!(!streams.contains(&stream(&one)));
    }
}
