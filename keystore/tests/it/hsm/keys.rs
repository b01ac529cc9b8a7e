//! What is done with keys, on every module.

use crate::support::{Hsms, Kind, PASSWORD};
use std::sync::Arc;
use vhsm_keystore::{BackingKeyId, Connection, Connections, HsmError};

pub fn connections(hsms: &Hsms) -> Connections {
    Connections::new(Arc::clone(&hsms.module), 4)
}

pub fn connected(hsms: &Hsms) -> Arc<Connection> {
    connections(hsms).open(&hsms.slots, &hsms.pin(PASSWORD)).unwrap()
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
    assert_eq!(*connection.decrypt(&id, b"aad", &sealed).unwrap(), b"plaintext");
    assert!(connection.destroy_key(&id).unwrap());
    assert!(!connection.destroy_key(&id).unwrap());
    for _ in 0..2 {
        assert_eq!(connection.decrypt(&id, b"aad", &sealed).err(), Some(HsmError::NoKey));
    }
}

#[test]
fn a_key_is_made_used_and_destroyed_on_vhsm() {
    a_key_is_made_used_and_destroyed(Kind::Vhsm);
}

#[test]
fn a_key_is_made_used_and_destroyed_on_softhsm() {
    a_key_is_made_used_and_destroyed(Kind::SoftHsm);
}
