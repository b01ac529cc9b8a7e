//! Token objects: made, found, changed and destroyed; who sees them, and what the store shows of them.

use super::*;
use std::collections::HashSet;

fn find(world: &World, login: Option<&Login>, attributes: &[(CK_ATTRIBUTE_TYPE, &[u8])]) -> Vec<ObjectId> {
    world.clusters.candidates(&world.cluster(), login, &template(attributes)).unwrap().0
}

fn class(class: CK_OBJECT_CLASS) -> [u8; 8] {
    class.to_ne_bytes()
}

#[test]
pub fn an_object_is_made_found_opened_and_destroyed() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let id =
        world.clusters.create_object(&cluster, Some(&user), &aes_key(b"a", b"1", &[7; 32], true)).unwrap();
    let opened = world.clusters.object(&cluster, Some(&user), id).unwrap().unwrap();
    assert_eq!(opened.secret().unwrap().expose(), [7; 32]);
    assert_eq!(opened.bytes(CKA_LABEL), Some(&b"a"[..]));
    assert_eq!(find(&world, Some(&user), &[(CKA_LABEL, b"a")]), [id]);
    assert_eq!(find(&world, Some(&user), &[(CKA_LABEL, b"b")]), []);

    // Another process, another login.
    let other = world.again();
    let login = other.login(&cluster, Role::CryptoUser, b"kmsuser:user-password").unwrap();
    assert!(other.object(&cluster, Some(&login), id).unwrap().is_some());
    assert!(other.destroy_object(&cluster, Some(&login), id).unwrap());
    assert!(!world.clusters.destroy_object(&cluster, Some(&user), id).unwrap());
    assert!(world.clusters.object(&cluster, Some(&user), id).unwrap().is_none());
    assert_eq!(find(&world, Some(&user), &[]), []);
}

#[test]
pub fn every_index_finds_what_it_should() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let make = |object: &Object| world.clusters.create_object(&cluster, Some(&user), object).unwrap();
    let a = make(&aes_key(b"a", b"1", &[1; 32], true));
    let b = make(&aes_key(b"b", b"1", &[2; 32], true));
    let public = make(&aes_key(b"a", b"2", &[3; 32], false));
    let bare = make(&aes_key(b"", b"", &[4; 32], true));
    let find = |attributes: &[(CK_ATTRIBUTE_TYPE, &[u8])]| {
        world.clusters.candidates(&cluster, Some(&user), &template(attributes)).unwrap()
    };
    let all = vec![a, b, public, bare];
    let (secret, data) = (class(CKO_SECRET_KEY), class(CKO_DATA));
    let (aes, rsa) = (class(CKK_AES), class(CKK_RSA));
    assert_eq!(find(&[]), (all.clone(), true));
    assert_eq!(find(&[(CKA_LABEL, b"a")]), (vec![a, public], true));
    assert_eq!(find(&[(CKA_ID, b"1")]), (vec![a, b], true));
    assert_eq!(find(&[(CKA_LABEL, b"a"), (CKA_ID, b"1")]), (vec![a, public], false));
    assert_eq!(find(&[(CKA_CLASS, &secret)]), (all.clone(), true));
    assert_eq!(find(&[(CKA_CLASS, &data)]), (vec![], true));
    assert_eq!(find(&[(CKA_KEY_TYPE, &aes)]), (all.clone(), true));
    assert_eq!(find(&[(CKA_KEY_TYPE, &rsa)]), (vec![], true));
    assert_eq!(find(&[(CKA_CLASS, &secret), (CKA_KEY_TYPE, &aes), (CKA_TOKEN, &[1])]), (all.clone(), true));
    assert_eq!(find(&[(CKA_CLASS, &secret), (CKA_LABEL, b"b")]), (vec![b], false));
    assert_eq!(find(&[(CKA_PRIVATE, &[0])]), (vec![public], true));
    assert_eq!(find(&[(CKA_PRIVATE, &[1]), (CKA_LABEL, b"a")]), (vec![a], true));
    assert_eq!(find(&[(CKA_LABEL, b"")]), (all.clone(), false));
    assert_eq!(find(&[(CKA_SENSITIVE, &[1])]), (all, false));
    assert_eq!(find(&[(CKA_TOKEN, &[0])]), (vec![], true));
    assert_eq!(find(&[(CKA_CLASS, b"short")]), (vec![], true));
}

#[test]
pub fn a_change_moves_its_index_entries_and_loses_no_other_change() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let clusters = &world.clusters;
    let id = clusters.create_object(&cluster, Some(&user), &aes_key(b"a", b"1", &[1; 32], true)).unwrap();
    let mut rounds = 0;
    let changed = clusters.update_object(&cluster, Some(&user), id, &mut |object| {
        rounds += 1;
        if rounds == 1 {
            clusters.update_object(&cluster, Some(&user), id, &mut |object| {
                Ok(object.with_changes(&template(&[(CKA_ID, b"2")]), &Context::default())?)
            })?;
        }
        Ok(object.with_changes(&template(&[(CKA_LABEL, b"b")]), &Context::default())?)
    });
    let changed = changed.unwrap().unwrap();
    assert_eq!(
        (rounds, changed.bytes(CKA_LABEL), changed.bytes(CKA_ID)),
        (2, Some(&b"b"[..]), Some(&b"2"[..]))
    );
    assert_eq!(find(&world, Some(&user), &[(CKA_LABEL, b"a")]), []);
    assert_eq!(find(&world, Some(&user), &[(CKA_ID, b"1")]), []);
    assert_eq!(find(&world, Some(&user), &[(CKA_LABEL, b"b")]), [id]);
    assert_eq!(find(&world, Some(&user), &[(CKA_ID, b"2")]), [id]);
}

#[test]
pub fn a_destroyed_object_is_not_brought_back() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let object = aes_key(b"a", b"1", &[1; 32], true);
    let id = world.clusters.create_object(&cluster, Some(&user), &object).unwrap();
    let updated = world.clusters.update_object(&cluster, Some(&user), id, &mut |object| {
        world.clusters.destroy_object(&cluster, Some(&user), id)?;
        Ok(object.with_changes(&template(&[(CKA_LABEL, b"b")]), &Context::default())?)
    });
    assert!(updated.unwrap().is_none());
    assert_eq!(find(&world, Some(&user), &[]), []);
}

#[test]
pub fn each_sees_its_own_objects_and_the_public() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let admin = world.admin(&cluster);
    world.create_user(&cluster, &admin, "other", Role::CryptoUser);
    let cluster = world.cluster();
    let other = world.clusters.login_as(&cluster, None, "other", USER_PASSWORD).unwrap();
    let make = |object: &Object| world.clusters.create_object(&cluster, Some(&user), object).unwrap();
    let private = make(&aes_key(b"a", b"1", &[1; 32], true));
    let public = make(&aes_key(b"a", b"1", &[2; 32], false));
    for login in [None, Some(&admin), Some(&other)] {
        assert_eq!(find(&world, login, &[(CKA_LABEL, b"a")]), [public]);
        assert_eq!(find(&world, login, &[]), [public]);
        assert!(world.clusters.object(&cluster, login, private).unwrap().is_none());
        assert!(!world.clusters.destroy_object(&cluster, login, private).unwrap());
        assert!(world.clusters.object(&cluster, login, public).unwrap().is_some());
    }
    for login in [None, Some(&admin)] {
        let object = aes_key(b"x", b"", &[1; 32], true);
        let error = cluster_error(world.clusters.create_object(&cluster, login, &object));
        assert!(matches!(error, ClusterError::LoginNeeded("crypto user")));
    }
    let own = world.clusters.create_object(&cluster, None, &aes_key(b"n", b"", &[9; 32], false)).unwrap();
    assert_eq!(find(&world, Some(&user), &[(CKA_LABEL, b"n")]), [own]);
}

#[test]
pub fn a_public_object_made_elsewhere_is_seen_by_a_login_that_knew_of_none() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    assert_eq!(find(&world, Some(&user), &[]), []);
    assert_eq!(find(&world, Some(&user), &[]), []);
    let object = aes_key(b"n", b"", &[9; 32], false);
    let id = world.again().create_object(&cluster, None, &object).unwrap();
    assert_eq!(find(&world, Some(&user), &[]), [id]);
}

#[test]
pub fn ids_and_ivs_are_given_once_over_starts_and_threads() {
    let world = World::new();
    let cluster = world.cluster();
    let (mut ids, mut ivs) = (HashSet::new(), HashSet::new());
    for _ in 0..5 {
        let clusters = world.again();
        std::thread::scope(|scope| {
            let work = || {
                let ids: Vec<_> = (0..700).map(|_| clusters.next_object_id(ObjectId(0)).unwrap()).collect();
                let ivs: Vec<_> = (0..700).map(|_| clusters.next_iv(&cluster).unwrap()).collect();
                (ids, ivs)
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            for thread in threads {
                let (more_ids, more_ivs) = thread.join().unwrap();
                for id in more_ids {
                    assert!(id.0 > 0 && ids.insert(id));
                }
                for iv in more_ivs {
                    assert_eq!(iv[..3], cluster.iv_prefix);
                    assert!(ivs.insert(iv));
                }
            }
        });
    }
    assert_eq!((ids.len(), ivs.len()), (14_000, 14_000));
}

#[test]
pub fn every_nonce_in_the_store_is_another() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    for i in 0..200u32 {
        let clusters = if i % 20 == 0 { &world.again() } else { &world.clusters };
        let object = aes_key(&i.to_be_bytes(), b"", &[1; 32], i % 2 == 0);
        clusters.create_object(&cluster, Some(&user), &object).unwrap();
    }
    let mut nonces = HashSet::new();
    for (key, value) in world.contents() {
        if key[0] == 5 {
            let record = records::decode::<records::ObjectRecord>("object", &value).unwrap();
            assert!(nonces.insert(record.nonce) && nonces.insert(record.key_nonce));
        } else if key[0] == 3 {
            let user = records::Maced::<records::UserRecord>::decode(&key, &value).unwrap();
            let user = user.unverified();
            assert!(nonces.insert(user.by_password.nonce) && nonces.insert(user.by_cluster.nonce));
        }
    }
    assert_eq!(nonces.len(), 2 * 200 + 2 * 2);
}

#[test]
pub fn the_store_shows_neither_labels_nor_ids_nor_keys() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let secrets = [&b"needle-label"[..], b"needle-id-17", &[0xA7; 32], ADMIN_PASSWORD, USER_PASSWORD];
    let object = aes_key(secrets[0], secrets[1], &[0xA7; 32], true);
    world.clusters.create_object(&cluster, Some(&user), &object).unwrap();
    let user_keys = [&user.secrets.user_key[..], &user.secrets.mac_key[..], &user.secrets.private_key[..]];
    for (key, value) in world.contents() {
        for secret in secrets.iter().chain(&user_keys) {
            for bytes in [&key, &value] {
                assert!(!bytes.windows(secret.len()).any(|window| window == *secret), "{key:?}");
                assert!(!bytes.windows(8).any(|window| window == &secret[..8]), "{key:?}");
            }
        }
    }
}

#[test]
pub fn what_a_commit_that_failed_should_have_made_is_not_there() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let object = aes_key(b"a", b"1", &[1; 32], true);
    world.clusters.create_object(&cluster, Some(&user), &object).unwrap();
    let before = world.contents();
    let failing = world.killed_after(2, false);
    assert!(failing.create_object(&cluster, Some(&user), &object).is_err());
    let made = world.contents().into_iter().filter(|(key, _)| !before.contains_key(key));
    assert_eq!(made.count(), 0);
    world.clusters.create_object(&cluster, Some(&user), &object).unwrap();
    assert_eq!(find(&world, Some(&user), &[(CKA_LABEL, b"a")]).len(), 2);
}

#[test]
pub fn changes_are_told_in_the_domains_words() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let id =
        world.clusters.create_object(&cluster, Some(&user), &aes_key(b"a", b"1", &[1; 32], true)).unwrap();
    let since = world.clusters.revision();
    world.clusters.destroy_object(&cluster, Some(&user), id).unwrap();
    let (upto, changed) = world.clusters.changes_since(since).unwrap();
    assert_eq!(upto, world.clusters.revision());
    assert_eq!(changed, Changed::These(vec![Change::Object(cluster.id, id)]));
    world.put(&[77], b"of a newer version");
    assert_eq!(world.clusters.changes_since(since).unwrap().1, Changed::Everything);
}

#[test]
pub fn settings_that_changed_are_followed_and_old_ones_refused() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let key = keys::cluster(cluster.id);
    let read = world.clusters.view(|snapshot| read::cluster(snapshot, cluster.id)).unwrap();
    let mut record = read.verified(&user.mac).unwrap().clone();
    record.policy = Policy { refuse_extractable: true, ..NO_POLICY }.into();
    world.put(&key, &records::Maced::encode(&key, &record, &user.mac).unwrap());
    let object = aes_key(b"a", b"", &[1; 32], true);
    let stale = world.clusters.create_object(&cluster, Some(&user), &object);
    assert!(matches!(cluster_error(stale), ClusterError::Refused(_)));
    world.clusters.create_object(&world.cluster(), Some(&user), &object).unwrap();
}

#[test]
pub fn numbers_end_before_they_come_again() {
    let world = World::new();
    let next_iv = || world.again().next_iv(&world.cluster());
    world.put(keys::IV_STARTS, &records::encode(&((1u64 << 24) - 1)).unwrap());
    assert_eq!(next_iv().unwrap()[3..6], [255; 3]);
    assert!(matches!(cluster_error(next_iv()), ClusterError::Refused(_)));
    world.put(keys::IV_STARTS, &records::encode(&0u64).unwrap());
    assert!(matches!(cluster_error(next_iv()), ClusterError::Corrupt(_)));
}
