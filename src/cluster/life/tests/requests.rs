//! What requests may say, pages, filters and tags; which exception an error is.

use super::*;
use crate::cluster::backup::{BackupFolder, TakenBy};
use crate::cluster::{Subnet, Tag};
use crate::error::BackupError;

fn create(
    service: &Service,
    change: impl FnOnce(&mut CreateClusterRequest),
) -> Result<ClusterDescription, Error> {
    let mut request = create_request();
    change(&mut request);
    service.plane().create_cluster(&request)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.into(), value: value.into() }
}

#[test]
fn a_cluster_is_described_as_it_was_asked_for() {
    let service = Service::new();
    let made = create(&service, |request| {
        request.hsm_type = HsmType::Hsm1Medium;
        request.places = Places::Subnets(texts(&["subnet-0123abcd", "subnet-0123456789abcdef0"]));
        request.network_type = NetworkType::DualStack;
        request.retention = Some(Retention::parse("DAYS", "379").unwrap());
        request.tags = vec![tag("Team", "payments"), tag("Empty", "")];
    });
    let made = made.unwrap();
    assert_eq!(
        (made.hsm_type.name(), made.mode.name(), made.network_type.name()),
        ("hsm1.medium", "FIPS", "DUALSTACK")
    );
    assert_eq!((made.retention.in_days(), made.source_backup_id), (379, None));
    assert_eq!(made.created_ms, Some(service.world.clock.load(std::sync::atomic::Ordering::SeqCst)));
    let subnet = |zone: &str, id: &str| Subnet { availability_zone: zone.into(), id: id.into() };
    let subnets = [subnet("us-east-1a", "subnet-0123abcd"), subnet("us-east-1b", "subnet-0123456789abcdef0")];
    assert_eq!(made.subnets, subnets);
    assert_eq!(made.tags.len(), 2);
    assert!(check::is_name("cluster-", &made.cluster_id));
    assert!(made.vpc_id.starts_with("vpc-") && made.security_group.starts_with("sg-"));
    assert_eq!(made.vpc_id, service.create().vpc_id, "clusters of one region share it");
    assert_ne!(made.security_group, service.create().security_group);
    let hsm = service.create_hsm(&made.cluster_id, "us-east-1b").unwrap();
    assert_eq!(hsm.subnet_id, "subnet-0123456789abcdef0");
    assert!(check::hsm_id(&hsm.hsm_id).is_ok() && check::eni_id(&hsm.eni_id).is_ok());
    assert_eq!((hsm.cluster_id, hsm.hsm_type), (made.cluster_id, HsmType::Hsm1Medium));
}

#[test]
fn ten_zones_are_enough_and_eleven_too_many() {
    let service = Service::new();
    let zones = |count: u8| (0..count).map(|n| format!("us-east-1{}", char::from(b'a' + n))).collect();
    let made = create(&service, |request| request.places = Places::Zones(zones(10))).unwrap();
    assert_eq!(made.subnets.len(), 10);
    let subnets = |count: u8| (0..count).map(|n| format!("subnet-{n:08x}")).collect();
    let made = create(&service, |request| request.places = Places::Subnets(subnets(10))).unwrap();
    assert_eq!(made.subnets[9].availability_zone, "us-east-1j");
    for places in [
        Places::Zones(zones(11)),
        Places::Zones(Vec::new()),
        Places::Zones(texts(&["us-east-1a", "us-east-1a"])),
        Places::Zones(texts(&["us-east-1a", "us-west-2a"])),
        Places::Zones(texts(&["us-east-1A"])),
        Places::Zones(texts(&["us-north-pole-1a"])),
        Places::Subnets(subnets(11)),
        Places::Subnets(Vec::new()),
        Places::Subnets(texts(&["subnet-0000000", "subnet-00000000"])),
        Places::Subnets(texts(&["subnet-0123456789abcdef01"])),
        Places::Subnets(texts(&["subnet-0123456g"])),
        Places::Subnets(texts(&["subnet-00000000", "subnet-00000000"])),
    ] {
        let error = service.refused(|service| create(service, |request| request.places = places.clone()));
        assert_eq!(Exception::from(&error), Exception::InvalidRequest);
        assert!(
            matches!(life(error), LifeError::Input { field: "SubnetIds" | "AvailabilityZone", .. }),
            "{places:?}"
        );
    }
    for zone in ["us-gov-west-1b", "ap-southeast-2c", "eu-central-1a", "ap-northeast-3d"] {
        assert!(check::availability_zone(zone).is_ok(), "{zone}");
    }
}

#[test]
fn values_that_are_none_are_refused() {
    let service = Service::new();
    for (kind, value) in
        [("DAYS", "6"), ("DAYS", "380"), ("DAYS", ""), ("DAYS", "+30"), ("DAYS", "0030"), ("WEEKS", "8")]
    {
        assert!(matches!(Retention::parse(kind, value), Err(LifeError::Input { .. })), "{kind} {value}");
    }
    assert!(
        HsmType::parse("hsm3.large").is_err()
            && Mode::parse("fips").is_err()
            && NetworkType::parse("IPV6").is_err()
    );
    assert_eq!(HsmType::parse("hsm1.medium").unwrap(), HsmType::Hsm1Medium);
    let mode = |request: &mut CreateClusterRequest| {
        (request.hsm_type, request.mode) = (HsmType::Hsm1Medium, Some(Mode::NonFips));
    };
    assert!(matches!(life(service.refused(|s| create(s, mode))), LifeError::Input { field: "Mode", .. }));
    let backup =
        |request: &mut CreateClusterRequest| request.source_backup_id = Some("backup-aaaaaaaaaaa".into());
    let error = service.refused(|service| create(service, backup));
    assert_eq!(Exception::from(&error), Exception::ResourceNotFound);
    assert!(matches!(error, Error::Backup(BackupError::NotFound(_))), "{error}");
    let nothing =
        ModifyClusterRequest { cluster_id: service.create().cluster_id, ..ModifyClusterRequest::default() };
    assert!(matches!(life(service.refused(|s| s.plane().modify_cluster(&nothing))), LifeError::Input { .. }));
    for id in
        ["", "demo", "cluster-short", "cluster-aaaaaaaaaa1", "cluster-aaaaaaaaaaaaaaaaa", "hsm-aaaaaaaaaaa"]
    {
        let error = life(service.refused(|service| service.plane().delete_cluster(id)));
        assert!(matches!(error, LifeError::Input { field: "ClusterId", .. }), "{id}: {error}");
    }
}

#[test]
fn certificates_are_texts_of_20000_characters_at_most() {
    let service = Service::new();
    let cluster = service.at(At::Requested);
    let with = |signed_cert: String, trust_anchor: String| InitializeClusterRequest {
        cluster_id: cluster.cluster_id.clone(),
        signed_cert,
        trust_anchor,
    };
    let field = |request: InitializeClusterRequest| match life(
        service.refused(|service| service.plane().initialize_cluster(&request)),
    ) {
        LifeError::Input { field, .. } => field,
        other => panic!("{other}"),
    };
    let good = ca().sign(cluster.certificates.cluster_csr.as_ref().unwrap());
    assert_eq!(field(with(good.clone() + &" ".repeat(20_001 - good.len()), ca().pem())), "SignedCert");
    assert_eq!(field(with(good.clone(), format!("Certificate: Data\n{}", ca().pem()))), "TrustAnchor");
    let filled = good.clone() + &"\n".repeat(20_000 - good.len());
    service.plane().initialize_cluster(&with(filled, ca().pem())).unwrap();
}

#[test]
fn retention_is_modified() {
    let service = Service::new();
    for at in ALL {
        let cluster_id = service.at(at).cluster_id;
        let retention = Some(Retention::days(7).unwrap());
        let request = ModifyClusterRequest { cluster_id: cluster_id.clone(), hsm_type: None, retention };
        assert_eq!(service.plane().modify_cluster(&request).unwrap().retention.in_days(), 7);
        assert_eq!(service.describe(&cluster_id).retention.in_days(), 7);
    }
}

fn page(
    service: &Service,
    change: impl FnOnce(&mut DescribeClustersRequest),
) -> Result<(Vec<String>, Option<String>), Error> {
    let mut request = DescribeClustersRequest::default();
    change(&mut request);
    let answer = service.unauthorized().describe_clusters(&request)?;
    Ok((answer.clusters.into_iter().map(|cluster| cluster.cluster_id).collect(), answer.next_token))
}

#[test]
fn clusters_come_in_pages() {
    let service = Service::new();
    let made: Vec<String> = (0..27).map(|_| service.create().cluster_id).collect();
    let (first, token) = page(&service, |_| ()).unwrap();
    assert_eq!(first, made[..25]);
    // What is deleted meanwhile moves nobody.
    service.plane().delete_cluster(&made[24]).unwrap();
    let (rest, none) = page(&service, |request| request.next_token = token).unwrap();
    assert_eq!((rest.as_slice(), none), (&made[25..], None));
    let (mut all, mut token) = (Vec::new(), None);
    loop {
        let (some, next) = page(&service, |request| {
            (request.max_results, request.next_token) = (Some(4), token.take());
        })
        .unwrap();
        all.extend(some);
        match next {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    assert_eq!(all.len(), 26);
    let (exact, none) = page(&service, |request| {
        (request.max_results, request.cluster_ids) = (Some(2), made[..2].to_vec());
    })
    .unwrap();
    assert_eq!((exact.as_slice(), none), (&made[..2], None), "a full last page has no successor");
    for max_results in [0, 26] {
        assert!(page(&service, |request| request.max_results = Some(max_results)).is_err());
    }
    for token in ["", "x", "0000000g", "000000001"] {
        assert!(page(&service, |request| request.next_token = Some(token.into())).is_err(), "{token}");
    }
}

#[test]
fn filters_join() {
    let service = Service::new();
    let (empty, active) = (service.at(At::Empty), service.at(At::Active));
    let found =
        |change: &dyn Fn(&mut DescribeClustersRequest)| page(&service, |request| change(request)).unwrap().0;
    let only = |id: &String| vec![id.clone()];
    assert_eq!(found(&|r| r.cluster_ids = only(&active.cluster_id)), only(&active.cluster_id));
    assert_eq!(found(&|r| r.states = texts(&["ACTIVE"])), only(&active.cluster_id));
    assert_eq!(found(&|r| r.states = texts(&["ACTIVE", "UNINITIALIZED"])).len(), 2);
    assert_eq!(found(&|r| r.vpc_ids = only(&empty.vpc_id)).len(), 2);
    assert!(found(&|r| r.vpc_ids = texts(&["vpc-0"])).is_empty());
    assert!(found(&|r| r.cluster_ids = texts(&["cluster-aaaaaaaaaaa"])).is_empty());
    let both = |r: &mut DescribeClustersRequest| {
        (r.cluster_ids, r.states) = (only(&empty.cluster_id), texts(&["ACTIVE"]));
    };
    assert!(found(&both).is_empty());
    assert!(page(&service, |request| request.states = texts(&["active"])).is_err());
    assert!(page(&service, |request| request.cluster_ids = texts(&["demo"])).is_err());
}

#[test]
fn tags_are_put_listed_and_taken_off() {
    let service = Service::new();
    let id = &service.at(At::Active).cluster_id;
    let plane = service.plane();
    let list = |next_token, max_results| {
        plane.list_tags(&ListTagsRequest { resource_id: id.clone(), next_token, max_results }).unwrap()
    };
    plane.tag_resource(id, &[tag("a", "1"), tag("b", "2"), tag("c d+e", "x:y/z @_.=-")]).unwrap();
    plane.tag_resource(id, &[tag("a", "3")]).unwrap();
    let first = list(None, Some(2));
    assert_eq!(first.tags.len(), 2);
    let rest = list(first.next_token, Some(2));
    assert_eq!((rest.tags, rest.next_token), (vec![tag("a", "3")], None));
    plane.untag_resource(id, &texts(&["a", "none"])).unwrap();
    assert_eq!(service.describe(id).tags, [tag("b", "2"), tag("c d+e", "x:y/z @_.=-")]);
    let many: Vec<Tag> = (0..48).map(|n| tag(&format!("key{n}"), "")).collect();
    plane.tag_resource(id, &many).unwrap();
    let error = service.refused(|service| service.plane().tag_resource(id, &[tag("one more", "")]));
    assert_eq!(Exception::from(&error), Exception::ResourceLimitExceeded);
    assert_eq!(list(None, None).tags.len(), 50);
}

#[test]
fn tags_that_are_none_are_refused() {
    let service = Service::new();
    let id = service.create().cluster_id;
    for bad in [
        tag("", ""),
        tag("aws:x", ""),
        tag("AWS:x", ""),
        tag("a*", ""),
        tag(&"k".repeat(129), ""),
        tag("k", &"v".repeat(257)),
        tag("k", "a\u{0}"),
    ] {
        let error = service.refused(|service| service.plane().tag_resource(&id, std::slice::from_ref(&bad)));
        assert_eq!(Exception::from(&error), Exception::Tag, "{bad:?}");
        assert!(create(&service, |request| request.tags = vec![bad]).is_err());
    }
    let twice = [tag("k", "1"), tag("k", "2")];
    assert_eq!(Exception::from(&service.refused(|s| s.plane().tag_resource(&id, &twice))), Exception::Tag);
    for (resource, tags) in
        [(id.as_str(), vec![]), (&id, vec![tag("k", ""); 51]), ("demo", vec![tag("k", "")])]
    {
        let error = service.refused(|service| service.plane().tag_resource(resource, &tags));
        assert_eq!(Exception::from(&error), Exception::InvalidRequest, "{resource}");
    }
    assert!(service.plane().untag_resource(&id, &[]).is_err());
    let error =
        service.refused(|service| service.plane().tag_resource("cluster-aaaaaaaaaaa", &[tag("k", "")]));
    assert_eq!(Exception::from(&error), Exception::ResourceNotFound);
}

#[test]
fn backups_are_tagged_too() {
    let service = Service::new();
    let id = service.at(At::Active).cluster_id;
    let folder = tempfile::tempdir().unwrap();
    let clusters =
        service.world.again().with_backups(BackupFolder::new(folder.path().join("backups"), false));
    let plane = || ControlPlane::new(&clusters, service.unauthorized().settings);
    let (cluster, by) = (clusters.find(&id).unwrap(), TakenBy::Service(&service.root_key));
    let backup = clusters.create_backup(&cluster, by, &mut |_, _| {}).unwrap().id;
    let tags = || {
        let request = ListTagsRequest { resource_id: backup.clone(), next_token: None, max_results: None };
        plane().list_tags(&request).unwrap().tags
    };
    let right = plane().with_root_key(&service.root_key);
    right.tag_resource(&backup, &[tag("a", "1"), tag("b", "2")]).unwrap();
    right.untag_resource(&backup, &texts(&["a"])).unwrap();
    assert_eq!(tags(), [tag("b", "2")]);
    let many: Vec<Tag> = (0..50).map(|n| tag(&format!("key{n}"), "")).collect();
    let error = right.tag_resource(&backup, &many).unwrap_err();
    assert_eq!(Exception::from(&error), Exception::ResourceLimitExceeded);
    let error = plane().tag_resource(&backup, &many[..1]).unwrap_err();
    assert_eq!(Exception::from(&error), Exception::AccessDenied);
    let error = right.tag_resource("backup-aaaaaaaaaaa", &many[..1]).unwrap_err();
    assert_eq!(Exception::from(&error), Exception::ResourceNotFound);
}
