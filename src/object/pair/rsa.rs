//! RSA keys (PKCS#11 3.0 sec. 2.1.2 and 2.1.3 of the mechanisms; RFC 8017 sec. 3).

use super::{Family, Object, invalid};
use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::crypto::rsa::{self, Parts};
use crate::error::ObjectError;
use cryptoki_sys::*;

pub(in crate::object) const RSA: Family = Family {
    open_public: |object| {
        rsa::public(object.field(CKA_MODULUS), object.field(CKA_PUBLIC_EXPONENT))
            .ok_or(invalid(CKA_MODULUS, "modulus and exponent are no RSA key of 1024 to 8192 bits"))
    },
    open_private: |object| {
        let parts = Parts {
            modulus: object.field(CKA_MODULUS),
            public_exponent: object.field(CKA_PUBLIC_EXPONENT),
            private_exponent: object.part(CKA_PRIVATE_EXPONENT),
            primes: [object.part(CKA_PRIME_1), object.part(CKA_PRIME_2)],
            exponents: [object.part(CKA_EXPONENT_1), object.part(CKA_EXPONENT_2)],
            coefficient: object.part(CKA_COEFFICIENT),
        };
        if !(rsa::LEAST_BITS..=rsa::MAX_BITS).contains(&rsa::bits(parts.modulus)) {
            return Err(invalid(CKA_MODULUS, "RSA keys have 1024 to 8192 bits"));
        }
        rsa::private(&parts).ok_or(ObjectError::Inconsistent("the attributes are no RSA private key"))
    },
    is_sound: rsa::is_sound,
    fill_public,
    fill_private,
};

fn fill_public(object: &mut Object, key: &PublicKey) -> Result<(), ObjectError> {
    let (modulus, exponent) = rsa::public_numbers(key).ok_or(not_rsa())?;
    object.set_field(CKA_MODULUS_BITS, &(rsa::bits(&modulus) as CK_ULONG).to_le_bytes());
    object.set_field(CKA_MODULUS, &modulus);
    object.set_field(CKA_PUBLIC_EXPONENT, &exponent);
    Ok(())
}

fn fill_private(object: &mut Object, key: &PrivateKey) -> Result<(), ObjectError> {
    let numbers = rsa::private_numbers(key).ok_or(not_rsa())?;
    object.set_field(CKA_MODULUS, &numbers.modulus);
    object.set_field(CKA_PUBLIC_EXPONENT, &numbers.public_exponent);
    object.set_part(CKA_PRIVATE_EXPONENT, &numbers.private_exponent);
    let kinds = [CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT];
    for (kind, number) in kinds.into_iter().zip(&numbers.crt) {
        object.set_part(kind, number);
    }
    Ok(())
}

fn not_rsa() -> ObjectError {
    ObjectError::Inconsistent("not an RSA key")
}
