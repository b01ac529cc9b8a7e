//! What is done with keys, on HSMs that work.

use super::*;

fn what_is_encrypted_is_decrypted_on_any_hsm(kind: Kind) {
    let scene = Scene::new(kind);
    let mut settings = scene.settings();
    // SoftHSM's tokens have keys of their own.
    if kind == Kind::SoftHsm {
        settings.tokens = TokenChoice::Slots(vec![scene.slots()[0].id()]);
    }
    let hsms = Hsms::start(&[settings], None).unwrap_or_else(|failure| panic!("{failure}"));
    scene.key("one");
    for length in [0, 1, 16, 100, 4300, 70_000] {
        let plaintext = vec![7; length];
        let sealed = scene.encrypt(&hsms, "one", &plaintext, b"aad").unwrap();
        assert_eq!((sealed.ciphertext.len(), sealed.iv.len(), sealed.tag.len()), (length, 12, 16));
        assert_eq!(scene.decrypt(&hsms, "one", &sealed, &[b"aad"]).unwrap(), plaintext);
        assert_eq!(scene.decrypt(&hsms, "one", &sealed, &[b"other", b"", b"aad"]).unwrap(), plaintext);
    }
}

on_every_module! {
    what_is_encrypted_is_decrypted_on_any_hsm,
}
