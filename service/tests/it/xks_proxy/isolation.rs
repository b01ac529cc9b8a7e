//! Key stores of one proxy know nothing of each other.

use super::errors::{another, client_of};
use super::*;

#[test]
fn credentials_and_keys_of_one_key_store_are_not_anothers() {
    for kind in [Kind::Own, Kind::SoftHsm] {
        let mut world = World::new(kind);
        world.secret("other", "b3RoZXIgc2VjcmV0IG9mIHRoZSB0ZXN0cywgbm90IHRoYXQx");
        world.key_stores += "keys.allowed = [\"key-*\"]\n";
        let other = another("other", "keys.allowed = [\"other-*\"]\n");
        world.key_stores += &other.replace("\"secret\"", "\"other\"");
        let proxy = world.start();
        let ours = world.client(&proxy);
        let mut theirs = client_of(&ours, "other");
        theirs.signer.secret = "b3RoZXIgc2VjcmV0IG9mIHRoZSB0ZXN0cywgbm90IHRoYXQx".into();
        ours.round_trip("key-1");
        ours.round_trip("key-2");
        theirs.round_trip("other-1");
        ours.encrypt("other-1", b"plain", None).fails_xks(404, "KeyNotFoundException");
        theirs.encrypt("key-1", b"plain", None).fails_xks(404, "KeyNotFoundException");
        theirs.call("/keys/key-1/metadata", json!({})).fails_xks(404, "KeyNotFoundException");
        let sealed = ours.encrypt("key-1", b"plain", None).good_xks();
        theirs.decrypt("key-1", &sealed, None).fails_xks(404, "KeyNotFoundException");
        for (signer, prefix) in [(&ours, "/other"), (&theirs, "/payments")] {
            let astray = Client { prefix: prefix.into(), ..(*signer).clone() };
            astray.encrypt("key-1", b"plain", None).fails_xks(401, "AuthenticationFailedException");
            astray.call("/health", json!({})).fails_xks(401, "AuthenticationFailedException");
        }
        // Neither does one's id with the other's secret do.
        let mut mixed = ours.clone();
        mixed.signer.secret = theirs.signer.secret.clone();
        mixed.encrypt("key-1", b"plain", None).fails_xks(401, "AuthenticationFailedException");
    }
}
