//! RSA keys with strong primes, as ANSI X9.31 sec. 4.1.2 and FIPS 186-4 app. B.3.6 make them: of each prime p, p - 1
//! and p + 1 have a large prime factor.
//!
//! Called by: mechanism. AWS-LC makes no such primes: they are put together from its numbers here.

use super::pkey::PrivateKey;
use super::{fault, rsa};
use crate::error::Error;
use openssl::bn::{BigNum, BigNumContext, BigNumRef, MsbOption};

/// Of Miller-Rabin: FIPS 186-4 table C.2 asks for fewer at these sizes.
const ROUNDS: i32 = 64;

/// A new pair. `bits`: a multiple of 128, from 1024. `public_exponent`: one that `rsa::is_exponent` accepts.
pub fn generate(bits: usize, public_exponent: &[u8]) -> Result<PrivateKey, Error> {
    let exponent = BigNum::from_slice(public_exponent).map_err(fault)?;
    loop {
        let (p, q) = (strong_prime(bits, &exponent)?, strong_prime(bits, &exponent)?);
        if !are_apart(&p, &q, bits)? {
            continue;
        }
        if let Some(key) = rsa::from_primes(&p, &q, &exponent)? {
            return Ok(key);
        }
    }
}

/// A prime of half of `bits`, with its highest bits so that two of them give a modulus of `bits`.
fn strong_prime(bits: usize, exponent: &BigNumRef) -> Result<BigNum, Error> {
    let half = bits as i32 / 2;
    let (below, above) = (auxiliary(bits)?, auxiliary(bits)?);
    let mut context = BigNumContext::new().map_err(fault)?;
    let (step, residue) = step_and_residue(&below, &above, &mut context)?;
    loop {
        // Both highest bits set: above sqrt(2) * 2^(half - 1), as FIPS 186-4 app. B.3.6 wants.
        let mut start = BigNum::new().map_err(fault)?;
        start.rand(half, MsbOption::TWO_ONES, false).map_err(fault)?;
        let mut candidate = next_of_residue(&start, &residue, &step, &mut context)?;
        while candidate.num_bits() == half {
            if is_prime_for(&candidate, exponent, &mut context)? {
                return Ok(candidate);
            }
            candidate = sum(&candidate, &step)?;
        }
    }
}

/// A prime factor of p - 1 or p + 1. X9.31 asks for 101 bits and more, FIPS 186-4 table B.1 for more than 140 with 2048
/// bits and more than 170 with 3072.
fn auxiliary(bits: usize) -> Result<BigNum, Error> {
    let mut prime = BigNum::new().map_err(fault)?;
    let bits = if bits < 3072 { 160 } else { 224 };
    prime.generate_prime(bits, false, None, None).map_err(fault)?;
    Ok(prime)
}

/// `step` = 2 * below * above, and what a prime leaves of it that is 1 modulo 2 * below and -1 modulo above (FIPS 186-4
/// app. C.9, steps 2 and 3).
fn step_and_residue(
    below: &BigNumRef,
    above: &BigNumRef,
    context: &mut BigNumContext,
) -> Result<(BigNum, BigNum), Error> {
    let twice = sum(below, below)?;
    let step = product(&twice, above, context)?;
    let (one, minus) = (inverse(above, &twice, context)?, inverse(&twice, above, context)?);
    let (one_part, minus_part) = (product(&one, above, context)?, product(&minus, &twice, context)?);
    let mut residue = BigNum::new().map_err(fault)?;
    residue.mod_sub(&one_part, &minus_part, &step, context).map_err(fault)?;
    Ok((step, residue))
}

/// The first number from `start` that leaves `residue`.
fn next_of_residue(
    start: &BigNumRef,
    residue: &BigNumRef,
    step: &BigNumRef,
    context: &mut BigNumContext,
) -> Result<BigNum, Error> {
    let mut distance = BigNum::new().map_err(fault)?;
    distance.mod_sub(residue, start, step, context).map_err(fault)?;
    sum(start, &distance)
}

/// A prime whose predecessor has no factor in common with the exponent.
fn is_prime_for(
    candidate: &BigNumRef,
    exponent: &BigNumRef,
    context: &mut BigNumContext,
) -> Result<bool, Error> {
    let mut before = candidate.to_owned().map_err(fault)?;
    before.sub_word(1).map_err(fault)?;
    let mut common = BigNum::new().map_err(fault)?;
    common.gcd(&before, exponent, context).map_err(fault)?;
    Ok(common.num_bits() == 1 && candidate.is_prime_fasttest(ROUNDS, context, true).map_err(fault)?)
}

/// FIPS 186-4 app. B.3.6, step 5: the primes differ in their first 100 bits.
fn are_apart(p: &BigNumRef, q: &BigNumRef, bits: usize) -> Result<bool, Error> {
    let mut distance = BigNum::new().map_err(fault)?;
    distance.checked_sub(p, q).map_err(fault)?;
    Ok(distance.num_bits() > bits as i32 / 2 - 100)
}

fn sum(a: &BigNumRef, b: &BigNumRef) -> Result<BigNum, Error> {
    let mut sum = BigNum::new().map_err(fault)?;
    sum.checked_add(a, b).map_err(fault)?;
    Ok(sum)
}

fn product(a: &BigNumRef, b: &BigNumRef, context: &mut BigNumContext) -> Result<BigNum, Error> {
    let mut product = BigNum::new().map_err(fault)?;
    product.checked_mul(a, b, context).map_err(fault)?;
    Ok(product)
}

fn inverse(a: &BigNumRef, modulus: &BigNumRef, context: &mut BigNumContext) -> Result<BigNum, Error> {
    let mut inverse = BigNum::new().map_err(fault)?;
    inverse.mod_inverse(a, modulus, context).map_err(fault)?;
    Ok(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prime_of_the_residue_has_the_factors_beside_it() {
        let (below, above) = (auxiliary(2048).unwrap(), auxiliary(4096).unwrap());
        let mut context = BigNumContext::new().unwrap();
        let (step, residue) = step_and_residue(&below, &above, &mut context).unwrap();
        let mut start = BigNum::new().unwrap();
        start.rand(1024, MsbOption::TWO_ONES, false).unwrap();
        let first = next_of_residue(&start, &residue, &step, &mut context).unwrap();
        let next = sum(&first, &step).unwrap();
        assert!(first >= start && first < sum(&start, &step).unwrap());
        for mut number in [first, next] {
            let mut rest = BigNum::new().unwrap();
            number.sub_word(1).unwrap();
            rest.checked_rem(&number, &below, &mut context).unwrap();
            assert_eq!(rest.num_bits(), 0, "p - 1");
            number.add_word(2).unwrap();
            rest.checked_rem(&number, &above, &mut context).unwrap();
            assert_eq!(rest.num_bits(), 0, "p + 1");
            assert!(!number.is_bit_set(0), "p is odd");
        }
        assert_eq!((below.num_bits(), above.num_bits()), (160, 224));
    }

    #[test]
    fn keys_are_as_long_as_was_asked_for() {
        for (bits, exponent) in [(1024, &[3][..]), (1152, &[1, 0, 1]), (2048, &[17])] {
            let key = generate(bits, exponent).unwrap();
            assert!(key.bits() == bits && rsa::is_sound(&key), "{bits}");
            assert_eq!(rsa::private_numbers(&key).unwrap().public_exponent, exponent);
        }
    }
}
