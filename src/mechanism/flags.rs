//! CK_MECHANISM_INFO's flags, computed from the functions a row has, so that they cannot say anything else.

use super::Mechanism;
use cryptoki_sys::*;

impl Mechanism {
    /// PKCS#11 3.0 sec. 3.6, CK_MECHANISM_INFO. CKF_HW is not set: there is no hardware.
    pub fn flags(&self) -> CK_FLAGS {
        let present = [
            (self.cipher.is_some(), CKF_ENCRYPT | CKF_DECRYPT),
            (self.digest.is_some(), CKF_DIGEST),
            (self.sign.is_some(), CKF_SIGN | CKF_VERIFY),
            (self.recover.is_some(), CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER),
            (self.wrap.is_some(), CKF_WRAP | CKF_UNWRAP),
            (self.generate.is_some(), CKF_GENERATE),
            (self.generate_pair.is_some(), CKF_GENERATE_KEY_PAIR),
            (self.derive.is_some(), CKF_DERIVE),
            (self.kem.is_some(), CKF_ENCAPSULATE | CKF_DECAPSULATE),
        ];
        present.iter().filter(|(has, _)| *has).fold(0, |flags, (_, flag)| flags | flag)
    }
}
