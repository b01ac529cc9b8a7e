//! The numbers of an RSA key from each other.
//!
//! Called by: crypto::rsa, for a key that is imported without all of them, and for one that is put together. These take
//! a time that depends on the numbers: whoever imports a key has it, and no operation on data comes here.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};

/// Public exponents that keys without one are tried with, the usual first.
pub(super) const USUAL_EXPONENTS: [&[u8]; 5] = [&[1, 0, 1], &[3], &[17], &[5], &[1, 1]];

/// Small primes: each tells the factors of a modulus with a probability of one half.
const BASES: [u32; 30] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113,
];

/// The factors of a modulus that both exponents belong to (NIST SP 800-56B Rev. 2 app. C.1). `None`: they do not, or it
/// is no product of two primes.
pub(super) fn factors(modulus: &BigNumRef, public: &BigNumRef, private: &BigNumRef) -> Option<[BigNum; 2]> {
    let mut context = BigNumContext::new().ok()?;
    let mut order = BigNum::new().ok()?;
    order.checked_mul(public, private, &mut context).ok()?;
    order.sub_word(1).ok()?;
    let twos = (0..order.num_bits()).take_while(|bit| !order.is_bit_set(*bit)).count() as i32;
    if twos == 0 || twos == order.num_bits() {
        return None;
    }
    let mut odd = BigNum::new().ok()?;
    odd.rshift(&order, twos).ok()?;
    for base in BASES {
        match root_of_one(base, &odd, twos, modulus, &mut context)? {
            Some(root) => return split(modulus, root, &mut context),
            None => continue,
        }
    }
    None
}

/// A square root of 1 that is neither 1 nor -1, among the powers of a base; `Some(None)`: this base has none; `None`: the
/// exponents do not belong to the modulus.
fn root_of_one(
    base: u32,
    odd: &BigNumRef,
    twos: i32,
    modulus: &BigNumRef,
    context: &mut BigNumContext,
) -> Option<Option<BigNum>> {
    let mut minus_one = modulus.to_owned().ok()?;
    minus_one.sub_word(1).ok()?;
    let mut power = BigNum::new().ok()?;
    power.mod_exp(&*BigNum::from_u32(base).ok()?, odd, modulus, context).ok()?;
    if power.num_bits() == 1 {
        return Some(None);
    }
    for _ in 0..twos {
        if power == minus_one {
            return Some(None);
        }
        let mut square = BigNum::new().ok()?;
        square.mod_sqr(&power, modulus, context).ok()?;
        if square.num_bits() == 1 {
            return Some(Some(power));
        }
        power = square;
    }
    None
}

fn split(modulus: &BigNumRef, mut root: BigNum, context: &mut BigNumContext) -> Option<[BigNum; 2]> {
    root.sub_word(1).ok()?;
    let (mut p, mut q) = (BigNum::new().ok()?, BigNum::new().ok()?);
    p.gcd(&root, modulus, context).ok()?;
    q.checked_div(modulus, &p, context).ok()?;
    Some([p, q])
}

/// The private exponent modulo each prime less 1, and the second prime's inverse modulo the first (RFC 8017 sec. 3.2).
pub(super) fn remainders(private: &BigNumRef, [p, q]: &[BigNum; 2]) -> Option<[BigNum; 3]> {
    let mut context = BigNumContext::new().ok()?;
    let mut rest = |prime: &BigNumRef| {
        let mut before = prime.to_owned().ok()?;
        before.sub_word(1).ok()?;
        let mut rest = BigNum::new().ok()?;
        rest.nnmod(private, &before, &mut context).ok()?;
        Some(rest)
    };
    let (of_p, of_q) = (rest(p)?, rest(q)?);
    let mut coefficient = BigNum::new().ok()?;
    coefficient.mod_inverse(q, p, &mut context).ok()?;
    Some([of_p, of_q, coefficient])
}

/// The modulus, and the public exponent's inverse modulo the least common multiple of the primes less 1.
pub(super) fn modulus_and_private([p, q]: &[BigNum; 2], public: &BigNumRef) -> Option<(BigNum, BigNum)> {
    let mut context = BigNumContext::new().ok()?;
    let (mut before_p, mut before_q) = (p.as_ref().to_owned().ok()?, q.as_ref().to_owned().ok()?);
    before_p.sub_word(1).ok()?;
    before_q.sub_word(1).ok()?;
    let (mut common, mut order, mut multiple) =
        (BigNum::new().ok()?, BigNum::new().ok()?, BigNum::new().ok()?);
    common.gcd(&before_p, &before_q, &mut context).ok()?;
    order.checked_mul(&before_p, &before_q, &mut context).ok()?;
    multiple.checked_div(&order, &common, &mut context).ok()?;
    let (mut modulus, mut private) = (BigNum::new().ok()?, BigNum::new().ok()?);
    modulus.checked_mul(p, q, &mut context).ok()?;
    private.mod_inverse(public, &multiple, &mut context).ok()?;
    Some((modulus, private))
}
