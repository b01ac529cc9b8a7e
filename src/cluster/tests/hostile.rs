//! Whoever can write the store's files, at its worst: records of other users and clusters, records put back, noise.

use super::*;
use crate::cluster::records::{Maced, ObjectRecord, UserRecord, decode, encode};

/// Two clusters with the same names and passwords, two crypto users in the first, and an object of each user.
struct Two {
    world: World,
    ids: Vec<ObjectId>,
}

impl Two {
    fn new() -> Self {
        let world = World::new();
        let first = world.cluster();
        let admin = world.admin(&first);
        world.create_user(&first, &admin, "other", Role::CryptoUser);
        let new = NewCluster {
            label: "c2",
            hsms: 2,
            admin_password: ADMIN_PASSWORD,
            policy: NO_POLICY,
            root_key: None,
        };
        let second = world.clusters.create(&new).unwrap();
        let admin = world.admin(&second);
        world.create_user(&second, &admin, "kmsuser", Role::CryptoUser);
        let owners = [(&first, "kmsuser"), (&first, "other"), (&second, "kmsuser")];
        let ids = owners.iter().zip(1..).map(|((cluster, name), value)| {
            let login = world.clusters.login_as(cluster, None, name, USER_PASSWORD).unwrap();
            world
                .clusters
                .create_object(cluster, Some(&login), &aes_key(b"a", b"1", &[value; 32], true))
                .unwrap()
        });
        let ids = ids.collect();
        Self { world, ids }
    }

    /// What each login sees: its user, the values of its objects, what it finds. An error ends it.
    fn seen(&self) -> Vec<Result<Seen, String>> {
        let logins =
            [("c1", "kmsuser"), ("c1", "other"), ("c2", "kmsuser"), ("c1", "admin"), ("c2", "admin")];
        logins.iter().map(|(label, name)| self.seen_by(label, name).map_err(|e| e.to_string())).collect()
    }

    fn seen_by(&self, label: &str, name: &str) -> Result<Seen, Error> {
        let clusters = &self.world.clusters;
        let cluster = clusters.find(label)?;
        let password = if name == "admin" { ADMIN_PASSWORD } else { USER_PASSWORD };
        let login = clusters.login_as(&cluster, None, name, password)?;
        clusters.verify(&cluster, &login)?;
        let mut values = Vec::new();
        for id in &self.ids {
            let object = clusters.object(&cluster, Some(&login), *id)?;
            values.push(object.map(|o| o.secret().unwrap().expose().to_vec()));
        }
        let by_label = clusters.candidates(&cluster, Some(&login), &template(&[(CKA_LABEL, b"a")]))?.0;
        let all = clusters.candidates(&cluster, Some(&login), &Template::default())?.0;
        Ok((login.user.id, login.user.role == Role::Admin, values, by_label, all))
    }
}

type Seen = (UserId, bool, Vec<Option<Vec<u8>>>, Vec<ObjectId>, Vec<ObjectId>);

/// No record of another object, user or cluster is taken for the one whose place it is in.
#[test]
fn records_of_others_are_refused_or_change_nothing() {
    let two = Two::new();
    let whole = two.seen();
    assert!(whole.iter().all(Result::is_ok));
    let contents = two.world.contents();
    let mut refused = 0;
    for (a, a_value) in &contents {
        for (b, b_value) in contents.iter().filter(|(b, _)| *b > a && b[0] == a[0] && a[0] != 0) {
            two.world.put(a, b_value);
            two.world.put(b, a_value);
            for (now, before) in two.seen().iter().zip(&whole) {
                match now {
                    Ok(_) => assert_eq!(now, before, "{a:?} exchanged with {b:?}"),
                    Err(_) => refused += 1,
                }
            }
            two.world.restore(&contents);
        }
    }
    assert!(refused > 20, "{refused}");
}

fn user_record(world: &World, key: &[u8]) -> UserRecord {
    Maced::<UserRecord>::decode(key, &world.contents()[key]).unwrap().unverified().clone()
}

/// A crypto user holds the key of the MACs, so it can forge a user's record around parts sealed for others.
#[test]
fn sealed_parts_of_another_user_do_not_open() {
    let two = Two::new();
    let world = &two.world;
    let cluster = world.cluster();
    let (kmsuser, admin) = (world.user(&cluster), world.admin(&cluster));
    let (own, other) = (cluster.space().user(UserId(2)), cluster.space().user(UserId(3)));
    let contents = world.contents();
    let foreign = user_record(world, &other);

    let mut record = user_record(world, &own);
    (record.salt, record.costs, record.by_password) =
        (foreign.salt, foreign.costs, foreign.by_password.clone());
    world.put(&own, &Maced::encode(&own, &record, &kmsuser.mac).unwrap());
    let login = world.clusters.login_as(&cluster, None, "kmsuser", USER_PASSWORD);
    assert!(matches!(cluster_error(login), ClusterError::PinIncorrect));
    world.restore(&contents);

    let mut record = user_record(world, &other);
    record.by_cluster = user_record(world, &own).by_cluster;
    world.put(&other, &Maced::encode(&other, &record, &kmsuser.mac).unwrap());
    let rules = PasswordRules::Cluster;
    let reset = world.clusters.change_password(&cluster, &admin, "other", b"new-password", rules);
    assert!(matches!(cluster_error(reset), ClusterError::Corrupt("user record: sealed keys")));
    world.restore(&contents);

    // What is sealed under the password is no part sealed under the cluster key, and the other way round.
    let mut record = user_record(world, &other);
    std::mem::swap(&mut record.by_cluster, &mut record.by_password);
    world.put(&other, &Maced::encode(&other, &record, &kmsuser.mac).unwrap());
    assert!(world.clusters.login_as(&cluster, None, "other", USER_PASSWORD).is_err());
    assert!(world.clusters.change_password(&cluster, &admin, "other", b"new-password", rules).is_err());
}

/// Nor does a forged record make a crypto user an admin: it has no cluster key.
#[test]
fn a_forged_admin_administers_nothing() {
    let world = World::new();
    let cluster = world.cluster();
    let login = world.user(&cluster);
    let own = cluster.space().user(login.user.id);
    let mut record = user_record(&world, &own);
    record.admin = true;
    world.put(&own, &Maced::encode(&own, &record, &login.mac).unwrap());
    let forged = world.clusters.login_as(&cluster, Some(Role::Admin), "kmsuser", USER_PASSWORD).unwrap();
    let rules = PasswordRules::Cluster;
    assert!(world.clusters.change_password(&cluster, &forged, "admin", b"new-password", rules).is_err());
    let new = world.clusters.create_user(&cluster, &forged, "new", Role::Admin, b"new-password", rules);
    assert!(matches!(cluster_error(new), ClusterError::LoginNeeded("admin")));
    assert!(world.clusters.delete_user(&cluster, &forged, "admin", true).is_err());
}

/// An older version of a record as a whole is a roll-back, which nothing in the store can tell. Its parts do not mix.
#[test]
fn parts_of_two_versions_of_an_object_do_not_mix() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    let make = |value: u8| aes_key(&[value], b"", &[value; 32], true);
    let id = world.clusters.create_object(&cluster, Some(&user), &make(1)).unwrap();
    let place = cluster.space().object(user.user.id, id);
    let first = world.contents()[place.as_slice()].clone();
    world.clusters.update_object(&cluster, Some(&user), id, &mut |_| Ok(make(2))).unwrap().unwrap();
    let second = world.contents()[place.as_slice()].clone();
    let (old, new) =
        (decode::<ObjectRecord>("x", &first).unwrap(), decode::<ObjectRecord>("x", &second).unwrap());
    assert!(old.version < new.version && old.nonce != new.nonce);
    let (mut relabelled, mut stale, mut moved) = (new.clone(), old.clone(), new.clone());
    relabelled.version = old.version;
    stale.version = new.version;
    (moved.nonce, moved.body) = (old.nonce, old.body);
    for mixed in [&relabelled, &stale, &moved] {
        world.put(&place, &encode(mixed).unwrap());
        let object = world.clusters.object(&cluster, Some(&user), id);
        assert!(matches!(cluster_error(object), ClusterError::Corrupt("object record")));
    }
    world.put(&place, &first);
    let object = world.clusters.object(&cluster, Some(&user), id).unwrap().unwrap();
    assert_eq!(object.bytes(CKA_LABEL), Some(&[1][..]));
}

/// A wiped token has new keys: what the old ones sealed stays shut, wherever its records are put back.
#[test]
fn records_of_a_wiped_token_put_back_open_nothing() {
    let world = World::empty();
    let slot = world.clusters.slots().unwrap().1[0].slot_id;
    world.clusters.init_token(slot, ADMIN_PASSWORD, "token", NO_POLICY).unwrap();
    let old = world.cluster();
    world.clusters.init_pin(&old, &world.admin(&old), USER_PASSWORD).unwrap();
    let user = world.clusters.login(&old, Role::CryptoUser, USER_PASSWORD).unwrap();
    let object = aes_key(b"a", b"1", &[7; 32], true);
    let id = world.clusters.create_object(&old, Some(&user), &object).unwrap();
    let before = world.contents();
    world.clusters.init_token(slot, ADMIN_PASSWORD, "token", NO_POLICY).unwrap();
    while world.clusters.sweep().unwrap() {}
    let new = world.cluster();
    assert!(world.contents().keys().all(|key| key[0] < 3 || key[5..9] == new.generation.to_be_bytes()));

    for (key, value) in before.iter().filter(|(key, _)| key[0] > 2) {
        world.put(key, value);
        let mut moved = key.clone();
        moved[5..9].copy_from_slice(&new.generation.to_be_bytes());
        if !world.contents().contains_key(&moved) {
            world.put(&moved, value);
        }
    }
    assert!(world.clusters.login(&new, Role::CryptoUser, USER_PASSWORD).is_err());
    assert_eq!(world.clusters.object(&new, None, id).unwrap().map(drop), None);
    assert_not_logged_in(world.clusters.object(&new, Some(&user), id));
    assert!(!world.clusters.login_stands(&user).unwrap());
}

/// Under a policy that refuses public keys, a key that somebody wrote into the store is none of the token's.
#[test]
fn a_planted_public_key_is_refused_by_policy() {
    let world = World::new();
    let cluster = world.cluster();
    let key = aes_key(b"a", b"1", &[7; 32], false);
    let id = world.clusters.create_object(&cluster, None, &key).unwrap();
    assert!(world.clusters.object(&cluster, None, id).unwrap().is_some());
    let strict = Cluster { policy: Policy { refuse_public_keys: true, ..NO_POLICY }, ..(*cluster).clone() };
    assert!(matches!(cluster_error(world.clusters.object(&strict, None, id)), ClusterError::Corrupt(_)));
}

/// No bytes in the place of a record end a process, or take its memory.
#[test]
fn noise_in_every_record_is_refused_without_a_panic() {
    let two = Two::new();
    let world = &two.world;
    let contents = world.contents();
    let (cluster, admin) = (world.cluster(), world.admin(&world.cluster()));
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    for (key, value) in &contents {
        for round in 0..40 {
            let bytes = match round % 4 {
                // The right version, and a length that the MAC's check does not end at once.
                0 => [&[1][..], &noise.bytes(200)].concat(),
                1 => noise.bytes(64),
                2 => value[..noise.next() as usize % value.len()].to_vec(),
                _ => {
                    let mut changed = value.clone();
                    for _ in 0..4 {
                        let at = noise.next() as usize % changed.len();
                        changed[at] = noise.next() as u8;
                    }
                    changed
                }
            };
            world.put(key, &bytes);
            let _ = two.seen_by("c1", "kmsuser");
            let _ = world.clusters.slots();
            let _ = world.clusters.users(&cluster);
            let _ = world.clusters.pin_status(&cluster, Role::CryptoUser);
            let _ = world.clusters.is_logged_in(&cluster, "kmsuser");
            let _ = world.clusters.login_stands(&admin);
            let _ = world.clusters.sweep();
            let _ =
                Clusters::open(world.store.clone(), COSTS).and_then(|clusters| clusters.next_iv(&cluster));
            world.restore(&contents);
        }
    }
    assert!(two.seen().iter().all(Result::is_ok));
}

/// xorshift: the same noise in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.next() % most).map(|_| self.next() as u8).collect()
    }
}

/// A copy of a store that both owners go on using gives them the same start numbers: the counters differ all the same.
#[test]
fn two_copies_of_a_store_make_different_ivs() {
    let world = World::new();
    let copy = World::empty();
    copy.restore(&world.contents());
    let cluster = world.cluster();
    let ivs =
        |clusters: Clusters| -> Vec<_> { (0..100).map(|_| clusters.next_iv(&cluster).unwrap()).collect() };
    let (here, there) = (ivs(world.again()), ivs(copy.again()));
    assert_eq!(here[0][..6], there[0][..6]);
    assert!(here.iter().all(|iv| !there.contains(iv)));
}

/// What is made while a sweep runs is swept too.
#[test]
fn a_change_amid_a_sweep_leaves_nothing_behind() {
    let world = World::new();
    let (cluster, admin, user) =
        (world.cluster(), world.admin(&world.cluster()), world.user(&world.cluster()));
    let id =
        world.clusters.create_object(&cluster, Some(&user), &aes_key(b"a", b"", &[7; 32], true)).unwrap();
    world.clusters.delete_user(&cluster, &admin, "kmsuser", true).unwrap();
    let world = Arc::new(world);
    let change = {
        let (world, cluster) = (world.clone(), cluster.clone());
        move |occasion: &vhsm_store::Occasion| {
            if occasion.call == Call::Commit && occasion.number == 1 {
                let mut rename = |_: &Object| Ok(aes_key(b"b", b"", &[7; 32], true));
                world.again().update_object(&cluster, Some(&user), id, &mut rename).unwrap().unwrap();
            }
            Fault::Pass
        }
    };
    let sweeper = open(&(Arc::new(Faulty::new(world.store.clone(), change)) as Arc<dyn Store>), &world.clock);
    while sweeper.sweep().unwrap() {}
    assert!(world.contents().keys().all(|key| key[0] < 5), "{:?}", world.contents().keys().last());
}
