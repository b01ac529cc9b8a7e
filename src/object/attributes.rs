//! The attributes that objects can have: one row each, with the form of its value.
//!
//! Owns the dense numbering of attributes (`Id`) that sets and rule tables use. Which class has which
//! attribute, and who may give or change it, stands in `rules`. Flag numbers are part of the stored format:
//! a new flag takes a new number, and none is ever given twice.

use super::{embedded, values};
use crate::error::ObjectError;
use cryptoki_sys::*;

/// The form of an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// CK_BBOOL, kept as this bit of the object's flags.
    Flag(u8),
    /// CK_ULONG up to this value.
    Number(CK_ULONG),
    /// Byte array or RFC2279 string. Strings are not checked: programs put other encodings into labels.
    Bytes,
    /// CK_DATE or empty.
    Date,
    /// The three bytes of CKA_CHECK_VALUE, or empty: not wanted.
    CheckValue,
    /// Array of CK_MECHANISM_TYPE.
    Mechanisms,
    /// Array of CK_ATTRIBUTE, as `embedded` keeps it.
    Template,
}

/// One attribute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub kind: CK_ATTRIBUTE_TYPE,
    pub form: Form,
}

const fn row(kind: CK_ATTRIBUTE_TYPE, form: Form) -> Row {
    Row { kind, form }
}

const ANY: CK_ULONG = CK_ULONG::MAX;

/// The rows, in the order of their numbers: `find` looks up those from `HIGH_KIND` on one by one.
pub(super) static ROWS: [Row; COUNT] = [
    row(CKA_CLASS, Form::Number(ANY)),
    row(CKA_TOKEN, Form::Flag(0)),
    row(CKA_PRIVATE, Form::Flag(1)),
    row(CKA_LABEL, Form::Bytes),
    row(CKA_UNIQUE_ID, Form::Bytes),
    row(CKA_APPLICATION, Form::Bytes),
    row(CKA_VALUE, Form::Bytes),
    row(CKA_OBJECT_ID, Form::Bytes),
    row(CKA_CERTIFICATE_TYPE, Form::Number(ANY)),
    row(CKA_ISSUER, Form::Bytes),
    row(CKA_SERIAL_NUMBER, Form::Bytes),
    row(CKA_AC_ISSUER, Form::Bytes),
    row(CKA_OWNER, Form::Bytes),
    row(CKA_ATTR_TYPES, Form::Bytes),
    row(CKA_TRUSTED, Form::Flag(2)),
    row(CKA_CERTIFICATE_CATEGORY, Form::Number(CK_CERTIFICATE_CATEGORY_OTHER_ENTITY)),
    row(CKA_JAVA_MIDP_SECURITY_DOMAIN, Form::Number(CK_SECURITY_DOMAIN_THIRD_PARTY)),
    row(CKA_URL, Form::Bytes),
    row(CKA_HASH_OF_SUBJECT_PUBLIC_KEY, Form::Bytes),
    row(CKA_HASH_OF_ISSUER_PUBLIC_KEY, Form::Bytes),
    row(CKA_NAME_HASH_ALGORITHM, Form::Number(ANY)),
    row(CKA_CHECK_VALUE, Form::CheckValue),
    row(CKA_KEY_TYPE, Form::Number(ANY)),
    row(CKA_SUBJECT, Form::Bytes),
    row(CKA_ID, Form::Bytes),
    row(CKA_SENSITIVE, Form::Flag(3)),
    row(CKA_ENCRYPT, Form::Flag(4)),
    row(CKA_DECRYPT, Form::Flag(5)),
    row(CKA_WRAP, Form::Flag(6)),
    row(CKA_UNWRAP, Form::Flag(7)),
    row(CKA_SIGN, Form::Flag(8)),
    row(CKA_SIGN_RECOVER, Form::Flag(9)),
    row(CKA_VERIFY, Form::Flag(10)),
    row(CKA_VERIFY_RECOVER, Form::Flag(11)),
    row(CKA_DERIVE, Form::Flag(12)),
    row(CKA_START_DATE, Form::Date),
    row(CKA_END_DATE, Form::Date),
    row(CKA_MODULUS, Form::Bytes),
    row(CKA_MODULUS_BITS, Form::Number(ANY)),
    row(CKA_PUBLIC_EXPONENT, Form::Bytes),
    row(CKA_PRIVATE_EXPONENT, Form::Bytes),
    row(CKA_PRIME_1, Form::Bytes),
    row(CKA_PRIME_2, Form::Bytes),
    row(CKA_EXPONENT_1, Form::Bytes),
    row(CKA_EXPONENT_2, Form::Bytes),
    row(CKA_COEFFICIENT, Form::Bytes),
    row(CKA_PUBLIC_KEY_INFO, Form::Bytes),
    row(CKA_PRIME, Form::Bytes),
    row(CKA_SUBPRIME, Form::Bytes),
    row(CKA_BASE, Form::Bytes),
    row(CKA_PRIME_BITS, Form::Number(ANY)),
    row(CKA_SUBPRIME_BITS, Form::Number(ANY)),
    row(CKA_VALUE_LEN, Form::Number(ANY)),
    row(CKA_EXTRACTABLE, Form::Flag(13)),
    row(CKA_LOCAL, Form::Flag(14)),
    row(CKA_NEVER_EXTRACTABLE, Form::Flag(15)),
    row(CKA_ALWAYS_SENSITIVE, Form::Flag(16)),
    row(CKA_KEY_GEN_MECHANISM, Form::Number(ANY)),
    row(CKA_MODIFIABLE, Form::Flag(17)),
    row(CKA_COPYABLE, Form::Flag(18)),
    row(CKA_DESTROYABLE, Form::Flag(19)),
    row(CKA_EC_PARAMS, Form::Bytes),
    row(CKA_EC_POINT, Form::Bytes),
    row(CKA_ALWAYS_AUTHENTICATE, Form::Flag(20)),
    row(CKA_WRAP_WITH_TRUSTED, Form::Flag(21)),
    row(CKA_WRAP_TEMPLATE, Form::Template),
    row(CKA_UNWRAP_TEMPLATE, Form::Template),
    row(CKA_DERIVE_TEMPLATE, Form::Template),
    row(CKA_ALLOWED_MECHANISMS, Form::Mechanisms),
    row(CKA_PARAMETER_SET, Form::Number(ANY)),
    row(CKA_SEED, Form::Bytes),
    row(CKA_ENCAPSULATE, Form::Flag(22)),
    row(CKA_DECAPSULATE, Form::Flag(23)),
    row(CKA_ENCAPSULATE_TEMPLATE, Form::Template),
    row(CKA_DECAPSULATE_TEMPLATE, Form::Template),
];

pub(super) const COUNT: usize = 75;
const HIGH_KIND: usize = 0x240;
const HIGH_ROWS: usize = 65;

/// Bit of the object's flags beside those of the rows: CKA_CHECK_VALUE was given or set as empty.
pub(super) const NO_CHECK_VALUE: u64 = 1 << 63;

/// Ranges of attributes that the specification defines and this library has for no class. In a template they
/// are inconsistent with the object, while an attribute outside them is no attribute at all; nor is
/// CKA_OBJECT_VALIDATION_FLAGS, which no template may have and no object of a token without validations has.
const OTHER_STANDARD: [(CK_ATTRIBUTE_TYPE, CK_ATTRIBUTE_TYPE); 11] = [
    (CKA_PRIME, CKA_SUBPRIME_BITS),
    (CKA_VALUE_BITS, CKA_VALUE_BITS),
    (CKA_SECONDARY_AUTH, CKA_AUTH_PIN_FLAGS),
    (CKA_OTP_FORMAT, CKA_OTP_TIME),
    (CKA_GOSTR3410_PARAMS, CKA_GOST28147_PARAMS),
    (CKA_HW_FEATURE_TYPE, CKA_HAS_RESET),
    (CKA_PIXEL_X, CKA_BITS_PER_PIXEL),
    (CKA_CHAR_SETS, CKA_MIME_TYPES),
    (CKA_MECHANISM_TYPE, CKA_SUPPORTED_CMS_ATTRIBUTES),
    (CKA_PROFILE_ID, CKA_OBJECT_VALIDATION_FLAGS - 1),
    (CKA_OBJECT_VALIDATION_FLAGS + 1, CKA_SEED),
];

/// The number of an attribute's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(u8);

impl Id {
    /// The row of a number that `index` gave.
    pub(super) const fn at(index: u8) -> Id {
        Id(index)
    }
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
    pub(super) fn row(self) -> Row {
        ROWS[self.index()]
    }
    pub(super) fn kind(self) -> CK_ATTRIBUTE_TYPE {
        self.row().kind
    }
}

/// A set of attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Set(u128);

impl Set {
    pub(super) const EMPTY: Set = Set(0);

    pub(super) const fn with(self, id: Id) -> Set {
        Set(self.0 | 1u128 << id.0)
    }
    pub(super) const fn contains(self, id: Id) -> bool {
        self.0 & (1 << id.0) != 0
    }
    /// Whether it was not there yet.
    pub(super) fn insert(&mut self, id: Id) -> bool {
        let new = !self.contains(id);
        self.0 |= 1 << id.0;
        new
    }
    pub(super) fn first_missing_in(self, other: Set) -> Option<Id> {
        let missing = self.0 & !other.0;
        (missing != 0).then(|| Id(missing.trailing_zeros() as u8))
    }
}

const NONE: u8 = u8::MAX;
static INDEX: [u8; HIGH_KIND] = index();

const fn index() -> [u8; HIGH_KIND] {
    let mut index = [NONE; HIGH_KIND];
    let mut at = 0;
    while at < HIGH_ROWS {
        index[ROWS[at].kind as usize] = at as u8;
        at += 1;
    }
    assert!(ROWS[HIGH_ROWS].kind as usize >= HIGH_KIND);
    index
}

/// The row of an attribute type.
pub(super) fn find(kind: CK_ATTRIBUTE_TYPE) -> Option<Id> {
    if let Some(&at) = INDEX.get(usize::try_from(kind).ok()?) {
        return (at != NONE).then_some(Id(at));
    }
    let high = ROWS[HIGH_ROWS..].iter().position(|row| row.kind == kind)?;
    Some(Id((HIGH_ROWS + high) as u8))
}

/// The row of an attribute that has one: for constants, so that a missing row fails the build.
pub(super) const fn id(kind: CK_ATTRIBUTE_TYPE) -> Id {
    let mut at = 0;
    while ROWS[at].kind != kind {
        at += 1;
    }
    Id(at as u8)
}

/// The bit of a flag attribute in an object's flags: for constants.
pub(super) const fn bit(kind: CK_ATTRIBUTE_TYPE) -> u64 {
    match ROWS[id(kind).index()].form {
        Form::Flag(number) => 1 << number,
        _ => panic!("not a flag"),
    }
}

/// Why a type without a row cannot stand in a template (PKCS#11 3.0 sec. 4.1.1, 1 and 5).
pub(super) fn unknown(kind: CK_ATTRIBUTE_TYPE) -> ObjectError {
    match OTHER_STANDARD.iter().any(|(first, last)| (*first..=*last).contains(&kind)) {
        true => ObjectError::Inconsistent("an attribute does not belong to this class of object"),
        false => ObjectError::TypeInvalid(kind),
    }
}

/// Whether the bytes have the attribute's form. Errors: `ValueInvalid`; of templates also `Inconsistent`, `TypeInvalid`.
pub(super) fn check_form(row: Row, value: &[u8]) -> Result<(), ObjectError> {
    let reason = match row.form {
        Form::Flag(_) if !matches!(value, [0 | 1]) => "a CK_BBOOL is one byte, 0 or 1",
        Form::Number(most) => match values::number(value) {
            None => "a CK_ULONG of 8 bytes is wanted",
            Some(number) if number > most => "no such value",
            Some(_) => return Ok(()),
        },
        Form::Date if !values::is_date(value) => "a CK_DATE is YYYYMMDD, or empty",
        Form::CheckValue if !matches!(value.len(), 0 | 3) => "a check value has 3 bytes",
        Form::Template => return embedded::check(row.kind, value),
        Form::Mechanisms if !value.len().is_multiple_of(size_of::<CK_MECHANISM_TYPE>()) => {
            "whole CK_MECHANISM_TYPE values are wanted"
        }
        _ => return Ok(()),
    };
    Err(ObjectError::ValueInvalid { attribute: row.kind, reason })
}
