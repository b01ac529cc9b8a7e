//! CKM_HKDF_DERIVE and CKM_HKDF_DATA (PKCS#11 3.2 sec. 6.62, RFC 5869).
//!
//! A base key that is extracted from has any length: the specification asks for that of the digest, which the secrets
//! of a key agreement do not have. One that is only expanded is at least as long as the digest (RFC 5869 sec. 2.3).

use super::derivation::{Derivation, too_short};
use super::params::Hidden;
use super::{Key, Params};
use crate::crypto::hash_name::HashName;
use crate::crypto::kdf::{self, HkdfStep};
use crate::error::{Error, MechanismError, ObjectError};
use crate::object::Secret;
use cryptoki_sys::CKA_VALUE_LEN;

/// The parsed CK_HKDF_PARAMS; what is ignored in them is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HkdfParams {
    /// `None`: bExtract is false.
    pub salt: Option<Salt>,
    /// `None`: bExpand is false.
    pub info: Option<Vec<u8>>,
    pub hash: HashName,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Salt {
    /// As many zeros as the digest has bytes.
    Null,
    Data(Hidden),
    Key(u64),
}

impl HkdfParams {
    pub fn salt_key(&self) -> Option<u64> {
        match self.salt {
            Some(Salt::Key(handle)) => Some(handle),
            _ => None,
        }
    }
}

pub fn derive(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let Params::Hkdf(params) = params else {
        return Err(MechanismError::Params("CK_HKDF_PARAMS are needed").into());
    };
    let key = key.secret()?.expose();
    let digest_bytes = params.hash.bytes();
    if asked.base_type.is_none() && !takes_data(params, key.len()) {
        return Err(MechanismError::KeyType.into());
    }
    let salt = match &params.salt {
        None => None,
        Some(Salt::Null) => Some(&[][..]),
        Some(Salt::Data(salt)) => Some(salt.expose()),
        Some(Salt::Key(_)) => Some(asked.others.first().ok_or(MechanismError::KeyType)?.secret()?.expose()),
    };
    let (step, bytes) = match (salt, &params.info, asked.bytes) {
        (Some(salt), None, bytes) if bytes.is_none_or(|bytes| bytes == digest_bytes) => {
            (HkdfStep::Extract { salt }, digest_bytes)
        }
        (Some(_), None, _) => {
            return Err(ObjectError::Inconsistent("CKA_VALUE_LEN is not the length of the digest").into());
        }
        (_, _, None) => return Err(ObjectError::Incomplete(CKA_VALUE_LEN).into()),
        (_, _, Some(bytes)) if bytes > kdf::MAX_HKDF_BLOCKS * digest_bytes => return Err(too_short()),
        (Some(salt), Some(info), Some(bytes)) => (HkdfStep::Both { salt, info }, bytes),
        (None, Some(info), Some(bytes)) if key.len() >= digest_bytes => (HkdfStep::Expand { info }, bytes),
        (None, _, _) => return Err(MechanismError::KeySize { bytes: key.len() }.into()),
    };
    let mut output = vec![0; bytes].into_boxed_slice();
    kdf::hkdf(params.hash, step, key, &mut output)?;
    Ok(Secret::new(output))
}

/// Which data object may stand for a base key.
fn takes_data(params: &HkdfParams, data_bytes: usize) -> bool {
    data_bytes == params.hash.bytes() && matches!(params.salt, Some(Salt::Data(_) | Salt::Key(_)))
}
