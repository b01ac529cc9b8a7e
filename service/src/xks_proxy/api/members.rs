//! A request's JSON: which members it has, and of which type each is. What it reads is borrowed from the body, so that no copies of
//! plaintext are left behind.
//!
//! Members that are not known are tolerated, for KMS may add some. One that is there twice is not: two readers could take
//! different ones for what was signed.

use super::error::{ErrorName, ProxyError};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use zeroize::Zeroizing;

/// A member that is known, and those of its own.
struct Known {
    name: &'static str,
    members: &'static [Known],
}

/// requestMetadata
pub const METADATA: &str = "requestMetadata";

/// The members of all operations.
const REQUEST: &[Known] = &[
    Known {
        name: METADATA,
        members: &[
            leaf("awsPrincipalArn"),
            leaf("awsSourceVpc"),
            leaf("awsSourceVpce"),
            leaf("kmsKeyArn"),
            leaf("kmsOperation"),
            leaf("kmsRequestId"),
            leaf("kmsViaService"),
        ],
    },
    leaf("plaintext"),
    leaf("encryptionAlgorithm"),
    leaf("additionalAuthenticatedData"),
    leaf("ciphertextDataIntegrityValueAlgorithm"),
    leaf("ciphertext"),
    leaf("ciphertextMetadata"),
    leaf("initializationVector"),
    leaf("authenticationTag"),
];

const fn leaf(name: &'static str) -> Known {
    Known { name, members: &[] }
}

/// The known members of an object.
pub struct Members<'a> {
    /// With a dot at its end; empty for the request itself.
    path: &'static str,
    known: &'static [Known],
    /// In the order of `known`.
    values: Vec<Option<Value<'a>>>,
}

enum Value<'a> {
    Text(Text<'a>),
    Object(Vec<Option<Value<'a>>>),
    Null,
    /// What it is.
    Other(&'static str),
}

/// A string.
pub enum Text<'a> {
    Borrowed(&'a str),
    /// It was written with escapes. (The parser's own buffer is not wiped; base64 needs no escapes.)
    Escaped(Zeroizing<String>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Escaped(text) => text,
        }
    }
}

impl<'a> Members<'a> {
    /// Errors: ValidationException, which quotes nothing of the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ProxyError> {
        let text = std::str::from_utf8(body).map_err(|error| {
            invalid(format!("The request is not UTF-8 from byte {} on.", error.valid_up_to()))
        })?;
        let mut json = serde_json::Deserializer::from_str(text);
        let parsed = In(REQUEST).deserialize(&mut json).and_then(|value| json.end().map(|()| value));
        match parsed {
            Ok(Value::Object(values)) => Ok(Self { path: "", known: REQUEST, values }),
            Ok(other) => {
                Err(invalid(format!("The request is {}: it has to be a JSON object.", other.kind())))
            }
            Err(error) if error.is_data() => Err(invalid(format!("In the request, {error}."))),
            Err(error) => Err(invalid(format!("The request is not JSON: {error}."))),
        }
    }

    /// An object that has to be there.
    pub fn object(&mut self, name: &'static str, path: &'static str) -> Result<Self, ProxyError> {
        let at = self.place(name);
        match self.values[at].take() {
            Some(Value::Object(values)) => Ok(Self { path, known: self.known[at].members, values }),
            Some(Value::Null) | None => Err(self.lacks(name)),
            Some(other) => Err(self.is_not(name, &other, "an object")),
        }
    }

    /// A string that has to be there.
    pub fn required(&mut self, name: &'static str) -> Result<Text<'a>, ProxyError> {
        self.optional(name)?.ok_or_else(|| self.lacks(name))
    }

    /// `null` is as good as nothing.
    pub fn optional(&mut self, name: &'static str) -> Result<Option<Text<'a>>, ProxyError> {
        let at = self.place(name);
        match self.values[at].take() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) | None => Ok(None),
            Some(other) => Err(self.is_not(name, &other, "a string")),
        }
    }

    /// A copy of what is there, if it is a string.
    pub fn peek(&self, name: &'static str) -> Option<String> {
        match &self.values[self.place(name)] {
            Some(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    fn place(&self, name: &'static str) -> usize {
        // Callers ask for names of the table alone.
        self.known.iter().position(|known| known.name == name).unwrap_or_default()
    }

    fn lacks(&self, name: &str) -> ProxyError {
        invalid(format!("The request lacks {}{name}.", self.path))
    }

    fn is_not(&self, name: &str, value: &Value<'_>, wanted: &str) -> ProxyError {
        invalid(format!("{}{name} is {}: it has to be {wanted}.", self.path, value.kind()))
    }
}

impl Value<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "a string",
            Value::Object(_) => "an object",
            Value::Null => "null",
            Value::Other(kind) => kind,
        }
    }
}

pub fn invalid(message: String) -> ProxyError {
    ProxyError::new(ErrorName::Validation, message)
}

/// A value whose known members, if it is an object, are these.
struct In(&'static [Known]);

impl<'de> DeserializeSeed<'de> for In {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for In {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text::Escaped(Zeroizing::new(text.into()))))
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other("a boolean"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value<'de>, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let mut values: Vec<_> = self.0.iter().map(|_| None).collect();
        while let Some(name) = members.next_key_seed(Name)? {
            let Some(at) = self.0.iter().position(|known| known.name == name) else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = members.next_value_seed(In(self.0[at].members))?;
            if values[at].replace(value).is_some() {
                return Err(A::Error::custom(format_args!("{name} stands twice")));
            }
        }
        Ok(Value::Object(values))
    }
}

/// A member's name.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Cow<'de, str>, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.into()))
    }
}
