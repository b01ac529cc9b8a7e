//! HSMs that come and go.

use super::*;
use crate::cluster::tests::{aes_key, template};
use crate::cluster::{HsmState, Role};
use cryptoki_sys::CKA_LABEL;

#[test]
fn a_new_hsm_is_a_new_slot_and_the_keys_are_there() {
    let service = Service::new();
    let (world, clusters) = (&service.world, &service.world.clusters);
    let made = service.at(At::Active);
    let id = &made.cluster_id;
    assert_eq!(made.hsms[0].slot_id, 0, "the first HSM of all is slot 0");
    let cluster = clusters.find(id).unwrap();
    world.create_user(&cluster, &world.admin(&cluster), "kmsuser", Role::CryptoUser);
    let user = world.user(&cluster);
    clusters.create_object(&cluster, Some(&user), &aes_key(b"kept", b"1", &[1; 32], true)).unwrap();

    let second = service.create_hsm(id, "us-east-1b").unwrap();
    assert_eq!((second.slot_id, second.status), (1, HsmStatus::Active));
    let slots = clusters.slots().unwrap().1;
    assert_eq!(slots.iter().map(|slot| slot.slot_id).collect::<Vec<_>>(), [0, 1, 2]);
    let find = || {
        let cluster = clusters.find(id).unwrap();
        let user = world.user(&cluster);
        clusters.candidates(&cluster, Some(&user), &template(&[(CKA_LABEL, b"kept")])).unwrap().0.len()
    };
    assert_eq!(find(), 1);
    for hsm in service.describe(id).hsms {
        service.delete_hsm(id, &hsm.hsm_id).unwrap();
    }
    assert_eq!((service.describe(id).hsms.len(), clusters.slots().unwrap().1.len()), (0, 1));
    let revived = service.create_hsm(id, "us-east-1a").unwrap();
    assert!(revived.slot_id > second.slot_id, "slot ids are not given twice");
    assert_eq!(find(), 1);
    // What was opened before goes on.
    assert!(clusters.login_stands(&user).unwrap());
}

#[test]
fn hsms_are_deleted_by_each_of_their_names() {
    let service = Service::new();
    let id = service.at(At::Active).cluster_id;
    for _ in 0..3 {
        service.create_hsm(&id, "us-east-1b").unwrap();
    }
    let hsms = service.describe(&id).hsms;
    let delete = |hsm| service.plane().delete_hsm(&DeleteHsmRequest { cluster_id: id.clone(), hsm });
    assert_eq!(delete(HsmName::HsmId(hsms[0].hsm_id.clone())).unwrap(), hsms[0].hsm_id);
    assert_eq!(delete(HsmName::EniId(hsms[1].eni_id.clone())).unwrap(), hsms[1].hsm_id);
    assert_eq!(delete(HsmName::EniIp(hsms[2].eni_ip.clone())).unwrap(), hsms[2].hsm_id);
    assert_eq!(service.describe(&id).hsms.len(), 1);
    for gone in [
        HsmName::HsmId(hsms[0].hsm_id.clone()),
        HsmName::EniId(hsms[1].eni_id.clone()),
        HsmName::EniIp("10.9.9.9".into()),
    ] {
        let error = service.refused(|_| delete(gone));
        assert!(matches!(error, Error::Cluster(ClusterError::HsmNotFound(_))), "{error}");
        assert_eq!(Exception::from(&error), Exception::ResourceNotFound);
    }
    for malformed in [
        HsmName::HsmId("hsm-1".into()),
        HsmName::HsmId("cluster-aaaaaaaaaaa".into()),
        HsmName::EniId("eni-xyz".into()),
        HsmName::EniIp("10.0.0".into()),
    ] {
        assert!(matches!(life(service.refused(|_| delete(malformed))), LifeError::Input { .. }));
    }
}

#[test]
fn an_hsm_stands_in_a_zone_of_its_cluster_at_its_own_address() {
    let service = Service::new();
    let id = service.at(At::Active).cluster_id;
    let create = |zone: &str, ip: Option<&str>| {
        service.plane().create_hsm(&CreateHsmRequest {
            cluster_id: id.clone(),
            availability_zone: zone.into(),
            ip_address: ip.map(str::to_owned),
        })
    };
    let pinned = create("us-east-1b", Some("10.20.30.40")).unwrap();
    assert_eq!(pinned.eni_ip, "10.20.30.40");
    assert_eq!(service.describe(&id).hsms[1].eni_ip, "10.20.30.40");
    let first = service.describe(&id).hsms[0].eni_ip.clone();
    for (zone, ip) in [
        ("us-east-1c", None),
        ("eu-west-1a", None),
        ("us-east-1", None),
        ("nowhere", None),
        ("us-east-1a", Some("10.20.30.40")),
        ("us-east-1a", Some(&*first)),
        ("us-east-1a", Some("10.20.30.400")),
        ("us-east-1a", Some("::1")),
    ] {
        let error = life(service.refused(|_| create(zone, ip)));
        assert!(
            matches!(error, LifeError::Input { field: "AvailabilityZone" | "IpAddress", .. }),
            "{zone}: {error}"
        );
    }
    let zones = |service: &Service| service.plane().emptiest_zone(&service.world.clusters.find(&id).unwrap());
    create("us-east-1b", None).unwrap();
    assert_eq!(zones(&service), "us-east-1a");
}

#[test]
fn a_cluster_has_28_hsms_at_most() {
    let service = Service::new();
    let id = service.at(At::Active).cluster_id;
    for _ in 1..28 {
        service.create_hsm(&id, "us-east-1a").unwrap();
    }
    let hsms = service.describe(&id).hsms;
    let mut addresses: Vec<_> = hsms.iter().map(|hsm| hsm.eni_ip.clone()).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!((hsms.len(), addresses.len()), (28, 28));
    let error = life(service.refused(|service| service.create_hsm(&id, "us-east-1a")));
    assert!(matches!(error, LifeError::TooManyHsms { limit: 28, .. }), "{error}");
}

#[test]
fn hsms_that_come_at_once_all_come() {
    let service = Service::new();
    let id = service.at(At::Active).cluster_id;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| service.create_hsm(&id, "us-east-1a").unwrap());
        }
    });
    let mut slots: Vec<_> = service.describe(&id).hsms.iter().map(|hsm| hsm.slot_id).collect();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), 9);
    assert_eq!(service.world.clusters.slots().unwrap().1.len(), 10);
}

/// Of a cluster's deletion and its new HSM only one may win.
#[test]
fn no_cluster_is_deleted_under_a_new_hsm() {
    for _ in 0..20 {
        let service = Service::new();
        let id = service.at(At::Deserted).cluster_id;
        let (created, deleted) = std::thread::scope(|scope| {
            let created = scope.spawn(|| service.create_hsm(&id, "us-east-1a").is_ok());
            let deleted = scope.spawn(|| service.plane().delete_cluster(&id).is_ok());
            (created.join().unwrap(), deleted.join().unwrap())
        });
        assert!(created != deleted, "one of them");
        assert_eq!(service.world.clusters.slots().unwrap().1.len(), if created { 2 } else { 1 });
    }
}

#[test]
fn failed_and_degraded_hsms_are_shown_so_and_can_be_deleted() {
    let service = Service::new();
    let made = service.at(At::Active);
    let cluster = service.world.clusters.find(&made.cluster_id).unwrap();
    let set = |state| {
        let (by, hsm) = (Authority::Service(&service.root_key), &made.hsms[0].hsm_id);
        service.world.clusters.set_hsm_state(&cluster, by, hsm, state).unwrap();
        let status = service.describe(&made.cluster_id).hsms[0].status;
        (status.name(), status.message().is_some())
    };
    assert_eq!(set(HsmState::Degraded), ("DEGRADED", true));
    assert_eq!(set(HsmState::Failed), ("DEGRADED", true));
    assert_eq!(set(HsmState::Active), ("ACTIVE", false));
    set(HsmState::Failed);
    service.delete_hsm(&made.cluster_id, &made.hsms[0].hsm_id).unwrap();
}
