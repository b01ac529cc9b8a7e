//! The cluster key is renewed when an admin goes.

use super::*;
use crate::cluster::records::{Maced, UserRecord};
use crate::cluster::renewal::MAX_RENEWED;
use crate::cluster::secrets::Holder;

fn record(world: &World, id: UserId) -> UserRecord {
    let key = world.cluster().space().user(id);
    Maced::<UserRecord>::decode(&key, &world.contents()[key.as_slice()]).unwrap().unverified().clone()
}

/// Admins `admin`, `boss` and `other`, and the crypto user `kmsuser`.
fn world() -> World {
    let world = World::new();
    let (cluster, admin) = (world.cluster(), world.admin(&world.cluster()));
    for name in ["boss", "other"] {
        world.create_user(&cluster, &admin, name, Role::Admin);
    }
    world
}

fn login(world: &World, name: &str) -> Login {
    let password = if name == "admin" { ADMIN_PASSWORD } else { USER_PASSWORD };
    world.clusters.login_as(&world.cluster(), None, name, password).unwrap()
}

fn opens(login: &Login, record: &UserRecord) -> bool {
    let holder = Holder { lineage: login.lineage, user: record.id() };
    holder.open_by_cluster(record, login.secrets.cluster_key.as_ref().unwrap()).is_ok()
}

#[test]
pub fn a_former_admin_opens_nothing_that_is_sealed_later() {
    let world = world();
    let cluster = world.cluster();
    let (admin, boss, other) = (login(&world, "admin"), login(&world, "boss"), login(&world, "other"));
    let kmsuser = world.user(&cluster).user.id;
    assert!(opens(&boss, &record(&world, kmsuser)));
    world.clusters.delete_user(&cluster, &admin, "boss", false).unwrap();
    let new = world.create_user(&world.cluster(), &other, "new", Role::CryptoUser);
    for user in [kmsuser, new.id, admin.user.id, other.user.id] {
        assert!(!opens(&boss, &record(&world, user)), "{user:?}");
    }
    // Those who stay administer as before: logged in since before, or anew; and again after a further one went.
    let rules = PasswordRules::Cluster;
    let reset = |by: &Login, name: &str| {
        world.clusters.change_password(&world.cluster(), by, name, USER_PASSWORD, rules).unwrap();
        login(&world, name)
    };
    for by in [&admin, &other, &login(&world, "admin"), &login(&world, "other")] {
        reset(by, "kmsuser");
        reset(by, "new");
    }
    drop(other);
    world.clusters.delete_user(&world.cluster(), &login(&world, "other"), "admin", false).unwrap();
    let other = login(&world, "other");
    assert_eq!(record(&world, other.user.id).renewed.len(), 2);
    reset(&other, "kmsuser");
    for former in [&admin, &boss] {
        assert!(!opens(former, &record(&world, kmsuser)));
    }
}

#[test]
fn a_new_password_starts_at_the_newest_key() {
    let world = world();
    let (admin, other) = (login(&world, "admin"), login(&world, "other"));
    world.clusters.delete_user(&world.cluster(), &admin, "boss", false).unwrap();
    // By itself, in a login from before; by another, of one that is not logged in.
    let rules = PasswordRules::Cluster;
    let change = |by: &Login, name: &str, password: &[u8]| {
        world.clusters.change_password(&world.cluster(), by, name, password, rules)
    };
    change(&admin, "admin", ADMIN_PASSWORD).unwrap();
    assert!(record(&world, admin.user.id).renewed.is_empty());
    drop(other);
    change(&login(&world, "admin"), "other", USER_PASSWORD).unwrap();
    let other = login(&world, "other");
    assert!(record(&world, other.user.id).renewed.is_empty());
    change(&other, "kmsuser", USER_PASSWORD).unwrap();
    // The login from before has an old key and no way to the new one: it must log in again.
    assert_not_logged_in(change(&admin, "kmsuser", USER_PASSWORD));
    change(&login(&world, "admin"), "kmsuser", USER_PASSWORD).unwrap();
}

#[test]
fn a_cluster_with_too_many_users_keeps_its_key() {
    let world = world();
    let (cluster, admin) = (world.cluster(), world.admin(&world.cluster()));
    for number in 0..MAX_RENEWED {
        world.create_user(&cluster, &admin, &format!("u{number}"), Role::CryptoUser);
    }
    let lost = world.clusters.delete_user(&cluster, &admin, "boss", false).unwrap();
    assert!(lost.cluster_key_stays && record(&world, admin.user.id).renewed.is_empty());
    for number in 2..MAX_RENEWED {
        world.clusters.delete_user(&cluster, &admin, &format!("u{number}"), false).unwrap();
    }
    let lost = world.clusters.delete_user(&cluster, &admin, "other", false).unwrap();
    assert!(!lost.cluster_key_stays);
    assert_eq!(record(&world, admin.user.id).renewed.len(), 1);
    let login = world.admin(&world.cluster());
    let rules = PasswordRules::Cluster;
    world.clusters.change_password(&world.cluster(), &login, "u1", USER_PASSWORD, rules).unwrap();
}

/// A crypto user has the key of the MACs, and can write any record; but no key that hands the cluster's over.
#[test]
fn a_forged_renewal_is_refused() {
    let world = world();
    let (cluster, admin, user) = (world.cluster(), login(&world, "admin"), world.user(&world.cluster()));
    world.clusters.delete_user(&cluster, &admin, "boss", false).unwrap();
    let key = cluster.space().user(admin.user.id);
    let mut forged = record(&world, admin.user.id);
    forged.renewed[0].bytes[3] ^= 1;
    world.put(&key, &Maced::encode(&key, &forged, &user.mac).unwrap());
    let login = world.clusters.login_as(&cluster, None, "admin", ADMIN_PASSWORD);
    assert!(matches!(cluster_error(login), ClusterError::Corrupt("user record: renewed cluster key")));
    let own = cluster.space().user(user.user.id);
    let mut admin_to_be = record(&world, user.user.id);
    admin_to_be.admin = true;
    admin_to_be.renewed = record(&world, admin.user.id).renewed;
    world.put(&own, &Maced::encode(&own, &admin_to_be, &user.mac).unwrap());
    let forged = world.clusters.login_as(&cluster, Some(Role::Admin), "kmsuser", USER_PASSWORD).unwrap();
    let refused = world.clusters.set_trusted(&cluster, &forged, ObjectId(1), true);
    assert!(matches!(cluster_error(refused), ClusterError::LoginNeeded("admin")));
}
