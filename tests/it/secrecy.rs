//! What must never come out: values of sensitive and of unextractable keys, by any call.

use crate::support::*;
use cryptoki_sys::*;
use vhsm_pkcs11::cluster::{Clusters, NewCluster, PasswordCosts, PasswordRules, Policy, Role};
use vhsm_store::{LmdbOptions, StoreSpec};

/// A key that is known to the test and locked in afterwards, by each of the ways that do so.
fn locked_keys(session: &Session, value: &[u8]) -> Vec<(&'static str, CK_OBJECT_HANDLE)> {
    let known = |pairs: &[Pair]| session.known_key(CKK_AES, value, pairs);
    let later = known(&[(CKA_LABEL, b"later")]);
    expect("set", session.set(later, &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]), CKR_OK);
    let source = known(&[]);
    let copied = session.copy(source, &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]).unwrap();
    expect("destroy", session.destroy(source), CKR_OK);
    let inside: [Pair; 2] = [(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)];
    vec![
        ("created", known(&inside)),
        ("created on the token", known(&[&inside[..], &[(CKA_TOKEN, YES)]].concat())),
        ("private", known(&[&inside[..], &[(CKA_TOKEN, YES), (CKA_PRIVATE, YES)]].concat())),
        ("set later", later),
        ("copied", copied),
    ]
}

const VALUE: [u8; 32] = *b"This value must never be seen...";

#[test]
fn the_value_is_not_read() {
    let token = Token::new();
    let session = token.user();
    for (what, key) in locked_keys(&session, &VALUE) {
        expect(what, session.get(key, CKA_VALUE).unwrap_err(), CKR_ATTRIBUTE_SENSITIVE);
        let mut buffer = [0xee; 64];
        let mut attribute =
            CK_ATTRIBUTE { type_: CKA_VALUE, pValue: buffer.as_mut_ptr().cast(), ulValueLen: 64 };
        let rv = call!(session.api, C_GetAttributeValue(session.handle, key, &mut attribute, 1));
        expect(what, rv, CKR_ATTRIBUTE_SENSITIVE);
        assert_eq!(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
        assert_eq!(buffer, [0xee; 64], "{what}: nothing is written");
    }
}

#[test]
fn one_reason_is_enough() {
    let token = Token::new();
    let session = token.user();
    let rows: [(&[u8], &[u8], bool); 4] =
        [(NO, YES, true), (YES, YES, false), (NO, NO, false), (YES, NO, false)];
    for (sensitive, extractable, readable) in rows {
        let flags: [Pair; 2] = [(CKA_SENSITIVE, sensitive), (CKA_EXTRACTABLE, extractable)];
        for key in [session.known_key(CKK_AES, &VALUE, &flags), session.aes_key(&flags)] {
            assert_eq!(session.get(key, CKA_VALUE).is_ok(), readable);
        }
    }
}

#[test]
fn the_value_is_not_guessed_by_searching() {
    let token = Token::new();
    let session = token.user();
    let keys = locked_keys(&session, &VALUE);
    let found = session.find(&[(CKA_VALUE, &VALUE)]);
    assert_eq!(found.unwrap_or_default(), []);
    let open = session.known_key(CKK_AES, &VALUE, &[]);
    let found = session.find(&[(CKA_VALUE, &VALUE)]).unwrap_or_default();
    assert!(found.iter().all(|object| *object == open) && keys.iter().all(|(_, key)| !found.contains(key)));
}

#[test]
fn the_value_is_not_wrapped_or_copied_out() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.known_key(CKK_AES, &[1; 32], &[]);
    for (what, key) in locked_keys(&session, &VALUE) {
        for mechanism in [
            Mechanism::plain(CKM_AES_KEY_WRAP),
            Mechanism::plain(CKM_AES_KEY_WRAP_KWP),
            Mechanism::cbc_pad(),
            Mechanism::plain(CKM_AES_ECB),
            Mechanism::with(CKM_AES_CBC, &[1; 16]),
        ] {
            let rv = session.wrap(mechanism, wrapping, key).unwrap_err();
            expect_one_of(what, rv, &[CKR_KEY_UNEXTRACTABLE, CKR_MECHANISM_INVALID]);
        }
        let outward: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
        for pair in outward {
            expect(what, session.copy(key, &[pair]).unwrap_err(), CKR_ATTRIBUTE_READ_ONLY);
            expect(what, session.set(key, &[pair]), CKR_ATTRIBUTE_READ_ONLY);
        }
        expect(what, session.copy(key, &outward).unwrap_err(), CKR_ATTRIBUTE_READ_ONLY);
        let copy = session.copy(key, &[]).unwrap();
        expect(what, session.get(copy, CKA_VALUE).unwrap_err(), CKR_ATTRIBUTE_SENSITIVE);
    }
}

#[test]
fn a_key_never_lies_about_its_past() {
    let token = Token::new();
    let session = token.user();
    for (what, key) in locked_keys(&session, &VALUE) {
        assert!(!session.flag(key, CKA_ALWAYS_SENSITIVE), "{what} came from outside");
        assert!(!session.flag(key, CKA_NEVER_EXTRACTABLE), "{what} came from outside");
        assert!(!session.flag(key, CKA_LOCAL), "{what} came from outside");
    }
    let opened = session.aes_key(&[(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)]);
    expect("close", session.set(opened, &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]), CKR_OK);
    assert!(!session.flag(opened, CKA_ALWAYS_SENSITIVE) && !session.flag(opened, CKA_NEVER_EXTRACTABLE));
    assert!(session.flag(opened, CKA_LOCAL));
}

/// A home with the cluster `shared`: the admin, and the crypto users `kmsuser` and `other`, all with `USER_PIN`.
fn home_with_two_users(module: &Module) {
    let spec = StoreSpec::Embedded(LmdbOptions::new(module.home().join("store")));
    let costs = PasswordCosts { memory_kib: 64, passes: 1, lanes: 1 };
    let clusters = Clusters::open(vhsm_store::open(&spec).unwrap(), costs).unwrap();
    let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
    let new = NewCluster { label: "shared", hsms: 2, admin_password: USER_PIN, policy, root_key: None };
    let cluster = clusters.create(&new).unwrap();
    let admin = clusters.login(&cluster, Role::Admin, USER_PIN).unwrap();
    for name in ["kmsuser", "other"] {
        let (role, rules) = (Role::CryptoUser, PasswordRules::Cluster);
        clusters.create_user(&cluster, &admin, name, role, USER_PIN, rules).unwrap();
    }
}

fn pin_of(user: &str) -> Vec<u8> {
    [user.as_bytes(), b":", USER_PIN].concat()
}

const NEEDLES: [&[u8]; 6] = [
    &VALUE,
    b"A label for nobody",
    b"An id for nobody",
    b"Private data for nobody",
    b"An application for nobody",
    USER_PIN,
];

/// A key and a data object of the user, full of what nobody else may see.
fn private_objects(session: &Session) -> [CK_OBJECT_HANDLE; 2] {
    let private: [Pair; 5] = [
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_SENSITIVE, YES),
        (CKA_LABEL, NEEDLES[1]),
        (CKA_ID, NEEDLES[2]),
    ];
    let data: [Pair; 5] = [
        (CKA_CLASS, &number(CKO_DATA)),
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_VALUE, NEEDLES[3]),
        (CKA_APPLICATION, NEEDLES[4]),
    ];
    [session.known_key(CKK_AES, &VALUE, &private), session.create(&data).unwrap()]
}

/// Neither the objects nor any handle of theirs.
fn sees_nothing(session: &Session, objects: &[CK_OBJECT_HANDLE]) {
    assert_eq!(session.find(&[]), Ok(vec![]));
    assert_eq!(session.find(&[(CKA_LABEL, NEEDLES[1])]), Ok(vec![]));
    assert_eq!(session.find(&[(CKA_ID, NEEDLES[2])]), Ok(vec![]));
    assert_eq!(session.find(&[(CKA_APPLICATION, NEEDLES[4])]), Ok(vec![]));
    for object in objects {
        expect("get", session.get(*object, CKA_LABEL).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        expect("size", session.size(*object).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        expect("copy", session.copy(*object, &[]).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        expect("set", session.set(*object, &[(CKA_LABEL, b"x")]), CKR_OBJECT_HANDLE_INVALID);
        expect("destroy", session.destroy(*object), CKR_OBJECT_HANDLE_INVALID);
        let by = Mechanism::plain(CKM_AES_ECB);
        expect("use", session.encrypt_init(by, *object), CKR_KEY_HANDLE_INVALID);
    }
}

/// One crypto user's objects are nothing to another, to the admin, nor without a login; in any slot.
#[test]
fn objects_are_their_owners_alone() {
    let module = Module::loaded();
    home_with_two_users(&module);
    expect("initialize", module.initialize(), CKR_OK);
    let slots = module.slots(true);
    let session = module.open(slots[0], READ_WRITE).unwrap();
    expect("owner", session.login(CKU_USER, &pin_of("kmsuser")), CKR_OK);
    let objects = private_objects(&session);
    assert_eq!(session.find(&[(CKA_LABEL, NEEDLES[1])]), Ok(vec![objects[0]]));
    for slot in &slots[..2] {
        let session = module.open(*slot, READ_WRITE).unwrap();
        expect_one_of("logout", session.logout(), &[CKR_OK, CKR_USER_NOT_LOGGED_IN]);
        sees_nothing(&session, &objects);
        expect("another", session.login(CKU_USER, &pin_of("other")), CKR_OK);
        sees_nothing(&session, &objects);
        expect("logout", session.logout(), CKR_OK);
        expect("the admin", session.login(CKU_SO, &pin_of("admin")), CKR_OK);
        sees_nothing(&session, &objects);
        expect("logout", session.logout(), CKR_OK);
        expect("owner", session.login(CKU_USER, &pin_of("kmsuser")), CKR_OK);
        assert_eq!(session.find(&[(CKA_ID, NEEDLES[2])]), Ok(vec![objects[0]]));
    }
}

/// Whoever copies the files finds in them no value, label, id, application or PIN, of objects that were destroyed or
/// relabelled neither, and without a password the library gives it nothing.
#[test]
fn a_copy_of_the_files_shows_no_secret() {
    let module = Module::loaded();
    home_with_two_users(&module);
    expect("initialize", module.initialize(), CKR_OK);
    let slot = module.slots(true)[0];
    let session = module.open(slot, READ_WRITE).unwrap();
    expect("owner", session.login(CKU_USER, &pin_of("kmsuser")), CKR_OK);
    for _ in 0..20 {
        for object in private_objects(&session) {
            expect("destroy", session.destroy(object), CKR_OK);
        }
    }
    let objects = private_objects(&session);
    expect("relabel", session.set(objects[0], &[(CKA_LABEL, b"Another label for nobody")]), CKR_OK);
    let copy = disk::copy(module.home());
    let mut files = 0;
    for path in disk::tree(copy.path()).into_iter().filter(|path| path.is_file()) {
        let bytes = std::fs::read(&path).unwrap();
        files += 1;
        for needle in NEEDLES.into_iter().chain([&b"Another label"[..]]) {
            assert!(!bytes.windows(needle.len()).any(|part| part == needle), "{}", path.display());
        }
    }
    assert!(files >= 3, "the store lies in VHSM_HOME");
    let mut thief = Peer::start(copy.path());
    assert_eq!(thief.ask(&format!("open {slot}")), "ok");
    for _ in 0..2 {
        assert_eq!(thief.ask("find-all"), "");
        assert_eq!(thief.ask("find Another-label"), "");
        for object in objects {
            assert_eq!(thief.ask(&format!("label {object}")), "CKR_OBJECT_HANDLE_INVALID");
            assert_eq!(thief.ask(&format!("encrypt {object}")), "CKR_KEY_HANDLE_INVALID");
        }
        assert_eq!(thief.ask("login wrong"), "CKR_PIN_INCORRECT");
    }
}

/// Whoever knows the old PIN finds in the store of a wiped token nothing that it opens.
#[test]
fn a_wiped_token_leaves_no_records_behind() {
    let token = Token::new();
    let session = token.user();
    private_objects(&session);
    expect("close", session.close(), CKR_OK);
    let users_and_objects = |home| {
        let records = disk::records(home).into_keys();
        records.filter(|key| key[0] > 2).map(|key| key[5..9].to_vec()).collect::<Vec<_>>()
    };
    let before = users_and_objects(token.module.home());
    assert!(before.len() > 5);
    expect("wipe", token.module.init_token(token.slot, SO_PIN, LABEL), CKR_OK);
    let after = users_and_objects(token.module.home());
    assert!(!after.is_empty() && after.iter().all(|generation| !before.contains(generation)));
}
