//! How long objects live and who sees them (PKCS#11 3.0 sec. 5.6.2, 5.6.3; user guide sec. 6.7.7).

use crate::support::*;
use cryptoki_sys::*;

const DATA: &[u8] = &number(CKO_DATA);

#[test]
fn session_objects_die_with_the_session_that_made_them() {
    let token = Token::new();
    let (maker, other) = (token.user(), token.open(READ_WRITE));
    let own = maker.aes_key(&[]);
    let copied = maker.copy(other.aes_key(&[]), &[]).unwrap();
    let kept = maker.aes_key(&[(CKA_TOKEN, YES)]);
    let others = other.aes_key(&[]);
    assert!(other.get(own, CKA_CLASS).is_ok(), "seen by the application's other sessions");
    expect("used", other.encrypt_init(Mechanism::plain(CKM_AES_ECB), own), CKR_OK);
    assert!(other.encrypt(&[0; 16]).is_ok());
    expect("close", maker.close(), CKR_OK);
    for gone in [own, copied] {
        expect("gone", other.get(gone, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        let rv = other.encrypt_init(Mechanism::plain(CKM_AES_ECB), gone);
        expect("gone", rv, CKR_KEY_HANDLE_INVALID);
    }
    for here in [kept, others] {
        assert!(other.get(here, CKA_CLASS).is_ok());
    }
}

#[test]
fn private_objects_are_hidden_until_login() {
    let token = Token::new();
    let session = token.user();
    let label: Pair = (CKA_LABEL, b"hidden");
    let private = session.aes_key(&[(CKA_TOKEN, YES), label]);
    let public = session.create(&[(CKA_CLASS, DATA), (CKA_TOKEN, YES), label]).unwrap();
    let mut both = session.find(&[label]).unwrap();
    both.sort_unstable();
    let mut wanted = vec![private, public];
    wanted.sort_unstable();
    assert_eq!(both, wanted);
    expect("logout", session.logout(), CKR_OK);
    assert_eq!(session.find(&[label]).unwrap(), [public]);
    assert_eq!(session.find(&[(CKA_PRIVATE, YES)]).unwrap(), [], "not even when asked for");
    expect("get", session.get(private, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
    expect("destroy", session.destroy(private), CKR_OBJECT_HANDLE_INVALID);
    let rv = session.encrypt_init(Mechanism::plain(CKM_AES_ECB), private);
    expect_one_of("use", rv, &[CKR_KEY_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN]);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    assert_eq!(session.find(&[label]).unwrap(), [public], "hidden from the officer too");
    expect("logout", session.logout(), CKR_OK);
    expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
    assert_eq!(session.find(&[label]).unwrap().len(), 2);
}

#[test]
fn token_objects_outlive_the_library() {
    let token = Token::new();
    let session = token.user();
    let id: Pair = (CKA_ID, b"kept");
    let key = session.aes_key(&[(CKA_TOKEN, YES), id]);
    let check_value = session.get(key, CKA_CHECK_VALUE).unwrap();
    let unique_id = session.get(key, CKA_UNIQUE_ID).unwrap();
    expect("init", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    let ciphertext = session.encrypt(b"kept as well").unwrap();
    expect("finalize", token.module.finalize(), CKR_OK);
    expect("initialize", token.module.initialize(), CKR_OK);
    let session = token.user();
    let found = session.find(&[id]).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(session.get(found[0], CKA_CHECK_VALUE).unwrap(), check_value);
    assert_eq!(session.get(found[0], CKA_UNIQUE_ID).unwrap(), unique_id);
    expect("init", session.decrypt_init(Mechanism::cbc_pad(), found[0]), CKR_OK);
    assert_eq!(session.decrypt(&ciphertext).unwrap(), b"kept as well");
}

#[test]
fn changes_are_seen_by_every_session() {
    let token = Token::new();
    let (session, other) = (token.user(), token.open(READ_ONLY));
    let key = session.aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"before")]);
    expect("used", other.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
    assert!(other.encrypt(&[0; 16]).is_ok());
    expect("set", session.set(key, &[(CKA_LABEL, b"after"), (CKA_ENCRYPT, NO)]), CKR_OK);
    assert_eq!(other.get(key, CKA_LABEL).unwrap(), b"after");
    assert_eq!(other.find(&[(CKA_LABEL, b"before")]).unwrap(), []);
    assert_eq!(other.find(&[(CKA_LABEL, b"after")]).unwrap(), [key]);
    let rv = other.encrypt_init(Mechanism::plain(CKM_AES_ECB), key);
    expect("no more", rv, CKR_KEY_FUNCTION_NOT_PERMITTED);
    expect("destroy", session.destroy(key), CKR_OK);
    let rv = other.decrypt_init(Mechanism::plain(CKM_AES_ECB), key);
    expect("no more", rv, CKR_KEY_HANDLE_INVALID);
}

#[test]
fn objects_of_another_token_are_not_there() {
    let token = Token::new();
    let user = token.user();
    let key = user.aes_key(&[(CKA_TOKEN, YES)]);
    let session_key = user.aes_key(&[]);
    let other_slot = token.module.free_slot();
    expect("init", token.module.init_token(other_slot, SO_PIN, "other"), CKR_OK);
    let stranger = token.module.open(other_slot, READ_WRITE).unwrap();
    assert_eq!(stranger.find(&[]).unwrap(), []);
    for object in [key, session_key] {
        expect("get", stranger.get(object, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        expect("destroy", stranger.destroy(object), CKR_OBJECT_HANDLE_INVALID);
    }
}

#[test]
fn unique_ids_are_unique_and_never_given() {
    let token = Token::new();
    let session = token.user();
    let objects: Vec<_> =
        (0..20).map(|at| session.aes_key(&[(CKA_TOKEN, if at % 2 == 0 { YES } else { NO })])).collect();
    let ids: std::collections::HashSet<_> =
        objects.iter().map(|object| session.get(*object, CKA_UNIQUE_ID).unwrap()).collect();
    assert_eq!(ids.len(), objects.len());
    for id in &ids {
        assert!(std::str::from_utf8(id).is_ok());
        assert_eq!(session.find(&[(CKA_UNIQUE_ID, id)]).unwrap().len(), 1);
    }
    let rv = session.create(&[(CKA_CLASS, DATA), (CKA_UNIQUE_ID, b"mine")]).unwrap_err();
    expect_one_of("given", rv, &[CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_TYPE_INVALID]);
    assert_eq!(session.find(&[(CKA_UNIQUE_ID, b"mine")]).unwrap(), []);
}
