//! Templates as C programs lay them out.

use cryptoki_sys::*;

/// An attribute type with its value.
pub type Pair<'a> = (CK_ATTRIBUTE_TYPE, &'a [u8]);

pub const fn number(value: CK_ULONG) -> [u8; 8] {
    value.to_ne_bytes()
}

/// Text padded with blanks, as labels are.
pub fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [b' '; N];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

/// A template that owns its values.
pub struct Attributes {
    list: Vec<CK_ATTRIBUTE>,
    _values: Vec<Box<[u8]>>,
}

impl Attributes {
    pub fn new(pairs: &[Pair]) -> Attributes {
        let mut values: Vec<Box<[u8]>> = pairs.iter().map(|(_, value)| (*value).into()).collect();
        let list = pairs.iter().zip(&mut values).map(|((kind, _), value)| CK_ATTRIBUTE {
            type_: *kind,
            pValue: value.as_mut_ptr().cast(),
            ulValueLen: value.len() as CK_ULONG,
        });
        Attributes { list: list.collect(), _values: values }
    }

    pub fn as_mut_ptr(&mut self) -> *mut CK_ATTRIBUTE {
        self.list.as_mut_ptr()
    }

    pub fn count(&self) -> CK_ULONG {
        self.list.len() as CK_ULONG
    }
}

/// The array as the value of an attribute: good while `attributes` lives.
pub fn as_value(attributes: &Attributes) -> Vec<u8> {
    let bytes = attributes.list.len() * size_of::<CK_ATTRIBUTE>();
    // SAFETY: so many bytes of plain structures.
    unsafe { std::slice::from_raw_parts(attributes.list.as_ptr().cast::<u8>(), bytes) }.to_vec()
}
