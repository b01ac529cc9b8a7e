//! A module like CloudHSM's own: it makes the IVs of AES-GCM itself, and refuses others.

use super::{connected, new_key, works};
use crate::support::{Hsms, PASSWORD};
use std::collections::BTreeSet;
use std::thread;
use vhsm_keystore::HsmError;

#[test]
fn keys_work_with_ivs_that_the_hsm_makes() {
    let hsms = Hsms::of_profile_cloudhsm();
    let connection = connected(&hsms);
    let id = new_key(&connection);
    works(&connection, &id);
    let sealed = connection.encrypt(&id, b"aad", b"plaintext").unwrap();
    assert_eq!(sealed.len(), 12 + 9 + 16);
    assert_eq!(connection.decrypt(&id, b"other", &sealed), Err(HsmError::Mismatch));
    assert!(connection.destroy_key(&id).unwrap());
    assert_eq!(connection.encrypt(&id, b"", b"x"), Err(HsmError::NoKey));
}

#[test]
fn no_iv_comes_twice() {
    let hsms = Hsms::of_profile_cloudhsm();
    let connection = connected(&hsms);
    let id = new_key(&connection);
    let ivs = || -> Vec<Vec<u8>> {
        (0..100).map(|_| connection.encrypt(&id, b"", b"x").unwrap()[..12].to_vec()).collect()
    };
    let all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ivs)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (400, 400));
    assert!(!all.contains(&vec![0; 12]));
}

#[test]
fn a_library_without_c_setpin_says_so() {
    let hsms = Hsms::of_profile_cloudhsm();
    let connection = connected(&hsms);
    let set = connection.set_pin(PASSWORD.as_bytes(), b"kmsPassword2");
    assert_eq!(set, Err(HsmError::Failed("C_SetPIN: CKR_FUNCTION_NOT_SUPPORTED".into())));
}
