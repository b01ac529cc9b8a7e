//! CK_MECHANISM_INFO's flags, computed from the functions a row has, so that they cannot say anything else.

use super::Mechanism;
use cryptoki_sys::*;

impl Mechanism {
    /// PKCS#11 3.0 sec. 3.6, CK_MECHANISM_INFO. CKF_HW is not set: there is no hardware.
    pub fn flags(&self) -> CK_FLAGS {
        let present = [
            (self.cipher.is_some(), CKF_ENCRYPT | CKF_DECRYPT),
            (self.message.is_some(), CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE),
            (self.digest.is_some(), CKF_DIGEST),
            (
                self.sign.is_some(),
                CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE,
            ),
            (self.recover.is_some(), CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER),
            (self.wrap.is_some(), CKF_WRAP | CKF_UNWRAP),
            (self.generate.is_some(), CKF_GENERATE),
            (self.generate_pair.is_some(), CKF_GENERATE_KEY_PAIR),
            (self.derive.is_some(), CKF_DERIVE),
            (self.kem.is_some(), CKF_ENCAPSULATE | CKF_DECAPSULATE),
        ];
        let uses = present.iter().filter(|(has, _)| *has).fold(0, |flags, (_, flag)| flags | flag);
        if uses == 0 {
            return 0;
        }
        self.key_types.iter().fold(uses, |flags, key_type| flags | curve_flags(*key_type))
    }
}

/// PKCS#11 3.2, Elliptic Curve, table of mechanism information flags: prime fields, named by OID or curveName. A key of
/// an Edwards or Montgomery curve has one coordinate, as a compressed point has.
fn curve_flags(key_type: CK_KEY_TYPE) -> CK_FLAGS {
    let named = CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME;
    match key_type {
        CKK_EC => named | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS,
        CKK_EC_EDWARDS | CKK_EC_MONTGOMERY => named | CKF_EC_COMPRESS,
        _ => 0,
    }
}
