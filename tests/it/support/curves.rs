//! The mechanisms and the keys of the elliptic curves.

use super::{Mechanism, NO, Pair, Session, YES, number};
use cryptoki_sys::*;

pub const P224: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21];
pub const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
pub const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
pub const SECP256K1: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];
pub const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
pub const X25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6e];

impl Mechanism {
    pub fn ecdh(kind: CK_MECHANISM_TYPE, kdf: CK_EC_KDF_TYPE, shared: &[u8], public: &[u8]) -> Mechanism {
        let mut behind = vec![shared.to_vec(), public.to_vec()];
        let params = CK_ECDH1_DERIVE_PARAMS {
            kdf,
            ulSharedDataLen: shared.len() as CK_ULONG,
            pSharedData: if shared.is_empty() { std::ptr::null_mut() } else { behind[0].as_mut_ptr() },
            ulPublicDataLen: public.len() as CK_ULONG,
            pPublicData: behind[1].as_mut_ptr(),
        };
        Mechanism::structure(kind, &params, behind)
    }

    pub fn ecdh_wrap(kind: CK_MECHANISM_TYPE, aes_bits: CK_ULONG, kdf: CK_EC_KDF_TYPE) -> Mechanism {
        let params = CK_ECDH_AES_KEY_WRAP_PARAMS {
            ulAESKeyBits: aes_bits,
            kdf,
            ulSharedDataLen: 0,
            pSharedData: std::ptr::null_mut(),
        };
        Mechanism::structure(kind, &params, Vec::new())
    }

    pub fn eddsa(prehash: bool, context: &[u8]) -> Mechanism {
        let mut behind = vec![context.to_vec()];
        // Written into zeros: the structure has padding, which nobody may read uninitialized.
        let mut bytes = vec![0u8; size_of::<CK_EDDSA_PARAMS>()];
        bytes[0] = u8::from(prehash);
        let length = context.len() as CK_ULONG;
        bytes[8..16].copy_from_slice(&length.to_ne_bytes());
        bytes[16..24].copy_from_slice(&(behind[0].as_mut_ptr() as usize).to_ne_bytes());
        Mechanism::with(CKM_EDDSA, &bytes).with_behind(behind)
    }
}

impl Session<'_> {
    /// A pair whose private key may be seen, and agrees.
    pub fn curve_pair(&self, by: CK_MECHANISM_TYPE, curve: &[u8], pairs: &[Pair]) -> (u64, u64) {
        let open: [Pair; 3] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES), (CKA_DERIVE, YES)];
        let private = [&open, pairs].concat();
        self.generate_pair(Mechanism::plain(by), &[(CKA_EC_PARAMS, curve)], &private).expect("a pair")
    }

    pub fn import_public(&self, kind: CK_KEY_TYPE, curve: &[u8], point: &[u8]) -> Result<u64, CK_RV> {
        let (class, kind) = (number(CKO_PUBLIC_KEY), number(kind));
        self.create(&[
            (CKA_CLASS, &class),
            (CKA_KEY_TYPE, &kind),
            (CKA_EC_PARAMS, curve),
            (CKA_EC_POINT, point),
        ])
    }

    pub fn import_private(
        &self,
        kind: CK_KEY_TYPE,
        curve: &[u8],
        value: &[u8],
        pairs: &[Pair],
    ) -> Result<u64, CK_RV> {
        let (class, kind) = (number(CKO_PRIVATE_KEY), number(kind));
        let head: [Pair; 7] = [
            (CKA_CLASS, &class),
            (CKA_KEY_TYPE, &kind),
            (CKA_EC_PARAMS, curve),
            (CKA_VALUE, value),
            (CKA_SENSITIVE, NO),
            (CKA_EXTRACTABLE, YES),
            (CKA_DERIVE, YES),
        ];
        self.create(&[&head, pairs].concat())
    }
}
