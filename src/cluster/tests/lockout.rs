//! Lockout: wrong tries are counted over restarts and kills, and right ones at the same moment never are.

use super::*;

const CRYPTO: Role = Role::CryptoUser;

fn wrong(clusters: &Clusters, cluster: &Cluster, name: &str) -> ClusterError {
    cluster_error(clusters.login_as(cluster, None, name, b"wrong-password"))
}

#[test]
pub fn the_fifth_wrong_password_locks_over_restarts() {
    let world = World::new();
    let cluster = world.cluster();
    for i in 0..5 {
        let status = world.clusters.pin_status(&cluster, CRYPTO).unwrap();
        let expected = PinStatus { exists: true, count_low: i > 0, final_try: i == 4, locked: false };
        assert_eq!(status, expected);
        assert!(matches!(wrong(&world.again(), &cluster, "kmsuser"), ClusterError::PinIncorrect));
    }
    assert!(world.clusters.pin_status(&cluster, CRYPTO).unwrap().locked);
    assert!(world.clusters.users(&cluster).unwrap()[1].locked);
    let right = world.again().login_as(&cluster, None, "kmsuser", USER_PASSWORD);
    assert!(matches!(cluster_error(right), ClusterError::PinLocked(name) if name == "kmsuser"));
    assert!(matches!(
        cluster_error(world.clusters.set_pin(&cluster, None, USER_PASSWORD, b"1234")),
        ClusterError::PinLocked(_)
    ));
    world.pass(1 << 30);
    assert!(matches!(wrong(&world.clusters, &cluster, "kmsuser"), ClusterError::PinLocked(_)));

    let admin = world.admin(&cluster);
    let rules = PasswordRules::Cluster;
    world.clusters.change_password(&cluster, &admin, "kmsuser", b"new-password", rules).unwrap();
    assert!(!world.clusters.users(&cluster).unwrap()[1].locked);
    world.clusters.login_as(&cluster, None, "kmsuser", b"new-password").unwrap();
}

#[test]
pub fn a_right_password_starts_the_count_anew() {
    let world = World::new();
    let cluster = world.cluster();
    for _ in 0..3 {
        for _ in 0..4 {
            assert!(matches!(wrong(&world.clusters, &cluster, "kmsuser"), ClusterError::PinIncorrect));
        }
        world.user(&cluster);
        assert!(!world.clusters.pin_status(&cluster, CRYPTO).unwrap().count_low);
    }
}

#[test]
pub fn a_try_that_is_killed_stays_counted() {
    let world = World::new();
    let cluster = world.cluster();
    for _ in 0..5 {
        // The right password, but the process ends between counting and taking back.
        let killed = world.killed_after(1, false);
        assert!(killed.login_as(&cluster, None, "kmsuser", USER_PASSWORD).is_err());
    }
    assert!(world.clusters.pin_status(&cluster, CRYPTO).unwrap().locked);
}

#[test]
pub fn a_try_that_cannot_be_counted_is_not_made() {
    let world = World::new();
    let cluster = world.cluster();
    let full = world.killed_after(0, false);
    assert!(matches!(
        full.login_as(&cluster, None, "kmsuser", USER_PASSWORD),
        Err(Error::Store(StoreError::Injected(_)))
    ));
    assert!(!world.clusters.pin_status(&cluster, CRYPTO).unwrap().count_low);
}

#[test]
pub fn right_passwords_at_the_same_moment_lock_nobody() {
    let world = World::new();
    let cluster = world.cluster();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..5 {
                    world.again().login_as(&cluster, None, "kmsuser", USER_PASSWORD).unwrap();
                    world.again().login(&cluster, Role::Admin, ADMIN_PASSWORD).unwrap();
                }
            });
        }
    });
    assert_eq!(
        world.clusters.pin_status(&cluster, CRYPTO).unwrap(),
        PinStatus { exists: true, ..PinStatus::default() }
    );
}

#[test]
pub fn wrong_passwords_at_the_same_moment_get_five_tries() {
    let world = World::new();
    let cluster = world.cluster();
    let incorrect = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| match wrong(&world.again(), &cluster, "kmsuser") {
                ClusterError::PinIncorrect => drop(incorrect.fetch_add(1, Ordering::SeqCst)),
                ClusterError::PinLocked(_) => {}
                other => panic!("{other}"),
            });
        }
    });
    assert_eq!(incorrect.into_inner(), 5);
}

#[test]
pub fn the_only_admin_waits_longer_and_longer_and_is_never_locked() {
    let world = World::new();
    let cluster = world.cluster();
    for _ in 0..5 {
        assert!(matches!(wrong(&world.clusters, &cluster, "admin"), ClusterError::PinIncorrect));
    }
    for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        // Another process sees the same wait, for the right password too; a try too early is none.
        for _ in 0..3 {
            let early = world.again().login(&cluster, Role::Admin, ADMIN_PASSWORD);
            assert!(matches!(cluster_error(early), ClusterError::Delayed { seconds: s } if s == seconds));
        }
        world.pass(seconds - 1);
        assert!(matches!(wrong(&world.clusters, &cluster, "admin"), ClusterError::Delayed { seconds: 1 }));
        world.pass(1);
        assert!(matches!(wrong(&world.clusters, &cluster, "admin"), ClusterError::PinIncorrect));
    }
    assert!(!world.clusters.users(&cluster).unwrap()[0].locked);
    world.pass(300);
    world.admin(&cluster);
    for _ in 0..4 {
        assert!(matches!(wrong(&world.clusters, &cluster, "admin"), ClusterError::PinIncorrect));
    }
}

#[test]
pub fn a_clock_set_back_lets_the_admin_in_after_the_wait() {
    let world = World::new();
    let cluster = world.cluster();
    for _ in 0..5 {
        wrong(&world.clusters, &cluster, "admin");
    }
    world.clock.store(1_000, Ordering::SeqCst);
    assert!(matches!(wrong(&world.clusters, &cluster, "admin"), ClusterError::Delayed { seconds: 1 }));
    world.pass(1);
    world.admin(&cluster);
}

#[test]
pub fn of_several_admins_the_last_unlocked_one_stays_unlocked() {
    let world = World::new();
    let cluster = world.cluster();
    let admin = world.admin(&cluster);
    world.create_user(&cluster, &admin, "second", Role::Admin);
    std::thread::scope(|scope| {
        for name in ["admin", "second"] {
            let world = &world;
            let cluster = &cluster;
            scope.spawn(move || {
                for _ in 0..6 {
                    wrong(&world.again(), cluster, name);
                }
            });
        }
    });
    let locked: Vec<bool> = world
        .clusters
        .users(&cluster)
        .unwrap()
        .iter()
        .filter(|u| u.role == Role::Admin)
        .map(|u| u.locked)
        .collect();
    assert_eq!(locked.iter().filter(|locked| **locked).count(), 1);
    // The one that is left cannot be deleted, and unlocks the other.
    let (left, password, other) = match locked[0] {
        true => ("second", USER_PASSWORD, "admin"),
        false => ("admin", ADMIN_PASSWORD, "second"),
    };
    world.pass(300);
    let left = world.clusters.login_as(&cluster, None, left, password).unwrap();
    assert!(matches!(
        cluster_error(world.clusters.delete_user(&cluster, &left, &left.user.name, false)),
        ClusterError::Refused(_)
    ));
    drop(admin);
    let rules = PasswordRules::Cluster;
    world.clusters.change_password(&cluster, &left, other, b"unlocked-again", rules).unwrap();
    world.clusters.login_as(&cluster, None, other, b"unlocked-again").unwrap();
    world.clusters.delete_user(&cluster, &left, &left.user.name, false).unwrap();
}

/// A password that could not be tried at all tells nobody anything, and locks nobody.
#[test]
pub fn a_password_that_could_not_be_tried_is_not_counted() {
    let world = World::new();
    let cluster = world.cluster();
    let contents = world.contents();
    let key = cluster.space().user(UserId(2));
    let user = records::Maced::<records::UserRecord>::decode(&key, &contents[key.as_slice()]).unwrap();
    let mut record = user.unverified().clone();
    record.costs.memory_kib = u32::MAX;
    let mac = crate::crypto::seal::MacKey::new(&[0; 32]);
    world.put(&key, &records::Maced::encode(&key, &record, &mac).unwrap());
    for _ in 0..6 {
        assert!(matches!(wrong(&world.clusters, &cluster, "kmsuser"), ClusterError::Corrupt(_)));
    }
    world.put(&key, &contents[key.as_slice()]);
    assert!(!world.clusters.pin_status(&cluster, CRYPTO).unwrap().count_low);
    world.user(&cluster);
}

/// While the other admin may be locked by a try that is under way, this one cannot be deleted.
#[test]
pub fn an_admin_is_deleted_only_when_no_try_could_lock_the_last_one() {
    let world = World::new();
    let cluster = world.cluster();
    let first = world.admin(&cluster);
    world.create_user(&cluster, &first, "second", Role::Admin);
    let second = world.clusters.login_as(&cluster, None, "second", USER_PASSWORD).unwrap();
    drop(first);
    let row = world.clusters.row(cluster.space(), second.user.id, Role::Admin).unwrap();
    std::thread::scope(|scope| {
        let deleting = scope.spawn(|| world.again().delete_user(&cluster, &second, "admin", false));
        std::thread::sleep(std::time::Duration::from_millis(100));
        // What the try under way ends with.
        let locked = records::Attempts { failures: 5, last_ms: 0, locked: true };
        world.put(&cluster.space().attempts(second.user.id), &records::encode(&locked).unwrap());
        drop(row);
        assert!(matches!(cluster_error(deleting.join().unwrap()), ClusterError::Refused(_)));
    });
    assert_eq!(world.clusters.users(&cluster).unwrap().len(), 3);
}
