//! Profile `cloudhsm`: functions, interfaces, slots, sessions, logins, the cluster's settings.

use crate::general::{FUNCTIONS, with_zeros};
use crate::support::*;
use cryptoki_sys::*;
use std::fs;
use std::ptr::null_mut;

/// What AWS's user guide lists as supported API operations.
const SUPPORTED: [&str; 47] = [
    "C_Initialize",
    "C_Finalize",
    "C_GetInfo",
    "C_GetFunctionList",
    "C_GetSlotList",
    "C_GetSlotInfo",
    "C_GetTokenInfo",
    "C_GetMechanismList",
    "C_GetMechanismInfo",
    "C_OpenSession",
    "C_CloseSession",
    "C_CloseAllSessions",
    "C_GetSessionInfo",
    "C_Login",
    "C_Logout",
    "C_CreateObject",
    "C_DestroyObject",
    "C_GetAttributeValue",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_EncryptInit",
    "C_Encrypt",
    "C_EncryptUpdate",
    "C_EncryptFinal",
    "C_DecryptInit",
    "C_Decrypt",
    "C_DecryptUpdate",
    "C_DecryptFinal",
    "C_DigestInit",
    "C_Digest",
    "C_DigestUpdate",
    "C_DigestFinal",
    "C_SignInit",
    "C_Sign",
    "C_SignUpdate",
    "C_SignFinal",
    "C_VerifyInit",
    "C_Verify",
    "C_VerifyUpdate",
    "C_VerifyFinal",
    "C_GenerateKey",
    "C_GenerateKeyPair",
    "C_WrapKey",
    "C_UnwrapKey",
    "C_DeriveKey",
    "C_GenerateRandom",
];

#[test]
fn only_the_functions_of_the_guide_are_there() {
    let hsm = CloudHsm::new();
    for (index, function) in FUNCTIONS.iter().enumerate() {
        // Those that end the run, and those that work without one.
        if ["C_Initialize", "C_Finalize", "C_GetInterface", "C_GetInterfaceList"].contains(function) {
            continue;
        }
        let rv = with_zeros(hsm.module.api, index);
        assert_eq!(
            rv == CKR_FUNCTION_NOT_SUPPORTED,
            !SUPPORTED.contains(function),
            "{function}: {}",
            name(rv)
        );
    }
}

#[test]
fn a_function_that_is_not_there_says_so_with_a_session_too() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = session.aes_key(&[]);
    expect("set", session.set(key, &[(CKA_LABEL, b"x")]), CKR_FUNCTION_NOT_SUPPORTED);
    expect("copy", session.copy(key, &[]).unwrap_err(), CKR_FUNCTION_NOT_SUPPORTED);
    expect("size", session.size(key).unwrap_err(), CKR_FUNCTION_NOT_SUPPORTED);
    expect("cancel", session.cancel(0), CKR_FUNCTION_NOT_SUPPORTED);
    expect("set pin", session.set_pin(b"kms secret", b"kms other"), CKR_FUNCTION_NOT_SUPPORTED);
    expect("init pin", session.init_pin(b"kms other"), CKR_FUNCTION_NOT_SUPPORTED);
    expect("login user", session.login_user(CKU_USER, b"x", b"kmsuser"), CKR_FUNCTION_NOT_SUPPORTED);
    expect("init token", hsm.module.init_token(hsm.slot, b"x", LABEL), CKR_FUNCTION_NOT_SUPPORTED);
}

fn interface(module: &Module, version: Option<(u8, u8)>) -> Result<(u8, u8), CK_RV> {
    let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
    let version = version.as_mut().map_or(null_mut(), |version| version as *mut _);
    let mut found = null_mut();
    match call!(module.api, C_GetInterface(null_mut(), version, &mut found, 0)) {
        // SAFETY: a successful call set the pointer to an interface, whose list begins with its version.
        CKR_OK => Ok(unsafe {
            let version = *(*found).pFunctionList.cast::<CK_VERSION>();
            (version.major, version.minor)
        }),
        rv => Err(rv),
    }
}

#[test]
fn the_interface_is_2_40_alone() {
    let module = CloudHsm::loaded("");
    let check = |module: &Module| {
        let mut count = 0;
        expect("count", call!(module.api, C_GetInterfaceList(null_mut(), &mut count)), CKR_OK);
        assert_eq!(count, 1);
        assert_eq!(interface(module, None), Ok((2, 40)));
        assert_eq!(interface(module, Some((2, 40))), Ok((2, 40)));
        assert_eq!(interface(module, Some((3, 0))), Err(CKR_ARGUMENTS_BAD));
    };
    check(&module);
    expect("initialize", module.initialize(), CKR_OK);
    check(&module);
    let mut info = CK_INFO::default();
    expect("info", call!(module.api, C_GetInfo(&mut info)), CKR_OK);
    assert_eq!((info.cryptokiVersion.major, info.cryptokiVersion.minor), (2, 40));
}

#[test]
fn the_profile_of_the_file_counts_before_the_library_runs() {
    let module = Module::loaded();
    assert_ne!(interface(&module, None).unwrap().0, 2);
    fs::write(module.home().join("vhsm.toml"), "profile = \"cloudhsm\"").unwrap();
    assert_eq!(interface(&module, None), Ok((2, 40)));
    // The run keeps the profile that it began with.
    expect("initialize", module.initialize(), CKR_OK);
    fs::write(module.home().join("vhsm.toml"), "profile = \"standard\"").unwrap();
    assert_eq!(interface(&module, None), Ok((2, 40)));
    expect("finalize", module.finalize(), CKR_OK);
    assert_ne!(interface(&module, None).unwrap().0, 2);
}

#[test]
fn a_cluster_is_one_slot_that_a_program_with_room_for_one_finds() {
    let hsm = CloudHsm::new();
    let (mut slot, mut count) = (CK_SLOT_ID::MAX, 1);
    expect("list", call!(hsm.module.api, C_GetSlotList(CK_TRUE, &mut slot, &mut count)), CKR_OK);
    assert_eq!((slot, count), (hsm.slot, 1));
    let label = hsm.module.token_info(slot).unwrap().label;
    assert_eq!(label, padded::<32>(LABEL));
    // The other HSM is there, under its id, and has the same keys.
    let key = hsm.user().aes_key(&[(CKA_TOKEN, YES)]);
    let other = hsm.module.open(slot + 1, READ_WRITE).unwrap();
    expect("login", other.login(CKU_USER, KMS_PIN), CKR_OK);
    assert_eq!(other.get(key, CKA_KEY_TYPE).unwrap(), number(CKK_AES));
}

#[test]
fn more_clusters_are_more_slots() {
    let hsm = CloudHsm::new();
    expect("finalize", hsm.module.finalize(), CKR_OK);
    make_cluster("another", 3);
    expect("initialize", hsm.module.initialize(), CKR_OK);
    let slots = hsm.module.slots(true);
    let label = |slot: &CK_SLOT_ID| hsm.module.token_info(*slot).unwrap().label;
    assert_eq!(slots.iter().map(label).collect::<Vec<_>>(), [padded::<32>(LABEL), padded("another")]);
    assert_eq!(hsm.module.slots(false), slots);
}

#[test]
fn a_store_without_clusters_has_no_slots() {
    let module = CloudHsm::loaded("");
    expect("initialize", module.initialize(), CKR_OK);
    assert_eq!(module.slots(true), [] as [CK_SLOT_ID; 0]);
}

#[test]
fn sessions_are_read_write() {
    let hsm = CloudHsm::new();
    let open = |flags| hsm.module.open(hsm.slot, flags).map(|session| session.info().unwrap().state);
    assert_eq!(open(READ_ONLY), Err(CKR_FUNCTION_FAILED));
    assert_eq!(open(CKF_RW_SESSION), Err(CKR_SESSION_PARALLEL_NOT_SUPPORTED));
    assert_eq!(open(READ_WRITE), Ok(CKS_RW_PUBLIC_SESSION));
}

#[test]
fn a_pin_names_its_user() {
    let hsm = CloudHsm::new();
    let session = hsm.open();
    for pin in
        [&b"kms secret"[..], b"", b":", b":kms secret", b"kmsuser:", b"nobody:kms secret", b"\xff:kms secret"]
    {
        expect(&format!("{pin:?}"), session.login(CKU_USER, pin), CKR_PIN_INCORRECT);
    }
    expect("another role", session.login(CKU_USER, ADMIN_PIN), CKR_PIN_INCORRECT);
    expect("admin", session.login(CKU_SO, ADMIN_PIN), CKR_USER_TYPE_INVALID);
    expect("upper case", session.login(CKU_USER, b"KmsUser:kms secret"), CKR_OK);
    expect("again", hsm.open().login(CKU_USER, KMS_PIN), CKR_USER_ALREADY_LOGGED_IN);
    expect("logout", session.logout(), CKR_OK);
}

#[test]
fn a_search_with_a_null_array_tells_how_many_there_are() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    for _ in 0..3 {
        session.aes_key(&[(CKA_LABEL, b"found")]);
    }
    let mut template = Attributes::new(&[(CKA_LABEL, b"found")]);
    let init = call!(session.api, C_FindObjectsInit(session.handle, template.as_mut_ptr(), 1));
    expect("init", init, CKR_OK);
    let count = |room| {
        let mut count = 99;
        expect(
            "count",
            call!(session.api, C_FindObjects(session.handle, null_mut(), room, &mut count)),
            CKR_OK,
        );
        count
    };
    assert_eq!([count(2), count(10), count(0)], [2, 3, 0]);
    let (mut found, mut told) = ([0; 10], 0);
    let rv = call!(session.api, C_FindObjects(session.handle, found.as_mut_ptr(), 10, &mut told));
    assert_eq!((rv, told, count(10)), (CKR_OK, 3, 0));
    expect("final", call!(session.api, C_FindObjectsFinal(session.handle)), CKR_OK);
    let rv = call!(session.api, C_FindObjects(session.handle, null_mut(), 1, &mut told));
    expect("no search", rv, CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn a_token_key_must_reach_two_hsms() {
    let hsm = CloudHsm::with(1, "");
    let length = number(32);
    let make = |session: &Session, kept| {
        session
            .generate(Mechanism::plain(CKM_AES_KEY_GEN), &[(CKA_VALUE_LEN, &length), (CKA_TOKEN, kept)])
            .map(drop)
    };
    let session = hsm.user();
    assert_eq!(make(&session, YES), Err(CKR_FUNCTION_FAILED));
    assert_eq!(make(&session, NO), Ok(()));
    drop(hsm);

    let hsm = CloudHsm::with(1, "disable_key_availability_check = true");
    assert_eq!(make(&hsm.user(), YES), Ok(()));
    drop(hsm);

    assert_eq!(make(&CloudHsm::with(2, "").user(), YES), Ok(()));
}

#[test]
fn legacy_mechanisms_are_refused() {
    let module = CloudHsm::loaded("");
    fs::write(module.home().join("vhsm.toml"), "legacy = true").unwrap();
    let log = module.home().join("log");
    // SAFETY: no other thread runs, and other tests wait for the lock.
    unsafe { std::env::set_var("VHSM_LOG_FILE", &log) };
    expect("initialize", module.initialize(), CKR_GENERAL_ERROR);
    let told = fs::read_to_string(log).unwrap();
    assert!(told.contains("legacy") && told.contains("cloudhsm"), "{told}");
}

/// A cluster keeps the settings of the profile that it was made under, whoever uses it.
#[test]
fn a_cluster_binds_processes_of_the_other_profile() {
    let module = CloudHsm::loaded("");
    make_cluster(LABEL, 1);
    // SAFETY: no other thread runs, and other tests wait for the lock.
    unsafe { std::env::set_var("VHSM_PROFILE", "standard") };
    expect("initialize", module.initialize(), CKR_OK);
    let session = module.open(0, READ_WRITE).unwrap();
    expect("login", session.login(CKU_USER, KMS_PIN), CKR_OK);
    let length = number(32);
    let make = |more: Pair| {
        session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &[(CKA_VALUE_LEN, &length), more]).map(drop)
    };
    assert_eq!(make((CKA_PRIVATE, NO)), Err(CKR_TEMPLATE_INCONSISTENT));
    assert_eq!(make((CKA_TOKEN, YES)), Err(CKR_FUNCTION_FAILED));
    assert_eq!(make((CKA_TOKEN, NO)), Ok(()));
}
