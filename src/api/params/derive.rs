//! Parameters of derivations and of key generation from a password.

use super::{borrowed, invalid, raw, read, rsa, sp800_108};
use crate::crypto::hash_name::HashName;
use crate::error::Error;
use crate::mechanism::{Hidden, HkdfParams, ParamShape, Params, Pbkdf2Params, Salt};
use crate::object::Template;
use cryptoki_sys::*;
use smallvec::SmallVec;

/// More than any key could be made of: a length beyond it is a mistake.
const MAX_BYTES: CK_ULONG = 1 << 20;
/// The keys that one call derives at most beside its own.
const MAX_FURTHER_KEYS: CK_ULONG = 64;

/// # Safety
/// As `params::parse`.
pub unsafe fn parse(shape: ParamShape, given: &[u8]) -> Result<Params, Error> {
    // SAFETY: `read` checks the length, and any bytes are these structures; else the caller's promise.
    unsafe {
        match shape {
            ParamShape::DerivationData => {
                let params: CK_KEY_DERIVATION_STRING_DATA = read(given)?;
                Ok(Params::DerivationData(Hidden::new(bytes(params.pData, params.ulLen)?)))
            }
            ParamShape::DerivationDataIv(iv_bytes) => data_with_iv(given, iv_bytes),
            ParamShape::KeyHandle => Ok(Params::KeyHandle(read(given)?)),
            ParamShape::FirstBit => Ok(Params::FirstBit(read(given)?)),
            ParamShape::Hkdf => hkdf(&read(given)?),
            ParamShape::Pbkdf2 => pbkdf2(&read(given)?),
            ParamShape::Sp800108 => sp800_108::standard(&read(given)?),
            ParamShape::Sp800108Feedback => sp800_108::feedback(&read(given)?),
            ParamShape::Sp800108CloudHsm => sp800_108::cloudhsm(&read(given)?),
            _ => Err(invalid("no such parameter")),
        }
    }
}

/// As `borrowed`, of a length that is not beyond all reason.
///
/// # Safety
/// As `raw::bytes`.
pub(super) unsafe fn bytes<'a>(pointer: *const CK_BYTE, length: CK_ULONG) -> Result<&'a [u8], Error> {
    if length > MAX_BYTES {
        return Err(invalid("a length is too large"));
    }
    // SAFETY: the caller's promise.
    unsafe { borrowed(pointer, length) }
}

/// CK_DES_CBC_ENCRYPT_DATA_PARAMS and CK_AES_CBC_ENCRYPT_DATA_PARAMS: an IV of 8 or 16 bytes, then the data.
///
/// # Safety
/// As `params::parse`.
unsafe fn data_with_iv(given: &[u8], iv_bytes: usize) -> Result<Params, Error> {
    let (iv, rest) = given.split_at_checked(iv_bytes).ok_or(invalid("the parameter has the wrong length"))?;
    // SAFETY: `read` checks the length; the rest of both structures is laid out as this one.
    let data = unsafe {
        let params: CK_KEY_DERIVATION_STRING_DATA = read(rest)?;
        bytes(params.pData, params.ulLen)?
    };
    Ok(Params::DerivationDataIv { iv: SmallVec::from_slice(iv), data: Hidden::new(data) })
}

/// # Safety
/// Pointers lead to what the lengths beside them say.
unsafe fn hkdf(params: &CK_HKDF_PARAMS) -> Result<Params, Error> {
    let (extract, expand) = (flag(params.bExtract)?, flag(params.bExpand)?);
    if !extract && !expand {
        return Err(invalid("neither bExtract nor bExpand"));
    }
    let hash = rsa::hash(params.prfHashMechanism)?;
    let salt = match params.ulSaltType {
        _ if !extract => None,
        CKF_HKDF_SALT_NULL => Some(Salt::Null),
        // SAFETY: the caller's promise.
        CKF_HKDF_SALT_DATA => {
            Some(Salt::Data(Hidden::new(unsafe { bytes(params.pSalt, params.ulSaltLen) }?)))
        }
        CKF_HKDF_SALT_KEY => Some(Salt::Key(params.hSaltKey)),
        _ => return Err(invalid("no such type of salt")),
    };
    // SAFETY: the caller's promise.
    let info = match expand {
        true => Some(unsafe { bytes(params.pInfo, params.ulInfoLen) }?.to_vec()),
        false => None,
    };
    Ok(Params::Hkdf(Box::new(HkdfParams { salt, info, hash })))
}

/// CK_PKCS5_PBKD2_PARAMS2, or CK_PKCS5_PBKD2_PARAMS of PKCS#11 up to 2.40, which is as long: there, what stands in the place
/// of the password's length leads to it.
///
/// # Safety
/// As `hkdf`.
unsafe fn pbkdf2(params: &CK_PKCS5_PBKD2_PARAMS2) -> Result<Params, Error> {
    let hash = match params.prf {
        CKP_PKCS5_PBKD2_HMAC_SHA1 => HashName::Sha1,
        CKP_PKCS5_PBKD2_HMAC_SHA224 => HashName::Sha224,
        CKP_PKCS5_PBKD2_HMAC_SHA256 => HashName::Sha256,
        CKP_PKCS5_PBKD2_HMAC_SHA384 => HashName::Sha384,
        CKP_PKCS5_PBKD2_HMAC_SHA512 => HashName::Sha512,
        CKP_PKCS5_PBKD2_HMAC_SHA512_224 => HashName::Sha512_224,
        CKP_PKCS5_PBKD2_HMAC_SHA512_256 => HashName::Sha512_256,
        _ => return Err(invalid("no such pseudo-random function")),
    };
    if params.saltSource != CKZ_SALT_SPECIFIED {
        return Err(invalid("no such source of salt"));
    }
    if !params.pPrfData.is_null() || params.ulPrfDataLen != 0 {
        return Err(invalid("the pseudo-random function takes no data"));
    }
    let password_bytes = match params.ulPasswordLen {
        length @ 0..=MAX_BYTES => length,
        place => raw::probe(place).ok_or(invalid("no such length of a password"))?,
    };
    // SAFETY: the caller's promise.
    let (password, salt) = unsafe {
        (
            bytes(params.pPassword, password_bytes)?,
            bytes(params.pSaltSourceData.cast(), params.ulSaltSourceDataLen)?,
        )
    };
    let (password, salt, iterations) = (Hidden::new(password), Hidden::new(salt), params.iterations);
    Ok(Params::Pbkdf2(Box::new(Pbkdf2Params { hash, password, salt, iterations })))
}

/// A CK_BBOOL of a structure.
pub(super) fn flag(value: CK_BBOOL) -> Result<bool, Error> {
    match value {
        CK_FALSE => Ok(false),
        CK_TRUE => Ok(true),
        _ => Err(invalid("a CK_BBOOL is 0 or 1")),
    }
}

/// The keys that a parameter asks for beside the call's own: their templates, and where their handles go.
#[derive(Default)]
pub struct FurtherKeys<'a> {
    pub templates: Vec<Template<'a>>,
    places: Vec<*mut CK_OBJECT_HANDLE>,
}

impl FurtherKeys<'_> {
    /// Writes the handles, or CK_INVALID_HANDLE in the place of the key whose template was at fault.
    ///
    /// # Safety
    /// The places are the caller's, still.
    pub unsafe fn write(&self, number: usize, handle: CK_OBJECT_HANDLE) {
        if let Some(place) = self.places.get(number) {
            // SAFETY: not null, as `further_keys` saw; else the caller's promise.
            unsafe { **place = handle };
        }
    }
}

/// What a mechanism's parameter, which `parse` took, says of further keys.
///
/// # Safety
/// As `params::parse`; templates and places are good until the call returns.
pub unsafe fn further_keys<'a>(
    shape: ParamShape,
    mechanism: &CK_MECHANISM,
    arena: &'a raw::Arena,
) -> Result<FurtherKeys<'a>, Error> {
    // SAFETY: the caller's promise; `read` checks the length.
    let (list, count) = unsafe {
        let given = borrowed(mechanism.pParameter.cast(), mechanism.ulParameterLen)?;
        match shape {
            ParamShape::Sp800108 => {
                let params: CK_SP800_108_KDF_PARAMS = read(given)?;
                (params.pAdditionalDerivedKeys, params.ulAdditionalDerivedKeys)
            }
            ParamShape::Sp800108Feedback => {
                let params: CK_SP800_108_FEEDBACK_KDF_PARAMS = read(given)?;
                (params.pAdditionalDerivedKeys, params.ulAdditionalDerivedKeys)
            }
            _ => return Ok(FurtherKeys::default()),
        }
    };
    // SAFETY: the caller's promise.
    let list = unsafe { sp800_108::list::<CK_DERIVED_KEY>(list, count, MAX_FURTHER_KEYS) }?;
    if list.iter().any(|key| key.phKey.is_null()) {
        return Err(invalid("the place of a further key's handle is null"));
    }
    let mut keys = FurtherKeys::default();
    for (number, key) in list.iter().enumerate() {
        keys.places.push(key.phKey);
        if key.pTemplate.is_null() && key.ulAttributeCount > 0 {
            return Err(invalid("the template of a further key is null"));
        }
        // SAFETY: the caller's promise.
        match unsafe { raw::template(key.pTemplate, key.ulAttributeCount, arena) } {
            Ok(template) => keys.templates.push(template),
            Err(error) => {
                // SAFETY: as above.
                unsafe { keys.write(number, CK_INVALID_HANDLE) };
                return Err(error);
            }
        }
    }
    Ok(keys)
}
