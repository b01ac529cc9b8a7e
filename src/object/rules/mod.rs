//! The rules of every class, as the specification's attribute tables have them: one row per attribute, with
//! the table's footnotes and its default.
//!
//! A class is a stack of tables, later rows overriding earlier ones. Defaults that the specification leaves to
//! the token (footnote 9), or that this token sets otherwise:
//!
//! | attribute | default | why |
//! | --- | --- | --- |
//! | CKA_PRIVATE | true for secret keys, false for data and certificates | a key made without a word about it must not be seen without login |
//! | CKA_PRIVATE of a session key that is made without a login | false, unless the cluster or the profile refuses public keys | it could not be made otherwise, and programs use such keys for what needs no token: OpenSSL's provider does |
//! | CKA_SENSITIVE, CKA_EXTRACTABLE of secret keys | true, false, however the key is made | keys stay inside unless the template asks otherwise; PKCS#11 itself has CKA_SENSITIVE false, and CKA_EXTRACTABLE true after C_UnwrapKey |
//! | CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP | true | as other tokens; programs rely on it |
//! | the same of a derived key whose template sets one of them | false | who names uses means those |
//! | CKA_PRIVATE, CKA_SENSITIVE, CKA_EXTRACTABLE of private keys | true, true, false | as secret keys; public keys have CKA_PRIVATE false |
//! | the uses of a pair | true where the key type has the use at all | as other tokens |
//! | CKA_DERIVE | false; true for Montgomery keys, which do nothing else | the specification's own default |

mod certificates;
mod classes;
mod domains;
mod pairs;
mod secrets;
mod storage;

use super::attributes::{COUNT, Id, Set, bit, id};
use super::pair::Family;
use crate::crypto::{parity, xts};
pub(super) use classes::CLASSES;
use cryptoki_sys::*;

/// Footnotes of the attribute tables (PKCS#11 3.0 sec. 4.2, table 11), as a bit set.
pub(super) type Notes = u16;

/// 1: must be given to C_CreateObject.
pub(super) const CREATE: Notes = 1 << 0;
/// 2: must not be given to C_CreateObject.
pub(super) const NOT_CREATE: Notes = 1 << 1;
/// 3: must be given to C_GenerateKey.
pub(super) const GENERATE: Notes = 1 << 2;
/// 4: must not be given to C_GenerateKey.
pub(super) const NOT_GENERATE: Notes = 1 << 3;
/// 5: must be given to C_UnwrapKey.
pub(super) const UNWRAP: Notes = 1 << 4;
/// 6: must not be given to C_UnwrapKey.
pub(super) const NOT_UNWRAP: Notes = 1 << 5;
/// 7: not revealed where CKA_SENSITIVE is true or CKA_EXTRACTABLE false.
pub(super) const SECRET: Notes = 1 << 6;
/// 8: may be changed by C_SetAttributeValue and in a copy.
pub(super) const CHANGE: Notes = 1 << 7;
/// 10: only the SO may set it to true.
pub(super) const SO: Notes = 1 << 8;
/// 11: read-only once true.
pub(super) const STAYS_TRUE: Notes = 1 << 9;
/// 12: read-only once false.
pub(super) const STAYS_FALSE: Notes = 1 << 10;
/// No footnote, but PKCS#11 3.0 sec. 4.1.3: may be changed in a copy.
pub(super) const COPY: Notes = 1 << 11;
/// The class has this attribute.
const HAS: Notes = 1 << 15;
/// Made by the token alone.
const NEVER_GIVEN: Notes = NOT_CREATE | NOT_GENERATE | NOT_UNWRAP;

/// The value of an attribute that no template gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Initial {
    Empty,
    No,
    Yes,
    Number(CK_ULONG),
}

/// One attribute of a class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    kind: CK_ATTRIBUTE_TYPE,
    pub notes: Notes,
    pub default: Initial,
}

const fn rule(kind: CK_ATTRIBUTE_TYPE, notes: Notes, default: Initial) -> Rule {
    Rule { kind, notes, default }
}

/// The lengths in bytes that CKA_VALUE may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sizes {
    Any,
    NotEmpty,
    Aes,
    /// 32 or 64, with halves that differ.
    AesXts,
    /// One length alone.
    Just(usize),
    /// One length alone, each byte with odd parity.
    Des(usize),
    /// Of private keys: several secret attributes, see `parts`.
    Parts,
}

/// How CKA_CHECK_VALUE is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    None,
    /// A zero block encrypted under the value.
    Aes,
    /// As `Aes`, by DES or Triple DES.
    Des,
    /// SHA-1 of the value.
    Sha1,
}

/// A class of object with its subtype, and its rules by attribute.
pub(super) struct Class {
    pub class: CK_OBJECT_CLASS,
    /// CKA_KEY_TYPE or CKA_CERTIFICATE_TYPE with its value; CKA_CLASS again where there is no subtype.
    pub subtype: (CK_ATTRIBUTE_TYPE, CK_ULONG),
    pub class_bytes: [u8; 8],
    pub subtype_bytes: [u8; 8],
    pub sizes: Sizes,
    pub check: Check,
    /// Objects of the class are made only with the configuration's `legacy`.
    pub legacy: bool,
    /// How the attributes of a public or private key make a key.
    pub family: Option<&'static Family>,
    /// The flag attributes of the class, and those that are true by default.
    pub flags: u64,
    pub default_flags: u64,
    pub must_create: Set,
    pub must_generate: Set,
    pub must_unwrap: Set,
    rules: [Rule; COUNT],
}

const fn class(
    class: CK_OBJECT_CLASS,
    subtype: (CK_ATTRIBUTE_TYPE, CK_ULONG),
    tables: &[&[Rule]],
    sizes: Sizes,
    check: Check,
) -> Class {
    let mut made = Class {
        class,
        subtype,
        class_bytes: class.to_le_bytes(),
        subtype_bytes: subtype.1.to_le_bytes(),
        sizes,
        check,
        legacy: false,
        family: None,
        flags: 0,
        default_flags: 0,
        must_create: Set::EMPTY,
        must_generate: Set::EMPTY,
        must_unwrap: Set::EMPTY,
        rules: [rule(0, 0, Initial::Empty); COUNT],
    };
    let mut table = 0;
    while table < tables.len() {
        let mut row = 0;
        while row < tables[table].len() {
            made.rules[id(tables[table][row].kind).index()] = tables[table][row];
            row += 1;
        }
        table += 1;
    }
    summed_up(made)
}

/// Fills the sets that are computed from the rules.
const fn summed_up(mut class: Class) -> Class {
    let mut at = 0;
    while at < COUNT {
        let row = class.rules[at];
        let present = row.notes != 0 || row.kind != 0;
        at += 1;
        if !present {
            continue;
        }
        let attribute = id(row.kind);
        class.rules[at - 1].notes |= HAS;
        if matches!(row.default, Initial::Yes | Initial::No) {
            class.flags |= bit(row.kind);
        }
        if matches!(row.default, Initial::Yes) {
            class.default_flags |= bit(row.kind);
        }
        if row.notes & CREATE != 0 {
            class.must_create = class.must_create.with(attribute);
        }
        if row.notes & GENERATE != 0 {
            class.must_generate = class.must_generate.with(attribute);
        }
        if row.notes & UNWRAP != 0 {
            class.must_unwrap = class.must_unwrap.with(attribute);
        }
    }
    class
}

impl Class {
    /// The class with this subtype.
    pub(super) fn find(class: CK_OBJECT_CLASS, subtype: CK_ULONG) -> Option<&'static Class> {
        CLASSES.iter().find(|c| c.class == class && c.subtype.1 == subtype)
    }

    /// The attribute that tells a class's subtypes apart; `None` where no object of the class can be made.
    pub(super) fn subtype_attribute(class: CK_OBJECT_CLASS) -> Option<CK_ATTRIBUTE_TYPE> {
        CLASSES.iter().find(|c| c.class == class).map(|c| c.subtype.0)
    }

    pub(super) fn is_key(&self) -> bool {
        matches!(self.class, CKO_SECRET_KEY | CKO_PUBLIC_KEY | CKO_PRIVATE_KEY)
    }

    /// The rule of an attribute, if objects of the class have it.
    pub(super) fn rule(&self, id: Id) -> Option<&Rule> {
        let rule = &self.rules[id.index()];
        (rule.notes & HAS != 0).then_some(rule)
    }

    /// A secret or private key: its value stays secret.
    pub(super) fn keeps_its_value(&self) -> bool {
        matches!(self.class, CKO_SECRET_KEY | CKO_PRIVATE_KEY)
    }

    pub(super) fn fits(&self, value_bytes: usize) -> bool {
        match self.sizes {
            Sizes::Any => true,
            Sizes::Parts => value_bytes > 0,
            Sizes::NotEmpty => value_bytes > 0,
            Sizes::Aes => matches!(value_bytes, 16 | 24 | 32),
            Sizes::AesXts => matches!(value_bytes, 32 | 64),
            Sizes::Just(bytes) | Sizes::Des(bytes) => value_bytes == bytes,
        }
    }

    /// The length of every key of the type, where there is one.
    pub(super) fn only_length(&self) -> Option<usize> {
        match self.sizes {
            Sizes::Just(bytes) | Sizes::Des(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Whether a value of a length that fits is a good key. PKCS#11 3.0 sec. 2.18.2 wants DES keys with the right
    /// parity.
    pub(super) fn is_sound(&self, value: &[u8]) -> bool {
        match self.sizes {
            Sizes::AesXts => xts::is_sound(value),
            Sizes::Des(_) => parity::is_odd(value),
            _ => true,
        }
    }
}
