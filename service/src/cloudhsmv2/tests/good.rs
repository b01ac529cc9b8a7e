//! What is asked well.

use super::*;

#[test]
fn every_operation_is_done_and_answers_the_models_members() {
    for protocol in PROTOCOLS {
        let world = World::with_delay(protocol, 1000);
        let id = a_life_of_clusters(&world);
        backups(&world, &id);
        tags(&world, &id);
        an_end(&world, &id);
        every_member_was_seen(&world);
    }
}

/// As much time as states that pass are shown.
fn wait(world: &World) {
    world.clock.fetch_add(1000, Ordering::SeqCst);
}

fn a_life_of_clusters(world: &World) -> String {
    let made = world.good(
        "CreateCluster",
        json!({
            "HsmType": "hsm1.medium", "SubnetIds": SUBNETS, "NetworkType": "DUALSTACK", "Mode": "FIPS",
            "BackupRetentionPolicy": {"Type": "DAYS", "Value": "30"}, "TagList": [{"Key": "a", "Value": "b"}],
            "Unknown": [1],
        }),
    );
    let cluster = &made["Cluster"];
    assert_eq!(
        (&cluster["State"], &cluster["NetworkType"]),
        (&json!("CREATE_IN_PROGRESS"), &json!("DUALSTACK"))
    );
    assert_eq!(cluster["BackupRetentionPolicy"], json!({"Type": "DAYS", "Value": "30"}));
    assert_eq!(cluster["SubnetMapping"], json!({"us-east-1a": SUBNETS[0], "us-east-1b": SUBNETS[1]}));
    assert_eq!(cluster["CreateTimestamp"], json!(START_MS as f64 / 1000.0));
    let id = cluster["ClusterId"].as_str().unwrap().to_owned();
    wait(world);
    let zone = json!({"ClusterId": id, "AvailabilityZone": "us-east-1a", "IpAddress": "10.0.0.9"});
    let hsm = world.good("CreateHsm", zone);
    assert_eq!((&hsm["Hsm"]["EniIp"], &hsm["Hsm"]["ClusterId"]), (&json!("10.0.0.9"), &json!(id)));
    wait(world);
    let issued = world.issued(&id);
    let initialized = world.good(
        "InitializeCluster",
        json!({"ClusterId": id, "SignedCert": issued.certificate, "TrustAnchor": issued.trust_anchor}),
    );
    assert_eq!(initialized["State"], json!("INITIALIZE_IN_PROGRESS"));
    wait(world);
    world.activate(&id);
    let modified = world.good("ModifyCluster", json!({"ClusterId": id, "HsmType": "hsm2m.medium"}));
    assert_eq!(modified["Cluster"]["State"], json!("MODIFY_IN_PROGRESS"));
    wait(world);
    let found = world.good("DescribeClusters", json!({"Filters": {"states": ["ACTIVE"]}}));
    let cluster = &found["Clusters"][0];
    assert_eq!((&cluster["ClusterId"], &cluster["HsmType"]), (&json!(id), &json!("hsm2m.medium")));
    assert_eq!(cluster["Certificates"]["ClusterCertificate"], json!(issued.certificate));
    id
}

fn backups(world: &World, cluster_id: &str) {
    wait(world);
    world.good("CreateHsm", json!({"ClusterId": cluster_id, "AvailabilityZone": "us-east-1b"}));
    let (id, arn) = world.backup();
    assert_eq!(arn, format!("arn:aws:cloudhsm:us-east-1:111122223333:backup/{id}"));
    let copied = world.good(
        "CopyBackupToRegion",
        json!({"DestinationRegion": "eu-west-1", "BackupId": id, "TagList": [{"Key": "k", "Value": ""}]}),
    );
    assert_eq!(copied["DestinationBackup"]["SourceBackup"], json!(id));
    let copies = world.good("DescribeBackups", json!({"Filters": {"sourceBackupIds": [id]}}));
    assert_eq!(copies["Backups"][0]["TagList"], json!([{"Key": "k", "Value": ""}]));

    let kept = world.good("ModifyBackupAttributes", json!({"BackupId": id, "NeverExpires": true}));
    assert_eq!(kept["Backup"]["NeverExpires"], json!(true));
    let lasting = world.good("DescribeBackups", json!({"Filters": {"neverExpires": ["true"]}}));
    assert_eq!(lasting["Backups"].as_array().unwrap().len(), 1);
    let first = world.good("DescribeBackups", json!({"MaxResults": 1, "SortAscending": true}));
    let next = json!({"MaxResults": 50, "SortAscending": true, "NextToken": first["NextToken"]});
    assert_eq!(world.good("DescribeBackups", next)["Backups"].as_array().unwrap().len(), 2);
    assert_eq!(world.good("DescribeBackups", json!({"Shared": true}))["Backups"], json!([]));

    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "444455556666"},
        "Action": ["cloudhsm:DescribeBackups"], "Resource": arn,
    }]});
    let policy = policy.to_string();
    let about = json!({"ResourceArn": arn});
    assert_eq!(world.good("GetResourcePolicy", about.clone()), json!({}));
    let put = world.good("PutResourcePolicy", json!({"ResourceArn": arn, "Policy": policy}));
    assert_eq!(put, json!({"ResourceArn": arn, "Policy": policy}));
    // What is changed otherwise leaves it as it is.
    world.good("ModifyBackupAttributes", json!({"BackupId": id, "NeverExpires": false}));
    assert_eq!(world.good("GetResourcePolicy", about.clone()), json!({"Policy": policy}));
    assert_eq!(world.good("DeleteResourcePolicy", about.clone()), put);
    assert_eq!(world.good("GetResourcePolicy", about.clone()), json!({}));
    assert_eq!(world.good("DeleteResourcePolicy", about), json!({"ResourceArn": arn}));

    let deleted = world.good("DeleteBackup", json!({"BackupId": id}));
    assert_eq!(deleted["Backup"]["BackupState"], json!("PENDING_DELETION"));
    assert!(deleted["Backup"]["DeleteTimestamp"].is_number());
    let restored = world.good("RestoreBackup", json!({"BackupId": id}));
    assert_eq!(restored["Backup"]["BackupState"], json!("READY"));

    let request = json!({"HsmType": "hsm2m.medium", "SubnetIds": SUBNETS, "SourceBackupId": arn});
    let again = world.good("CreateCluster", request);
    assert_eq!(again["Cluster"]["SourceBackupId"], json!(id));
}

fn tags(world: &World, cluster_id: &str) {
    let many: Vec<_> = (0..49).map(|i| json!({"Key": format!("key {i}"), "Value": "v"})).collect();
    assert_eq!(world.good("TagResource", json!({"ResourceId": cluster_id, "TagList": many})), json!({}));
    let about = json!({"ResourceId": cluster_id, "MaxResults": 30});
    let first = world.good("ListTags", about);
    assert_eq!(first["TagList"].as_array().unwrap().len(), 30);
    let next = json!({"ResourceId": cluster_id, "NextToken": first["NextToken"]});
    assert_eq!(world.good("ListTags", next)["TagList"].as_array().unwrap().len(), 20);
    let gone = json!({"ResourceId": cluster_id, "TagKeyList": ["a", "key 0", "none"]});
    assert_eq!(world.good("UntagResource", gone), json!({}));
    let left = world.good("ListTags", json!({"ResourceId": cluster_id}));
    assert_eq!(left["TagList"].as_array().unwrap().len(), 48);
}

fn an_end(world: &World, cluster_id: &str) {
    let page = world.good("DescribeClusters", json!({"MaxResults": 1}));
    let cluster = &page["Clusters"][0];
    assert!(page["NextToken"].is_string());
    let by = [("HsmId", "HsmId"), ("EniIp", "EniIp")];
    for (i, (member, name)) in by.into_iter().enumerate() {
        let hsm = &cluster["Hsms"][i];
        let gone = world.good("DeleteHsm", json!({"ClusterId": cluster_id, member: hsm[name]}));
        assert_eq!(gone, json!({"HsmId": hsm["HsmId"]}));
    }
    let hsm = world.good("CreateHsm", json!({"ClusterId": cluster_id, "AvailabilityZone": "us-east-1a"}));
    world.good("DeleteHsm", json!({"ClusterId": cluster_id, "EniId": hsm["Hsm"]["EniId"]}));
    wait(world);
    let deleted = world.good("DeleteCluster", json!({"ClusterId": cluster_id}));
    assert_eq!(deleted["Cluster"]["State"], json!("DELETE_IN_PROGRESS"));
    // One that failed tells why; a token of C_InitToken tells what it lacks.
    let service = &world.service;
    let other = world.active_in_passing();
    let cluster = service.clusters.find(&other).unwrap();
    let by = vhsm_pkcs11::cluster::Authority::Service(&service.root_key);
    let failed = vhsm_pkcs11::cluster::HsmState::Failed;
    service.clusters.set_hsm_state(&cluster, by, &cluster.hsms[0].name, failed).unwrap();
    service.clusters.init_token(free_slot(service), b"12345678", "token", service.settings.policy).unwrap();
    let all = world.good("DescribeClusters", json!({}));
    let shown: Vec<&Value> = all["Clusters"].as_array().unwrap().iter().collect();
    assert!(shown.iter().any(|cluster| cluster["StateMessage"].is_string()));
    let failed = |cluster: &&Value| cluster["Hsms"][0]["StateMessage"].is_string();
    assert!(shown.iter().any(failed));
}

impl World {
    /// As `active_cluster`, where states that pass are shown.
    fn active_in_passing(&self) -> String {
        let cluster = self.good("CreateCluster", json!({"HsmType": "hsm2m.medium", "SubnetIds": SUBNETS}));
        let id = cluster["Cluster"]["ClusterId"].as_str().unwrap().to_owned();
        wait(self);
        self.good("CreateHsm", json!({"ClusterId": id, "AvailabilityZone": "us-east-1a"}));
        wait(self);
        let issued = self.issued(&id);
        self.good(
            "InitializeCluster",
            json!({"ClusterId": id, "SignedCert": issued.certificate, "TrustAnchor": issued.trust_anchor}),
        );
        wait(self);
        self.activate(&id);
        id
    }
}

/// That of the uninitialized token, which is the last.
fn free_slot(service: &CloudHsmV2) -> u64 {
    service.clusters.slots().unwrap().1.last().unwrap().slot_id
}

fn every_member_was_seen(world: &World) {
    let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
    let mut want = |name: &str, members: &[&str]| {
        let is_never = |member: &str| model::NEVER.iter().any(|(n, m, _)| (*n, *m) == (name, member));
        wanted.extend(members.iter().filter(|m| !is_never(m)).map(|m| (name.to_owned(), (*m).to_owned())));
    };
    model::OPERATIONS.iter().for_each(|(name, _, answer)| want(name, answer));
    model::STRUCTURES.iter().for_each(|(name, members, _)| want(name, members));
    let seen = world.seen.lock().unwrap();
    assert_eq!(wanted.difference(&seen).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    assert_eq!(seen.difference(&wanted).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
}

#[test]
fn the_audit_log_gets_names_members_and_whether_it_reads() {
    let world = World::new(Protocol::Json11);
    let request = json!({"HsmType": "hsm2m.medium", "SubnetIds": SUBNETS});
    let made = world.raw("CreateCluster", &world.encoded(&request)).record;
    assert_eq!((made.operation, made.read_only), (Some("CreateCluster"), false));
    assert_eq!(made.request, json!({"hsmType": "hsm2m.medium", "subnetIds": SUBNETS}));
    assert_eq!(made.response["cluster"]["state"], json!("UNINITIALIZED"));
    let read = world.raw("DescribeClusters", b"").record;
    assert_eq!(
        (read.operation, read.read_only, read.response),
        (Some("DescribeClusters"), true, Value::Null)
    );
}

#[test]
fn the_services_own_cluster_is_not_shown() {
    let world = World::new(Protocol::RpcV2Cbor);
    let service = &world.service;
    let own = service.clusters.private_cluster(&service.root_key, "us-east-1").unwrap().cluster;
    assert_eq!(world.good("DescribeClusters", json!({}))["Clusters"], json!([]));
    assert_eq!(world.good("DescribeBackups", json!({}))["Backups"], json!([]));
    for (operation, request) in [
        ("DeleteCluster", json!({"ClusterId": own.name})),
        ("ListTags", json!({"ResourceId": own.name})),
        ("CreateHsm", json!({"ClusterId": own.name, "AvailabilityZone": "us-east-1a"})),
        ("DeleteHsm", json!({"ClusterId": own.name, "HsmId": own.hsms[0].name})),
    ] {
        assert_refused(&world, operation, &request, "CloudHsmResourceNotFoundException");
    }
}
