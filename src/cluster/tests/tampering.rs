//! Whoever can write the store's files changes a byte of it: no change is ever taken for true under a login.

use super::*;
use std::fmt::Debug;

/// What a login and its objects look like from outside.
fn seen(clusters: &Clusters, ids: &[ObjectId]) -> Result<impl Debug + PartialEq + use<>, Error> {
    let cluster = clusters.list()?.pop().ok_or(CallError::DeviceRemoved)?;
    let login = clusters.login_as(&cluster, Some(Role::CryptoUser), "kmsuser", USER_PASSWORD)?;
    clusters.verify(&cluster, &login)?;
    let cluster = clusters.by_id(cluster.id)?;
    let mut objects = Vec::new();
    for id in ids {
        let object = clusters.object(&cluster, Some(&login), *id)?;
        objects.push(
            object.map(|o| (o.secret().unwrap().expose().to_vec(), o.bytes(CKA_LABEL).map(<[u8]>::to_vec))),
        );
    }
    let found = clusters.candidates(&cluster, Some(&login), &template(&[(CKA_LABEL, b"a")]))?;
    let all = clusters.candidates(&cluster, Some(&login), &Template::default())?;
    let policy = (cluster.policy, cluster.label.clone(), cluster.generation, cluster.default_user);
    let hsms: Vec<_> = cluster.hsms.iter().map(|h| (h.name.clone(), h.slot_id, h.state)).collect();
    Ok((objects, found, all, policy, hsms, login.user.id, login.user.role, login.user.name.clone()))
}

fn world_with_objects() -> (World, Vec<ObjectId>) {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let make = |label: &[u8]| {
        world.clusters.create_object(&cluster, Some(&user), &aes_key(label, b"1", &[7; 32], true)).unwrap()
    };
    let ids = vec![make(b"a"), make(b"b")];
    (world, ids)
}

#[test]
fn a_flipped_byte_is_refused_or_changes_nothing() {
    let (world, ids) = world_with_objects();
    let whole = seen(&world.clusters, &ids).unwrap();
    let contents = world.contents();
    let mut refused = 0;
    for (key, value) in &contents {
        for i in 0..value.len() {
            for bit in [1, 0x80] {
                let mut changed = value.clone();
                changed[i] ^= bit;
                world.put(key, &changed);
                match seen(&world.clusters, &ids) {
                    Ok(now) => assert_eq!(now, whole, "key {key:?}, byte {i}"),
                    Err(_) => refused += 1,
                }
                world.restore(&contents);
            }
        }
    }
    assert!(refused > 1_500, "{refused}");
    assert_eq!(seen(&world.clusters, &ids).unwrap(), whole);
}

#[test]
fn records_that_change_places_are_refused_or_change_nothing() {
    let (world, ids) = world_with_objects();
    let whole = seen(&world.clusters, &ids).unwrap();
    let contents = world.contents();
    let check = |what: &str, a: &[u8], b: &[u8]| {
        if let Ok(now) = seen(&world.clusters, &ids) {
            assert_eq!(now, whole, "{b:?} {what} {a:?}");
        }
    };
    for (a, a_value) in &contents {
        for (b, b_value) in contents.iter().filter(|(b, _)| *b != a && b[0] == a[0]) {
            world.put(a, b_value);
            check("in the place of", a, b);
            world.restore(&contents);
            world.put(a, b_value);
            world.put(b, a_value);
            check("exchanged with", a, b);
            world.restore(&contents);
        }
    }
}

#[test]
fn a_forged_index_entry_leads_nowhere() {
    let (world, ids) = world_with_objects();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let labels: Vec<_> = world.contents().into_iter().filter(|(key, _)| key[0] == 6).collect();
    let (mut key, value) = labels[0].clone();
    let end = key.len() - 8;
    let other = if key[end..] == ids[0].0.to_be_bytes() { ids[1] } else { ids[0] };
    key[end..].copy_from_slice(&other.0.to_be_bytes());
    world.put(&key, &value);
    let label: &[u8] = if other == ids[0] { b"b" } else { b"a" };
    let found = world.clusters.candidates(&cluster, Some(&user), &template(&[(CKA_LABEL, label)]));
    assert!(matches!(cluster_error(found), ClusterError::Corrupt("index entry")));
}

#[test]
fn a_changed_record_is_noticed_by_a_login_that_stands() {
    let world = World::new();
    let cluster = world.cluster();
    let (admin, user) = (world.admin(&cluster), world.user(&cluster));
    let (key, value) = world.contents().into_iter().find(|(key, _)| key[0] == 1).unwrap();
    let mut changed = value.clone();
    // A policy flag, behind version, two strings, lineage and IV prefix.
    let policy = 1 + 1 + cluster.name.len() + 1 + cluster.label.len() + 16 + 3;
    changed[policy] = 1;
    world.put(&key, &changed);
    assert!(world.cluster().policy.key_availability, "without a login nobody can tell");
    let corrupt = |error| assert!(matches!(error, ClusterError::Corrupt("cluster record")));
    corrupt(cluster_error(world.clusters.verify(&cluster, &user)));
    corrupt(cluster_error(world.clusters.login_stands(&user)));
    let object = aes_key(b"a", b"", &[1; 32], true);
    corrupt(cluster_error(world.clusters.create_object(&cluster, Some(&user), &object)));
    corrupt(cluster_error(world.clusters.login_as(&cluster, None, "kmsuser", USER_PASSWORD)));
    corrupt(cluster_error(world.clusters.delete_user(&cluster, &admin, "kmsuser", true)));
    let tampered = world.cluster();
    assert!(world.clusters.create_object(&tampered, Some(&user), &object).is_err());
    world.put(&key, &value);
    world.clusters.create_object(&cluster, Some(&user), &object).unwrap();
}

#[test]
fn a_user_cannot_be_made_an_admin_by_a_changed_record() {
    let world = World::new();
    let cluster = world.cluster();
    let admin = world.admin(&cluster);
    let kmsuser = cluster.space().user(world.user(&cluster).user.id);
    let value = world.contents()[kmsuser.as_slice()].clone();
    let user = records::Maced::<records::UserRecord>::decode(&kmsuser, &value).unwrap();
    let mut record = user.unverified().clone();
    record.admin = true;
    let mac = crate::crypto::seal::MacKey::new(&[0; 32]);
    world.put(&kmsuser, &records::Maced::encode(&kmsuser, &record, &mac).unwrap());
    let login = world.clusters.login(&cluster, Role::Admin, b"kmsuser:user-password");
    assert!(matches!(cluster_error(login), ClusterError::Corrupt("user record")));
    let rules = PasswordRules::Cluster;
    assert!(matches!(
        cluster_error(world.clusters.change_password(&cluster, &admin, "kmsuser", b"new-password", rules)),
        ClusterError::Corrupt("user record")
    ));
}

#[test]
fn costs_that_would_take_all_memory_are_refused() {
    let world = World::new();
    let cluster = world.cluster();
    let key = cluster.space().user(world.user(&cluster).user.id);
    let value = world.contents()[key.as_slice()].clone();
    let user = records::Maced::<records::UserRecord>::decode(&key, &value).unwrap();
    let mut record = user.unverified().clone();
    record.costs.memory_kib = u32::MAX;
    let mac = crate::crypto::seal::MacKey::new(&[0; 32]);
    world.put(&key, &records::Maced::encode(&key, &record, &mac).unwrap());
    let login = world.clusters.login_as(&cluster, None, "kmsuser", USER_PASSWORD);
    assert!(matches!(cluster_error(login), ClusterError::Corrupt(_)));
}
