//! Stores that older versions wrote still open: `tests/fixtures/store-1` is one of format 1.
//!
//! A new format gets a folder of its own, written by `write_the_fixture`; the old ones stay as they are.

use crate::support::*;
use cryptoki_sys::*;
use std::path::{Path, PathBuf};

const KEY: [u8; 32] = *b"the value of the key that is old";
const KEY_TEMPLATE: [Pair; 5] = [
    (CKA_TOKEN, YES),
    (CKA_PRIVATE, YES),
    (CKA_SENSITIVE, YES),
    (CKA_EXTRACTABLE, NO),
    (CKA_LABEL, b"old key"),
];
const DATA_TEMPLATE: [Pair; 4] =
    [(CKA_TOKEN, YES), (CKA_PRIVATE, NO), (CKA_LABEL, b"old data"), (CKA_VALUE, b"what everybody may read")];

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-1/data.mdb")
}

#[test]
fn a_store_of_format_1_opens() {
    let module = Module::loaded();
    let store = module.home().join("store");
    std::fs::create_dir(&store).expect("a folder");
    std::fs::copy(fixture(), store.join("data.mdb")).expect("the fixture");
    expect("initialize", module.initialize(), CKR_OK);
    let token = Token { slot: 0, module };
    assert_eq!(token.info().label, padded::<32>(LABEL));

    let session = token.open(READ_WRITE);
    let data = session.find(&DATA_TEMPLATE[2..3]).expect("a search");
    assert_eq!(data.len(), 1);
    assert_eq!(session.get(data[0], CKA_VALUE).as_deref(), Ok(DATA_TEMPLATE[3].1));
    assert_eq!(session.find(&KEY_TEMPLATE[4..]), Ok(vec![]), "before the login");

    let session = token.user();
    let keys = session.find(&KEY_TEMPLATE[4..]).expect("a search");
    assert_eq!(keys.len(), 1);
    let known = session.known_key(CKK_AES, &KEY, &[]);
    let encrypted = [keys[0], known].map(|key| {
        expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
        session.encrypt(b"sixteen of bytes").expect("encrypts")
    });
    assert_eq!(encrypted[0], encrypted[1]);
    expect("a new object", session.destroy(session.aes_key(&KEY_TEMPLATE)), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("the SO", session.login(CKU_SO, SO_PIN), CKR_OK);
}

#[test]
#[ignore = "writes the fixture of the current format: run it once, when the format has changed"]
fn write_the_fixture() {
    let token = Token::new();
    let session = token.user();
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
    let key: [Pair; 3] = [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_VALUE, &KEY)];
    session.create(&[&key[..], &KEY_TEMPLATE].concat()).expect("a key");
    let class = number(CKO_DATA);
    session.create(&[&[(CKA_CLASS, &class[..])], &DATA_TEMPLATE[..]].concat()).expect("an object");
    expect("finalize", token.module.finalize(), CKR_OK);
    let from = token.module.home().join("store/data.mdb");
    std::fs::create_dir_all(fixture().parent().expect("a folder")).expect("a folder");
    std::fs::copy(from, fixture()).expect("written");
}
