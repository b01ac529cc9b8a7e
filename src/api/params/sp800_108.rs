//! Parameters of the derivations of SP 800-108: the standard's, and those of AWS's vendor header.

use super::derive::{bytes, flag};
use super::{invalid, read};
use crate::error::Error;
use crate::mechanism::{Hidden, Params, PrfInput, Sp800108Params, Width};
use cryptoki_sys::*;

/// The pieces of input at most.
const MAX_INPUTS: CK_ULONG = 1024;

// CloudHSM: the structures of its vendor header are shorter; the numbers of the pieces differ, and there are two sets.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CloudHsmKdfParams {
    prf: CK_SP800_108_PRF_TYPE,
    count: CK_ULONG,
    inputs: *mut CK_PRF_DATA_PARAM,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct CloudHsmLength {
    method: CK_SP800_108_DKM_LENGTH_METHOD,
    width_bits: CK_ULONG,
}

const CLOUDHSM_ITERATION_VARIABLE: CK_PRF_DATA_TYPE = 1;
const CLOUDHSM_DKM_LENGTH: CK_PRF_DATA_TYPE = 2;
const CLOUDHSM_BYTE_ARRAY: CK_PRF_DATA_TYPE = 3;
const CLOUDHSM_OLD_COUNTER: CK_PRF_DATA_TYPE = 4;
const CLOUDHSM_OLD_LABEL: CK_PRF_DATA_TYPE = 5;
const CLOUDHSM_OLD_CONTEXT: CK_PRF_DATA_TYPE = 6;
const CLOUDHSM_OLD_DKM_LENGTH: CK_PRF_DATA_TYPE = 7;
const CLOUDHSM_OLD_BYTE_ARRAY: CK_PRF_DATA_TYPE = 8;

/// # Safety
/// Pointers lead to what the lengths beside them say.
pub unsafe fn standard(params: &CK_SP800_108_KDF_PARAMS) -> Result<Params, Error> {
    // SAFETY: the caller's promise.
    unsafe { kdf(params.prfType, params.pDataParams, params.ulNumberOfDataParams, &[], standard_input) }
}

/// # Safety
/// As `standard`.
pub unsafe fn feedback(params: &CK_SP800_108_FEEDBACK_KDF_PARAMS) -> Result<Params, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let iv = bytes(params.pIV, params.ulIVLen)?;
        kdf(params.prfType, params.pDataParams, params.ulNumberOfDataParams, iv, standard_input)
    }
}

/// # Safety
/// As `standard`.
pub unsafe fn cloudhsm(params: &CloudHsmKdfParams) -> Result<Params, Error> {
    // SAFETY: the caller's promise.
    unsafe { kdf(params.prf, params.inputs, params.count, &[], cloudhsm_input) }
}

/// An array of the caller's.
///
/// # Safety
/// A pointer that is not null leads to so many structures, aligned.
pub(super) unsafe fn list<'a, T>(
    pointer: *const T,
    count: CK_ULONG,
    most: CK_ULONG,
) -> Result<&'a [T], Error> {
    match count {
        0 => Ok(&[]),
        // SAFETY: not null; the caller's promise.
        _ if count <= most && !pointer.is_null() && pointer.is_aligned() => unsafe {
            Ok(std::slice::from_raw_parts(pointer, count as usize))
        },
        _ => Err(invalid("an array is null, or its count is not one")),
    }
}

/// Parses one piece, of this type and with these bytes.
type Parse = unsafe fn(CK_PRF_DATA_TYPE, &[u8]) -> Result<PrfInput, Error>;

/// # Safety
/// As `standard`.
unsafe fn kdf(
    prf: CK_SP800_108_PRF_TYPE,
    inputs: *const CK_PRF_DATA_PARAM,
    count: CK_ULONG,
    iv: &[u8],
    parse: Parse,
) -> Result<Params, Error> {
    let mut parsed = Vec::new();
    // SAFETY: the caller's promise.
    for input in unsafe { list(inputs, count, MAX_INPUTS) }? {
        if input.pValue.is_null() && input.ulValueLen > 0 {
            return Err(invalid("a piece of input is null"));
        }
        // SAFETY: the caller's promise.
        parsed.push(unsafe { parse(input.type_, bytes(input.pValue.cast(), input.ulValueLen)?) }?);
    }
    Ok(Params::Sp800108(Box::new(Sp800108Params { prf, inputs: parsed, iv: iv.to_vec() })))
}

/// # Safety
/// None: it is one of `Parse`'s.
unsafe fn standard_input(kind: CK_PRF_DATA_TYPE, given: &[u8]) -> Result<PrfInput, Error> {
    // SAFETY: `read` checks the lengths, and any bytes are these structures.
    unsafe {
        Ok(match kind {
            CK_SP800_108_ITERATION_VARIABLE if given.is_empty() => PrfInput::Iteration(None),
            CK_SP800_108_ITERATION_VARIABLE => PrfInput::Iteration(Some(width(read(given)?)?)),
            CK_SP800_108_COUNTER => PrfInput::Counter(width(read(given)?)?),
            CK_SP800_108_DKM_LENGTH => {
                let format: CK_SP800_108_DKM_LENGTH_FORMAT = read(given)?;
                let of_segments = match format.dkmLengthMethod {
                    CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS => false,
                    CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS => true,
                    _ => return Err(invalid("no such length of the keys")),
                };
                let little_endian = flag(format.bLittleEndian)?;
                PrfInput::Length { of_segments, width: Width { little_endian, bits: format.ulWidthInBits } }
            }
            CK_SP800_108_BYTE_ARRAY if !given.is_empty() => PrfInput::Bytes(Hidden::new(given)),
            CK_SP800_108_KEY_HANDLE => PrfInput::Key(read(given)?),
            _ => return Err(invalid("no such piece of input")),
        })
    }
}

fn width(format: CK_SP800_108_COUNTER_FORMAT) -> Result<Width, Error> {
    Ok(Width { little_endian: flag(format.bLittleEndian)?, bits: format.ulWidthInBits })
}

/// # Safety
/// As `standard_input`.
unsafe fn cloudhsm_input(kind: CK_PRF_DATA_TYPE, given: &[u8]) -> Result<PrfInput, Error> {
    let width = |bits| Width { little_endian: false, bits };
    // SAFETY: `read` checks the lengths, and any bytes are these structures.
    unsafe {
        Ok(match kind {
            CLOUDHSM_ITERATION_VARIABLE | CLOUDHSM_OLD_COUNTER => match read(given)? {
                bits @ (16 | 32) => PrfInput::Iteration(Some(width(bits))),
                _ => return Err(invalid("the counter has 16 or 32 bits")),
            },
            CLOUDHSM_DKM_LENGTH | CLOUDHSM_OLD_DKM_LENGTH => match read(given)? {
                CloudHsmLength {
                    method: CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS,
                    width_bits: bits @ (8 | 16 | 32 | 64),
                } => PrfInput::Length { of_segments: false, width: width(bits) },
                _ => return Err(invalid("the length of the keys has 8, 16, 32 or 64 bits")),
            },
            CLOUDHSM_BYTE_ARRAY | CLOUDHSM_OLD_LABEL | CLOUDHSM_OLD_CONTEXT | CLOUDHSM_OLD_BYTE_ARRAY => {
                PrfInput::Bytes(Hidden::new(given))
            }
            _ => return Err(invalid("no such piece of input")),
        })
    }
}
