//! The service's own cluster: made once, whatever is killed meanwhile, and not seen by others.

use super::*;
use crate::cluster::life::{self, ControlPlane, api::*};
use crate::crypto::seal;
use std::thread;

const REGION: &str = "eu-west-3";

fn root_key() -> RootKey {
    RootKey::new(seal::random_key().unwrap())
}

fn plane(clusters: &Clusters) -> ControlPlane<'_> {
    let settings = life::Settings { delay_ms: 0, region: REGION.into(), policy: NO_POLICY };
    ControlPlane::new(clusters, settings)
}

#[test]
fn it_is_made_on_first_use_and_found_again() {
    let (world, root) = (World::empty(), root_key());
    let made = world.clusters.private_cluster(&root, REGION).unwrap();
    let zones: Vec<_> = made.cluster.hsms.iter().map(|hsm| hsm.availability_zone.as_str()).collect();
    assert_eq!(zones, ["eu-west-3a", "eu-west-3b"]);
    assert_eq!((made.user, made.password.len(), made.cluster.state), ("kmsuser", 32, ClusterState::Active));
    assert!(made.password.iter().all(u8::is_ascii_alphanumeric));
    let again = world.again().private_cluster(&root, REGION).unwrap();
    assert_eq!((&again.cluster.name, &again.password), (&made.cluster.name, &made.password));
    let login = world.clusters.login_as(&made.cluster, None, made.user, &made.password).unwrap();
    assert_eq!(login.user.role, Role::CryptoUser);
    world.clusters.verify(&made.cluster, &login).unwrap();
}

#[test]
fn others_do_not_see_it() {
    let (world, root) = (World::new(), root_key());
    let other = world.cluster();
    let own = world.clusters.private_cluster(&root, REGION).unwrap().cluster;
    let clusters = &world.clusters;
    let names = |clusters: &Clusters| -> Vec<String> {
        clusters.list().unwrap().iter().map(|cluster| cluster.name.clone()).collect()
    };
    let slots = |clusters: &Clusters| clusters.slots().unwrap().1.len();
    assert_eq!(names(clusters), [other.name.as_str()]);
    assert!(matches!(cluster_error(clusters.find(&own.name)), ClusterError::NotFound(_)));
    assert!(matches!(cluster_error(clusters.find(&own.label)), ClusterError::NotFound(_)));
    // Two HSMs, and the uninitialized token.
    assert_eq!(slots(clusters), 3);
    assert_eq!(plane(clusters).describe_all().unwrap().len(), 1);
    let tags = ListTagsRequest { resource_id: own.name.clone(), next_token: None, max_results: None };
    assert!(matches!(cluster_error(plane(clusters).list_tags(&tags)), ClusterError::NotFound(_)));
    let deletion = plane(clusters).with_root_key(&root).delete_cluster(&own.name);
    assert!(matches!(cluster_error(deletion), ClusterError::NotFound(_)));
    let slot = own.hsms[0].slot_id;
    assert!(clusters.init_token(slot, b"12345678", "mine", NO_POLICY).is_err());
    // Its label is free for others.
    let new = NewCluster {
        label: &own.label,
        hsms: 1,
        admin_password: ADMIN_PASSWORD,
        policy: NO_POLICY,
        root_key: None,
    };
    clusters.create(&new).unwrap();

    let seeing = world.again().with_private();
    assert_eq!((names(&seeing).len(), slots(&seeing)), (3, 6));
    assert!(seeing.find(&own.name).unwrap().is_private);
}

#[test]
fn a_process_that_is_killed_leaves_nothing_that_the_next_does_not_finish() {
    let root = root_key();
    for done in [false, true] {
        let finished = (0..20).find(|good| !is_killed_after(&root, *good, done));
        // One commit for the cluster and one for its user, at least.
        assert!(finished.is_some_and(|commits| commits >= 2), "{finished:?}");
    }
}

fn is_killed_after(root: &RootKey, good: u64, done: bool) -> bool {
    let world = World::empty();
    let killed = world.killed_after(good, done).private_cluster(root, REGION).is_err();
    let made = world.clusters.private_cluster(root, REGION).unwrap();
    world.clusters.login_as(&made.cluster, None, made.user, &made.password).unwrap();
    assert_eq!(world.again().with_private().list().unwrap().len(), 1);
    assert_eq!(world.clusters.users(&made.cluster).unwrap().len(), 2);
    killed
}

#[test]
fn two_processes_make_one() {
    let (world, root) = (World::empty(), root_key());
    let names: Vec<_> = thread::scope(|scope| {
        let make = || world.again().private_cluster(&root, REGION).unwrap().cluster.name.clone();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
}

#[test]
fn another_root_key_opens_nothing_and_makes_no_second() {
    let (world, root) = (World::empty(), root_key());
    world.clusters.private_cluster(&root, REGION).unwrap();
    let before = world.contents();
    let refused = world.clusters.private_cluster(&root_key(), REGION);
    assert!(matches!(cluster_error(refused), ClusterError::NoAuthority(_)));
    assert!(world.contents() == before);
}
