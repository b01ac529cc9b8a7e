//! Clusters and slots: made, listed, found, wiped, deleted, swept.

use super::*;

const SO_PIN: &[u8] = b"so-pin";
const PIN: &[u8] = b"1234";

fn slots(clusters: &Clusters) -> Vec<(u64, Option<String>)> {
    let (revision, slots) = clusters.slots().unwrap();
    assert_eq!(revision, clusters.revision());
    slots.into_iter().map(|slot| (slot.slot_id, slot.holds.hsm().map(|t| t.cluster.label.clone()))).collect()
}

fn new(label: &str, hsms: usize) -> NewCluster<'_> {
    NewCluster { label, hsms, admin_password: ADMIN_PASSWORD, policy: NO_POLICY, root_key: None }
}

#[test]
pub fn a_store_starts_with_one_uninitialized_slot_that_stays() {
    let world = World::empty();
    assert_eq!(slots(&world.clusters), [(0, None)]);
    assert_eq!(slots(&world.again()), [(0, None)]);
    assert!(world.clusters.list().unwrap().is_empty());
}

#[test]
pub fn clusters_take_slots_and_the_uninitialized_one_is_last() {
    let world = World::empty();
    let a = world.clusters.create(&new("a", 2)).unwrap();
    let b = world.clusters.create(&new("b", 1)).unwrap();
    let (a_label, b_label) = (Some("a".to_string()), Some("b".to_string()));
    assert_eq!(slots(&world.clusters), [(0, a_label.clone()), (1, a_label), (2, b_label), (3, None)]);
    assert!(a.name.starts_with("cluster-") && a.name.len() == 19 && a.name != b.name);
    assert!(a.hsms[0].name.starts_with("hsm-") && a.hsms[0].name.len() == 15);
    assert_ne!(a.hsms[0].name, a.hsms[1].name);
    assert_ne!(a.hsms[0].availability_zone, a.hsms[1].availability_zone);
    assert_eq!(world.clusters.find(&a.name).unwrap().id, a.id);
    assert_eq!(world.clusters.find("b").unwrap().id, b.id);
    assert!(matches!(cluster_error(world.clusters.find("c")), ClusterError::NotFound(_)));
    assert_ne!(a.lineage, b.lineage);
}

#[test]
pub fn what_a_cluster_is_made_with_is_checked() {
    let world = World::empty();
    let create = |new: NewCluster| cluster_error(world.clusters.create(&new));
    assert!(matches!(create(new("a", 0)), ClusterError::BadInput { field: "hsms", .. }));
    assert!(matches!(create(new("a", 29)), ClusterError::BadInput { field: "hsms", .. }));
    assert!(matches!(create(new("", 1)), ClusterError::BadInput { field: "label", .. }));
    assert!(matches!(create(new(&"x".repeat(33), 1)), ClusterError::BadInput { field: "label", .. }));
    let short = NewCluster { admin_password: b"short", ..new("a", 1) };
    assert!(matches!(create(short), ClusterError::PinLength { .. }));
    world.clusters.create(&new("a", 28)).unwrap();
    assert!(matches!(create(new("a", 1)), ClusterError::LabelTaken(_)));
}

#[test]
pub fn clusters_made_at_the_same_moment_get_slots_of_their_own() {
    let world = World::empty();
    std::thread::scope(|scope| {
        for i in 0..8 {
            let world = &world;
            scope.spawn(move || world.again().create(&new(&format!("c{i}"), 3)).map(drop).unwrap());
        }
    });
    assert_eq!(slots(&world.clusters).len(), 25);
}

#[test]
pub fn init_token_consumes_the_slot_and_reserves_another() {
    let world = World::empty();
    world.clusters.init_token(0, SO_PIN, "token", NO_POLICY).unwrap();
    assert_eq!(slots(&world.clusters), [(0, Some("token".into())), (1, None)]);
    let cluster = world.cluster();
    assert!(cluster.by_init_token && cluster.hsms.len() == 1);
    assert!(matches!(
        cluster_error(world.clusters.login(&cluster, Role::CryptoUser, PIN)),
        ClusterError::NoUser
    ));
    let so = world.clusters.login(&cluster, Role::Admin, SO_PIN).unwrap();
    world.clusters.init_pin(&cluster, &so, PIN).unwrap();
    let cluster = world.cluster();
    let user = world.clusters.login(&cluster, Role::CryptoUser, PIN).unwrap();
    assert_eq!(user.user.name, "user");
    drop(user);
    world.clusters.init_pin(&cluster, &so, b"5678").unwrap();
    world.clusters.login(&cluster, Role::CryptoUser, b"user:5678").unwrap();
    // With more users the default one is still meant by a bare PIN.
    world.create_user(&cluster, &so, "kmsuser", Role::CryptoUser);
    world.clusters.login(&world.cluster(), Role::CryptoUser, b"5678").unwrap();
    world.clusters.init_token(1, SO_PIN, "token", NO_POLICY).unwrap();
    assert!(matches!(cluster_error(world.clusters.find("token")), ClusterError::Ambiguous(_, 2)));
}

#[test]
pub fn what_a_token_is_made_with_is_checked() {
    let world = World::new();
    let init = |slot, pin: &[u8], label: &str| world.clusters.init_token(slot, pin, label, NO_POLICY);
    assert!(matches!(cluster_error(init(2, b"123", "t")), ClusterError::PinLength { min: 4, max: 255 }));
    assert!(matches!(cluster_error(init(2, b"admin:123", "t")), ClusterError::PinCharacter(_)));
    assert!(matches!(cluster_error(init(2, SO_PIN, &"x".repeat(33))), ClusterError::BadInput { .. }));
    assert!(matches!(cluster_error(init(1, ADMIN_PASSWORD, "t")), ClusterError::NotInitializable));
    assert!(matches!(init(77, SO_PIN, "t"), Err(Error::Call(CallError::SlotIdInvalid(77)))));
    assert_eq!(slots(&world.clusters).len(), 3);
}

#[test]
pub fn a_wipe_takes_everything_at_once_and_needs_the_so_pin() {
    let world = World::empty();
    world.clusters.init_token(0, SO_PIN, "before", NO_POLICY).unwrap();
    let old = world.cluster();
    let so = world.clusters.login(&old, Role::Admin, SO_PIN).unwrap();
    world.clusters.init_pin(&old, &so, PIN).unwrap();
    let old = world.cluster();
    let user = world.clusters.login(&old, Role::CryptoUser, PIN).unwrap();
    let private =
        world.clusters.create_object(&old, Some(&user), &aes_key(b"a", b"1", &[1; 32], true)).unwrap();
    let public = world.clusters.create_object(&old, None, &aes_key(b"a", b"1", &[1; 32], false)).unwrap();
    for _ in 0..60 {
        world.clusters.create_object(&old, Some(&user), &aes_key(b"a", b"1", &[1; 32], true)).unwrap();
    }

    let init = |pin: &[u8]| world.clusters.init_token(0, pin, "after", NO_POLICY);
    assert!(matches!(cluster_error(init(b"wrong")), ClusterError::PinIncorrect));
    assert!(world.clusters.pin_status(&old, Role::Admin).unwrap().count_low);
    let before = world.store.revision();
    init(SO_PIN).unwrap();
    let new = world.cluster();
    assert_eq!((new.label.as_str(), new.generation, new.hsms.len()), ("after", old.generation + 1, 1));
    assert_eq!((new.hsms[0].slot_id, new.hsms[0].name.as_str()), (0, old.hsms[0].name.as_str()));
    assert_ne!((new.lineage, new.iv_prefix), (old.lineage, old.iv_prefix));
    let (_, changed) = world.clusters.changes_since(before).unwrap();
    assert!(matches!(changed, Changed::These(changes) if changes.contains(&Change::Slots)));

    assert!(!world.clusters.login_stands(&user).unwrap() && !world.clusters.login_stands(&so).unwrap());
    assert_not_logged_in(world.clusters.object(&new, Some(&user), private));
    assert_not_logged_in(world.clusters.create_object(&old, Some(&user), &aes_key(b"", b"", &[1; 32], true)));
    assert!(matches!(
        world.clusters.create_object(&old, None, &aes_key(b"", b"", &[1; 32], false)),
        Err(Error::Call(CallError::DeviceRemoved))
    ));
    assert!(world.clusters.object(&new, None, public).unwrap().is_none());
    assert!(world.clusters.candidates(&new, None, &Template::default()).unwrap().0.is_empty());
    assert!(matches!(cluster_error(world.clusters.login(&new, Role::CryptoUser, PIN)), ClusterError::NoUser));
    let users = world.clusters.users(&new).unwrap();
    assert_eq!((users.len(), users[0].name.as_str()), (1, "admin"));
    assert!(users[0].id > user.user.id);

    while world.clusters.sweep().unwrap() {}
    let kinds: Vec<u8> = world.contents().keys().map(|key| key[0]).collect();
    assert_eq!(kinds, [0, 0, 0, 1, 2, 3], "head, numbers, cluster, HSM and admin");
    let so = world.clusters.login(&new, Role::Admin, SO_PIN).unwrap();
    world.clusters.init_pin(&new, &so, PIN).unwrap();
    world.clusters.login(&world.cluster(), Role::CryptoUser, PIN).unwrap();
}

#[test]
pub fn a_wipe_that_is_cut_off_did_not_happen() {
    let world = World::empty();
    world.clusters.init_token(0, SO_PIN, "before", NO_POLICY).unwrap();
    // Count, take back, IV start; the fourth commit is the wipe.
    for good in 0..4 {
        let killed = world.killed_after(good, false);
        assert!(killed.init_token(0, SO_PIN, "after", NO_POLICY).is_err());
        assert_eq!((world.cluster().label.as_str(), world.cluster().generation), ("before", 1));
    }
    let killed = world.killed_after(3, true);
    assert!(killed.init_token(0, SO_PIN, "after", NO_POLICY).is_err());
    assert_eq!(world.cluster().label, "after");
    world.clusters.login(&world.cluster(), Role::Admin, SO_PIN).unwrap();
}

#[test]
pub fn a_deleted_cluster_is_gone_at_once_and_swept_later() {
    let world = World::new();
    let (cluster, user) = (world.cluster(), world.user(&world.cluster()));
    for _ in 0..40 {
        world.clusters.create_object(&cluster, Some(&user), &aes_key(b"a", b"1", &[1; 32], true)).unwrap();
    }
    let other = world.clusters.create(&new("other", 1)).unwrap();
    world.clusters.delete(&cluster).unwrap();
    assert_eq!(slots(&world.clusters), [(2, Some("other".into())), (3, None)]);
    assert!(!world.clusters.login_stands(&user).unwrap());
    assert!(matches!(cluster_error(world.clusters.delete(&cluster)), ClusterError::NotFound(_)));
    while world.clusters.sweep().unwrap() {}
    let left = world.contents().into_keys().filter(|key| key[0] > 0);
    assert!(left.into_iter().all(|key| key[1..5] == other.id.0.to_be_bytes()));
    let next = world.clusters.create(&new("c1", 1)).unwrap();
    assert!(next.id > other.id && next.hsms[0].slot_id > other.hsms[0].slot_id);
}

#[test]
pub fn no_batch_is_over_the_limits() {
    // The store refuses larger ones: the largest cluster is made and deleted.
    let world = World::empty();
    let cluster = world.clusters.create(&new("big", 28)).unwrap();
    world.clusters.delete(&cluster).unwrap();
}

#[test]
pub fn a_store_of_a_newer_version_or_without_its_head_is_refused() {
    let world = World::new();
    let head = world.contents()[keys::HEAD].clone();
    let open = || Clusters::open(world.store.clone(), COSTS).map(drop);
    world.put(keys::HEAD, &[2, 0, 0, 0, 0]);
    assert!(matches!(cluster_error(open()), ClusterError::NewerFormat { found: 2, known: 1 }));
    let newer = Head { format: 9, next_cluster: 1, next_slot: 1, uninitialized_slot: 0 };
    world.put(keys::HEAD, &records::encode(&newer).unwrap());
    assert!(matches!(cluster_error(open()), ClusterError::NewerFormat { found: 9, known: 1 }));
    world.store.commit(Batch::new().delete(keys::HEAD)).unwrap();
    assert!(matches!(cluster_error(open()), ClusterError::Corrupt(_)));
    world.put(keys::HEAD, &head);
    open().unwrap();
}
