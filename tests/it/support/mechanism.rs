//! Mechanisms with parameters that live as long as they do.

use cryptoki_sys::*;
use std::ptr::null_mut;

/// Makes a mechanism, for calls that each want their own.
pub type By = fn() -> Mechanism;

/// A CK_MECHANISM that owns its parameter.
pub struct Mechanism {
    kind: CK_MECHANISM_TYPE,
    parameter: Vec<u8>,
    /// What the parameter's pointers lead to.
    _behind: Vec<Vec<u8>>,
    gcm: Option<Gcm>,
}

struct Gcm {
    params: Box<CK_GCM_PARAMS>,
    _iv: Vec<u8>,
    _aad: Vec<u8>,
}

impl Mechanism {
    pub fn plain(kind: CK_MECHANISM_TYPE) -> Mechanism {
        Mechanism { kind, parameter: Vec::new(), _behind: Vec::new(), gcm: None }
    }

    /// With the parameter's bytes as they are: an IV, or a structure without pointers.
    pub fn with(kind: CK_MECHANISM_TYPE, parameter: &[u8]) -> Mechanism {
        Mechanism { kind, parameter: parameter.to_vec(), _behind: Vec::new(), gcm: None }
    }

    pub fn cbc_pad() -> Mechanism {
        Mechanism::with(CKM_AES_CBC_PAD, &[7; 16])
    }

    pub fn ctr(counter_bits: CK_ULONG, block: [u8; 16]) -> Mechanism {
        Mechanism::with(CKM_AES_CTR, &[&counter_bits.to_ne_bytes()[..], &block].concat())
    }

    pub fn gcm(iv: &[u8], aad: &[u8], tag_bits: CK_ULONG) -> Mechanism {
        let (mut iv, mut aad) = (iv.to_vec(), aad.to_vec());
        let params = Box::new(CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: iv.len() as CK_ULONG,
            ulIvBits: iv.len() as CK_ULONG * 8,
            pAAD: aad.as_mut_ptr(),
            ulAADLen: aad.len() as CK_ULONG,
            ulTagBits: tag_bits,
        });
        let gcm = Some(Gcm { params, _iv: iv, _aad: aad });
        Mechanism { gcm, ..Mechanism::plain(CKM_AES_GCM) }
    }

    /// With what the parameter's pointers lead to.
    pub fn with_behind(self, behind: Vec<Vec<u8>>) -> Mechanism {
        Mechanism { _behind: behind, ..self }
    }

    /// With a structure whose pointers lead to what `behind` holds.
    pub fn structure<T: Copy>(kind: CK_MECHANISM_TYPE, parameter: &T, behind: Vec<Vec<u8>>) -> Mechanism {
        // SAFETY: the structures of PKCS#11 have no padding on this platform.
        let bytes = unsafe { std::slice::from_raw_parts((&raw const *parameter).cast(), size_of::<T>()) };
        Mechanism { _behind: behind, ..Mechanism::with(kind, bytes) }
    }

    pub fn ccm(data_bytes: CK_ULONG, nonce: &[u8], aad: &[u8], code_bytes: CK_ULONG) -> Mechanism {
        let mut behind = vec![nonce.to_vec(), aad.to_vec()];
        let params = CK_CCM_PARAMS {
            ulDataLen: data_bytes,
            pNonce: behind[0].as_mut_ptr(),
            ulNonceLen: nonce.len() as CK_ULONG,
            pAAD: behind[1].as_mut_ptr(),
            ulAADLen: aad.len() as CK_ULONG,
            ulMACLen: code_bytes,
        };
        Mechanism::structure(CKM_AES_CCM, &params, behind)
    }

    /// The nonce's length is told as `nonce_length`: in bits, or in bytes.
    pub fn chacha20_poly1305(nonce: &[u8], nonce_length: CK_ULONG, aad: &[u8]) -> Mechanism {
        let mut behind = vec![nonce.to_vec(), aad.to_vec()];
        let params = CK_SALSA20_CHACHA20_POLY1305_PARAMS {
            pNonce: behind[0].as_mut_ptr(),
            ulNonceLen: nonce_length,
            pAAD: behind[1].as_mut_ptr(),
            ulAADLen: aad.len() as CK_ULONG,
        };
        Mechanism::structure(CKM_CHACHA20_POLY1305, &params, behind)
    }

    pub fn chacha20(counter: &[u8], nonce: &[u8]) -> Mechanism {
        let mut behind = vec![counter.to_vec(), nonce.to_vec()];
        let params = CK_CHACHA20_PARAMS {
            pBlockCounter: behind[0].as_mut_ptr(),
            blockCounterBits: 8 * counter.len() as CK_ULONG,
            pNonce: behind[1].as_mut_ptr(),
            ulNonceBits: 8 * nonce.len() as CK_ULONG,
        };
        Mechanism::structure(CKM_CHACHA20, &params, behind)
    }

    pub fn pss(
        kind: CK_MECHANISM_TYPE,
        hash: CK_MECHANISM_TYPE,
        mgf: CK_ULONG,
        salt_bytes: CK_ULONG,
    ) -> Mechanism {
        Mechanism::structure(kind, &CK_RSA_PKCS_PSS_PARAMS { hashAlg: hash, mgf, sLen: salt_bytes }, vec![])
    }

    pub fn oaep(hash: CK_MECHANISM_TYPE, mgf: CK_ULONG, label: &[u8]) -> Mechanism {
        let mut behind = vec![label.to_vec()];
        let params = oaep_params(hash, mgf, &mut behind[0]);
        Mechanism::structure(CKM_RSA_PKCS_OAEP, &params, behind)
    }

    pub fn rsa_aes(key_bits: CK_ULONG, hash: CK_MECHANISM_TYPE, mgf: CK_ULONG) -> Mechanism {
        let params = oaep_params(hash, mgf, &mut []);
        // SAFETY: the structures of PKCS#11 have no padding on this platform.
        let bytes = unsafe { std::slice::from_raw_parts((&raw const params).cast(), size_of_val(&params)) };
        let mut behind: Vec<Vec<u8>> = vec![<[u8]>::to_vec(bytes)];
        let pointer = behind[0].as_mut_ptr().cast();
        let params = CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: key_bits, pOAEPParams: pointer };
        Mechanism::structure(CKM_RSA_AES_KEY_WRAP, &params, behind)
    }

    /// The parameters of GCM, to spoil them.
    pub fn gcm_params(&mut self) -> &mut CK_GCM_PARAMS {
        &mut self.gcm.as_mut().expect("a GCM mechanism").params
    }

    /// The structure, good while `self` is neither moved nor dropped.
    pub fn raw(&mut self) -> CK_MECHANISM {
        let (pointer, length) = match &mut self.gcm {
            Some(gcm) => ((&raw mut *gcm.params).cast(), size_of::<CK_GCM_PARAMS>()),
            None if self.parameter.is_empty() => (null_mut(), 0),
            None => (self.parameter.as_mut_ptr().cast(), self.parameter.len()),
        };
        CK_MECHANISM { mechanism: self.kind, pParameter: pointer, ulParameterLen: length as CK_ULONG }
    }
}

/// With a null pointer for an empty label.
fn oaep_params(hash: CK_MECHANISM_TYPE, mgf: CK_ULONG, label: &mut [u8]) -> CK_RSA_PKCS_OAEP_PARAMS {
    let label_pointer = if label.is_empty() { null_mut() } else { label.as_mut_ptr().cast() };
    CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: hash,
        mgf,
        source: CKZ_DATA_SPECIFIED,
        pSourceData: label_pointer,
        ulSourceDataLen: label.len() as CK_ULONG,
    }
}
