//! What is done with keys, on every module.

use super::{connected, new_key, works};
use crate::support::{Hsms, Kind};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use vhsm_keystore::{BackingKeyId, HsmError};

on_every_module! {
    a_key_is_made_used_and_destroyed,
    it_has_the_attributes_of_key_material_that_kms_makes,
    what_was_changed_does_not_open_and_fails_no_hsm,
    one_id_is_one_key,
    any_size_that_kms_takes_goes_through,
    a_handle_that_vanished_is_looked_up_again,
    handles_after_another_login_are_looked_up_again,
    random_bytes_are_new_each_time,
}

fn a_key_is_made_used_and_destroyed(kind: Kind) {
    let hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let id = BackingKeyId::random();
    assert_eq!(connection.encrypt(&id, b"", b"x"), Err(HsmError::NoKey));
    connection.generate_key("arn:aws:kms:us-east-1:000000000000:key/1", &id).unwrap();
    let sealed = connection.encrypt(&id, b"aad", b"plaintext").unwrap();
    assert_eq!(sealed.len(), 12 + 9 + 16);
    assert_ne!(connection.encrypt(&id, b"aad", b"plaintext").unwrap()[..12], sealed[..12]);
    for _ in 0..4 {
        assert_eq!(*connection.decrypt(&id, b"aad", &sealed).unwrap(), b"plaintext");
    }
    assert!(connection.destroy_key(&id).unwrap());
    assert!(!connection.destroy_key(&id).unwrap());
    for _ in 0..4 {
        assert_eq!(connection.decrypt(&id, b"aad", &sealed).err(), Some(HsmError::NoKey));
    }
}

/// A session beside the connection's, which shares its login.
fn beside(hsms: &Hsms) -> Session {
    hsms.pkcs11().open_rw_session(hsms.slot(0)).unwrap()
}

fn found(session: &Session, id: &BackingKeyId) -> ObjectHandle {
    let found = session.find_objects(&[Attribute::Id(id.0.to_vec())]).unwrap();
    assert_eq!(found.len(), 1);
    found[0]
}

fn it_has_the_attributes_of_key_material_that_kms_makes(kind: Kind) {
    let hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    let session = beside(&hsms);
    let wanted = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(32.into()),
        Attribute::Label(b"arn:aws:kms:us-east-1:000000000000:key/1".to_vec()),
        Attribute::Id(id.0.to_vec()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Local(true),
        Attribute::Modifiable(true),
        Attribute::Destroyable(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Derive(false),
        Attribute::Trusted(false),
        Attribute::WrapWithTrusted(false),
        Attribute::Extractable(false),
        Attribute::NeverExtractable(true),
        Attribute::AlwaysSensitive(true),
    ];
    for attribute in wanted {
        let has = session.get_attributes(found(&session, &id), &[attribute.attribute_type()]).unwrap();
        assert_eq!(has, [attribute]);
    }
    let value = session.get_attributes(found(&session, &id), &[AttributeType::Value]).unwrap();
    assert_eq!(value, [], "it cannot be read");
}

fn what_was_changed_does_not_open_and_fails_no_hsm(kind: Kind) {
    let hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let (id, other) = (new_key(&connection), new_key(&connection));
    let sealed = connection.encrypt(&id, b"aad", b"plaintext").unwrap();
    for at in [0, 11, 12, 20, 21, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(connection.decrypt(&id, b"aad", &changed), Err(HsmError::Mismatch), "byte {at}");
    }
    for short in [0, 11, 12, 27, 28, sealed.len() - 1] {
        assert_eq!(connection.decrypt(&id, b"aad", &sealed[..short]), Err(HsmError::Mismatch), "{short}");
    }
    assert_eq!(connection.decrypt(&id, b"other", &sealed), Err(HsmError::Mismatch));
    assert_eq!(connection.decrypt(&id, b"", &sealed), Err(HsmError::Mismatch));
    assert_eq!(connection.decrypt(&other, b"aad", &sealed), Err(HsmError::Mismatch));
    assert!(connection.status().iter().all(|hsm| hsm.is_working && hsm.failures == 0));
}

fn one_id_is_one_key(kind: Kind) {
    let hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    let sealed = connection.encrypt(&id, b"", b"x").unwrap();
    connection.generate_key("the same again", &id).unwrap();
    found(&beside(&hsms), &id);
    assert_eq!(*connection.decrypt(&id, b"", &sealed).unwrap(), b"x");
}

fn any_size_that_kms_takes_goes_through(kind: Kind) {
    let hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    for (bytes, aad) in [(1, 0), (15, 1), (16, 16), (17, 8192), (4096, 0), (4096, 8192)] {
        let (plaintext, aad) = (vec![0xa5; bytes], vec![7; aad]);
        let sealed = connection.encrypt(&id, &aad, &plaintext).unwrap();
        assert_eq!(sealed.len(), bytes + 28);
        assert_eq!(*connection.decrypt(&id, &aad, &sealed).unwrap(), plaintext);
    }
}

fn a_handle_that_vanished_is_looked_up_again(kind: Kind) {
    let hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    works(&connection, &id);
    let session = beside(&hsms);
    session.destroy_object(found(&session, &id)).unwrap();
    assert_eq!(connection.encrypt(&id, b"", b"x"), Err(HsmError::NoKey));
    connection.generate_key("again", &id).unwrap();
    works(&connection, &id);
    session.destroy_object(found(&session, &id)).unwrap();
    connection.generate_key("and again", &id).unwrap();
    works(&connection, &id);
    assert_eq!(connection.status().iter().map(|hsm| hsm.failures).sum::<u64>(), 0);
}

fn handles_after_another_login_are_looked_up_again(kind: Kind) {
    let mut hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let ids: Vec<_> = (0..5).map(|_| new_key(&connection)).collect();
    let sealed = |id: &BackingKeyId| connection.encrypt(id, b"aad", &id.0).unwrap();
    let before: Vec<_> = ids.iter().map(sealed).collect();
    hsms.begin_again();
    for (id, sealed) in ids.iter().zip(&before).rev() {
        assert_eq!(*connection.decrypt(id, b"aad", sealed).unwrap(), id.0);
        works(&connection, id);
    }
    assert!(connection.status().iter().all(|hsm| hsm.is_working));
}

fn random_bytes_are_new_each_time(kind: Kind) {
    let hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    for bytes in [1, 32, 1024] {
        assert_eq!(connection.random(bytes).unwrap().len(), bytes);
    }
    assert_ne!(connection.random(32).unwrap(), connection.random(32).unwrap());
}
