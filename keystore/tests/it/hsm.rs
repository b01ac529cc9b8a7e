//! Connections to HSMs.

mod cloudhsm;
mod failover;
mod keys;
mod login;
mod sessions;

use crate::support::{Hsms, PASSWORD};
use std::sync::Arc;
use vhsm_keystore::{BackingKeyId, Connection, Connections};

/// With few sessions an HSM.
fn connections(hsms: &Hsms) -> Connections {
    Connections::new(Arc::clone(&hsms.module), 4)
}

fn connected(hsms: &Hsms) -> Arc<Connection> {
    connections(hsms).open(&hsms.slots, &hsms.pin(PASSWORD)).unwrap()
}

fn new_key(connection: &Connection) -> BackingKeyId {
    let id = BackingKeyId::random();
    connection.generate_key("arn:aws:kms:us-east-1:000000000000:key/1", &id).unwrap();
    id
}

/// Asserts that a key does its work.
#[track_caller]
fn works(connection: &Connection, id: &BackingKeyId) {
    let sealed = connection.encrypt(id, b"aad", b"plaintext").unwrap();
    assert_eq!(*connection.decrypt(id, b"aad", &sealed).unwrap(), b"plaintext");
}
