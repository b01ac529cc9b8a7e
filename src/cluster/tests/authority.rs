//! Who may change a cluster's own records.

use super::*;
use crate::crypto::seal;
use crate::root_key::RootKey;

fn made_with(root: Option<&RootKey>) -> (World, Arc<Cluster>) {
    let world = World::empty();
    let new = NewCluster {
        label: "c1",
        hsms: 2,
        admin_password: ADMIN_PASSWORD,
        policy: NO_POLICY,
        root_key: root,
    };
    let cluster = world.clusters.create(&new).unwrap();
    (world, cluster)
}

fn root() -> RootKey {
    RootKey::new(seal::random_key().unwrap())
}

#[test]
fn the_control_plane_and_admins_change_an_hsm() {
    let root = root();
    let (world, cluster) = made_with(Some(&root));
    let name = &cluster.hsms[1].name;
    let by = Authority::Service(&root);
    let changed = world.clusters.set_hsm_state(&cluster, by, name, HsmState::Failed).unwrap();
    assert_eq!(changed.hsms[1].state, HsmState::Failed);
    let admin = world.admin(&changed);
    let by = Authority::Admin(&admin);
    let changed = world.clusters.set_hsm_state(&cluster, by, name, HsmState::Active).unwrap();
    assert_eq!(changed.hsms[1].state, HsmState::Active);
    // Still right for whoever logs in.
    world.clusters.verify(&changed, &world.admin(&changed)).unwrap();
}

#[test]
fn others_change_nothing() {
    let (world, cluster) = made_with(Some(&root()));
    let (name, other) = (&cluster.hsms[0].name, root());
    let refused = world.clusters.set_hsm_state(&cluster, Authority::Service(&other), name, HsmState::Failed);
    assert!(matches!(refused, Err(Error::Cluster(ClusterError::NoAuthority(_)))));
    let admin = world.admin(&cluster);
    world.create_user(&cluster, &admin, "kmsuser", Role::CryptoUser);
    let user = world.clusters.login_as(&cluster, None, "kmsuser", USER_PASSWORD).unwrap();
    let refused = world.clusters.set_hsm_state(&cluster, Authority::Admin(&user), name, HsmState::Failed);
    assert!(matches!(refused, Err(Error::Cluster(ClusterError::LoginNeeded("admin")))));
    let unknown = world.clusters.set_hsm_state(&cluster, Authority::Admin(&admin), "hsm-x", HsmState::Failed);
    assert!(matches!(unknown, Err(Error::Cluster(ClusterError::HsmNotFound(_)))));

    let root = root();
    let (world, cluster) = made_with(None);
    let name = &cluster.hsms[0].name;
    let refused = world.clusters.set_hsm_state(&cluster, Authority::Service(&root), name, HsmState::Failed);
    assert!(matches!(refused, Err(Error::Cluster(ClusterError::NoAuthority(_)))));
}
