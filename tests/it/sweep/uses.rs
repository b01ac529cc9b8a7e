//! What a mechanism can be used for: the calls that begin an operation or make a key with it.

use super::functions::row as function;
use super::samples::form;
use super::stock::{Half, Stock, pair_template, value_len};
use super::world::World;
use crate::support::*;
use cryptoki_sys::*;
use vhsm_pkcs11::mechanism::Mechanism as MechanismRow;

/// One thing that mechanisms do.
pub struct Use {
    /// The function that does it.
    pub name: &'static str,
    pub does: fn(&MechanismRow) -> bool,
    /// The key that it takes, and the attribute that must permit it.
    pub key: Option<(Half, CK_ATTRIBUTE_TYPE)>,
    /// What a key that is none, and one of the wrong type, get.
    pub wrong_handle: CK_RV,
    pub wrong_type: CK_RV,
    call: fn(&Call) -> CK_RV,
}

/// A use with everything that it takes.
pub struct Call<'c> {
    pub world: &'c World,
    pub row: &'static MechanismRow,
    pub mechanism: CK_MECHANISM,
    pub key: CK_OBJECT_HANDLE,
    /// What is unwrapped or decapsulated.
    pub input: &'c [u8],
}

impl Use {
    pub fn run(&self, call: &Call) -> CK_RV {
        (self.call)(call)
    }

    /// Encryption of messages, with parameters of their own.
    pub fn is_of_messages(&self) -> bool {
        matches!(self.name, "C_MessageEncryptInit" | "C_MessageDecryptInit")
    }

    /// Takes back what a call that was good began or made.
    pub fn undo(&self, call: &Call) {
        match self.name {
            "C_GenerateKey" | "C_DeriveKey" | "C_UnwrapKey" | "C_EncapsulateKey" | "C_DecapsulateKey" => {
                destroy(call, 0)
            }
            "C_GenerateKeyPair" => {
                destroy(call, 0);
                destroy(call, 1);
            }
            _ => call.world.cancel(),
        }
    }

    /// The key of the row's first type that does it.
    pub fn good_key(&self, row: &MechanismRow, stock: &Stock) -> CK_OBJECT_HANDLE {
        match (self.key, row.key_types.first()) {
            (Some((half, _)), Some(kind)) => stock.key(*kind, half),
            _ => 0,
        }
    }
}

/// The uses of a mechanism.
pub fn uses(row: &'static MechanismRow) -> impl Iterator<Item = &'static Use> {
    USES.iter().filter(|used| (used.does)(row) && function(used.name).is_supported())
}

/// What the mechanism unwraps or decapsulates, made by itself with its good parameter.
pub fn input(world: &World, row: &'static MechanismRow, stock: &Stock) -> Vec<u8> {
    let maker =
        ["C_WrapKey", "C_EncapsulateKey"].iter().find_map(|name| uses(row).find(|used| used.name == *name));
    let Some(maker) = maker else { return Vec::new() };
    if !world.offers(row) {
        return vec![0; 16];
    }
    let laid = form(world, row, maker).sample.lay();
    let mechanism = CK_MECHANISM {
        mechanism: row.id,
        pParameter: laid.pointer(),
        ulParameterLen: laid.length as CK_ULONG,
    };
    let call = Call { world, row, mechanism, key: maker.good_key(row, stock), input: &[] };
    assert_eq!(name(maker.run(&call)), "CKR_OK", "{} {}", row.name, maker.name);
    let made = world.memory.out_bytes(world.memory.length() as usize);
    maker.undo(&call);
    made
}

fn destroy(call: &Call, place: usize) {
    expect("destroy", call.world.calls().destroy(call.world.memory.handle(place)), CKR_OK);
}

/// A begin that takes a mechanism and a key.
macro_rules! begin {
    ($function:ident) => {
        |c| {
            let mut mechanism = c.mechanism;
            call!(c.world.api, $function(c.world.session, &mut mechanism, c.key))
        }
    };
}

const NO_KEY: Use = Use {
    name: "",
    does: |_| false,
    key: None,
    wrong_handle: CKR_KEY_HANDLE_INVALID,
    wrong_type: CKR_KEY_TYPE_INCONSISTENT,
    call: |_| CKR_GENERAL_ERROR,
};

macro_rules! used {
    ($name:literal, $does:ident, $half:ident, $usage:ident, $call:expr) => {
        Use {
            name: $name,
            does: |row| row.$does.is_some(),
            key: Some((Half::$half, $usage)),
            call: $call,
            ..NO_KEY
        }
    };
}

static USES: &[Use] = &[
    used!("C_EncryptInit", cipher, Public, CKA_ENCRYPT, begin!(C_EncryptInit)),
    used!("C_DecryptInit", cipher, Private, CKA_DECRYPT, begin!(C_DecryptInit)),
    Use {
        name: "C_DigestInit",
        does: |row| row.digest.is_some(),
        call: |c| {
            let mut mechanism = c.mechanism;
            call!(c.world.api, C_DigestInit(c.world.session, &mut mechanism))
        },
        ..NO_KEY
    },
    used!("C_SignInit", sign, Private, CKA_SIGN, begin!(C_SignInit)),
    used!("C_VerifyInit", sign, Public, CKA_VERIFY, begin!(C_VerifyInit)),
    used!("C_VerifySignatureInit", sign, Public, CKA_VERIFY, |c| {
        let (mut mechanism, from) = (c.mechanism, c.world.memory.data() as *mut CK_BYTE);
        call!(c.world.api, C_VerifySignatureInit(c.world.session, &mut mechanism, c.key, from, 16))
    }),
    used!("C_MessageSignInit", sign, Private, CKA_SIGN, begin!(C_MessageSignInit)),
    used!("C_MessageVerifyInit", sign, Public, CKA_VERIFY, begin!(C_MessageVerifyInit)),
    used!("C_MessageEncryptInit", message, Public, CKA_ENCRYPT, begin!(C_MessageEncryptInit)),
    used!("C_MessageDecryptInit", message, Private, CKA_DECRYPT, begin!(C_MessageDecryptInit)),
    used!("C_SignRecoverInit", recover, Private, CKA_SIGN_RECOVER, begin!(C_SignRecoverInit)),
    used!("C_VerifyRecoverInit", recover, Public, CKA_VERIFY_RECOVER, begin!(C_VerifyRecoverInit)),
    Use {
        wrong_handle: CKR_WRAPPING_KEY_HANDLE_INVALID,
        wrong_type: CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
        ..used!("C_WrapKey", wrap, Public, CKA_WRAP, wrap)
    },
    Use {
        wrong_handle: CKR_UNWRAPPING_KEY_HANDLE_INVALID,
        wrong_type: CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
        ..used!("C_UnwrapKey", wrap, Private, CKA_UNWRAP, unwrap)
    },
    Use { name: "C_GenerateKey", does: |row| row.generate.is_some(), call: generate, ..NO_KEY },
    Use { name: "C_GenerateKeyPair", does: |row| row.generate_pair.is_some(), call: generate_pair, ..NO_KEY },
    used!("C_DeriveKey", derive, Private, CKA_DERIVE, derive),
    used!("C_EncapsulateKey", kem, Public, CKA_ENCAPSULATE, encapsulate),
    Use {
        wrong_handle: CKR_UNWRAPPING_KEY_HANDLE_INVALID,
        wrong_type: CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
        ..used!("C_DecapsulateKey", kem, Private, CKA_DECAPSULATE, decapsulate)
    },
];

fn out(c: &Call) -> (*mut CK_BYTE, *mut CK_ULONG) {
    (c.world.memory.out() as *mut CK_BYTE, c.world.memory.room() as *mut CK_ULONG)
}

fn place(c: &Call, index: usize) -> *mut CK_OBJECT_HANDLE {
    c.world.memory.place(index) as *mut CK_OBJECT_HANDLE
}

/// A template of an AES key, or of the type that the mechanism makes.
fn template(kind: CK_KEY_TYPE, bytes: Option<CK_ULONG>) -> Attributes {
    let (class, kind, length) = (number(CKO_SECRET_KEY), number(kind), bytes.map(number));
    let mut pairs: Vec<Pair> = vec![(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind)];
    pairs.extend(length.as_ref().map(|length| (CKA_VALUE_LEN, length.as_slice())));
    Attributes::new(&pairs)
}

fn wrap(c: &Call) -> CK_RV {
    let (mut mechanism, (to, room)) = (c.mechanism, out(c));
    call!(c.world.api, C_WrapKey(c.world.session, &mut mechanism, c.key, c.world.key, to, room))
}

fn unwrap(c: &Call) -> CK_RV {
    let length = c.row.unwraps_tail.then_some(32);
    let (mut mechanism, mut template) = (c.mechanism, template(CKK_AES, length));
    let (from, length) = (c.input.as_ptr().cast_mut(), c.input.len() as CK_ULONG);
    let (pointer, count) = (template.as_mut_ptr(), template.count());
    call!(
        c.world.api,
        C_UnwrapKey(c.world.session, &mut mechanism, c.key, from, length, pointer, count, place(c, 0))
    )
}

fn generate(c: &Call) -> CK_RV {
    let kind = c.row.key_types[0];
    let (mut mechanism, mut template) = (c.mechanism, template(kind, value_len(kind)));
    let (pointer, count) = (template.as_mut_ptr(), template.count());
    call!(c.world.api, C_GenerateKey(c.world.session, &mut mechanism, pointer, count, place(c, 0)))
}

fn generate_pair(c: &Call) -> CK_RV {
    let (kind, value) = pair_template(c.row.key_types[0]);
    let (mut mechanism, mut public) = (c.mechanism, Attributes::new(&[(kind, &value)]));
    let (pointer, count, none) = (public.as_mut_ptr(), public.count(), std::ptr::null_mut());
    let (one, other) = (place(c, 0), place(c, 1));
    call!(
        c.world.api,
        C_GenerateKeyPair(c.world.session, &mut mechanism, pointer, count, none, 0, one, other)
    )
}

fn derive(c: &Call) -> CK_RV {
    let (mut mechanism, mut template) = (c.mechanism, template(CKK_GENERIC_SECRET, Some(16)));
    if c.row.id == CKM_HKDF_DATA {
        template = Attributes::new(&[(CKA_VALUE_LEN, &number(16))]);
    }
    let (pointer, count) = (template.as_mut_ptr(), template.count());
    call!(c.world.api, C_DeriveKey(c.world.session, &mut mechanism, c.key, pointer, count, place(c, 0)))
}

fn encapsulate(c: &Call) -> CK_RV {
    let (mut mechanism, mut template, (to, room)) = (c.mechanism, template(CKK_AES, None), out(c));
    let (pointer, count) = (template.as_mut_ptr(), template.count());
    call!(
        c.world.api,
        C_EncapsulateKey(c.world.session, &mut mechanism, c.key, pointer, count, to, room, place(c, 0))
    )
}

fn decapsulate(c: &Call) -> CK_RV {
    let (mut mechanism, mut template) = (c.mechanism, template(CKK_AES, None));
    let (from, length) = (c.input.as_ptr().cast_mut(), c.input.len() as CK_ULONG);
    let (pointer, count) = (template.as_mut_ptr(), template.count());
    call!(
        c.world.api,
        C_DecapsulateKey(c.world.session, &mut mechanism, c.key, pointer, count, from, length, place(c, 0))
    )
}
