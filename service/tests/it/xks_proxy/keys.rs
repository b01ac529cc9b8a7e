//! The keys of a world, made through PKCS#11 in a process of their own: this test binary once more, running only the ignored test
//! `xks_proxy::keys::process`. Modules read their configuration from the environment.

use super::*;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

/// Label, bytes, encrypts, decrypts.
const KEYS: [(&str, u64, bool, bool); 9] = [
    ("key-1", 32, true, true),
    ("key-2", 32, true, true),
    ("other-1", 32, true, true),
    ("encrypt-only", 32, true, false),
    ("decrypt-only", 32, false, true),
    ("impotent", 32, false, false),
    ("short", 16, true, true),
    ("twice", 32, true, true),
    ("twice", 32, true, true),
];
const MODULE: &str = "VHSM_TEST_MODULE";
const PIN: &str = "VHSM_TEST_TOKEN_PIN";

pub fn make(world: &World) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "xks_proxy::keys::process", "--ignored", "--nocapture"])
        .env_clear()
        .envs(world.environment())
        .env(MODULE, world.module())
        .env(PIN, world.pin())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{} {}", text(&output.stdout), text(&output.stderr));
}

#[test]
#[ignore = "the other side of tests, which start it"]
fn process() {
    let (Ok(module), Ok(pin)) = (std::env::var(MODULE), std::env::var(PIN)) else { return };
    let pkcs11 = Pkcs11::new(module).unwrap();
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let mut slots = pkcs11.get_slots_with_initialized_token().unwrap();
    slots.retain(|slot| pkcs11.get_token_info(*slot).unwrap().label() == "demo");
    let session = pkcs11.open_rw_session(slots[0]).unwrap();
    session.login(UserType::User, Some(&AuthPin::new(pin.into()))).unwrap();
    for key in KEYS {
        generate(&session, key);
    }
}

fn generate(session: &Session, (label, bytes, encrypts, decrypts): (&str, u64, bool, bool)) {
    let template = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Label(label.into()),
        Attribute::Id(label.into()),
        Attribute::ValueLen(bytes.into()),
        Attribute::Encrypt(encrypts),
        Attribute::Decrypt(decrypts),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
}
