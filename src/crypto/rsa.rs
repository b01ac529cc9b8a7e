//! RSA keys (RFC 8017) on AWS-LC.
//!
//! Called by: object (keys from attributes and back), mechanism.

use super::pkey::{PrivateKey, PublicKey};
use super::{fault, rsa_numbers};
use crate::error::Error;
use openssl::bn::{BigNum, BigNumRef};
use openssl::pkey::{Id, PKey};
use openssl::rsa::{Rsa, RsaPrivateKeyBuilder};
use zeroize::Zeroizing;

/// The shortest modulus, of a public key alone or with `legacy`; of private keys without it; and the longest.
pub const LEAST_BITS: usize = 1024;
pub const MIN_BITS: usize = 2048;
pub const MAX_BITS: usize = 8192;

/// The numbers of a private key, big-endian; those of the Chinese remainder theorem may be empty.
pub struct Parts<'a> {
    pub modulus: &'a [u8],
    pub public_exponent: &'a [u8],
    pub private_exponent: &'a [u8],
    pub primes: [&'a [u8]; 2],
    pub exponents: [&'a [u8]; 2],
    pub coefficient: &'a [u8],
}

/// The numbers of a private key, big-endian.
pub struct Numbers {
    pub modulus: Vec<u8>,
    pub public_exponent: Vec<u8>,
    pub private_exponent: Zeroizing<Vec<u8>>,
    /// Both primes, both exponents, the coefficient; empty where the key has none.
    pub crt: [Zeroizing<Vec<u8>>; 5],
}

/// Moduli of new keys are a multiple of this long.
pub const STEP_BITS: usize = 128;
/// The longest public exponents that AWS-LC makes keys with, and works with: longer ones would cost too much time.
const MAX_NEW_EXPONENT_BITS: usize = 32;
const MAX_EXPONENT_BITS: usize = 33;

/// A new pair. `bits`: a multiple of `STEP_BITS`. `public_exponent`: one that `is_exponent` accepts.
pub fn generate(bits: usize, public_exponent: &[u8]) -> Result<PrivateKey, Error> {
    let exponent = BigNum::from_slice(public_exponent).map_err(fault)?;
    let key = Rsa::generate_with_e(bits as u32, &exponent).map_err(fault)?;
    PKey::from_rsa(key).map(PrivateKey).map_err(fault)
}

/// Whether keys are made with a public exponent: it is odd, from 3 to 2^32.
pub fn is_exponent(number: &[u8]) -> bool {
    (2..=MAX_NEW_EXPONENT_BITS).contains(&bits(number)) && is_odd(number)
}

/// `None` if the numbers are no key.
pub fn public(modulus: &[u8], public_exponent: &[u8]) -> Option<PublicKey> {
    if !may_be_public(modulus, public_exponent) {
        return None;
    }
    let (modulus, exponent) = (number(modulus)?, number(public_exponent)?);
    let key = Rsa::from_public_components(modulus, exponent).ok()?;
    PKey::from_rsa(key).ok().map(PublicKey)
}

/// `None` if the numbers are no key; whether they belong together `is_sound` says. Numbers that are missing are
/// computed: those of the Chinese remainder theorem, the primes, and a usual public exponent. Takes the time of a few
/// dozen private operations at most.
pub fn private(parts: &Parts<'_>) -> Option<PrivateKey> {
    let secrets = [parts.private_exponent, parts.primes[0], parts.primes[1], parts.coefficient];
    // Neither 0, which a missing one is not, nor so long that looking at it takes time.
    let is_none = |number: &[u8]| !number.is_empty() && !(1..=bits(parts.modulus)).contains(&bits(number));
    if secrets.iter().chain(&parts.exponents).any(|number| is_none(number)) {
        return None;
    }
    match parts.public_exponent {
        [] => rsa_numbers::USUAL_EXPONENTS
            .iter()
            .find_map(|exponent| private_with(parts, exponent).filter(is_sound)),
        exponent => private_with(parts, exponent),
    }
}

fn private_with(parts: &Parts<'_>, public_exponent: &[u8]) -> Option<PrivateKey> {
    if !may_be_public(parts.modulus, public_exponent) {
        return None;
    }
    let (modulus, public) = (number(parts.modulus)?, number(public_exponent)?);
    let private = number(parts.private_exponent)?;
    let primes = match parts.primes.map(number) {
        [Some(p), Some(q)] => [p, q],
        [None, None] => rsa_numbers::factors(&modulus, &public, &private)?,
        _ => return None,
    };
    let given = [parts.exponents[0], parts.exponents[1], parts.coefficient];
    let rest = match given.map(number) {
        [Some(p), Some(q), Some(coefficient)] => [p, q, coefficient],
        partly => {
            let computed = rsa_numbers::remainders(&private, &primes)?;
            let fits =
                |(given, computed): (&Option<BigNum>, &BigNum)| given.as_ref().is_none_or(|n| n == computed);
            partly.iter().zip(&computed).all(fits).then_some(computed)?
        }
    };
    assemble([modulus, public, private], primes, rest)
}

/// The key of two primes and a public exponent; `None` if its private exponent is too short (FIPS 186-4 app. B.3.1).
pub(super) fn from_primes(
    p: &BigNumRef,
    q: &BigNumRef,
    exponent: &BigNumRef,
) -> Result<Option<PrivateKey>, Error> {
    let primes = [p.to_owned().map_err(fault)?, q.to_owned().map_err(fault)?];
    let (modulus, private) = rsa_numbers::modulus_and_private(&primes, exponent)
        .ok_or_else(|| Error::Internal("two primes make no RSA key".into()))?;
    if private.num_bits() * 2 <= modulus.num_bits() {
        return Ok(None);
    }
    let rest = rsa_numbers::remainders(&private, &primes);
    let numbers = [modulus, exponent.to_owned().map_err(fault)?, private];
    let key = rest.and_then(|rest| assemble(numbers, primes, rest)).filter(is_sound);
    key.map(Some).ok_or_else(|| Error::Internal("an RSA key that was made is not sound".into()))
}

fn assemble(
    [modulus, public, private]: [BigNum; 3],
    [p, q]: [BigNum; 2],
    [exponent_p, exponent_q, coefficient]: [BigNum; 3],
) -> Option<PrivateKey> {
    let builder = RsaPrivateKeyBuilder::new(modulus, public, private).ok()?;
    let builder = builder.set_factors(p, q).ok()?.set_crt_params(exponent_p, exponent_q, coefficient).ok()?;
    PKey::from_rsa(builder.build()).ok().map(PrivateKey)
}

/// Whether the numbers of a key from outside belong together, and are all there.
pub fn is_sound(key: &PrivateKey) -> bool {
    let size = key.bits();
    key.0.id() == Id::RSA
        && (LEAST_BITS..=MAX_BITS).contains(&size)
        && key.0.rsa().is_ok_and(|rsa| {
            let numbers = [rsa.p(), rsa.q(), rsa.dmp1(), rsa.dmq1(), rsa.iqmp()];
            numbers.iter().all(Option::is_some) && rsa.check_key().unwrap_or(false)
        })
}

/// Modulus and public exponent. `None`: not an RSA key.
pub fn public_numbers(key: &PublicKey) -> Option<(Vec<u8>, Vec<u8>)> {
    let key = key.0.rsa().ok()?;
    Some((key.n().to_vec(), key.e().to_vec()))
}

/// `None`: not an RSA key.
pub fn private_numbers(key: &PrivateKey) -> Option<Numbers> {
    let key = key.0.rsa().ok()?;
    let secret =
        |number: Option<&BigNumRef>| Zeroizing::new(number.map(BigNumRef::to_vec).unwrap_or_default());
    Some(Numbers {
        modulus: key.n().to_vec(),
        public_exponent: key.e().to_vec(),
        private_exponent: secret(Some(key.d())),
        crt: [key.p(), key.q(), key.dmp1(), key.dmq1(), key.iqmp()].map(secret),
    })
}

/// The bits of a big-endian number.
pub fn bits(number: &[u8]) -> usize {
    let number = stripped(number);
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn may_be_public(modulus: &[u8], exponent: &[u8]) -> bool {
    (LEAST_BITS..=MAX_BITS).contains(&bits(modulus))
        && (2..=MAX_EXPONENT_BITS).contains(&bits(exponent))
        && is_odd(modulus)
        && is_odd(exponent)
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last & 1 == 1)
}

/// Without leading zeros.
fn stripped(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// `None` if it is zero.
fn number(bytes: &[u8]) -> Option<BigNum> {
    BigNum::from_slice(bytes).ok().filter(|number| number.num_bits() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        private_numbers(&generate(1024, &[1, 0, 1]).unwrap()).unwrap()
    }

    /// The parts of a key, without those that are missing in it.
    fn parts<'a>(numbers: &'a Numbers, missing: &[usize]) -> Parts<'a> {
        let all: [&[u8]; 7] = [
            &numbers.public_exponent,
            &numbers.private_exponent,
            &numbers.crt[0],
            &numbers.crt[1],
            &numbers.crt[2],
            &numbers.crt[3],
            &numbers.crt[4],
        ];
        let part = |at: usize| if missing.contains(&at) { &[][..] } else { all[at] };
        Parts {
            modulus: &numbers.modulus,
            public_exponent: part(0),
            private_exponent: part(1),
            primes: [part(2), part(3)],
            exponents: [part(4), part(5)],
            coefficient: part(6),
        }
    }

    #[test]
    fn numbers_that_are_missing_are_computed() {
        let numbers = numbers();
        for missing in [&[][..], &[4], &[6], &[4, 5, 6], &[2, 3, 4, 5, 6], &[0], &[0, 2, 3, 4, 5, 6]] {
            let key = private(&parts(&numbers, missing)).unwrap_or_else(|| panic!("without {missing:?}"));
            assert!(is_sound(&key), "without {missing:?}");
            let found = private_numbers(&key).unwrap();
            assert_eq!(found.private_exponent, numbers.private_exponent);
            assert_eq!(found.public_exponent, numbers.public_exponent);
            // The primes may have changed their places.
            assert!(numbers.crt[..2].contains(&found.crt[0]) && found.crt.iter().all(|n| !n.is_empty()));
        }
        for missing in [&[1][..], &[2], &[3, 4, 5, 6], &[1, 2, 3, 4, 5, 6]] {
            assert!(private(&parts(&numbers, missing)).is_none(), "without {missing:?}");
        }
    }

    #[test]
    fn an_exponent_of_another_key_is_found_out_without_the_primes() {
        let (one, other) = (numbers(), numbers());
        let mixed = Parts { private_exponent: &other.private_exponent, ..parts(&one, &[2, 3, 4, 5, 6]) };
        assert!(private(&mixed).is_none());
        let mixed = Parts { public_exponent: &[3], ..parts(&one, &[2, 3, 4, 5, 6]) };
        assert!(private(&mixed).is_none());
        let mixed = Parts { coefficient: &other.crt[4], ..parts(&one, &[4, 5]) };
        assert!(private(&mixed).is_none());
        let mixed = Parts { exponents: [&other.crt[2], &[]], ..parts(&one, &[5, 6]) };
        assert!(private(&mixed).is_none());
    }

    #[test]
    fn exponents_of_new_keys_are_odd_and_short() {
        for (exponent, good) in [
            (&[][..], false),
            (&[0], false),
            (&[1], false),
            (&[2], false),
            (&[3], true),
            (&[0, 0, 0, 0, 0, 0, 17], true),
            (&[1, 0, 1], true),
            (&[1, 0, 0], false),
            (&[0xff; 4], true),
            (&[1, 0, 0, 0, 1], false),
        ] {
            assert_eq!(is_exponent(exponent), good, "{exponent:?}");
        }
    }
}
