//! Digests: SHA-1 and SHA-2 (FIPS 180-4), SHA-3 (FIPS 202) and MD5 (RFC 1321).
//!
//! Called by: mechanism. On AWS-LC, without its EVP layer where the digest has a plain interface (a quarter
//! of the time of a short message). Each tells its state and goes on from it, for C_GetOperationState.

use super::ffi::{self, Sha3Context, ShaContext};
use crate::error::Error;
use zeroize::Zeroizing;

/// A digest in progress.
pub trait Hash: Send + Sized + 'static {
    const BYTES: usize;
    /// Bytes of what `save` gives.
    const STATE_BYTES: usize;
    fn new() -> Result<Self, Error>;
    fn update(&mut self, data: &[u8]) -> Result<(), Error>;
    /// Writes the digest to `out`, which has exactly `BYTES` bytes, and is as new.
    fn finish(&mut self, out: &mut [u8]) -> Result<(), Error>;
    /// Forgets what it was given.
    fn reset(&mut self) -> Result<(), Error>;
    /// All that it was given so far, condensed: secret where that was. `None`: it cannot be told.
    fn save(&self) -> Option<Zeroizing<Vec<u8>>>;
    /// Goes on from what `save` gave. `None` if it is no state of this digest.
    fn restore(state: &[u8]) -> Option<Self>;
}

macro_rules! sha {
    ($($name:ident: $of:ident;)+) => {
        $(
            pub struct $name(ShaContext<ffi::$of>);

            impl Hash for $name {
                const BYTES: usize = <ffi::$of as ffi::Sha>::BYTES;
                const STATE_BYTES: usize = ShaContext::<ffi::$of>::STATE_BYTES;
                fn new() -> Result<Self, Error> {
                    Ok(Self(ShaContext::new()))
                }
                fn update(&mut self, data: &[u8]) -> Result<(), Error> {
                    self.0.update(data);
                    Ok(())
                }
                fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
                    self.0.finish(out);
                    Ok(())
                }
                fn reset(&mut self) -> Result<(), Error> {
                    self.0.reset();
                    Ok(())
                }
                fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
                    Some(self.0.save())
                }
                fn restore(state: &[u8]) -> Option<Self> {
                    ShaContext::restore(state).map(Self)
                }
            }
        )+
    };
}

sha! {
    Md5: OfMd5;
    Sha1: OfSha1;
    Sha224: OfSha224;
    Sha256: OfSha256;
    Sha384: OfSha384;
    Sha512: OfSha512;
    Sha512_224: OfSha512_224;
    Sha512_256: OfSha512_256;
}

macro_rules! sha3 {
    ($($name:ident: $of:ident;)+) => {
        $(
            pub struct $name(Sha3Context<ffi::$of>);

            impl Hash for $name {
                const BYTES: usize = <ffi::$of as ffi::Sha3>::BYTES;
                const STATE_BYTES: usize = Sha3Context::<ffi::$of>::STATE_BYTES;
                fn new() -> Result<Self, Error> {
                    Sha3Context::new().map(Self).ok_or_else(fault)
                }
                fn update(&mut self, data: &[u8]) -> Result<(), Error> {
                    done(self.0.update(data))
                }
                fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
                    done(self.0.finish(out))
                }
                fn reset(&mut self) -> Result<(), Error> {
                    done(self.0.reset())
                }
                fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
                    self.0.save()
                }
                fn restore(state: &[u8]) -> Option<Self> {
                    Sha3Context::restore(state).map(Self)
                }
            }
        )+
    };
}

sha3! {
    Sha3_224: OfSha3_224;
    Sha3_256: OfSha3_256;
    Sha3_384: OfSha3_384;
    Sha3_512: OfSha3_512;
}

fn done(well: bool) -> Result<(), Error> {
    if well { Ok(()) } else { Err(fault()) }
}

fn fault() -> Error {
    Error::Internal("AWS-LC refuses a digest".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest<H: Hash>(data: &[u8]) -> Vec<u8> {
        let (mut hash, mut out) = (H::new().unwrap(), vec![0; H::BYTES]);
        hash.update(data).unwrap();
        hash.finish(&mut out).unwrap();
        out
    }

    /// At every length up to more than two blocks of any digest, and a large one.
    fn goes_on<H: Hash>() {
        let data: Vec<u8> = (0..70_000u32).map(|number| (number * 7 % 251) as u8).collect();
        let wanted = digest::<H>(&data);
        for length in (0..300).chain([65_536, 69_999, 70_000]) {
            let mut first = H::new().unwrap();
            first.update(&data[..length]).unwrap();
            let state = first.save().unwrap();
            assert_eq!(state.len(), H::STATE_BYTES);
            // What goes on in the first, or is left in it, is not in the state.
            first.update(b"more").unwrap();
            let mut out = vec![0; H::BYTES];
            let mut second = H::restore(&state).unwrap();
            assert_eq!(*second.save().unwrap(), *state);
            second.update(&data[length..]).unwrap();
            second.finish(&mut out).unwrap();
            assert_eq!(out, wanted, "{length}");
            second.update(&data).unwrap();
            second.finish(&mut out).unwrap();
            assert_eq!(out, wanted, "as new");
        }
    }

    fn refuses<H: Hash>() {
        let state = H::new().unwrap().save().unwrap();
        for length in [0, 1, H::STATE_BYTES - 1] {
            assert!(H::restore(&state[..length]).is_none());
        }
        assert!(H::restore(&[&state[..], &[0]].concat()).is_none());
    }

    macro_rules! each {
        ($test:ident: $($digest:ident)+) => {
            $($test::<$digest>();)+
        };
    }

    #[test]
    fn every_digest_goes_on_from_its_state() {
        each!(goes_on: Md5 Sha1 Sha224 Sha256 Sha384 Sha512 Sha512_224 Sha512_256);
        each!(goes_on: Sha3_224 Sha3_256 Sha3_384 Sha3_512);
    }

    #[test]
    fn a_state_has_one_length() {
        each!(refuses: Sha1 Sha256 Sha512_224 Sha3_384);
    }

    #[test]
    fn a_state_of_a_length_that_no_digest_has_is_none() {
        let mut bits = Sha256::new().unwrap().save().unwrap();
        bits[32] = 7;
        assert!(Sha256::restore(&bits).is_none(), "seven bits were never given");
        let mut buffered = Sha3_512::new().unwrap().save().unwrap();
        buffered[200] = 72;
        assert!(Sha3_512::restore(&buffered).is_none(), "a whole block is never kept");
    }

    /// `sha2` and `sha3` as the second opinion.
    #[test]
    fn other_implementations_give_the_same() {
        use sha2::Digest;
        let data = [0x5a; 1000];
        assert_eq!(digest::<Sha512_224>(&data), sha2::Sha512_224::digest(data).as_slice());
        assert_eq!(digest::<Sha512_256>(&data), sha2::Sha512_256::digest(data).as_slice());
        assert_eq!(digest::<Sha3_224>(&data), sha3::Sha3_224::digest(data).as_slice());
        assert_eq!(digest::<Sha3_512>(&data), sha3::Sha3_512::digest(data).as_slice());
    }
}
