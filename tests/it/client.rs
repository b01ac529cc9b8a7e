//! As Rust programs use the library: the cryptoki crate, which asks for sizes first and keeps sessions apart.

use crate::support::{Module, module_path};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

pub struct Client {
    pkcs11: Pkcs11,
    slot: Slot,
    _module: Module,
}

fn pin(text: &str) -> AuthPin {
    AuthPin::new(text.into())
}

/// A fresh token, made by cryptoki alone.
pub fn client() -> Client {
    let module = Module::loaded();
    module.finalize();
    let pkcs11 = Pkcs11::new(module_path()).unwrap();
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slot = pkcs11.get_slots_with_token().unwrap()[0];
    pkcs11.init_token(slot, &pin("officer's pin"), "client").unwrap();
    let session = pkcs11.open_rw_session(slot).unwrap();
    session.login(UserType::So, Some(&pin("officer's pin"))).unwrap();
    session.init_pin(&pin("user's pin")).unwrap();
    session.logout().unwrap();
    drop(session);
    Client { pkcs11, slot, _module: module }
}

impl Client {
    pub fn user(&self) -> Session {
        let session = self.pkcs11.open_rw_session(self.slot).unwrap();
        session.login(UserType::User, Some(&pin("user's pin"))).unwrap();
        session
    }
}

pub fn aes_key(session: &Session, more: &[Attribute]) -> ObjectHandle {
    let template = [&[Attribute::ValueLen(32.into())], more].concat();
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap()
}

fn rv<T: std::fmt::Debug>(result: Result<T, Error>) -> RvError {
    match result.unwrap_err() {
        Error::Pkcs11(rv, _) => rv,
        other => panic!("{other}"),
    }
}

#[test]
fn the_main_job() {
    let client = client();
    let session = client.user();
    assert_eq!(session.get_session_info().unwrap().session_state(), SessionState::RwUser);
    let key = aes_key(
        &session,
        &[
            Attribute::Label(b"main job".to_vec()),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
        ],
    );
    let mut iv = session.generate_random_vec(12).unwrap();
    let plain = vec![7; 100_000];
    let params = GcmParams::new(&mut iv, b"aad", 128.into()).unwrap();
    let ciphertext = session.encrypt(&Mechanism::AesGcm(params), key, &plain).unwrap();
    assert_eq!(ciphertext.len(), plain.len() + 16);
    let params = GcmParams::new(&mut iv, b"aad", 128.into()).unwrap();
    assert_eq!(session.decrypt(&Mechanism::AesGcm(params), key, &ciphertext).unwrap(), plain);
    let value = session.get_attributes(key, &[AttributeType::Value]).unwrap();
    assert!(value.is_empty(), "a sensitive value is not given");
}

#[test]
fn every_mode_in_one_part_and_in_many() {
    let client = client();
    let session = client.user();
    let key = aes_key(&session, &[]);
    let plain = [3; 64];
    for mechanism in [Mechanism::AesEcb, Mechanism::AesCbc([1; 16]), Mechanism::AesCbcPad([1; 16])] {
        let whole = session.encrypt(&mechanism, key, &plain).unwrap();
        session.encrypt_init(&mechanism, key).unwrap();
        let mut parts = session.encrypt_update(&plain[..20]).unwrap();
        parts.extend(session.encrypt_update(&plain[20..]).unwrap());
        parts.extend(session.encrypt_final().unwrap());
        assert_eq!(parts, whole);
        session.decrypt_init(&mechanism, key).unwrap();
        let mut back = session.decrypt_update(&whole[..33]).unwrap();
        back.extend(session.decrypt_update(&whole[33..]).unwrap());
        back.extend(session.decrypt_final().unwrap());
        assert_eq!(back, plain);
    }
}

#[test]
fn digests_and_codes() {
    let client = client();
    let session = client.user();
    let digest = session.digest(&Mechanism::Sha256, b"abc").unwrap();
    assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
    session.digest_init(&Mechanism::Sha256).unwrap();
    session.digest_update(b"a").unwrap();
    session.digest_update(b"bc").unwrap();
    assert_eq!(session.digest_final().unwrap(), digest);
    let template = [Attribute::ValueLen(32.into()), Attribute::Sign(true), Attribute::Verify(true)];
    let key = session.generate_key(&Mechanism::GenericSecretKeyGen, &template).unwrap();
    let code = session.sign(&Mechanism::Sha256Hmac, key, b"data").unwrap();
    session.verify(&Mechanism::Sha256Hmac, key, b"data", &code).unwrap();
    let wrong = rv(session.verify(&Mechanism::Sha256Hmac, key, b"date", &code));
    assert_eq!(wrong, RvError::SignatureInvalid);
}

#[test]
fn objects_are_found_read_changed_copied_and_destroyed() {
    let client = client();
    let session = client.user();
    let label = Attribute::Label(b"to find".to_vec());
    let data = session
        .create_object(&[
            Attribute::Class(ObjectClass::DATA),
            Attribute::Token(true),
            label.clone(),
            Attribute::Value(b"value".to_vec()),
        ])
        .unwrap();
    let key = aes_key(&session, std::slice::from_ref(&label));
    let found = session.find_objects(std::slice::from_ref(&label)).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(session.iter_objects(&[Attribute::Class(ObjectClass::DATA)]).unwrap().count(), 1);
    let wanted = [AttributeType::Class, AttributeType::Label, AttributeType::Value];
    let read = session.get_attributes(data, &wanted).unwrap();
    let all = [Attribute::Class(ObjectClass::DATA), label.clone(), Attribute::Value(b"value".to_vec())];
    assert_eq!(read, all);
    let of_key = session.get_attributes(key, &[AttributeType::KeyType, AttributeType::Value]).unwrap();
    assert_eq!(of_key, [Attribute::KeyType(KeyType::AES)]);
    session.update_attributes(key, &[Attribute::Label(b"renamed".to_vec())]).unwrap();
    assert_eq!(session.find_objects(&[label]).unwrap(), [data]);
    let copy = session.copy_object(key, &[Attribute::Id(vec![9])]).unwrap();
    assert_eq!(session.get_attributes(copy, &[AttributeType::Id]).unwrap(), [Attribute::Id(vec![9])]);
    for object in [data, key, copy] {
        session.destroy_object(object).unwrap();
        assert_eq!(rv(session.destroy_object(object)), RvError::ObjectHandleInvalid);
    }
}

#[test]
fn keys_are_wrapped_and_unwrapped() {
    let client = client();
    let session = client.user();
    let wrapping = aes_key(&session, &[]);
    let key = aes_key(&session, &[Attribute::Extractable(true)]);
    let template = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES)];
    for mechanism in [Mechanism::AesKeyWrap, Mechanism::AesKeyWrapPad, Mechanism::AesCbcPad([2; 16])] {
        let Ok(wrapped) = session.wrap_key(&mechanism, wrapping, key) else {
            assert!(matches!(mechanism, Mechanism::AesKeyWrapPad), "{mechanism:?}");
            continue;
        };
        let again = session.unwrap_key(&mechanism, wrapping, &wrapped, &template).unwrap();
        let ciphertext = session.encrypt(&Mechanism::AesEcb, key, &[1; 16]).unwrap();
        assert_eq!(session.decrypt(&Mechanism::AesEcb, again, &ciphertext).unwrap(), [1; 16]);
    }
    let inside = aes_key(&session, &[Attribute::Extractable(false)]);
    let refused = rv(session.wrap_key(&Mechanism::AesKeyWrap, wrapping, inside));
    assert_eq!(refused, RvError::KeyUnextractable);
}

#[test]
fn a_session_for_every_thread() {
    let client = client();
    let session = client.user();
    let key = aes_key(&session, &[Attribute::Token(true)]);
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let client = &client;
            scope.spawn(move || {
                let session = client.pkcs11.open_ro_session(client.slot).unwrap();
                for round in 0..100u8 {
                    let mechanism = Mechanism::AesCbcPad([round; 16]);
                    let ciphertext = session.encrypt(&mechanism, key, &[thread; 50]).unwrap();
                    assert_eq!(session.decrypt(&mechanism, key, &ciphertext).unwrap(), [thread; 50]);
                }
            });
        }
    });
}

#[test]
fn information_is_readable() {
    let client = client();
    let token = client.pkcs11.get_token_info(client.slot).unwrap();
    assert_eq!(token.label(), "client");
    assert!(token.token_initialized() && token.user_pin_initialized() && token.login_required());
    assert!(!client.pkcs11.get_library_info().unwrap().library_description().is_empty());
    let mechanisms = client.pkcs11.get_mechanism_list(client.slot).unwrap();
    for mechanism in mechanisms {
        client.pkcs11.get_mechanism_info(client.slot, mechanism).unwrap();
    }
}
