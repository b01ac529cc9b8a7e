//! Every function of the 3.2 list: what it is called with, and what each argument is.
//!
//! A row's good arguments are those with which the function does its work, after the calls that must come before it:
//! so what a sweep changes is the one thing that is wrong.

use super::words::{Entry, Member};
use super::world::{DATA, World};
use crate::support::*;
use cryptoki_sys::*;
use vhsm_pkcs11::api::functions;
use vhsm_pkcs11::mechanism::Mechanism as MechanismRow;
use vhsm_pkcs11::mechanism::table::TABLE;

/// What null does in the place of a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Null {
    /// The call fails with CKR_ARGUMENTS_BAD.
    Bad,
    /// The call fails with CKR_MECHANISM_PARAM_INVALID: it is the parameter of a message.
    Parameter,
    /// The call tells how large the result is, and the operation goes on.
    Size,
    /// The call ends the operation that is active.
    Cancels,
    /// Nothing: the argument need not be there.
    Fine,
    /// It is the only value that is good: any other is CKR_ARGUMENTS_BAD.
    Only,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Session,
    Slot,
    /// A handle of an object: what a wrong one gives.
    Object(CK_RV),
    Pointer(Null),
    /// The length of what a pointer leads to, or of what it has room for.
    Length,
    /// Flags, types, numbers.
    Plain,
}

pub struct Arg {
    pub kind: Kind,
    /// A good value. Those of lengths in memory and of handles are as the calls before left them.
    pub good: fn(&World) -> u64,
}

pub struct Row {
    pub name: &'static str,
    pub args: &'static [Arg],
    entry: fn(&Api) -> Entry,
    /// The functions that are called before it, with good arguments.
    before: &'static [&'static str],
    /// What the function answers to good arguments.
    good: CK_RV,
    /// Without a mechanism that does this it has no work.
    needs: fn(&MechanismRow) -> bool,
    /// The operations that go on after the function failed: by rule (PKCS#11 3.0 sec. 5.8 to 5.16) none.
    pub keeps: &'static [&'static str],
    undo: fn(&World),
    /// Called in tests of their own only: they end what the others need.
    apart: bool,
}

impl Row {
    const fn before(mut self, names: &'static [&'static str]) -> Row {
        self.before = names;
        self
    }
    const fn good(mut self, rv: CK_RV) -> Row {
        self.good = rv;
        self
    }
    const fn needs(mut self, does: fn(&MechanismRow) -> bool) -> Row {
        self.needs = does;
        self
    }
    const fn keeps(mut self, operations: &'static [&'static str]) -> Row {
        self.keeps = operations;
        self
    }
    const fn undone_by(mut self, undo: fn(&World)) -> Row {
        self.undo = undo;
        self
    }
    const fn apart(mut self) -> Row {
        self.apart = true;
        self
    }

    pub fn entry(&self, world: &World) -> Entry {
        (self.entry)(world.api)
    }

    pub fn words(&self, world: &World) -> Vec<u64> {
        self.args.iter().map(|arg| (arg.good)(world)).collect()
    }

    /// Whether it has work to do: it is supported, and there is a mechanism for it.
    pub fn is_there(&self) -> bool {
        self.is_supported() && TABLE.iter().any(self.needs)
    }

    pub fn is_supported(&self) -> bool {
        functions().iter().any(|function| function.name == self.name && function.supported)
    }

    /// What it answers to good arguments.
    pub fn answer(&self) -> CK_RV {
        match self.is_supported() {
            false => CKR_FUNCTION_NOT_SUPPORTED,
            true if !self.is_there() && self.needs_operation() => CKR_OPERATION_NOT_INITIALIZED,
            true if !self.is_there() => CKR_MECHANISM_INVALID,
            true => self.good,
        }
    }

    /// The calls that come before it.
    pub fn calls_before(&self) -> &'static [&'static str] {
        self.before
    }

    /// Makes the calls that come before it.
    pub fn prepare(&self, world: &World) {
        if self.is_there() {
            for name in self.before {
                let before = row(name);
                assert_eq!(before.entry(world).call(&before.words(world)), before.answer(), "{name}");
            }
        }
    }

    /// Takes back what the calls that came before it made, where it did not do it itself.
    pub fn undo_before(&self, world: &World) {
        self.before.iter().for_each(|name| row(name).undo(world));
    }

    /// Bytes of what its output's length counts.
    pub fn unit(&self) -> usize {
        match self.name {
            "C_GetSlotList" | "C_GetMechanismList" => size_of::<CK_ULONG>(),
            "C_GetInterfaceList" => size_of::<CK_INTERFACE>(),
            _ => 1,
        }
    }

    /// Whether it works on an operation that another function began.
    pub fn needs_operation(&self) -> bool {
        self.before.iter().any(|name| name.ends_with("Init"))
    }

    /// Takes back what the call made.
    pub fn undo(&self, world: &World) {
        if self.is_there() {
            (self.undo)(world);
        }
    }
}

/// The rows that are swept: all but those that end what the others need.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    all_rows().filter(|row| !row.apart)
}

pub fn all_rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(messages::ROWS)
}

pub fn row(name: &str) -> &'static Row {
    all_rows().find(|row| row.name == name).unwrap_or_else(|| panic!("{name} has no row"))
}

const fn arg(kind: Kind, good: fn(&World) -> u64) -> Arg {
    Arg { kind, good }
}
const fn plain(good: fn(&World) -> u64) -> Arg {
    arg(Kind::Plain, good)
}
const fn length(good: fn(&World) -> u64) -> Arg {
    arg(Kind::Length, good)
}
const fn bad(good: fn(&World) -> u64) -> Arg {
    arg(Kind::Pointer(Null::Bad), good)
}
const fn key(good: fn(&World) -> u64) -> Arg {
    arg(Kind::Object(CKR_KEY_HANDLE_INVALID), good)
}
const fn cancels(good: fn(&World) -> u64) -> Arg {
    arg(Kind::Pointer(Null::Cancels), good)
}

const SESSION: Arg = arg(Kind::Session, |w| w.session);
/// Of the other token, with which nobody is logged in at first.
const OTHER: Arg = arg(Kind::Session, |w| w.other);
const OPENED: Arg = arg(Kind::Session, |w| w.memory.handle(0));
const SLOT: Arg = arg(Kind::Slot, |w| w.token.slot);
const FREE_SLOT: Arg = arg(Kind::Slot, |w| w.free_slot);
const OBJECT: Arg = arg(Kind::Object(CKR_OBJECT_HANDLE_INVALID), |w| w.data);
const MADE: Arg = arg(Kind::Object(CKR_OBJECT_HANDLE_INVALID), |w| w.memory.handle(0));
const KEY: Arg = key(|w| w.key);
const PIECE: Arg = bad(|w| w.memory.data());
const PIECE_BYTES: Arg = length(|_| DATA.len() as u64);
const OUT: Arg = arg(Kind::Pointer(Null::Size), |w| w.memory.out());
const OUT_BYTES: Arg = bad(|w| w.memory.room());
const INFO: Arg = bad(|w| w.memory.info());
const PLACE: Arg = bad(|w| w.memory.place(0));
const SECOND_PLACE: Arg = bad(|w| w.memory.place(1));
const NULL: Arg = arg(Kind::Pointer(Null::Only), |_| 0);
const ZERO: Arg = plain(|_| 0);
const ONE: Arg = length(|_| 1);
const ECB: Arg = cancels(|w| w.mechanism(CKM_AES_ECB));
const CMAC: Arg = cancels(|w| w.mechanism(CKM_AES_CMAC));
const SHA256: Arg = cancels(|w| w.mechanism(CKM_SHA256));
const RSA_PKCS: Arg = cancels(|w| w.mechanism(CKM_RSA_PKCS));
const KEY_WRAP: Arg = bad(|w| w.mechanism(CKM_AES_KEY_WRAP));
const SIGNATURE: Arg = bad(|w| w.memory.kept("signature").as_ptr() as u64);
const MAC: Arg = bad(|w| w.memory.kept("mac").as_ptr() as u64);
const MAC_BYTES: Arg = length(|_| 16);
const LABEL_TEMPLATE: Arg = bad(|w| w.template("label", &[(CKA_LABEL, b"sweep")]));
const PIN: Arg = bad(|w| w.memory.kept("pin").as_ptr() as u64);
const PIN_BYTES: Arg = length(|_| SO_PIN.len() as u64);
const SECRET_TEMPLATE: Arg = bad(|w| {
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
    w.template("secret", &[(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind)])
});
const DERIVED_TEMPLATE: Arg = bad(|w| {
    let (class, kind, length) = (number(CKO_SECRET_KEY), number(CKK_AES), number(16));
    w.template("derived", &[(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_VALUE_LEN, &length)])
});

/// Whatever there is.
fn nothing(_: &World) {}

fn destroy(world: &World) {
    expect("destroy", world.calls().destroy(world.memory.handle(0)), CKR_OK);
}

fn destroy_pair(world: &World) {
    destroy(world);
    expect("destroy", world.calls().destroy(world.memory.handle(1)), CKR_OK);
}

fn close(world: &World) {
    expect("close", Session { handle: world.memory.handle(0), ..world.calls() }.close(), CKR_OK);
}

fn log_out(world: &World) {
    let rv = Session { handle: world.other, ..world.calls() }.logout();
    assert!(matches!(rv, CKR_OK | CKR_USER_NOT_LOGGED_IN), "{}", name(rv));
}

macro_rules! row {
    ($name:ident: $($arg:expr),* $(,)?) => {
        Row {
            name: stringify!($name),
            args: const { &[$($arg),*] },
            entry: |api| api.$name.entry(),
            before: &[],
            good: CKR_OK,
            needs: |_| true,
            keeps: &[],
            undo: nothing,
            apart: false,
        }
    };
}

mod messages;

#[rustfmt::skip]
static ROWS: &[Row] = &[
    row!(C_Initialize: arg(Kind::Pointer(Null::Fine), |_| 0)).apart(),
    row!(C_Finalize: NULL).apart(),
    row!(C_GetInfo: INFO),
    row!(C_GetFunctionList: PLACE),
    row!(C_GetSlotList: ZERO, OUT, OUT_BYTES),
    row!(C_GetSlotInfo: SLOT, INFO),
    row!(C_GetTokenInfo: SLOT, INFO),
    row!(C_GetMechanismList: SLOT, OUT, bad(|w| w.memory.told(1024))),
    row!(C_GetMechanismInfo: SLOT, plain(|_| CKM_AES_ECB), INFO),
    // With sessions open: what it does without them, it does once.
    row!(C_InitToken: SLOT, PIN, PIN_BYTES, bad(|w| w.memory.data())).good(CKR_SESSION_EXISTS),
    row!(C_InitPIN: OTHER, PIN, PIN_BYTES).before(&["C_Login"]).undone_by(log_out),
    row!(C_SetPIN: OTHER, PIN, PIN_BYTES, PIN, PIN_BYTES).before(&["C_Login"]).undone_by(log_out),
    row!(C_OpenSession: SLOT, plain(|_| READ_WRITE), arg(Kind::Pointer(Null::Fine), |_| 0),
        arg(Kind::Pointer(Null::Fine), |_| 0), PLACE).undone_by(close),
    row!(C_CloseSession: OPENED).before(&["C_OpenSession"]),
    row!(C_CloseAllSessions: FREE_SLOT),
    row!(C_GetSessionInfo: SESSION, INFO),
    row!(C_GetOperationState: SESSION, OUT, OUT_BYTES).before(&["C_DigestInit"]).keeps(&["digest"]),
    row!(C_SetOperationState: SESSION, bad(|w| w.memory.kept("state").as_ptr() as u64),
        length(|w| w.memory.kept("state").len() as u64), arg(Kind::Object(CKR_KEY_NOT_NEEDED), |_| 0),
        arg(Kind::Object(CKR_KEY_NOT_NEEDED), |_| 0)),
    row!(C_Login: OTHER, plain(|_| CKU_SO), PIN, PIN_BYTES).undone_by(log_out),
    row!(C_Logout: OTHER).before(&["C_Login"]).undone_by(log_out),
    row!(C_CreateObject: SESSION, bad(|w| w.template("data", &[(CKA_CLASS, &number(CKO_DATA))])), ONE, PLACE)
        .undone_by(destroy),
    row!(C_CopyObject: SESSION, OBJECT, LABEL_TEMPLATE, ONE, PLACE).undone_by(destroy),
    row!(C_DestroyObject: SESSION, MADE).before(&["C_CreateObject"]),
    row!(C_GetObjectSize: SESSION, OBJECT, OUT_BYTES),
    row!(C_GetAttributeValue: SESSION, OBJECT, bad(|w| w.template("class", &[(CKA_CLASS, &[0; 8])])), ONE),
    row!(C_SetAttributeValue: SESSION, OBJECT, LABEL_TEMPLATE, ONE),
    row!(C_FindObjectsInit: SESSION, LABEL_TEMPLATE, ONE),
    row!(C_FindObjects: SESSION, PLACE, ONE, OUT_BYTES).before(&["C_FindObjectsInit"]).keeps(&["find"]),
    row!(C_FindObjectsFinal: SESSION).before(&["C_FindObjectsInit"]),
    row!(C_EncryptInit: SESSION, ECB, KEY),
    row!(C_Encrypt: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES).before(&["C_EncryptInit"]),
    row!(C_EncryptUpdate: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES).before(&["C_EncryptInit"]),
    row!(C_EncryptFinal: SESSION, OUT, OUT_BYTES).before(&["C_EncryptInit"]),
    row!(C_DecryptInit: SESSION, ECB, KEY),
    row!(C_Decrypt: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES).before(&["C_DecryptInit"]),
    row!(C_DecryptUpdate: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES).before(&["C_DecryptInit"]),
    row!(C_DecryptFinal: SESSION, OUT, OUT_BYTES).before(&["C_DecryptInit"]),
    row!(C_DigestInit: SESSION, SHA256),
    row!(C_Digest: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES).before(&["C_DigestInit"]),
    row!(C_DigestUpdate: SESSION, PIECE, PIECE_BYTES).before(&["C_DigestInit"]),
    row!(C_DigestKey: SESSION, key(|w| w.secret)).before(&["C_DigestInit"]),
    row!(C_DigestFinal: SESSION, OUT, OUT_BYTES).before(&["C_DigestInit"]),
    row!(C_SignInit: SESSION, CMAC, KEY),
    row!(C_Sign: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES).before(&["C_SignInit"]),
    row!(C_SignUpdate: SESSION, PIECE, PIECE_BYTES).before(&["C_SignInit"]),
    row!(C_SignFinal: SESSION, OUT, OUT_BYTES).before(&["C_SignInit"]),
    row!(C_SignRecoverInit: SESSION, RSA_PKCS, key(|w| w.private)).needs(|row| row.recover.is_some()),
    row!(C_SignRecover: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES).before(&["C_SignRecoverInit"])
        .needs(|row| row.recover.is_some()),
    row!(C_VerifyInit: SESSION, CMAC, KEY),
    row!(C_Verify: SESSION, PIECE, PIECE_BYTES, MAC, MAC_BYTES).before(&["C_VerifyInit"]),
    row!(C_VerifyUpdate: SESSION, PIECE, PIECE_BYTES).before(&["C_VerifyInit"]),
    row!(C_VerifyFinal: SESSION, MAC, MAC_BYTES).before(&["C_VerifyInit", "C_VerifyUpdate"]),
    row!(C_VerifyRecoverInit: SESSION, RSA_PKCS, key(|w| w.public)).needs(|row| row.recover.is_some()),
    row!(C_VerifyRecover: SESSION, SIGNATURE, length(|_| 256), OUT, OUT_BYTES).before(&["C_VerifyRecoverInit"])
        .needs(|row| row.recover.is_some()),
    row!(C_DigestEncryptUpdate: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES)
        .before(&["C_DigestInit", "C_EncryptInit"]).keeps(&["digest"]),
    row!(C_DecryptDigestUpdate: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES)
        .before(&["C_DigestInit", "C_DecryptInit"]).keeps(&["digest"]),
    row!(C_SignEncryptUpdate: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES)
        .before(&["C_SignInit", "C_EncryptInit"]).keeps(&["sign"]),
    row!(C_DecryptVerifyUpdate: SESSION, PIECE, PIECE_BYTES, OUT, OUT_BYTES)
        .before(&["C_VerifyInit", "C_DecryptInit"]).keeps(&["verify"]),
    row!(C_GenerateKey: SESSION, bad(|w| w.mechanism(CKM_AES_KEY_GEN)),
        bad(|w| w.template("aes", &[(CKA_VALUE_LEN, &number(32))])), ONE, PLACE).undone_by(destroy),
    row!(C_GenerateKeyPair: SESSION, bad(|w| w.mechanism(CKM_EC_KEY_PAIR_GEN)),
        bad(|w| w.template("curve", &[(CKA_EC_PARAMS, super::world::P256)])), ONE, LABEL_TEMPLATE, ONE, PLACE,
        SECOND_PLACE).undone_by(destroy_pair),
    row!(C_WrapKey: SESSION, KEY_WRAP, arg(Kind::Object(CKR_WRAPPING_KEY_HANDLE_INVALID), |w| w.key), KEY, OUT,
        OUT_BYTES),
    row!(C_UnwrapKey: SESSION, KEY_WRAP, arg(Kind::Object(CKR_UNWRAPPING_KEY_HANDLE_INVALID), |w| w.key),
        bad(|w| w.memory.kept("wrapped").as_ptr() as u64), length(|w| w.memory.kept("wrapped").len() as u64),
        SECRET_TEMPLATE, length(|_| 2), PLACE).undone_by(destroy),
    row!(C_DeriveKey: SESSION, bad(|w| w.derivation()), key(|w| w.secret), DERIVED_TEMPLATE, length(|_| 3), PLACE)
        .needs(|row| row.id == CKM_CONCATENATE_BASE_AND_DATA).undone_by(destroy),
    row!(C_SeedRandom: SESSION, PIECE, PIECE_BYTES),
    row!(C_GenerateRandom: SESSION, bad(|w| w.memory.out()), PIECE_BYTES),
    row!(C_GetFunctionStatus: ZERO).good(CKR_FUNCTION_NOT_PARALLEL),
    row!(C_CancelFunction: ZERO).good(CKR_FUNCTION_NOT_PARALLEL),
    row!(C_WaitForSlotEvent: plain(|_| CKF_DONT_BLOCK), PLACE, NULL).good(CKR_NO_EVENT),
    row!(C_GetInterfaceList: OUT, bad(|w| w.memory.told(16))),
    row!(C_GetInterface: arg(Kind::Pointer(Null::Fine), |_| c"PKCS 11".as_ptr() as u64),
        arg(Kind::Pointer(Null::Fine), |_| &raw const VERSION as u64), PLACE, ZERO),
    row!(C_LoginUser: OTHER, plain(|_| CKU_SO), PIN, PIN_BYTES, bad(|w| w.memory.kept("admin").as_ptr() as u64),
        length(|_| 5))
        .undone_by(log_out),
    row!(C_SessionCancel: SESSION, ZERO),
];

static VERSION: CK_VERSION = CK_VERSION { major: 3, minor: 0 };
