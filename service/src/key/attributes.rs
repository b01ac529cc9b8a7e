//! Attributes by the names of the CloudHSM CLI (reference/cloudhsm.md sec. 8), read, parsed and shown.

use crate::failure::Failure;
use cryptoki_sys::*;
use serde_json::{Map, Value, json};
use vhsm_pkcs11::object::{Attribute, Template};
use vhsm_pkcs11::session::ObjectView;

/// How an attribute's value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Flag,
    Text,
    /// `0x` and hexadecimal digits
    Bytes,
    Number,
    Name(&'static [(&'static str, CK_ULONG)]),
    Curve,
}

pub struct Row {
    pub name: &'static str,
    kind: CK_ATTRIBUTE_TYPE,
    form: Form,
    /// It can be changed later (sec. 7).
    pub changes: bool,
}

const CLASSES: &[(&str, CK_ULONG)] =
    &[("secret-key", CKO_SECRET_KEY), ("public-key", CKO_PUBLIC_KEY), ("private-key", CKO_PRIVATE_KEY)];

const KEY_TYPES: &[(&str, CK_ULONG)] = &[
    ("aes", CKK_AES),
    ("rsa", CKK_RSA),
    ("ec", CKK_EC),
    ("generic-secret", CKK_GENERIC_SECRET),
    ("3des", CKK_DES3),
    ("ec-edwards", CKK_EC_EDWARDS),
    ("ec-montgomery", CKK_EC_MONTGOMERY),
    ("ml-dsa", CKK_ML_DSA),
    ("ml-kem", CKK_ML_KEM),
];

/// CKA_EC_PARAMS: object identifiers of SEC 2 and ANSI X9.62, in DER.
const CURVES: &[(&str, &[u8])] = &[
    ("prime256v1", &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]),
    ("secp224r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21]),
    ("secp256k1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a]),
    ("secp384r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]),
    ("secp521r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23]),
];

const fn row(name: &'static str, kind: CK_ATTRIBUTE_TYPE, form: Form) -> Row {
    Row { name, kind, form, changes: false }
}

const fn changes(name: &'static str, kind: CK_ATTRIBUTE_TYPE, form: Form) -> Row {
    Row { name, kind, form, changes: true }
}

const ROWS: &[Row] = &[
    row("always-sensitive", CKA_ALWAYS_SENSITIVE, Form::Flag),
    row("check-value", CKA_CHECK_VALUE, Form::Bytes),
    row("class", CKA_CLASS, Form::Name(CLASSES)),
    row("curve", CKA_EC_PARAMS, Form::Curve),
    changes("decrypt", CKA_DECRYPT, Form::Flag),
    changes("derive", CKA_DERIVE, Form::Flag),
    row("destroyable", CKA_DESTROYABLE, Form::Flag),
    row("ec-point", CKA_EC_POINT, Form::Bytes),
    changes("encrypt", CKA_ENCRYPT, Form::Flag),
    row("extractable", CKA_EXTRACTABLE, Form::Flag),
    changes("id", CKA_ID, Form::Bytes),
    row("key-length-bytes", CKA_VALUE_LEN, Form::Number),
    row("key-type", CKA_KEY_TYPE, Form::Name(KEY_TYPES)),
    changes("label", CKA_LABEL, Form::Text),
    row("local", CKA_LOCAL, Form::Flag),
    row("modifiable", CKA_MODIFIABLE, Form::Flag),
    row("modulus", CKA_MODULUS, Form::Bytes),
    row("modulus-size-bits", CKA_MODULUS_BITS, Form::Number),
    row("never-extractable", CKA_NEVER_EXTRACTABLE, Form::Flag),
    row("private", CKA_PRIVATE, Form::Flag),
    row("public-exponent", CKA_PUBLIC_EXPONENT, Form::Bytes),
    changes("sensitive", CKA_SENSITIVE, Form::Flag),
    changes("sign", CKA_SIGN, Form::Flag),
    row("token", CKA_TOKEN, Form::Flag),
    changes("trusted", CKA_TRUSTED, Form::Flag),
    changes("unwrap", CKA_UNWRAP, Form::Flag),
    changes("verify", CKA_VERIFY, Form::Flag),
    changes("wrap", CKA_WRAP, Form::Flag),
    changes("wrap-with-trusted", CKA_WRAP_WITH_TRUSTED, Form::Flag),
];

/// Attributes with values of their own, of which a template borrows.
#[derive(Clone, Default)]
pub struct Attributes(Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>);

impl Attributes {
    /// Adds an attribute, in the place of one that is there already.
    pub fn set(&mut self, kind: CK_ATTRIBUTE_TYPE, value: impl Into<Vec<u8>>) {
        self.0.retain(|(other, _)| *other != kind);
        self.0.push((kind, value.into()));
    }

    pub fn with(mut self, kind: CK_ATTRIBUTE_TYPE, value: impl Into<Vec<u8>>) -> Self {
        self.set(kind, value);
        self
    }

    /// Adds `NAME=VALUE` as the command line has them.
    pub fn set_all(&mut self, pairs: &[String]) -> Result<(), Failure> {
        for pair in pairs {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Failure::new(format!("{pair:?}: write an attribute as NAME=VALUE")))?;
            let row = find(name)?;
            self.set(row.kind, row.parse(value)?);
        }
        Ok(())
    }

    pub fn template(&self) -> Template<'_> {
        let attributes = self.0.iter().map(|(kind, value)| Attribute { kind: *kind, value });
        Template { attributes: attributes.collect() }
    }
}

/// The attribute of that name.
pub fn find(name: &str) -> Result<&'static Row, Failure> {
    ROWS.iter().find(|row| row.name == name).ok_or_else(|| {
        let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        Failure::new(format!("there is no attribute {name:?}; there are {}", names.join(", ")))
    })
}

/// The names of those that can be changed.
pub fn changeable() -> String {
    let names: Vec<_> = ROWS.iter().filter(|row| row.changes).map(|row| row.name).collect();
    names.join(", ")
}

/// CKA_EC_PARAMS of a curve.
pub fn curve(name: &str) -> Result<Vec<u8>, Failure> {
    let name = if name == "secp256r1" { "prime256v1" } else { name };
    let found = CURVES.iter().find(|(curve, _)| *curve == name);
    found.map(|(_, der)| der.to_vec()).ok_or_else(|| {
        let names: Vec<_> = CURVES.iter().map(|(name, _)| *name).collect();
        Failure::new(format!("there is no curve {name:?}; there are {}", names.join(", ")))
    })
}

impl Row {
    /// The value, as a template has it.
    pub fn parse(&self, text: &str) -> Result<Vec<u8>, Failure> {
        let wrong = |wanted: &str| Failure::new(format!("{}={text}: {wanted} is wanted", self.name));
        match self.form {
            Form::Flag => match text {
                "true" => Ok(vec![CK_TRUE]),
                "false" => Ok(vec![CK_FALSE]),
                _ => Err(wrong("true or false")),
            },
            Form::Text => Ok(text.as_bytes().to_vec()),
            Form::Bytes => bytes(text).ok_or_else(|| wrong("0x and hexadecimal digits, two for a byte,")),
            Form::Number => {
                let number: CK_ULONG = text.parse().map_err(|_| wrong("a number"))?;
                Ok(number.to_ne_bytes().to_vec())
            }
            Form::Name(names) => {
                let known: Vec<_> = names.iter().map(|(name, _)| *name).collect();
                let found = names.iter().find(|(name, _)| *name == text);
                let (_, number) = found.ok_or_else(|| wrong(&format!("one of {}", known.join(", "))))?;
                Ok(number.to_ne_bytes().to_vec())
            }
            Form::Curve => curve(text),
        }
    }

    pub fn is_trusted(&self) -> bool {
        self.kind == CKA_TRUSTED
    }

    pub fn kind(&self) -> CK_ATTRIBUTE_TYPE {
        self.kind
    }

    /// `None`: the object does not have it, or does not show it.
    fn show(&self, object: &ObjectView) -> Option<Value> {
        let value = object.read(self.kind).ok()?;
        let number = || Some(CK_ULONG::from_ne_bytes(value.as_ref().try_into().ok()?));
        Some(match self.form {
            Form::Flag => json!(*value == [CK_TRUE]),
            Form::Text => json!(String::from_utf8_lossy(&value)),
            Form::Bytes => json!(hex(&value)),
            Form::Number => json!(number()?),
            Form::Name(names) => {
                let number = number()?;
                match names.iter().find(|(_, known)| *known == number) {
                    Some((name, _)) => json!(name),
                    None => json!(format!("{number:#x}")),
                }
            }
            Form::Curve => match CURVES.iter().find(|(_, der)| **der == *value) {
                Some((name, _)) => json!(name),
                None => json!(hex(&value)),
            },
        })
    }
}

/// All attributes that an object shows.
pub fn shown(object: &ObjectView) -> Map<String, Value> {
    ROWS.iter().filter_map(|row| Some((row.name.to_owned(), row.show(object)?))).collect()
}

/// The label alone.
pub fn label(object: &ObjectView) -> Map<String, Value> {
    let rows = ROWS.iter().filter(|row| row.kind == CKA_LABEL);
    rows.filter_map(|row| Some((row.name.to_owned(), row.show(object)?))).collect()
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parsed_by_their_attributes_form() {
        let parse = |name: &str, text: &str| find(name).ok().unwrap().parse(text).ok();
        assert_eq!(parse("encrypt", "true"), Some(vec![1]));
        assert_eq!(parse("encrypt", "yes"), None);
        assert_eq!(parse("id", "0x0aFF"), Some(vec![0x0a, 0xff]));
        assert_eq!(parse("id", "0x"), Some(vec![]));
        for wrong in ["0aff", "0x0", "0x+1"] {
            assert_eq!(parse("id", wrong), None, "{wrong}");
        }
        assert_eq!(parse("label", "a=b"), Some(b"a=b".to_vec()));
        assert_eq!(parse("class", "secret-key"), Some(CKO_SECRET_KEY.to_ne_bytes().to_vec()));
        assert_eq!(parse("key-length-bytes", "-1"), None);
        assert!(find("value").is_err() && curve("secp256r1").is_ok() && curve("p256").is_err());
    }

    #[test]
    fn a_later_attribute_takes_the_place_of_an_earlier() {
        let mut attributes = Attributes::default().with(CKA_TOKEN, [1]);
        attributes.set_all(&["token=false".into(), "sign=true".into()]).ok().unwrap();
        let template = attributes.template();
        assert_eq!(template.get(CKA_TOKEN), Some(&[0][..]));
        assert_eq!(template.attributes.len(), 2);
        drop(template);
        assert!(attributes.set_all(&["sign".into()]).is_err());
    }
}
