//! Derivations as profile `cloudhsm` has them (AWS CloudHSM User Guide, "Supported mechanisms"): CKM_ECDH1_DERIVE with the
//! vendor's numbers of the key derivation functions alone, and without a function where the settings allow it; the counter
//! mode of SP 800-108 with the pseudo-random functions of the guide.

use super::ecdh::{self, EcdhParams};
use super::sp800_108;
use super::{Derivation, Derive, Key, Params};
use crate::error::{Error, MechanismError};
use crate::object::Secret;
use crate::profile::{ECDH_KDFS, KDF_PRFS};
use cryptoki_sys::{CK_EC_KDF_TYPE, CKD_NULL};

/// The profile's CKM_ECDH1_DERIVE.
pub(super) fn ecdh(without_kdf: bool) -> Derive {
    match without_kdf {
        true => |key, params, asked| ecdh_by(key, params, asked, true),
        false => |key, params, asked| ecdh_by(key, params, asked, false),
    }
}

/// Errors: `Params`, for another function than the profile's; those of `ecdh::derive`.
fn ecdh_by(
    key: Key<'_>,
    params: &Params,
    asked: &Derivation<'_>,
    without_kdf: bool,
) -> Result<Secret, Error> {
    let Params::Ecdh(given) = params else { return ecdh::derive(key, params, asked) };
    let kdf = standard(given.kdf, without_kdf)
        .ok_or(MechanismError::Params("this profile has CKD_CLOUDHSM_X963_SHA*_KDF alone"))?;
    let params = Params::Ecdh(Box::new(EcdhParams { kdf, ..(**given).clone() }));
    ecdh::derive(key, &params, asked)
}

/// The standard's number of a function.
fn standard(kdf: CK_EC_KDF_TYPE, without_kdf: bool) -> Option<CK_EC_KDF_TYPE> {
    if kdf == CKD_NULL && without_kdf {
        return Some(CKD_NULL);
    }
    ECDH_KDFS.iter().find(|(_, vendors, _)| *vendors == kdf).map(|(_, _, standard)| *standard)
}

/// CKM_CLOUDHSM_SP800_108_COUNTER_KDF. Errors: `Params`, for another pseudo-random function than the guide's; those of
/// `sp800_108::counter`.
pub fn counter(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    match params {
        Params::Sp800108(given) if !KDF_PRFS.contains(&given.prf) => {
            Err(MechanismError::Params("this profile has no such pseudo-random function").into())
        }
        _ => sp800_108::counter(key, params, asked),
    }
}
