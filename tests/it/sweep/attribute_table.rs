//! Attributes as the specification's tables have them: the form of each one's value, and when it may be given.

use cryptoki_sys::*;

/// The form of a value, which decides what sizes are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Flag,
    Number,
    /// Of any length.
    Bytes,
    Date,
    CheckValue,
    Mechanisms,
    Template,
}

/// The calls that take a template, and change or make an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Giving {
    Create,
    Generate,
    Unwrap,
    Derive,
    Copy,
    Set,
}

const FLAGS: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_TOKEN,
    CKA_PRIVATE,
    CKA_TRUSTED,
    CKA_SENSITIVE,
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_SIGN,
    CKA_SIGN_RECOVER,
    CKA_VERIFY,
    CKA_VERIFY_RECOVER,
    CKA_DERIVE,
    CKA_EXTRACTABLE,
    CKA_LOCAL,
    CKA_NEVER_EXTRACTABLE,
    CKA_ALWAYS_SENSITIVE,
    CKA_MODIFIABLE,
    CKA_COPYABLE,
    CKA_DESTROYABLE,
    CKA_ALWAYS_AUTHENTICATE,
    CKA_WRAP_WITH_TRUSTED,
    CKA_ENCAPSULATE,
    CKA_DECAPSULATE,
];

const NUMBERS: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_CLASS,
    CKA_CERTIFICATE_TYPE,
    CKA_CERTIFICATE_CATEGORY,
    CKA_JAVA_MIDP_SECURITY_DOMAIN,
    CKA_NAME_HASH_ALGORITHM,
    CKA_KEY_TYPE,
    CKA_MODULUS_BITS,
    CKA_PRIME_BITS,
    CKA_SUBPRIME_BITS,
    CKA_VALUE_LEN,
    CKA_KEY_GEN_MECHANISM,
    CKA_PARAMETER_SET,
    CKA_PROFILE_ID,
];

const BYTES: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_LABEL,
    CKA_UNIQUE_ID,
    CKA_APPLICATION,
    CKA_VALUE,
    CKA_OBJECT_ID,
    CKA_ISSUER,
    CKA_SERIAL_NUMBER,
    CKA_AC_ISSUER,
    CKA_OWNER,
    CKA_ATTR_TYPES,
    CKA_URL,
    CKA_HASH_OF_SUBJECT_PUBLIC_KEY,
    CKA_HASH_OF_ISSUER_PUBLIC_KEY,
    CKA_SUBJECT,
    CKA_ID,
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
    CKA_PUBLIC_KEY_INFO,
    CKA_PRIME,
    CKA_SUBPRIME,
    CKA_BASE,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_SEED,
];

/// `None`: not here.
pub fn form(kind: CK_ATTRIBUTE_TYPE) -> Option<Form> {
    match kind {
        CKA_START_DATE | CKA_END_DATE => Some(Form::Date),
        CKA_CHECK_VALUE => Some(Form::CheckValue),
        CKA_ALLOWED_MECHANISMS => Some(Form::Mechanisms),
        CKA_WRAP_TEMPLATE
        | CKA_UNWRAP_TEMPLATE
        | CKA_DERIVE_TEMPLATE
        | CKA_ENCAPSULATE_TEMPLATE
        | CKA_DECAPSULATE_TEMPLATE => Some(Form::Template),
        kind if FLAGS.contains(&kind) => Some(Form::Flag),
        kind if NUMBERS.contains(&kind) => Some(Form::Number),
        kind if BYTES.contains(&kind) => Some(Form::Bytes),
        _ => None,
    }
}

impl Form {
    /// Values that no attribute of the form has.
    pub fn wrong(self) -> &'static [&'static [u8]] {
        match self {
            Form::Flag => &[&[], &[2], &[0xff], &[1, 0], &[1, 0, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0]],
            Form::Number => &[&[], &[0], &[0; 4], &[0; 7], &[0; 9], &[0; 16]],
            Form::Bytes => &[],
            Form::Date => &[b"2", b"2026010", b"202601011", b"20261301", b"20260230", b"2026010x"],
            Form::CheckValue => &[&[1], &[1, 2], &[1, 2, 3, 4], &[0; 20]],
            Form::Mechanisms => &[&[0], &[0; 7], &[0; 9], &[0; 15]],
            Form::Template => &[&[0], &[0; 23], &[0; 25]],
        }
    }
}

/// Attributes that no call may give: the token alone makes them.
const NEVER: &[CK_ATTRIBUTE_TYPE] =
    &[CKA_LOCAL, CKA_KEY_GEN_MECHANISM, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_UNIQUE_ID];

/// Parts of keys: given when they are imported (footnotes 4 and 6), not when they are made.
const PARTS: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_VALUE,
    CKA_MODULUS,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
    CKA_EC_POINT,
    CKA_SEED,
];

/// Those that a public key is made from, and that come with a private key.
const PARAMETERS: &[CK_ATTRIBUTE_TYPE] = &[CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_PARAMETER_SET];

/// Footnote 8: may be changed at any time.
const CHANGING: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_LABEL,
    CKA_ID,
    CKA_START_DATE,
    CKA_END_DATE,
    CKA_DERIVE,
    CKA_SUBJECT,
    CKA_ISSUER,
    CKA_SERIAL_NUMBER,
    CKA_AC_ISSUER,
    CKA_ATTR_TYPES,
    CKA_SENSITIVE,
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_SIGN,
    CKA_SIGN_RECOVER,
    CKA_VERIFY,
    CKA_VERIFY_RECOVER,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_ENCAPSULATE,
    CKA_DECAPSULATE,
    CKA_EXTRACTABLE,
    CKA_WRAP_WITH_TRUSTED,
    CKA_TRUSTED,
    CKA_COPYABLE,
];

/// Sec. 4.1.3: may be changed in a copy.
const COPIED: &[CK_ATTRIBUTE_TYPE] =
    &[CKA_TOKEN, CKA_PRIVATE, CKA_MODIFIABLE, CKA_DESTROYABLE, CKA_ALWAYS_AUTHENTICATE];

/// Whether the call may give the attribute to an object of a class that has it.
pub fn may_give(giving: Giving, class: CK_OBJECT_CLASS, kind: CK_ATTRIBUTE_TYPE) -> bool {
    let changes = match kind {
        // The dates and the subject of a certificate are what they are.
        CKA_START_DATE | CKA_END_DATE | CKA_SUBJECT if class == CKO_CERTIFICATE => false,
        // The check value of a secret key can be taken away.
        CKA_CHECK_VALUE => class == CKO_SECRET_KEY,
        kind => CHANGING.contains(&kind),
    };
    let is_private = class == CKO_PRIVATE_KEY;
    match giving {
        Giving::Set => changes,
        Giving::Copy => changes || COPIED.contains(&kind),
        _ if NEVER.contains(&kind) => false,
        Giving::Create => {
            !matches!(kind, CKA_VALUE_LEN | CKA_MODULUS_BITS | CKA_PRIME_BITS | CKA_SUBPRIME_BITS)
        }
        Giving::Generate | Giving::Unwrap | Giving::Derive => {
            let is_part = PARTS.contains(&kind) || (is_private && PARAMETERS.contains(&kind));
            !is_part
        }
    }
}

/// Footnote 7: nobody is shown it, where the key is sensitive.
pub fn is_secret(class: CK_OBJECT_CLASS, kind: CK_ATTRIBUTE_TYPE) -> bool {
    let is_public = matches!(kind, CKA_MODULUS | CKA_EC_POINT);
    matches!(class, CKO_SECRET_KEY | CKO_PRIVATE_KEY) && PARTS.contains(&kind) && !is_public
}
