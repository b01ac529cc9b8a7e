//! Domain parameter objects that are created: whether their numbers can be what they are said to be. Nothing is made
//! from them here; whether a prime is one, its user finds out.

use super::Object;
use crate::crypto::curve25519::Form;
use crate::crypto::ec::Curve;
use crate::error::ObjectError;
use cryptoki_sys::*;

impl Object {
    /// Errors: `Curve`, `DomainParams`.
    pub(super) fn complete_domain(&mut self) -> Result<(), ObjectError> {
        let params = self.field(CKA_EC_PARAMS);
        match self.class.subtype.1 {
            CKK_EC => Curve::from_params(params).map(drop),
            CKK_EC_EDWARDS => Form::Edwards.check_params(params),
            CKK_EC_MONTGOMERY => Form::Montgomery.check_params(params),
            CKK_DH => self.complete_group(&[CKA_BASE]),
            _ => self.complete_group(&[CKA_BASE, CKA_SUBPRIME]),
        }
    }

    /// Numbers beside an odd prime, all of them between 1 and it.
    fn complete_group(&mut self, others: &[CK_ATTRIBUTE_TYPE]) -> Result<(), ObjectError> {
        let prime = self.number_of(CKA_PRIME);
        let is_below = |number: &[u8]| {
            let is_over_1 = !matches!(number, [] | [1]);
            is_over_1 && (number.len(), number) < (prime.len(), prime)
        };
        let is_odd = prime.last().is_some_and(|low| low % 2 == 1);
        if !is_odd || !others.iter().all(|kind| is_below(self.number_of(*kind))) {
            return Err(ObjectError::DomainParams);
        }
        for (number, bits) in [(CKA_PRIME, CKA_PRIME_BITS), (CKA_SUBPRIME, CKA_SUBPRIME_BITS)] {
            let length = bits_of(self.number_of(number));
            if length > 0 {
                self.set_field(bits, &length.to_le_bytes());
            }
        }
        Ok(())
    }

    /// A big-endian number without its leading zeros.
    fn number_of(&self, kind: CK_ATTRIBUTE_TYPE) -> &[u8] {
        let bytes = self.field(kind);
        &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
    }
}

fn bits_of(number: &[u8]) -> CK_ULONG {
    number.first().map_or(0, |first| 8 * number.len() as CK_ULONG - CK_ULONG::from(first.leading_zeros()))
}
