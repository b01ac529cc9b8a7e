//! What every topic needs: the library, an empty home, a token with users, and short ways to call.

mod attribute;
mod call;
mod cloudhsm;
pub mod curves;
pub mod disk;
pub mod kdf;
mod kem;
mod mechanism;
mod message;
mod operator;
mod peer;
mod raw;
pub mod worker;

pub use attribute::{Attributes, Pair, as_value, number, padded};
pub use call::{InOut, Session};
pub use cloudhsm::{ADMIN_PIN, CloudHsm, KMS_PIN, make_cluster};
pub use mechanism::{By, Mechanism};
pub use message::GcmMessage;
pub use operator::{Drill, Operator, serve as serve_operator};
pub use peer::{Peer, serve as serve_peer};
pub(crate) use raw::call;
pub use raw::{Api, Module, module_path};

use cryptoki_sys::*;
use std::path::Path;

pub const SO_PIN: &[u8] = b"officer's own pin";
pub const USER_PIN: &[u8] = b"user's own pin";
pub const LABEL: &str = "test token";

pub const YES: &[u8] = &[CK_TRUE];
pub const NO: &[u8] = &[CK_FALSE];

pub const READ_ONLY: CK_FLAGS = CKF_SERIAL_SESSION;
pub const READ_WRITE: CK_FLAGS = CKF_SERIAL_SESSION | CKF_RW_SESSION;

/// An initialized library with one token that has an SO and a user.
pub struct Token {
    pub module: Module,
    pub slot: CK_SLOT_ID,
}

impl Token {
    /// A token with `SO_PIN` and `USER_PIN`; nobody is logged in and no session open.
    pub fn new() -> Token {
        Token::of(Module::initialized())
    }

    /// As `new`, its store where writing costs little: for tests with very many commits.
    pub fn in_memory_folder() -> Token {
        Token::of(Module::initialized_in(Path::new("/dev/shm")))
    }

    /// As `new`, with this configuration.
    pub fn configured(text: &str) -> Token {
        let module = Module::loaded();
        std::fs::write(module.home().join("vhsm.toml"), text).expect("a configuration");
        expect("initialize", module.initialize(), CKR_OK);
        Token::of(module)
    }

    fn of(module: Module) -> Token {
        let slot = module.free_slot();
        assert_eq!(module.init_token(slot, SO_PIN, LABEL), CKR_OK);
        let token = Token { module, slot };
        let officer = token.open(READ_WRITE);
        assert_eq!(officer.login(CKU_SO, SO_PIN), CKR_OK);
        assert_eq!(officer.init_pin(USER_PIN), CKR_OK);
        assert_eq!(officer.logout(), CKR_OK);
        assert_eq!(officer.close(), CKR_OK);
        token
    }

    pub fn open(&self, flags: CK_FLAGS) -> Session<'_> {
        self.module.open(self.slot, flags).expect("the token takes sessions")
    }

    /// A read-write session with the user logged in.
    pub fn user(&self) -> Session<'_> {
        let session = self.open(READ_WRITE);
        let rv = session.login(CKU_USER, USER_PIN);
        assert!(matches!(rv, CKR_OK | CKR_USER_ALREADY_LOGGED_IN), "login: {}", name(rv));
        session
    }

    pub fn info(&self) -> CK_TOKEN_INFO {
        self.module.token_info(self.slot).expect("the token is there")
    }
}

/// A code's name where it is one that tests meet, else its number.
pub fn name(rv: CK_RV) -> String {
    const NAMES: &[(CK_RV, &str)] = &[
        (CKR_OK, "CKR_OK"),
        (CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD"),
        (CKR_ATTRIBUTE_READ_ONLY, "CKR_ATTRIBUTE_READ_ONLY"),
        (CKR_ATTRIBUTE_SENSITIVE, "CKR_ATTRIBUTE_SENSITIVE"),
        (CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID"),
        (CKR_ATTRIBUTE_VALUE_INVALID, "CKR_ATTRIBUTE_VALUE_INVALID"),
        (CKR_ACTION_PROHIBITED, "CKR_ACTION_PROHIBITED"),
        (CKR_BUFFER_TOO_SMALL, "CKR_BUFFER_TOO_SMALL"),
        (CKR_CANT_LOCK, "CKR_CANT_LOCK"),
        (CKR_CRYPTOKI_ALREADY_INITIALIZED, "CKR_CRYPTOKI_ALREADY_INITIALIZED"),
        (CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED"),
        (CKR_DATA_INVALID, "CKR_DATA_INVALID"),
        (CKR_DATA_LEN_RANGE, "CKR_DATA_LEN_RANGE"),
        (CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR"),
        (CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY"),
        (CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED"),
        (CKR_ENCRYPTED_DATA_INVALID, "CKR_ENCRYPTED_DATA_INVALID"),
        (CKR_ENCRYPTED_DATA_LEN_RANGE, "CKR_ENCRYPTED_DATA_LEN_RANGE"),
        (CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED"),
        (CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED"),
        (CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR"),
        (CKR_HOST_MEMORY, "CKR_HOST_MEMORY"),
        (CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED"),
        (CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID"),
        (CKR_KEY_INDIGESTIBLE, "CKR_KEY_INDIGESTIBLE"),
        (CKR_KEY_NOT_NEEDED, "CKR_KEY_NOT_NEEDED"),
        (CKR_SAVED_STATE_INVALID, "CKR_SAVED_STATE_INVALID"),
        (CKR_STATE_UNSAVEABLE, "CKR_STATE_UNSAVEABLE"),
        (CKR_AEAD_DECRYPT_FAILED, "CKR_AEAD_DECRYPT_FAILED"),
        (CKR_KEY_SIZE_RANGE, "CKR_KEY_SIZE_RANGE"),
        (CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT"),
        (CKR_KEY_UNEXTRACTABLE, "CKR_KEY_UNEXTRACTABLE"),
        (CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID"),
        (CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID"),
        (CKR_NO_EVENT, "CKR_NO_EVENT"),
        (CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID"),
        (CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE"),
        (CKR_OPERATION_NOT_INITIALIZED, "CKR_OPERATION_NOT_INITIALIZED"),
        (CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT"),
        (CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE"),
        (CKR_PIN_LOCKED, "CKR_PIN_LOCKED"),
        (CKR_SESSION_EXISTS, "CKR_SESSION_EXISTS"),
        (CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID"),
        (CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY"),
        (CKR_SESSION_READ_ONLY_EXISTS, "CKR_SESSION_READ_ONLY_EXISTS"),
        (CKR_SESSION_READ_WRITE_SO_EXISTS, "CKR_SESSION_READ_WRITE_SO_EXISTS"),
        (CKR_SIGNATURE_INVALID, "CKR_SIGNATURE_INVALID"),
        (CKR_SIGNATURE_LEN_RANGE, "CKR_SIGNATURE_LEN_RANGE"),
        (CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID"),
        (CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE"),
        (CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT"),
        (CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT"),
        (CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED"),
        (CKR_USER_ALREADY_LOGGED_IN, "CKR_USER_ALREADY_LOGGED_IN"),
        (CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN"),
        (CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN"),
        (CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED"),
        (CKR_USER_TYPE_INVALID, "CKR_USER_TYPE_INVALID"),
        (CKR_WRAPPED_KEY_INVALID, "CKR_WRAPPED_KEY_INVALID"),
        (CKR_WRAPPED_KEY_LEN_RANGE, "CKR_WRAPPED_KEY_LEN_RANGE"),
    ];
    let known = NAMES.iter().find(|(code, _)| *code == rv);
    known.map_or_else(|| format!("CKR {rv:#x}"), |(_, name)| (*name).to_string())
}

#[track_caller]
pub fn expect(what: &str, rv: CK_RV, wanted: CK_RV) {
    assert_eq!(name(rv), name(wanted), "{what}");
}

#[track_caller]
pub fn expect_one_of(what: &str, rv: CK_RV, wanted: &[CK_RV]) {
    let names: Vec<_> = wanted.iter().map(|rv| name(*rv)).collect();
    assert!(wanted.contains(&rv), "{what}: {} and not one of {names:?}", name(rv));
}
