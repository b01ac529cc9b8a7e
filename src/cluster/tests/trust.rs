//! CKA_TRUSTED of keys that an admin cannot open.

use super::sharing::Shared;
use super::*;
use crate::cluster::records::ObjectRecord;

#[test]
pub fn an_admin_says_that_a_key_is_trusted() {
    let shared = Shared::with(&["bob"]);
    let (cluster, admin) = (shared.world.cluster(), shared.world.admin(&shared.world.cluster()));
    let (owner, bob) = (shared.owner(), shared.login("bob"));
    let clusters = &shared.world.clusters;
    let trusted = |login: &Login| shared.object(login).unwrap().unwrap().flag(CKA_TRUSTED);
    let refused = clusters.set_trusted(&cluster, &owner, shared.id, true);
    assert!(matches!(cluster_error(refused), ClusterError::LoginNeeded("admin")));
    assert!(!clusters.set_trusted(&cluster, &admin, ObjectId(99), true).unwrap());
    assert!(!trusted(&owner) && !trusted(&bob));
    assert!(clusters.set_trusted(&cluster, &admin, shared.id, true).unwrap());
    assert!(trusted(&owner) && trusted(&bob));
    // It stays through changes of any kind.
    shared.relabel(b"renamed");
    shared.unshare(&["bob"]).unwrap();
    assert!(trusted(&owner));
    // The word is of this object, and no other's.
    let other = clusters.create_object(&cluster, Some(&owner), &aes_key(b"o", b"", &[3; 32], true)).unwrap();
    let raw = shared.record();
    let word = ObjectRecord::read(&raw).unwrap().1;
    let place = cluster.space().object(owner.user.id, other);
    let raw = shared.world.contents()[place.as_slice()].clone();
    let (record, _) = ObjectRecord::read(&raw).unwrap();
    shared.world.put(&place, &record.write(&word).unwrap());
    assert!(!clusters.object(&cluster, Some(&owner), other).unwrap().unwrap().flag(CKA_TRUSTED));
    // A copy is another object.
    let copy = shared.object(&owner).unwrap().unwrap();
    let copy = clusters.create_object(&cluster, Some(&owner), &copy).unwrap();
    assert!(!clusters.object(&cluster, Some(&owner), copy).unwrap().unwrap().flag(CKA_TRUSTED));
    assert!(clusters.set_trusted(&cluster, &admin, shared.id, false).unwrap());
    assert!(!trusted(&owner));
}
