//! Nonces that the token makes for messages: never one twice under a key (PKCS#11 3.0 sec. 2.13.1, ivGenerator).
//!
//! CKG_GENERATE takes the numbers that seal records too, which no other process and no restart gives again
//! (`cluster::numbers`), and CKG_GENERATE_RANDOM as many random bits: both need 96 bits that are not fixed (NIST SP 800-38D
//! sec. 8.2). A counter from zero on, as the specification has it, is good only where nobody else counts: for session
//! keys, which no other process has, and which go on counting in every session. A copy of a session key counts along with
//! it; a token key, and a copy of one, refuses to count. A key has one series of nonces: what a counter gives is never
//! mixed with other generators, nor with another fixed part.

use super::Session;
use super::held::Held;
use crate::crypto::random;
use crate::error::{Error, MechanismError};
use crate::mechanism::{Generator, MessageParams};
use crate::sync::Mutex;
use cryptoki_sys::CKA_TOKEN;
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};

/// What is certain to be new in every process needs so many bits.
const UNIQUE_BITS: usize = 96;

/// A nonce as it was used.
pub type Nonce = SmallVec<[u8; 24]>;

/// The series of nonces of one key and of its copies.
#[derive(Default)]
pub struct Series(Mutex<Option<Begun>>);

/// What the first nonce decided.
enum Begun {
    Unique,
    Counted { generator: Generator, fixed_bits: usize, base: Nonce, next: u64 },
}

/// Where a key's series is found.
pub enum SeriesOf {
    /// The key's own, or shared with its copies.
    Own(OnceLock<Arc<Series>>),
    /// The key is, or was copied from, one that other processes have too.
    Nobodys,
}

impl SeriesOf {
    pub fn new(token: bool) -> Self {
        if token { SeriesOf::Nobodys } else { SeriesOf::Own(OnceLock::new()) }
    }

    /// The series of a copy, or of what takes the key's place when its attributes change.
    pub fn shared(&self) -> Self {
        match self {
            SeriesOf::Nobodys => SeriesOf::Nobodys,
            SeriesOf::Own(series) => SeriesOf::Own(OnceLock::from(series.get_or_init(Arc::default).clone())),
        }
    }
}

impl Session {
    /// The nonce of the next message that is encrypted under a key. Errors: `Params`.
    pub(super) fn nonce(&self, held: &Held, params: &MessageParams) -> Result<Nonce, Error> {
        let mut nonce = params.nonce.clone();
        let free_bits = free_bits(params)?;
        match params.generator {
            Generator::Caller => {}
            Generator::Unique | Generator::Random => {
                if free_bits < UNIQUE_BITS {
                    return Err(invalid("so few bits that are not fixed would come again"));
                }
                held.series_begins_unique()?;
                let number = self.number(params.generator)?;
                put(&mut nonce, free_bits, number, false);
            }
            Generator::Counter | Generator::CounterXor => {
                let count = held.next_count(params, free_bits)?;
                put(&mut nonce, free_bits, count.into(), params.generator == Generator::CounterXor);
            }
        }
        Ok(nonce)
    }

    /// 96 bits that were never given before, or random ones.
    fn number(&self, generator: Generator) -> Result<u128, Error> {
        let bytes: [u8; UNIQUE_BITS / 8] = match generator {
            Generator::Random => random::array()?,
            _ => self.slot.clusters.next_iv(self.slot.access()?.cluster())?,
        };
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }
}

impl Held {
    /// `None`: nobody counts under this key.
    fn series(&self) -> Option<&Series> {
        match &self.series {
            SeriesOf::Own(series) if !self.object.flag(CKA_TOKEN) => Some(series.get_or_init(Arc::default)),
            _ => None,
        }
    }

    fn series_begins_unique(&self) -> Result<(), Error> {
        let Some(series) = self.series() else { return Ok(()) };
        match series.0.lock().get_or_insert(Begun::Unique) {
            Begun::Unique => Ok(()),
            Begun::Counted { .. } => Err(invalid("this key's nonces are counted")),
        }
    }

    fn next_count(&self, params: &MessageParams, free_bits: usize) -> Result<u64, Error> {
        let series =
            self.series().ok_or_else(|| invalid("other processes could count under this key too"))?;
        let begin = || Begun::Counted {
            generator: params.generator,
            fixed_bits: params.fixed_bits,
            base: base(params, free_bits),
            next: 0,
        };
        let mut series = series.0.lock();
        let Begun::Counted { generator, fixed_bits, base: of, next } = series.get_or_insert_with(begin)
        else {
            return Err(invalid("this key's nonces are not counted"));
        };
        if (*generator, *fixed_bits) != (params.generator, params.fixed_bits)
            || *of != base(params, free_bits)
        {
            return Err(invalid("this key's nonces are counted from another one on"));
        }
        if *next == u64::MAX || (free_bits < 64 && *next >> free_bits != 0) {
            return Err(invalid("the counter is used up"));
        }
        *next += 1;
        Ok(*next - 1)
    }
}

/// The bits that a generator makes.
fn free_bits(params: &MessageParams) -> Result<usize, Error> {
    let bits = 8 * params.nonce.len();
    bits.checked_sub(params.fixed_bits).ok_or_else(|| invalid("more bits are fixed than there are"))
}

/// What stays the same from one counted nonce to the next.
fn base(params: &MessageParams, free_bits: usize) -> Nonce {
    let mut base = params.nonce.clone();
    if params.generator == Generator::Counter {
        put(&mut base, free_bits, 0, false);
    }
    base
}

/// Sets the last `free_bits` of a nonce to a number, or changes them by it.
fn put(nonce: &mut [u8], free_bits: usize, number: u128, xor: bool) {
    for (place, byte) in nonce.iter_mut().rev().enumerate() {
        let bits = free_bits.saturating_sub(8 * place).min(8);
        let mask = ((1u16 << bits) - 1) as u8;
        let part = number.checked_shr(8 * place as u32).unwrap_or(0) as u8 & mask;
        *byte = if xor { *byte ^ part } else { *byte & !mask | part };
    }
}

fn invalid(reason: &'static str) -> Error {
    MechanismError::Params(reason).into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_number_fills_the_bits_that_are_free() {
        let put = |free_bits, number, xor| {
            let mut nonce = [0xff; 4];
            super::put(&mut nonce, free_bits, number, xor);
            nonce
        };
        assert_eq!(put(32, 0x0102, false), [0, 0, 1, 2]);
        assert_eq!(put(12, 0x0102, false), [0xff, 0xff, 0xf1, 2]);
        assert_eq!(put(12, 0xabcdef, false), [0xff, 0xff, 0xfd, 0xef]);
        assert_eq!(put(0, 7, false), [0xff; 4]);
        assert_eq!(put(12, 0x0102, true), [0xff, 0xff, 0xfe, 0xfd]);
        let mut long = [0xff; 20];
        super::put(&mut long, 160, u128::MAX, false);
        assert_eq!(long, [&[0; 4][..], &[0xff; 16]].concat()[..]);
    }
}
