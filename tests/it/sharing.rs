//! Keys that their owner shares: three processes, one of the owner, one of the other user, one of the command.

use crate::support::*;
use cryptoki_sys::*;
use vhsm_pkcs11::cluster::{Clusters, NewCluster, PasswordCosts, PasswordRules, Policy, Role};
use vhsm_pkcs11::config::Config;

const PASSWORD: &[u8] = b"a-password";
const ALICE: &str = "alice:a-password";
const BOB: &str = "bob:a-password";

/// bob's process is this one; alice's is a peer, and the command another.
struct Three {
    module: Module,
    alice: Peer,
    command: Peer,
}

impl Three {
    fn new() -> Self {
        let module = Module::loaded();
        // Closed before the library opens it: one copy of the store's code at a time.
        {
            let config = Config::load().expect("a configuration");
            let store = config.open_store().expect("a store");
            let clusters = Clusters::open(store, PasswordCosts::default()).expect("clusters");
            let policy =
                Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
            let new = NewCluster { label: LABEL, hsms: 2, admin_password: PASSWORD, policy, root_key: None };
            let cluster = clusters.create(&new).expect("a cluster");
            let admin = clusters.login_as(&cluster, None, "admin", PASSWORD).expect("a login");
            for name in ["alice", "bob", "carol"] {
                let (role, rules) = (Role::CryptoUser, PasswordRules::Cluster);
                clusters.create_user(&cluster, &admin, name, role, PASSWORD, rules).expect("a user");
            }
        }
        expect("initialize", module.initialize(), CKR_OK);
        let (mut alice, command) = (Peer::start(module.home()), Peer::start(module.home()));
        assert_eq!(alice.ask("open 0"), "ok");
        assert_eq!(alice.ask(&format!("login-as {ALICE}")), "ok");
        Self { module, alice, command }
    }

    /// bob's session with the HSM of a slot.
    fn bob(&self, slot: CK_SLOT_ID) -> Session<'_> {
        let session = self.module.open(slot, READ_WRITE).expect("a session");
        expect("login", session.login(CKU_USER, BOB.as_bytes()), CKR_OK);
        session
    }
}

fn administer(command: &mut Peer, verb: &str, pin: &str, object: u64, name: &str) {
    assert_eq!(command.ask(&format!("administer {verb} {pin} {object} {name}")), "true", "{verb}");
}

fn ecb() -> Mechanism {
    Mechanism::plain(CKM_AES_ECB)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_key_is_used_as_long_as_it_is_shared() {
    let mut three = Three::new();
    let key: u64 = three.alice.ask("generate to-share").parse().expect("a handle");
    let (mut alice, mut command) = (three.alice, three.command);
    three.alice = Peer::start(three.module.home());
    three.command = Peer::start(three.module.home());
    let [session, other] = [0, 1].map(|slot| three.bob(slot));
    assert_eq!(session.find(&[(CKA_LABEL, b"to-share")]), Ok(vec![]));
    expect("before", session.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);

    administer(&mut command, "share", ALICE, key, "bob");
    for session in [&session, &other] {
        assert_eq!(session.find(&[(CKA_LABEL, b"to-share")]), Ok(vec![key]));
        expect("init", session.encrypt_init(ecb(), key), CKR_OK);
        let encrypted = session.encrypt(&[7; 16]).expect("encrypts");
        assert_eq!(hex(&encrypted), alice.ask(&format!("encrypt {key}")));
    }
    assert_eq!(alice.ask(&format!("relabel {key} renamed")), "ok");
    assert_eq!(session.get(key, CKA_LABEL).as_deref(), Ok(&b"renamed"[..]));
    assert_eq!(other.find(&[(CKA_LABEL, b"renamed")]), Ok(vec![key]));
    assert_eq!(session.find(&[(CKA_LABEL, b"to-share")]), Ok(vec![]));

    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    administer(&mut command, "unshare", ALICE, key, "bob");
    assert_eq!(session.encrypt(&[7; 16]), Err(CKR_OPERATION_NOT_INITIALIZED));
    expect("after", other.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);
    assert_eq!(session.get(key, CKA_LABEL), Err(CKR_OBJECT_HANDLE_INVALID));
    assert_eq!(other.find(&[]), Ok(vec![]));
    assert_eq!(alice.ask(&format!("encrypt {key}")).len(), 32, "it is its owner's as before");

    administer(&mut command, "share", ALICE, key, "bob");
    assert_eq!(session.find(&[(CKA_LABEL, b"renamed")]), Ok(vec![key]));
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    assert_eq!(alice.ask(&format!("destroy {key}")), "ok");
    assert_eq!(session.encrypt(&[7; 16]), Err(CKR_OPERATION_NOT_INITIALIZED));
    assert_eq!(session.find(&[]), Ok(vec![]));
}

#[test]
fn what_is_shared_is_neither_taken_out_nor_changed() {
    let mut three = Three::new();
    let (owner, bobs) = (three.module.open(1, READ_WRITE).expect("a session"), 0);
    expect("login", owner.login(CKU_USER, ALICE.as_bytes()), CKR_OK);
    let open = [(CKA_TOKEN, YES), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES), (CKA_PRIVATE, YES)];
    let key = owner.known_key(CKK_AES, &[5; 32], &[&open[..], &[(CKA_LABEL, b"open")]].concat());
    let secret =
        owner.known_key(CKK_AES, &[6; 32], &[&open[..2], &open[3..], &[(CKA_LABEL, b"own")]].concat());
    expect("close", owner.close(), CKR_OK);
    administer(&mut three.command, "share", ALICE, key, "bob");
    let session = three.bob(bobs);
    assert_eq!(session.find(&[(CKA_CLASS, &number(CKO_SECRET_KEY))]), Ok(vec![key]));
    for (kind, on) in [
        (CKA_SENSITIVE, true),
        (CKA_EXTRACTABLE, false),
        (CKA_MODIFIABLE, false),
        (CKA_DESTROYABLE, false),
        (CKA_COPYABLE, false),
        (CKA_ENCRYPT, true),
        (CKA_WRAP, true),
    ] {
        assert_eq!(session.flag(key, kind), on, "{kind:#x}");
    }
    assert_eq!(session.get(key, CKA_VALUE), Err(CKR_ATTRIBUTE_SENSITIVE));
    expect("destroy", session.destroy(key), CKR_ACTION_PROHIBITED);
    expect("set", session.set(key, &[(CKA_LABEL, b"mine")]), CKR_ACTION_PROHIBITED);
    assert_eq!(session.copy(key, &[(CKA_TOKEN, NO)]), Err(CKR_ACTION_PROHIBITED));
    assert_eq!(session.copy(key, &[(CKA_TOKEN, YES)]), Err(CKR_ACTION_PROHIBITED));
    let own = session.known_key(CKK_AES, &[9; 32], &[]);
    let wrapped = session.wrap(Mechanism::plain(CKM_AES_KEY_WRAP), own, key);
    assert_eq!(wrapped, Err(CKR_KEY_UNEXTRACTABLE));
    // It wraps and unwraps others' keys, which is a use.
    let wrapped = session.wrap(Mechanism::plain(CKM_AES_KEY_WRAP), key, own).expect("wraps");
    let template = [(CKA_CLASS, &number(CKO_SECRET_KEY)[..]), (CKA_KEY_TYPE, &number(CKK_AES))];
    session.unwrap(Mechanism::plain(CKM_AES_KEY_WRAP), key, &wrapped, &template).expect("unwraps");
    assert_eq!(session.find(&[(CKA_TOKEN, YES), (CKA_LABEL, b"own")]), Ok(vec![]));
    expect("not shared", session.encrypt_init(ecb(), secret), CKR_KEY_HANDLE_INVALID);
    // Its owner is who shares it.
    assert_eq!(three.command.ask(&format!("administer share {BOB} {key} carol")), "false");
    assert_eq!(three.command.ask(&format!("administer share {ALICE} {key} admin")), "CKR_USER_TYPE_INVALID");
}

#[test]
fn a_shared_private_key_signs_for_the_other_user() {
    let mut three = Three::new();
    let owner = three.module.open(1, READ_WRITE).expect("a session");
    expect("login", owner.login(CKU_USER, ALICE.as_bytes()), CKR_OK);
    let bits = number(2048);
    let (public, private) = owner
        .generate_pair(
            Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN),
            &[(CKA_TOKEN, YES), (CKA_MODULUS_BITS, &bits)],
            &[(CKA_TOKEN, YES), (CKA_LABEL, b"signer")],
        )
        .expect("a pair");
    administer(&mut three.command, "share", ALICE, private, "bob");
    let session = three.bob(0);
    assert_eq!(session.find(&[(CKA_LABEL, b"signer")]), Ok(vec![private]));
    expect("init", session.sign_init(Mechanism::plain(CKM_SHA256_RSA_PKCS), private), CKR_OK);
    let signature = session.sign(b"data").expect("signs");
    expect("init", owner.verify_init(Mechanism::plain(CKM_SHA256_RSA_PKCS), public), CKR_OK);
    expect("verify", owner.verify(b"data", &signature), CKR_OK);
}

#[test]
fn deleting_the_owner_or_the_other_user_ends_the_use() {
    let mut three = Three::new();
    let key: u64 = three.alice.ask("generate doomed").parse().expect("a handle");
    administer(&mut three.command, "share", ALICE, key, "bob");
    administer(&mut three.command, "share", ALICE, key, "carol");
    let session = three.module.open(1, READ_WRITE).expect("a session");
    expect("login", session.login(CKU_USER, b"carol:a-password"), CKR_OK);
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    administer(&mut three.command, "delete-user", "admin:a-password", 0, "carol");
    assert_eq!(session.encrypt(&[7; 16]), Err(CKR_OPERATION_NOT_INITIALIZED));
    assert_eq!(session.info().map(|info| info.state), Ok(CKS_RW_PUBLIC_SESSION));

    let session = three.module.open(0, READ_WRITE).expect("a session");
    expect("login", session.login(CKU_USER, BOB.as_bytes()), CKR_OK);
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    administer(&mut three.command, "delete-user", "admin:a-password", 0, "alice");
    assert_eq!(session.find(&[]), Ok(vec![]));
    assert_eq!(session.get(key, CKA_LABEL), Err(CKR_OBJECT_HANDLE_INVALID));
}

#[test]
fn an_admin_makes_a_key_trusted_and_it_then_wraps_what_wants_that() {
    let mut three = Three::new();
    let owner = three.module.open(1, READ_WRITE).expect("a session");
    expect("login", owner.login(CKU_USER, ALICE.as_bytes()), CKR_OK);
    let wrapping = owner.aes_key(&[(CKA_TOKEN, YES), (CKA_WRAP, YES), (CKA_LABEL, b"wrapping")]);
    let careful = owner.aes_key(&[(CKA_EXTRACTABLE, YES), (CKA_WRAP_WITH_TRUSTED, YES)]);
    let wrap = || owner.wrap(Mechanism::plain(CKM_AES_KEY_WRAP), wrapping, careful);
    assert_eq!(wrap(), Err(CKR_KEY_NOT_WRAPPABLE));
    expect("by its owner", owner.set(wrapping, &[(CKA_TRUSTED, YES)]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(owner.find(&[(CKA_TRUSTED, YES)]), Ok(vec![]));
    administer(&mut three.command, "trust", "admin:a-password", wrapping, "-");
    assert!(owner.flag(wrapping, CKA_TRUSTED));
    assert_eq!(owner.find(&[(CKA_TRUSTED, YES)]), Ok(vec![wrapping]));
    assert_eq!(wrap().map(|wrapped| wrapped.len()), Ok(40));
    expect("renamed", owner.set(wrapping, &[(CKA_LABEL, b"renamed")]), CKR_OK);
    assert_eq!(wrap().map(|wrapped| wrapped.len()), Ok(40));
}

#[test]
fn the_files_show_neither_the_label_nor_the_value_of_a_shared_key() {
    let mut three = Three::new();
    let value = *b"This value must never be seen...";
    let owner = three.module.open(1, READ_WRITE).expect("a session");
    expect("login", owner.login(CKU_USER, ALICE.as_bytes()), CKR_OK);
    let pairs = [
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_LABEL, &b"a label to look for"[..]),
        (CKA_ID, b"an id too"),
    ];
    let key = owner.known_key(CKK_AES, &value, &pairs);
    administer(&mut three.command, "share", ALICE, key, "bob");
    let session = three.bob(0);
    assert_eq!(session.find(&[(CKA_LABEL, b"a label to look for")]), Ok(vec![key]));
    administer(&mut three.command, "share", ALICE, key, "carol");
    let (copy, mut files) = (disk::copy(three.module.home()), 0);
    for path in disk::tree(copy.path()).into_iter().filter(|path| path.is_file()) {
        let bytes = std::fs::read(path).expect("is read");
        files += 1;
        for secret in [&value[..], b"a label to look for", b"an id too"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
    assert!(files >= 3, "the store lies in VHSM_HOME");
}
