//! What is asked badly.

use super::*;
use crate::http::service::Refusal;

const INVALID: &str = "CloudHsmInvalidRequestException";
const NOT_FOUND: &str = "CloudHsmResourceNotFoundException";
const TAG: &str = "CloudHsmTagException";
const NO_CLUSTER: &str = "cluster-aaaaaaaaaaa";
const NO_BACKUP: &str = "backup-aaaaaaaaaaa";

#[test]
fn every_operation_refuses_what_is_not_there_and_what_breaks_the_model() {
    for protocol in PROTOCOLS {
        let world = World::new(protocol);
        let id = world.active_cluster();
        let (backup, arn) = world.backup();
        let rows = [rows_of_clusters(&id), rows_of_backups(&backup), rows_of_policies(&arn)].concat();
        for (operation, request, exception) in &rows {
            assert_refused(&world, operation, request, exception);
        }
        for (operation, ..) in model::OPERATIONS {
            assert!(rows.iter().any(|(name, ..)| name == operation), "{operation} is not asked badly");
        }
    }
}

type Row = (&'static str, Value, &'static str);

fn rows_of_clusters(id: &str) -> Vec<Row> {
    let with = |member: &str, value: Value| {
        let mut request = json!({"HsmType": "hsm2m.medium", "SubnetIds": SUBNETS});
        request[member] = value;
        request
    };
    let tags = |list: Value| json!({"ResourceId": id, "TagList": list});
    let many: Vec<_> = (0..51).map(|i| json!({"Key": i.to_string(), "Value": ""})).collect();
    vec![
        ("CreateCluster", json!({}), INVALID),
        ("CreateCluster", json!({"HsmType": null, "SubnetIds": null}), INVALID),
        ("CreateCluster", with("HsmType", json!("hsm9")), INVALID),
        ("CreateCluster", with("SubnetIds", json!([])), INVALID),
        ("CreateCluster", with("SubnetIds", json!(["subnet-x"])), INVALID),
        ("CreateCluster", with("Mode", json!("fips")), INVALID),
        ("CreateCluster", with("NetworkType", json!("IPV6")), INVALID),
        ("CreateCluster", with("BackupRetentionPolicy", json!({"Type": "DAYS"})), INVALID),
        ("CreateCluster", with("BackupRetentionPolicy", json!({"Type": "DAYS", "Value": "6"})), INVALID),
        ("CreateCluster", with("TagList", json!([])), INVALID),
        ("CreateCluster", with("TagList", json!([{"Key": "a"}])), INVALID),
        ("CreateCluster", with("TagList", json!([{"Key": "aws:a", "Value": ""}])), TAG),
        ("CreateCluster", with("SourceBackupId", json!(NO_BACKUP)), NOT_FOUND),
        ("DescribeClusters", json!({"MaxResults": 26}), INVALID),
        ("DescribeClusters", json!({"MaxResults": 0}), INVALID),
        ("DescribeClusters", json!({"NextToken": "x"}), INVALID),
        ("DescribeClusters", json!({"NextToken": "x".repeat(257)}), INVALID),
        ("DescribeClusters", json!({"Filters": {"names": ["x"]}}), INVALID),
        ("DescribeClusters", json!({"Filters": {"states": ["GONE"]}}), INVALID),
        ("InitializeCluster", json!({"ClusterId": id, "SignedCert": "x", "TrustAnchor": "x"}), INVALID),
        (
            "InitializeCluster",
            json!({"ClusterId": NO_CLUSTER, "SignedCert": "x", "TrustAnchor": "x"}),
            NOT_FOUND,
        ),
        ("InitializeCluster", json!({"ClusterId": id}), INVALID),
        ("ModifyCluster", json!({"ClusterId": id}), INVALID),
        ("ModifyCluster", json!({"ClusterId": NO_CLUSTER, "HsmType": "hsm2m.medium"}), NOT_FOUND),
        ("DeleteCluster", json!({"ClusterId": id}), INVALID),
        ("DeleteCluster", json!({"ClusterId": NO_CLUSTER}), NOT_FOUND),
        ("DeleteCluster", json!({"ClusterId": "cluster"}), INVALID),
        ("CreateHsm", json!({"ClusterId": id, "AvailabilityZone": "mars-1a"}), INVALID),
        ("CreateHsm", json!({"ClusterId": NO_CLUSTER, "AvailabilityZone": "us-east-1a"}), NOT_FOUND),
        ("CreateHsm", json!({"ClusterId": id}), INVALID),
        ("DeleteHsm", json!({"ClusterId": id}), INVALID),
        ("DeleteHsm", json!({"ClusterId": id, "HsmId": "hsm-aaaaaaaaaaa", "EniIp": "10.0.0.1"}), INVALID),
        ("DeleteHsm", json!({"ClusterId": id, "HsmId": "hsm-aaaaaaaaaaa"}), NOT_FOUND),
        ("TagResource", tags(json!([])), INVALID),
        ("TagResource", tags(json!([{"Key": "a*", "Value": ""}])), TAG),
        ("TagResource", tags(json!(many)), INVALID),
        (
            "TagResource",
            json!({"ResourceId": "hsm-aaaaaaaaaaa", "TagList": [{"Key": "a", "Value": ""}]}),
            INVALID,
        ),
        ("UntagResource", json!({"ResourceId": id, "TagKeyList": []}), INVALID),
        ("UntagResource", json!({"ResourceId": NO_CLUSTER, "TagKeyList": ["a"]}), NOT_FOUND),
        ("ListTags", json!({"ResourceId": NO_BACKUP}), NOT_FOUND),
        ("ListTags", json!({"ResourceId": id, "MaxResults": 101}), INVALID),
        ("ListTags", json!({}), INVALID),
    ]
}

fn rows_of_backups(id: &str) -> Vec<Row> {
    vec![
        ("DescribeBackups", json!({"MaxResults": 51}), INVALID),
        ("DescribeBackups", json!({"NextToken": "x"}), INVALID),
        ("DescribeBackups", json!({"Filters": {"states": ["NEW"]}}), INVALID),
        ("DescribeBackups", json!({"Filters": {"neverExpires": ["yes"]}}), INVALID),
        ("DescribeBackups", json!({"Filters": {"vpcIds": ["vpc-1"]}}), INVALID),
        ("CopyBackupToRegion", json!({"BackupId": id}), INVALID),
        ("CopyBackupToRegion", json!({"BackupId": id, "DestinationRegion": "moon"}), INVALID),
        ("CopyBackupToRegion", json!({"BackupId": NO_BACKUP, "DestinationRegion": "us-west-2"}), NOT_FOUND),
        (
            "CopyBackupToRegion",
            json!({"BackupId": id, "DestinationRegion": "us-west-2", "TagList": [{"Key": "?", "Value": ""}]}),
            TAG,
        ),
        ("DeleteBackup", json!({"BackupId": "backup"}), INVALID),
        ("DeleteBackup", json!({"BackupId": NO_BACKUP}), NOT_FOUND),
        ("RestoreBackup", json!({"BackupId": id}), INVALID),
        ("RestoreBackup", json!({"BackupId": NO_BACKUP}), NOT_FOUND),
        ("ModifyBackupAttributes", json!({"BackupId": id}), INVALID),
        ("ModifyBackupAttributes", json!({"BackupId": NO_BACKUP, "NeverExpires": true}), NOT_FOUND),
    ]
}

fn rows_of_policies(arn: &str) -> Vec<Row> {
    let put = |policy: Value| json!({"ResourceArn": arn, "Policy": policy.to_string()});
    let elsewhere = arn.replace("us-east-1", "us-west-2");
    let others = arn.replace("111122223333", "444455556666");
    let none = format!("{}{NO_BACKUP}", arn.split_once("backup-").unwrap().0);
    let cluster = "arn:aws:cloudhsm:us-east-1:111122223333:cluster/cluster-aaaaaaaaaaa";
    vec![
        ("GetResourcePolicy", json!({}), INVALID),
        ("GetResourcePolicy", json!({"ResourceArn": "arn:aws:kms:us-east-1:111122223333:key/x"}), INVALID),
        ("GetResourcePolicy", json!({"ResourceArn": cluster}), INVALID),
        ("GetResourcePolicy", json!({"ResourceArn": elsewhere}), NOT_FOUND),
        ("GetResourcePolicy", json!({"ResourceArn": others}), NOT_FOUND),
        ("DeleteResourcePolicy", json!({"ResourceArn": none}), NOT_FOUND),
        ("PutResourcePolicy", json!({"ResourceArn": arn}), INVALID),
        ("PutResourcePolicy", json!({"ResourceArn": arn, "Policy": ""}), INVALID),
        ("PutResourcePolicy", json!({"ResourceArn": arn, "Policy": "x".repeat(20_001)}), INVALID),
        ("PutResourcePolicy", json!({"ResourceArn": arn, "Policy": "{"}), INVALID),
        ("PutResourcePolicy", put(json!({"Statement": []})), INVALID),
        ("PutResourcePolicy", put(json!({"Statement": [{"Effect": "Allow", "Action": "*"}]})), INVALID),
        ("PutResourcePolicy", put(json!({"Statement": {"Effect": "Allow", "Principal": "*"}})), INVALID),
        ("PutResourcePolicy", put(json!({"Statement": [{"Principal": "*", "Action": "*"}]})), INVALID),
    ]
}

#[test]
fn a_resource_has_no_more_than_50_tags() {
    for protocol in PROTOCOLS {
        let world = World::new(protocol);
        let id = world.active_cluster();
        let tags = |from: usize| -> Vec<Value> {
            (from..from + 50).map(|i| json!({"Key": i.to_string(), "Value": ""})).collect()
        };
        for resource in [id, world.backup().0] {
            world.good("TagResource", json!({"ResourceId": resource, "TagList": tags(0)}));
            let more = json!({"ResourceId": resource, "TagList": tags(1)});
            assert_refused(&world, "TagResource", &more, "CloudHsmResourceLimitExceededException");
        }
    }
}

#[test]
fn violations_are_told_in_awss_words() {
    let world = World::new(Protocol::Json11);
    let error = assert_refused(&world, "CreateHsm", &json!({"ClusterId": null}), INVALID);
    assert_eq!(
        error.message,
        "2 validation errors detected: Value null at 'clusterId' failed to satisfy constraint: Member must not be \
         null; Value null at 'availabilityZone' failed to satisfy constraint: Member must not be null"
    );
    let error = assert_refused(&world, "DeleteBackup", &json!({"BackupId": "x"}), INVALID);
    assert_eq!(
        error.message,
        "1 validation error detected: Value 'x' at 'backupId' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: backup-[2-7a-zA-Z]{11,16}"
    );
}

#[test]
fn every_member_of_a_request_is_read() {
    for protocol in PROTOCOLS {
        let world = World::new(protocol);
        for (operation, members, _) in model::OPERATIONS {
            for member in *members {
                // No member has this type.
                let request = json!({*member: [[[7]]]});
                assert_refused(&world, operation, &request, "SerializationException");
            }
        }
    }
}

#[test]
fn operations_and_bodies_that_are_none_are_refused() {
    for protocol in PROTOCOLS {
        let world = World::new(protocol);
        assert_refused(&world, "CreateKey", &json!({}), "UnknownOperationException");
        assert_refused(&world, "DescribeClusters", &json!([]), "SerializationException");
        assert_eq!(world.raw("CreateKey", b"").record.operation, None);
        let refusal = Refusal { status: 403, exception: "InvalidSignatureException", message: "no".into() };
        let answer = world.service.refuse(protocol, &refusal);
        let body = world.decoded(&answer.body);
        assert_eq!(
            (answer.status, body),
            (403, json!({"__type": "InvalidSignatureException", "message": "no"}))
        );
    }
}

#[test]
fn what_fails_inside_is_logged_and_not_told() {
    for protocol in PROTOCOLS {
        let world = World::new(protocol);
        // A file in the place of the folder.
        std::fs::write(world._home.path().join("backups"), "").unwrap();
        let answer = world.raw("DescribeBackups", b"");
        let body = world.decoded(&answer.body);
        let (name, message) = answer.record.error.unwrap();
        assert_eq!((answer.status, name.as_str()), (400, "CloudHsmServiceException"));
        assert_eq!(body["Message"], json!(message));
        let home = world._home.path().display().to_string();
        assert!(!message.contains(&home) && answer.record.detail.unwrap().contains(&home), "{message}");
    }
}
