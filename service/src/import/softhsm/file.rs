//! Object files of SoftHSM 2 (its object store backend `file`): attributes, one after the other.
//!
//! All numbers have eight bytes, the most significant one first. A file is the number of its generation, then for
//! each attribute its type, the kind of its value and the value: 1, a byte that is zero for false; 2, a number; 3, a
//! length and so many bytes; 4, a length in bytes and attributes in the same form (a template); 5, a count and so many
//! mechanisms. Nothing here leans on the file being whole: every length is checked against what is there.

use vhsm_pkcs11::object::{self, Attribute, Template};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const FLAG: u64 = 1;
const NUMBER: u64 = 2;
const BYTES: u64 = 3;
const TEMPLATE: u64 = 4;
const MECHANISMS: u64 = 5;

/// The value of an attribute; of private objects bytes are encrypted (but for dates), and nothing else is.
#[derive(Debug, PartialEq, Eq)]
pub enum Value {
    Flag(bool),
    Number(u64),
    Bytes(Stored),
    Template(Vec<(u64, Value)>),
    Mechanisms(Vec<u64>),
}

/// Bytes that may be a key's: wiped when dropped, shown as a length.
#[derive(PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Stored(Vec<u8>);

/// The attributes of an object, each with its type.
#[derive(Debug, PartialEq, Eq)]
pub struct Attributes(Vec<(u64, Value)>);

/// Why a file is none of SoftHSM's, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    Empty,
    CutShort,
    /// The number that stands where the kind of a value should.
    Kind(u64),
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Damage::Empty => f.write_str("the file is empty"),
            Damage::CutShort => f.write_str("the file is damaged: it ends inside an attribute"),
            Damage::Kind(kind) => {
                write!(f, "the file is damaged: {kind} is no kind of value that SoftHSM stores")
            }
        }
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored({} bytes)", self.0.len())
    }
}

impl Stored {
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Stored {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Attributes {
    /// Reads a whole file.
    pub fn parse(file: &[u8]) -> Result<Self, Damage> {
        if file.is_empty() {
            return Err(Damage::Empty);
        }
        let mut rest = Rest(file);
        rest.number()?;
        rest.attributes().map(Self)
    }

    /// Where an attribute stands twice, the last one counts.
    pub fn get(&self, kind: u64) -> Option<&Value> {
        self.0.iter().rev().find(|(own, _)| *own == kind).map(|(_, value)| value)
    }

    pub fn flag(&self, kind: u64) -> Option<bool> {
        match self.get(kind) {
            Some(Value::Flag(on)) => Some(*on),
            _ => None,
        }
    }

    pub fn bytes(&self, kind: u64) -> Option<&[u8]> {
        match self.get(kind) {
            Some(Value::Bytes(bytes)) => Some(bytes.expose()),
            _ => None,
        }
    }

    /// Every attribute once.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Value)> {
        let last = |at: usize, kind: u64| !self.0[at + 1..].iter().any(|(other, _)| *other == kind);
        let once = self.0.iter().enumerate().filter(move |(at, (kind, _))| last(*at, *kind));
        once.map(|(_, (kind, value))| (*kind, value))
    }
}

/// A value as PKCS#11 has it in a template: numbers in the machine's order, templates as `vhsm` keeps them.
pub fn as_in_template(value: &Value) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(match value {
        Value::Flag(on) => vec![u8::from(*on)],
        Value::Number(number) => number.to_le_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.expose().to_vec(),
        Value::Mechanisms(all) => all.iter().flat_map(|mechanism| mechanism.to_le_bytes()).collect(),
        Value::Template(attributes) => {
            let values: Vec<_> =
                attributes.iter().map(|(kind, value)| (*kind, as_in_template(value))).collect();
            let attributes = values.iter().map(|(kind, value)| Attribute { kind: *kind, value });
            object::embed(&Template { attributes: attributes.collect() })
        }
    })
}

/// What was not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self) -> Result<u64, Damage> {
        let (number, rest) = self.0.split_first_chunk::<8>().ok_or(Damage::CutShort)?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*number))
    }

    /// As many bytes as the number says that stands before them.
    fn counted(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.number()?;
        self.take(length)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Damage> {
        let length = usize::try_from(length).map_err(|_| Damage::CutShort)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Damage::CutShort)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// All attributes up to the end; a template may stand among them.
    fn attributes(&mut self) -> Result<Vec<(u64, Value)>, Damage> {
        let mut all = Vec::new();
        while !self.0.is_empty() {
            let (attribute, kind) = (self.number()?, self.number()?);
            let value = match kind {
                TEMPLATE => Value::Template(Rest(self.counted()?).plain_attributes()?),
                kind => self.value(kind)?,
            };
            all.push((attribute, value));
        }
        Ok(all)
    }

    /// The attributes of a template: none of them is a template.
    fn plain_attributes(&mut self) -> Result<Vec<(u64, Value)>, Damage> {
        let mut all = Vec::new();
        while !self.0.is_empty() {
            let (attribute, kind) = (self.number()?, self.number()?);
            all.push((attribute, self.value(kind)?));
        }
        Ok(all)
    }

    fn value(&mut self, kind: u64) -> Result<Value, Damage> {
        Ok(match kind {
            FLAG => Value::Flag(self.take(1)? != [0]),
            NUMBER => Value::Number(self.number()?),
            BYTES => Value::Bytes(self.counted()?.into()),
            MECHANISMS => {
                let count = self.number()?;
                let bytes = self.take(count.checked_mul(8).ok_or(Damage::CutShort)?)?;
                Value::Mechanisms(
                    bytes.as_chunks::<8>().0.iter().map(|one| u64::from_be_bytes(*one)).collect(),
                )
            }
            other => return Err(Damage::Kind(other)),
        })
    }
}
