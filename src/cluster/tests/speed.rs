//! What token objects cost, for the budgets of the design: `SLOW_TESTS=1 cargo test --release --lib speed --
//! --nocapture`. `SPEED_KEYS`: how many keys lie in the token (1,000 by default); `SPEED_FOLDER`: where
//! (kept, and used again).

use super::*;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;
use vhsm_store::{Lmdb, LmdbOptions};

#[test]
fn token_objects_cost_what_the_design_allows() {
    if std::env::var_os("SLOW_TESTS").is_none() {
        return;
    }
    let keys: u64 = std::env::var("SPEED_KEYS").map_or(1000, |keys| keys.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("SPEED_FOLDER").map_or(temporary.path().to_owned(), PathBuf::from);
    let options = LmdbOptions { map_bytes: 8 << 30, ..LmdbOptions::new(folder) };
    let store: Arc<dyn Store> = Arc::new(Lmdb::open(&options).unwrap());
    let started = Instant::now();
    let clusters = Clusters::open(store, COSTS).unwrap();
    println!("open: {:?}", started.elapsed());
    let (cluster, user) = prepared(&clusters, keys);

    for _ in 0..3 {
        time("bare commit of one small record", 1000, |i| {
            let batch = Batch::new().put(&[77][..], i.to_be_bytes());
            black_box(clusters.store().commit(batch).unwrap());
        });
        let next = AtomicU64::new(keys);
        time("create, beside the others", 1000, |_| {
            let object = numbered(next.fetch_add(1, Ordering::SeqCst));
            black_box(clusters.create_object(&cluster, Some(&user), &object).unwrap());
        });
    }
    let ids = clusters.candidates(&cluster, Some(&user), &Template::default()).unwrap().0;
    let pick = |i: u32| (u64::from(i) * 7919) % keys;
    time("candidates by label", 200_000, |i| {
        let label = format!("label-{}", pick(i));
        let template = template(&[(CKA_LABEL, label.as_bytes())]);
        assert_eq!(clusters.candidates(&cluster, Some(&user), &template).unwrap().0.len(), 1);
    });
    time("object", 200_000, |i| {
        black_box(clusters.object(&cluster, Some(&user), ids[pick(i) as usize]).unwrap().unwrap());
    });
    let everything = time("candidates, all", 3, |_| {
        black_box(clusters.candidates(&cluster, Some(&user), &Template::default()).unwrap());
    });
    println!("  per object: {} ns", everything / ids.len() as u128);
    time("login_stands", 10_000, |_| assert!(clusters.login_stands(&user).unwrap()));
    time("slots", 10_000, |_| drop(black_box(clusters.slots().unwrap())));
    time("destroy", 1000, |i| {
        let id = ids[ids.len() - 1 - i as usize];
        assert!(clusters.destroy_object(&cluster, Some(&user), id).unwrap());
    });

    let memory = World::new();
    let (cluster, user) = (memory.cluster(), memory.user(&memory.cluster()));
    time("create, without a disk", 20_000, |i| {
        memory.clusters.create_object(&cluster, Some(&user), &numbered(i.into())).unwrap();
    });
}

fn prepared(clusters: &Clusters, keys: u64) -> (Arc<Cluster>, Login) {
    if clusters.list().unwrap().is_empty() {
        let new = NewCluster { label: "speed", hsms: 2, admin_password: ADMIN_PASSWORD, policy: NO_POLICY };
        let cluster = clusters.create(&new).unwrap();
        let admin = clusters.login(&cluster, Role::Admin, ADMIN_PASSWORD).unwrap();
        let rules = PasswordRules::Cluster;
        clusters.create_user(&cluster, &admin, "u", Role::CryptoUser, USER_PASSWORD, rules).unwrap();
    }
    let cluster = clusters.list().unwrap().remove(0);
    let user = clusters.login(&cluster, Role::CryptoUser, USER_PASSWORD).unwrap();
    let there = clusters.candidates(&cluster, Some(&user), &Template::default()).unwrap().0.len() as u64;
    let next = AtomicU64::new(there);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::SeqCst);
                    if i >= keys {
                        break;
                    }
                    clusters.create_object(&cluster, Some(&user), &numbered(i)).unwrap();
                }
            });
        }
    });
    (cluster, user)
}

fn numbered(i: u64) -> Object {
    aes_key(format!("label-{i}").as_bytes(), &i.to_be_bytes(), &[7; 32], true)
}

fn time(what: &str, count: u32, mut body: impl FnMut(u32)) -> u128 {
    let started = Instant::now();
    (0..count).for_each(&mut body);
    let each = started.elapsed().as_nanos() / u128::from(count);
    println!("{what}: {each} ns, {} per second", 1_000_000_000 / each.max(1));
    each
}
