//! A cluster of two HSMs, as `vhsm cluster create` makes it: two slots, one set of keys, a login for each.

use crate::support::*;
use cryptoki_sys::*;
use vhsm_pkcs11::cluster::{Clusters, NewCluster, PasswordCosts, PasswordRules, Policy, Role};

const ADMIN_PIN: &[u8] = b"admin:admin's own";
const KMS_PIN: &[u8] = b"kmsuser:kms secret";
const ALICE_PIN: &[u8] = b"alice:alice's own";

/// A cluster with `kmsuser` and `alice`; its two slots.
fn cluster() -> (Module, [CK_SLOT_ID; 2]) {
    let module = Module::loaded();
    // Closed before the library opens it: one copy of the store's code at a time.
    {
        let options = vhsm_store::LmdbOptions::new(module.home().join("store"));
        let store = vhsm_store::open(&vhsm_store::StoreSpec::Embedded(options)).expect("a store");
        let clusters = Clusters::open(store, PasswordCosts::default()).expect("clusters");
        let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
        let new =
            NewCluster { label: LABEL, hsms: 2, admin_password: b"admin's own", policy, root_key: None };
        let cluster = clusters.create(&new).expect("a cluster");
        let admin = clusters.login(&cluster, Role::Admin, ADMIN_PIN).expect("a login");
        for (name, password) in [("kmsuser", &b"kms secret"[..]), ("alice", b"alice's own")] {
            let (role, rules) = (Role::CryptoUser, PasswordRules::Cluster);
            clusters.create_user(&cluster, &admin, name, role, password, rules).expect("a user");
        }
    }
    expect("initialize", module.initialize(), CKR_OK);
    let slots = module.slots(true);
    assert_eq!(slots, [0, 1, 2], "two HSMs and the free slot");
    (module, [0, 1])
}

fn logged_in<'m>(module: &'m Module, slot: CK_SLOT_ID, pin: &[u8]) -> Session<'m> {
    let session = module.open(slot, READ_WRITE).expect("a session");
    expect("login", session.login(CKU_USER, pin), CKR_OK);
    session
}

fn ecb() -> Mechanism {
    Mechanism::plain(CKM_AES_ECB)
}

#[test]
fn both_slots_hold_the_same_keys_under_the_same_handles() {
    let (module, [first, second]) = cluster();
    let [one, other] = [first, second].map(|slot| logged_in(&module, slot, KMS_PIN));
    let key = one.aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"shared")]);
    assert_eq!(other.find(&[(CKA_LABEL, b"shared")]), Ok(vec![key]));
    expect("init", one.encrypt_init(ecb(), key), CKR_OK);
    let encrypted = one.encrypt(b"sixteen of bytes").expect("encrypts");
    expect("init", other.decrypt_init(ecb(), key), CKR_OK);
    assert_eq!(other.decrypt(&encrypted).as_deref(), Ok(&b"sixteen of bytes"[..]));

    expect("relabel", one.set(key, &[(CKA_LABEL, b"renamed")]), CKR_OK);
    assert_eq!(other.get(key, CKA_LABEL).as_deref(), Ok(&b"renamed"[..]));
    expect("destroy", other.destroy(key), CKR_OK);
    expect("gone here too", one.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);
}

#[test]
fn every_slot_has_its_own_login() {
    let (module, [first, second]) = cluster();
    let one = logged_in(&module, first, KMS_PIN);
    let key = one.aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"private")]);
    let other = module.open(second, READ_WRITE).expect("a session");
    assert_eq!(other.info().map(|info| info.state), Ok(CKS_RW_PUBLIC_SESSION));
    assert_eq!(other.find(&[(CKA_LABEL, b"private")]), Ok(vec![]));
    expect("without a login", other.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);
    expect("another user there", other.login(CKU_USER, ALICE_PIN), CKR_OK);
    expect("of another user", other.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);
    assert_eq!(other.find(&[]), Ok(vec![]));
    expect("logout there", other.logout(), CKR_OK);
    expect("nothing ends here", one.encrypt_init(ecb(), key), CKR_OK);
}

#[test]
fn session_keys_are_of_one_hsm() {
    let (module, [first, second]) = cluster();
    let [one, other] = [first, second].map(|slot| logged_in(&module, slot, KMS_PIN));
    let key = one.aes_key(&[(CKA_LABEL, b"short")]);
    assert_eq!(one.find(&[(CKA_LABEL, b"short")]), Ok(vec![key]));
    assert_eq!(other.find(&[(CKA_LABEL, b"short")]), Ok(vec![]));
    expect("elsewhere", other.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);
    assert_ne!(other.aes_key(&[]), key);
}

#[test]
fn pins_name_users_in_every_way() {
    let (module, [slot, _]) = cluster();
    let session = module.open(slot, READ_WRITE).expect("a session");
    let login = |pin: &[u8]| {
        let rv = session.login(CKU_USER, pin);
        if rv == CKR_OK {
            expect("logout", session.logout(), CKR_OK);
        }
        rv
    };
    expect("user:password", login(KMS_PIN), CKR_OK);
    expect("in capitals", login(b"KmsUser:kms secret"), CKR_OK);
    expect("the wrong password", login(b"kmsuser:wrong one"), CKR_PIN_INCORRECT);
    expect("another's password", login(b"kmsuser:alice's own"), CKR_PIN_INCORRECT);
    expect("an admin is no crypto user", login(ADMIN_PIN), CKR_PIN_INCORRECT);
    expect("nobody", login(b"nobody:kms secret"), CKR_PIN_INCORRECT);
    expect("by name", session.login_user(CKU_USER, b"alice's own", b"alice"), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("the SO, bare", session.login(CKU_SO, b"admin's own"), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("the SO, named", session.login(CKU_SO, ADMIN_PIN), CKR_OK);
}

#[test]
fn a_cluster_that_vhsm_made_is_not_initialized_again() {
    let (module, [slot, _]) = cluster();
    expect("C_InitToken", module.init_token(slot, b"admin's own", LABEL), CKR_TOKEN_WRITE_PROTECTED);
    let mut info = CK_SLOT_INFO::default();
    expect("slot", call!(module.api, C_GetSlotInfo(slot, &mut info)), CKR_OK);
    assert_eq!(info.flags, CKF_TOKEN_PRESENT | CKF_REMOVABLE_DEVICE);
    let token = module.token_info(slot).expect("a token");
    assert_eq!(token.label, padded::<32>(LABEL));
    assert_ne!(token.serialNumber, module.token_info(1).expect("a token").serialNumber);
}
