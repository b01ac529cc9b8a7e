//! Derivations: what they are asked for, and what the section of each mechanism says of the keys that they make.
//!
//! Called by: session, the deriving mechanisms.

use super::Key;
use crate::error::{Error, ObjectError};
use crate::object::{Heritage, Inherited, Secret};
use cryptoki_sys::CK_KEY_TYPE;
use zeroize::Zeroizing;

/// What a derivation is asked for beside its parameter.
pub struct Derivation<'a> {
    /// The type of the base key; `None`: it is a data object.
    pub base_type: Option<CK_KEY_TYPE>,
    /// How long the key shall be: CKA_VALUE_LEN of the template, or what its key type implies; `None`: as long as
    /// the mechanism's result is.
    pub bytes: Option<usize>,
    /// How long each of the further keys shall be, which the parameter asks for.
    pub further: &'a [usize],
    /// The keys that the parameter names, in the order of `Params::keys`.
    pub others: &'a [Key<'a>],
}

impl Derivation<'_> {
    /// The key that begins a derivation's result. Errors: `Inconsistent`, if that is shorter.
    pub fn start_of(&self, result: &[u8]) -> Result<Secret, Error> {
        let bytes = self.bytes.unwrap_or(result.len());
        match result.get(..bytes) {
            Some(key) if !key.is_empty() => Ok(Secret::new(key)),
            _ => Err(too_short()),
        }
    }
}

/// Too little comes out for such a key.
pub fn too_short() -> Error {
    ObjectError::Inconsistent("the derivation gives fewer bytes than the key has").into()
}

/// Room for a result that is made step by step, without leaving parts of it behind.
pub fn room(bytes: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(bytes))
}

/// What a mechanism derives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Derived {
    pub lineage: Lineage,
    pub lengths: Lengths,
    /// It makes a data object.
    pub data: bool,
    /// It takes a data object for a base key.
    pub from_data: bool,
}

/// Whether a template must say how long the key is, by CKA_VALUE_LEN or by a key type of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lengths {
    /// Else the key is as long as the result.
    Optional,
    /// Only if it names a key type.
    OfTyped,
    Needed,
}

/// How the flags of derived keys follow from those of the keys they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lineage {
    /// CKA_SENSITIVE and CKA_EXTRACTABLE are the template's; the base key's history goes on in them.
    Free,
    /// What is sensitive or not extractable stays so, and only what always was so always is: every ancestor counts.
    Bound,
    /// What a template does not say is as it is in the base key. The history of any of them goes on (PKCS#11 3.2
    /// sec. 6.42.8 has it so).
    AsBase,
}

/// The flags of a key that a derivation begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ancestor {
    pub sensitive: bool,
    pub extractable: bool,
    pub always_sensitive: bool,
    pub never_extractable: bool,
}

impl Derived {
    /// As most sections have it.
    pub const PLAIN: Derived =
        Derived { lineage: Lineage::Free, lengths: Lengths::Optional, data: false, from_data: false };
}

impl Lineage {
    /// What a key takes over from the base key and the others.
    pub fn heritage(self, base: Ancestor, others: &[Ancestor]) -> Heritage {
        let all = || std::iter::once(&base).chain(others);
        match self {
            Lineage::Free => Heritage {
                always_sensitive: base.always_sensitive,
                never_extractable: base.never_extractable,
                ..Heritage::NONE
            },
            Lineage::Bound => Heritage {
                sensitive: fixed(true, all().any(|key| key.sensitive)),
                extractable: fixed(false, all().any(|key| !key.extractable)),
                always_sensitive: all().all(|key| key.always_sensitive),
                never_extractable: all().all(|key| key.never_extractable),
            },
            Lineage::AsBase => Heritage {
                sensitive: Inherited::Default(base.sensitive),
                extractable: Inherited::Default(base.extractable),
                always_sensitive: all().any(|key| key.always_sensitive),
                never_extractable: all().any(|key| key.never_extractable),
            },
        }
    }
}

fn fixed(value: bool, is_fixed: bool) -> Inherited {
    if is_fixed { Inherited::Fixed(value) } else { Inherited::Nothing }
}
