//! What is done with keys, on HSMs that work.

use super::scene::{decrypt, encrypt};
use super::*;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use sha2::{Digest, Sha256};

const BOTH: [Attribute; 2] = [Attribute::Encrypt(true), Attribute::Decrypt(true)];

fn what_is_encrypted_is_decrypted(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.start(scene.settings_of_one());
    scene.key("one");
    for length in [0, 1, 16, 100, 4300, 70_000] {
        let plaintext = vec![7; length];
        let sealed = scene.encrypt(&hsms, "one", &plaintext, b"aad").unwrap();
        assert_eq!((sealed.ciphertext.len(), sealed.iv.len(), sealed.tag.len()), (length, 12, 16));
        assert_eq!(scene.decrypt(&hsms, "one", &sealed, &[b"aad"]).unwrap(), plaintext);
        assert_eq!(scene.decrypt(&hsms, "one", &sealed, &[b"other", b"", b"aad"]).unwrap(), plaintext);
    }
    let ivs: std::collections::HashSet<_> =
        (0..500).map(|_| scene.encrypt(&hsms, "one", b"same", b"").unwrap().iv).collect();
    assert_eq!(ivs.len(), 500);
}

fn whatever_is_changed_is_a_mismatch(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.start(scene.settings_of_one());
    scene.key("one");
    scene.key("two");
    let sealed = || scene.encrypt(&hsms, "one", b"plaintext", b"aad").unwrap();
    let mismatch = |sealed: &Sealed, aads: &[&[u8]], what: &str| {
        let failure = scene.decrypt(&hsms, "one", sealed, aads).unwrap_err();
        assert_eq!(failure, HsmFailure::Mismatch, "{what}");
    };
    type Change = fn(&mut Sealed);
    let changes: [(&str, Change); 6] = [
        ("ciphertext", |sealed| sealed.ciphertext[3] ^= 1),
        ("shorter ciphertext", |sealed| sealed.ciphertext.truncate(2)),
        ("no ciphertext", |sealed| sealed.ciphertext.clear()),
        ("iv", |sealed| sealed.iv[0] ^= 0x80),
        ("iv of 16 bytes", |sealed| sealed.iv.extend([0; 4])),
        ("tag", |sealed| sealed.tag[15] ^= 1),
    ];
    for (what, change) in changes {
        let mut changed = sealed();
        change(&mut changed);
        mismatch(&changed, &[b"aad"], what);
    }
    mismatch(&sealed(), &[b"aae"], "aad");
    mismatch(&sealed(), &[b"", b"aad2"], "aads");
    let other = scene.encrypt(&hsms, "two", b"plaintext", b"aad").unwrap();
    mismatch(&other, &[b"aad"], "key");
    assert_eq!(scene.decrypt(&hsms, "one", &sealed(), &[b"aad"]).unwrap(), b"plaintext");
    let status = hsms.status();
    assert!(status.iter().all(|hsm| hsm.failures == 0 && hsm.sessions <= 4), "{status:?}");
}

fn the_integrity_value_covers_what_is_answered(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.start(scene.settings_of_one());
    scene.key("one");
    let input = CdivInput { aad: b"original".to_vec(), ciphertext_metadata: b"v1".to_vec() };
    let plaintext = Zeroizing::new(b"plaintext".to_vec());
    let work = Work::Encrypt { plaintext, aad: b"framed".to_vec(), cdiv: Some(input) };
    let Outcome::Sealed(sealed) = scene.run(&hsms, "one", work).unwrap() else { panic!("no ciphertext") };
    let covered = [b"original", &b"v1"[..], &sealed.iv, &sealed.ciphertext, &sealed.tag].concat();
    assert_eq!(sealed.cdiv.unwrap(), *Sha256::digest(covered));
    assert_eq!(scene.decrypt(&hsms, "one", &sealed, &[b"framed"]).unwrap(), b"plaintext");
}

fn keys_do_what_they_are_for(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.start(scene.settings_of_one());
    scene.key_with("encrypts", &[Attribute::Encrypt(true), Attribute::Decrypt(false)]);
    scene.key_with("decrypts", &[Attribute::Encrypt(false), Attribute::Decrypt(true)]);
    scene.key_with("neither", &[Attribute::Encrypt(false), Attribute::Decrypt(false)]);
    scene.rsa("rsa");
    let refused = |key: &str, work: Work| {
        let result = scene.run(&hsms, key, work).map(drop);
        assert!(matches!(result, Err(HsmFailure::NotPermitted(_))), "{key}: {result:?}");
    };
    let sealed = scene.encrypt(&hsms, "encrypts", b"plaintext", b"").unwrap();
    let with_cdiv = || {
        let cdiv = Some(CdivInput { aad: Vec::new(), ciphertext_metadata: Vec::new() });
        Work::Encrypt { plaintext: Zeroizing::new(vec![1]), aad: Vec::new(), cdiv }
    };
    refused("encrypts", decrypt(&sealed, &[b""]));
    refused("encrypts", with_cdiv());
    for key in ["decrypts", "neither", "rsa"] {
        refused(key, encrypt(b"plaintext", b""));
        refused(key, with_cdiv());
    }
    assert_eq!(scene.decrypt(&hsms, "decrypts", &sealed, &[b"", b"x"]), Err(HsmFailure::Mismatch));
    refused("neither", decrypt(&sealed, &[b""]));
}

fn keys_are_described(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.start(scene.settings_of_one());
    scene.key("one");
    scene.rsa("rsa");
    let facts = |key: &str| match scene.run(&hsms, key, Work::Describe).unwrap() {
        Outcome::Facts(facts) => facts,
        _ => panic!("no facts"),
    };
    let aes = facts("one");
    assert_eq!((aes.key_type.as_str(), aes.bits), ("AES", 256));
    assert!(aes.can_encrypt && aes.can_decrypt);
    let rsa = facts("rsa");
    assert_eq!((rsa.key_type.as_str(), rsa.bits), ("RSA", 2048));
    for missing in ["", "on", "one ", "ONE", "nobody"] {
        assert_eq!(scene.run(&hsms, missing, Work::Describe).map(drop), Err(HsmFailure::NoKey), "{missing}");
        assert_eq!(scene.encrypt(&hsms, missing, b"", b"").map(drop), Err(HsmFailure::NoKey), "{missing}");
    }
}

fn a_name_of_two_keys_names_none(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.start(scene.settings_of_one());
    scene.key("one");
    scene.key("one");
    for work in [Work::Describe, encrypt(b"plaintext", b"")] {
        assert_eq!(scene.run(&hsms, "one", work).map(drop), Err(HsmFailure::NotUnique(2)));
    }
}

fn keys_are_named_by_their_ids_where_settings_say_so(kind: Kind) {
    let scene = Scene::new(kind);
    let settings = HsmGroupSettings { named_by: KeyName::Id, ..scene.settings_of_one() };
    let hsms = scene.active(settings);
    scene.key("one");
    let sealed = scene.encrypt(&hsms, "6f6e65", b"plaintext", b"").unwrap();
    assert_eq!(scene.decrypt(&hsms, "6f6e65", &sealed, &[b""]).unwrap(), b"plaintext");
    for missing in ["one", "6F6E65", "6f6e6", "6f6e6g", ""] {
        assert_eq!(scene.encrypt(&hsms, missing, b"", b"").map(drop), Err(HsmFailure::NoKey), "{missing}");
    }
    assert!(
        hsms.is_probe(&[0], "70726f6265")
            && !hsms.is_probe(&[0], "6f6e65")
            && !hsms.is_probe(&[], "70726f6265")
    );
}

fn keys_that_come_and_go_are_seen(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.start(scene.settings_of_one());
    assert_eq!(scene.encrypt(&hsms, "one", b"", b"").map(drop), Err(HsmFailure::NoKey));
    scene.key("one");
    let sealed = scene.encrypt(&hsms, "one", b"plaintext", b"").unwrap();
    scene.destroy("one");
    assert_eq!(scene.encrypt(&hsms, "one", b"", b"").map(drop), Err(HsmFailure::NoKey));
    scene.key("one");
    assert_eq!(scene.decrypt(&hsms, "one", &sealed, &[b""]), Err(HsmFailure::Mismatch));
    let sealed = scene.encrypt(&hsms, "one", b"plaintext", b"").unwrap();
    assert_eq!(scene.decrypt(&hsms, "one", &sealed, &[b""]).unwrap(), b"plaintext");
    // A second one is seen when what was found is no longer believed.
    scene.key("one");
    scene::wait_for("the second key", || {
        scene.encrypt(&hsms, "one", b"", b"").map(drop) == Err(HsmFailure::NotUnique(2))
    });
}

fn keys_of_a_session_are_nobodys(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.active(scene.settings_of_one());
    let session = scene.session(scene.slots()[0]);
    let template = [&[Attribute::Label("one".into()), Attribute::ValueLen(32.into())][..], &BOTH].concat();
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
    assert_eq!(session.find_objects(&[Attribute::Label("one".into())]).unwrap().len(), 1);
    assert_eq!(scene.encrypt(&hsms, "one", b"", b"").map(drop), Err(HsmFailure::NoKey));
}

#[test]
fn ivs_of_the_hsm_are_answered_and_zeros_never() {
    let scene = Scene::of_vhsm(vhsm_pkcs11::profile::Profile::CloudHsm);
    let hsms = scene.active(HsmGroupSettings { iv: IvSource::ModuleWrites, ..scene.settings() });
    scene.key("one");
    let sealed: Vec<_> =
        (0..20).map(|_| scene.encrypt(&hsms, "one", b"plaintext", b"aad").unwrap()).collect();
    let ivs: std::collections::HashSet<_> = sealed.iter().map(|sealed| sealed.iv.clone()).collect();
    assert_eq!(ivs.len(), 20);
    for sealed in &sealed {
        assert!(sealed.iv != [0; 12]);
        assert_eq!(scene.decrypt(&hsms, "one", sealed, &[b"aad"]).unwrap(), b"plaintext");
    }
}

/// SoftHSM encrypts under the zeros it is given.
#[test]
fn an_hsm_that_makes_no_iv_encrypts_nothing() {
    let scene = Scene::new(Kind::SoftHsm);
    let hsms = scene.start(HsmGroupSettings { iv: IvSource::ModuleWrites, ..scene.settings_of_one() });
    scene.key("one");
    for _ in 0..20 {
        let result = scene.encrypt(&hsms, "one", b"plaintext", b"aad").map(drop);
        assert!(matches!(result, Err(HsmFailure::Failed(_))), "{result:?}");
    }
    assert!(hsms.status().iter().all(|hsm| hsm.sessions <= 4));
}

on_every_module! {
    what_is_encrypted_is_decrypted,
    whatever_is_changed_is_a_mismatch,
    the_integrity_value_covers_what_is_answered,
    keys_do_what_they_are_for,
    keys_are_described,
    a_name_of_two_keys_names_none,
    keys_are_named_by_their_ids_where_settings_say_so,
    keys_that_come_and_go_are_seen,
    keys_of_a_session_are_nobodys,
}
