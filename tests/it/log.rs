//! The log: facts of calls, and never their data. Broken configurations name their cause and mend.

use crate::support::*;
use cryptoki_sys::*;
use std::path::PathBuf;

/// A library that logs at `level` into the file that is given back.
fn logging(level: &str) -> (Token, PathBuf) {
    let token = Token::new();
    expect("finalize", token.module.finalize(), CKR_OK);
    let file = token.module.home().join("vhsm.log");
    set("VHSM_LOG", Some(level));
    set("VHSM_LOG_FILE", file.to_str());
    expect("initialize", token.module.initialize(), CKR_OK);
    (token, file)
}

fn set(name: &str, value: Option<&str>) {
    // SAFETY: no other thread runs in this test yet.
    match value {
        Some(value) => unsafe { std::env::set_var(name, value) },
        None => unsafe { std::env::remove_var(name) },
    }
}

fn lines(file: &PathBuf) -> Vec<String> {
    std::fs::read_to_string(file).expect("the log").lines().map(str::to_string).collect()
}

#[test]
fn a_failed_call_is_one_line_with_its_facts() {
    let (token, file) = logging("info");
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
    assert_eq!(session.encrypt(&[0; 5]), Err(CKR_DATA_LEN_RANGE));
    let lines = lines(&file);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let facts = [
        " info C_Encrypt ".to_string(),
        format!("slot={} ", token.slot),
        format!("session={} ", session.handle),
        "mechanism=CKM_AES_ECB ".to_string(),
        "rv=CKR_DATA_LEN_RANGE ".to_string(),
        "us=".to_string(),
        "reason=".to_string(),
    ];
    for fact in &facts {
        assert!(lines[0].contains(fact), "{fact} is not in {}", lines[0]);
    }
}

#[test]
fn debug_logs_every_call() {
    let (token, file) = logging("debug");
    let session = token.user();
    expect("init", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    let text = lines(&file).join("\n");
    for call in ["C_Initialize", "C_OpenSession", "C_Login", "C_DigestInit"] {
        assert!(text.contains(&format!(" debug {call} ")), "{call} is not in\n{text}");
    }
}

#[test]
fn no_pin_key_or_plaintext_is_ever_logged() {
    const KEY: [u8; 32] = *b"key bytes that nobody shall see!";
    const PLAINTEXT: &[u8] = b"plaintext that nobody shall see";
    const WRONG: &[u8] = b"a wrong pin that nobody shall see";
    let (token, file) = logging("debug");
    let session = token.open(READ_WRITE);
    expect("wrong", session.login(CKU_USER, WRONG), CKR_PIN_INCORRECT);
    expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
    expect("again", session.login(CKU_USER, USER_PIN), CKR_USER_ALREADY_LOGGED_IN);
    expect("set", session.set_pin(WRONG, USER_PIN), CKR_PIN_INCORRECT);
    let key = session.known_key(CKK_AES, &KEY, &[(CKA_LABEL, b"label")]);
    assert!(session.create(&[(CKA_VALUE, &KEY)]).is_err());
    assert_eq!(session.get(key, CKA_VALUE).as_deref(), Ok(&KEY[..]));
    expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
    assert_eq!(session.encrypt(PLAINTEXT), Err(CKR_DATA_LEN_RANGE));
    expect("sign", session.encrypt_init(Mechanism::plain(CKM_AES_KEY_GEN), key), CKR_MECHANISM_INVALID);
    let text = std::fs::read(&file).expect("the log");
    assert!(text.len() > 500, "the log is there");
    for secret in [&KEY[..], PLAINTEXT, WRONG, USER_PIN, SO_PIN] {
        let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        let list: String = secret.iter().map(|b| format!("{b}, ")).collect();
        for form in
            [secret, hex.as_bytes(), hex.to_uppercase().as_bytes(), list.trim_end_matches(", ").as_bytes()]
        {
            for part in form.windows(form.len().min(12)) {
                assert!(!text.windows(part.len()).any(|w| w == part), "the log shows {form:?}");
            }
        }
    }
}

/// C_Initialize with something broken: the code, and the line that it left in the log.
fn broken(prepare: impl FnOnce(&Module)) -> (CK_RV, String) {
    let module = Module::initialized();
    expect("finalize", module.finalize(), CKR_OK);
    let file = module.home().join("why.log");
    set("VHSM_LOG_FILE", file.to_str());
    prepare(&module);
    let rv = module.initialize();
    (rv, lines(&file).join("\n"))
}

fn expect_told(told: &(CK_RV, String), rv: CK_RV, facts: &[&str]) {
    expect("C_Initialize", told.0, rv);
    for fact in facts {
        assert!(told.1.contains(fact), "{fact:?} is not in {}", told.1);
    }
}

#[test]
fn a_missing_configuration_is_named() {
    let told = broken(|_| set("VHSM_CONF", Some("/nowhere/vhsm.toml")));
    expect_told(&told, CKR_GENERAL_ERROR, &["/nowhere/vhsm.toml", "No such file", "VHSM_CONF"]);
}

#[test]
fn a_broken_configuration_is_named_with_its_line() {
    let told = broken(|module| {
        std::fs::write(module.home().join("vhsm.toml"), "profile = \"standard\"\nstoer = 1\n")
            .expect("written");
    });
    expect_told(&told, CKR_GENERAL_ERROR, &["vhsm.toml", "line 2", "stoer"]);
}

#[test]
fn an_unknown_profile_is_named() {
    let told = broken(|_| set("VHSM_PROFILE", Some("nitrokey")));
    expect_told(&told, CKR_GENERAL_ERROR, &["VHSM_PROFILE", "nitrokey", "standard"]);
}

#[test]
fn a_home_that_is_no_folder_is_named() {
    let told = broken(|module| {
        let file = module.home().join("a file");
        std::fs::write(&file, "").expect("written");
        set("VHSM_HOME", file.to_str());
    });
    expect_told(&told, CKR_DEVICE_ERROR, &["a file", "store"]);
}

#[test]
fn a_store_that_is_none_is_named() {
    let told = broken(|module| {
        for entry in std::fs::read_dir(module.home().join("store")).expect("the store").flatten() {
            if entry.path().extension().is_some_and(|e| e == "mdb") {
                std::fs::write(entry.path(), [0x5a; 8192]).expect("written");
            }
        }
    });
    expect_told(&told, CKR_DEVICE_ERROR, &["/store"]);
}
