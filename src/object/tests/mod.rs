//! The rules, one test or table row each, by name.

mod adopt;
mod change;
mod codec;
mod create;
mod key;
mod read;

use super::*;

pub(super) const YES: &[u8] = &[1];
pub(super) const NO: &[u8] = &[0];
pub(super) const KEY_128: &[u8] = b"0123456789abcdef";
pub(super) const USER: Context = Context {
    user: true,
    security_officer: false,
    refuse_public_keys: false,
    refuse_extractable: false,
    legacy: false,
    active: Active::STANDARD,
};
pub(super) const OFFICER: Context = Context { security_officer: true, ..USER };

pub(super) type Pair<'a> = (CK_ATTRIBUTE_TYPE, &'a [u8]);

pub(super) fn template<'a>(pairs: &[Pair<'a>]) -> Template<'a> {
    Template { attributes: pairs.iter().map(|&(kind, value)| Attribute { kind, value }).collect() }
}

/// A template with more attributes behind; one that is in `base` already is replaced.
pub(super) fn with<'a>(base: &[Pair<'a>], more: &[Pair<'a>]) -> Template<'a> {
    let kept = base.iter().filter(|(kind, _)| !more.iter().any(|(other, _)| other == kind));
    template(&kept.chain(more).copied().collect::<Vec<_>>())
}

pub(super) const fn number(value: CK_ULONG) -> [u8; 8] {
    value.to_le_bytes()
}

pub(super) const SECRET_CLASS: &[u8] = &number(CKO_SECRET_KEY);
pub(super) const AES: &[u8] = &number(CKK_AES);

pub(super) const AES_KEY: &[Pair] = &[(CKA_CLASS, SECRET_CLASS), (CKA_KEY_TYPE, AES), (CKA_VALUE, KEY_128)];
pub(super) const GENERIC_KEY: &[Pair] = &[
    (CKA_CLASS, SECRET_CLASS),
    (CKA_KEY_TYPE, &number(CKK_GENERIC_SECRET)),
    (CKA_VALUE, b"some secret of any length"),
];
pub(super) const DATA: &[Pair] = &[(CKA_CLASS, &number(CKO_DATA))];
pub(super) const X509: &[Pair] = &[
    (CKA_CLASS, &number(CKO_CERTIFICATE)),
    (CKA_CERTIFICATE_TYPE, &number(CKC_X_509)),
    (CKA_SUBJECT, b"subject"),
    (CKA_VALUE, b"certificate"),
];
pub(super) const WTLS: &[Pair] = &[
    (CKA_CLASS, &number(CKO_CERTIFICATE)),
    (CKA_CERTIFICATE_TYPE, &number(CKC_WTLS)),
    (CKA_SUBJECT, b"subject"),
    (CKA_VALUE, b"certificate"),
];
pub(super) const ATTRIBUTE_CERTIFICATE: &[Pair] = &[
    (CKA_CLASS, &number(CKO_CERTIFICATE)),
    (CKA_CERTIFICATE_TYPE, &number(CKC_X_509_ATTR_CERT)),
    (CKA_OWNER, b"owner"),
    (CKA_VALUE, b"certificate"),
];

pub(super) fn create(template: &Template) -> Object {
    Object::create(template, &USER).expect("the template is one of an object")
}

/// A key as C_GenerateKey makes it, of 16 bytes.
pub(super) fn generate(more: &[Pair]) -> Result<Object, ObjectError> {
    let template = with(&[(CKA_VALUE_LEN, const { &number(16) })], more);
    let defaults = Some((CKO_SECRET_KEY, CKK_AES));
    let key = Object::plan_key(&template, defaults, Origin::Generated(CKM_AES_KEY_GEN), &USER)?;
    Ok(key.finish(Secret::new(KEY_128)).expect("16 bytes are an AES key"))
}

/// The name of the CKR code that an error becomes.
pub(super) fn code(error: ObjectError) -> CK_RV {
    crate::error::Error::from(error).rv()
}

#[track_caller]
pub(super) fn refused(name: &str, result: Result<Object, ObjectError>, rv: CK_RV) {
    match result {
        Ok(_) => panic!("{name}: not refused"),
        Err(error) => {
            let text = error.to_string();
            assert_eq!(code(error), rv, "{name}: {text}");
        }
    }
}
