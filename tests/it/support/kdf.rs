//! Parameters of derivations and of keys from passwords. The structures are rows of eight bytes on this platform.

use super::{Attributes, Mechanism};
use cryptoki_sys::*;

fn place(bytes: &[u8]) -> u64 {
    if bytes.is_empty() { 0 } else { bytes.as_ptr() as u64 }
}

/// CK_KEY_DERIVATION_STRING_DATA
pub fn data(kind: CK_MECHANISM_TYPE, bytes: &[u8]) -> Mechanism {
    let bytes = bytes.to_vec();
    Mechanism::structure(kind, &[place(&bytes), bytes.len() as u64], vec![bytes])
}

/// CK_AES_CBC_ENCRYPT_DATA_PARAMS
pub fn data_with_iv(kind: CK_MECHANISM_TYPE, iv: [u64; 2], bytes: &[u8]) -> Mechanism {
    let bytes = bytes.to_vec();
    Mechanism::structure(kind, &[iv[0], iv[1], place(&bytes), bytes.len() as u64], vec![bytes])
}

/// The fields of CK_HKDF_PARAMS, to spoil them.
#[derive(Clone, Copy)]
pub struct Hkdf<'a> {
    pub extract: bool,
    pub expand: bool,
    pub hash: CK_MECHANISM_TYPE,
    pub salt_type: CK_ULONG,
    pub salt: &'a [u8],
    pub salt_key: CK_OBJECT_HANDLE,
    pub info: &'a [u8],
}

impl Hkdf<'_> {
    /// Extracts from a key with no salt, and expands it, with SHA-256.
    pub const PLAIN: Hkdf<'static> = Hkdf {
        extract: true,
        expand: true,
        hash: CKM_SHA256,
        salt_type: CKF_HKDF_SALT_NULL,
        salt: &[],
        salt_key: 0,
        info: b"info",
    };

    pub fn mechanism(&self, kind: CK_MECHANISM_TYPE) -> Mechanism {
        let (salt, info) = (self.salt.to_vec(), self.info.to_vec());
        let steps = u64::from_ne_bytes([self.extract.into(), self.expand.into(), 0, 0, 0, 0, 0, 0]);
        let row = [
            steps,
            self.hash,
            self.salt_type,
            place(&salt),
            salt.len() as u64,
            self.salt_key,
            place(&info),
            info.len() as u64,
        ];
        Mechanism::structure(kind, &row, vec![salt, info])
    }
}

/// The fields of CK_PKCS5_PBKD2_PARAMS2, to spoil them.
#[derive(Clone, Copy)]
pub struct Pbkdf2<'a> {
    pub salt_source: CK_ULONG,
    pub salt: &'a [u8],
    pub iterations: CK_ULONG,
    pub prf: CK_ULONG,
    pub prf_data: &'a [u8],
    pub password: &'a [u8],
}

impl Pbkdf2<'_> {
    pub const PLAIN: Pbkdf2<'static> = Pbkdf2 {
        salt_source: CKZ_SALT_SPECIFIED,
        salt: b"salt",
        iterations: 2,
        prf: CKP_PKCS5_PBKD2_HMAC_SHA1,
        prf_data: &[],
        password: b"password",
    };

    pub fn mechanism(&self) -> Mechanism {
        self.with_password_bytes(self.password.len() as u64)
    }

    /// CK_PKCS5_PBKD2_PARAMS, where the password's length is behind a pointer.
    pub fn old_mechanism(&self) -> Mechanism {
        let length: &'static u64 = Box::leak(Box::new(self.password.len() as u64));
        self.with_password_bytes(&raw const *length as u64)
    }

    /// What stands in the place of the password's length is this.
    pub fn with_password_bytes(&self, password_bytes: u64) -> Mechanism {
        let parts = [self.salt, self.prf_data, self.password].map(<[u8]>::to_vec);
        let row = [
            self.salt_source,
            place(&parts[0]),
            parts[0].len() as u64,
            self.iterations,
            self.prf,
            place(&parts[1]),
            parts[1].len() as u64,
            place(&parts[2]),
            password_bytes,
        ];
        Mechanism::structure(CKM_PKCS5_PBKD2, &row, Vec::from(parts))
    }
}

/// CK_SP800_108_COUNTER_FORMAT, big endian.
pub fn counter(bits: u64) -> Vec<u8> {
    [0, bits].map(u64::to_ne_bytes).concat()
}

/// CK_SP800_108_DKM_LENGTH_FORMAT, big endian.
pub fn dkm_length(method: CK_ULONG, bits: u64) -> Vec<u8> {
    [method, 0, bits].map(u64::to_ne_bytes).concat()
}

/// A piece of what the pseudo-random function is given: CK_PRF_DATA_PARAM.
pub type Input<'a> = (CK_PRF_DATA_TYPE, &'a [u8]);

/// One more key that a derivation shall make.
pub struct Further {
    pub template: Attributes,
    pub handle: Box<CK_OBJECT_HANDLE>,
}

impl Further {
    pub fn new(template: Attributes) -> Further {
        Further { template, handle: Box::new(u64::MAX) }
    }
}

/// CK_SP800_108_KDF_PARAMS, or CK_SP800_108_FEEDBACK_KDF_PARAMS for its mechanism.
pub fn sp800_108(
    kind: CK_MECHANISM_TYPE,
    prf: CK_MECHANISM_TYPE,
    inputs: &[Input],
    iv: &[u8],
    further: &mut [Further],
) -> Mechanism {
    let mut behind: Vec<Vec<u8>> = inputs.iter().map(|(_, value)| value.to_vec()).collect();
    let rows: Vec<u8> = inputs
        .iter()
        .zip(&behind)
        .flat_map(|((kind, _), value)| [*kind, place(value), value.len() as u64])
        .flat_map(u64::to_ne_bytes)
        .collect();
    let keys: Vec<u8> = further
        .iter_mut()
        .flat_map(|key| {
            let handle = &raw mut *key.handle;
            [key.template.as_mut_ptr() as u64, key.template.count(), handle as u64]
        })
        .flat_map(u64::to_ne_bytes)
        .collect();
    let iv = iv.to_vec();
    let head = [prf, inputs.len() as u64, place(&rows)];
    let tail = [further.len() as u64, place(&keys)];
    let ivs = [iv.len() as u64, place(&iv)];
    behind.extend([rows, keys, iv]);
    match kind {
        CKM_SP800_108_FEEDBACK_KDF => {
            let row: [u64; 7] = [head[0], head[1], head[2], ivs[0], ivs[1], tail[0], tail[1]];
            Mechanism::structure(kind, &row, behind)
        }
        _ => Mechanism::structure(kind, &[head[0], head[1], head[2], tail[0], tail[1]], behind),
    }
}
