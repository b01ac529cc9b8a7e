//! Facts of the API's model, `cloudhsmv2/2017-04-28` (botocore 1.44.5).

/// Operations: name, members of the request, members of the answer.
pub const OPERATIONS: &[(&str, &[&str], &[&str])] = &[
    ("CopyBackupToRegion", &["DestinationRegion", "BackupId", "TagList"], &["DestinationBackup"]),
    (
        "CreateCluster",
        &[
            "BackupRetentionPolicy",
            "HsmType",
            "SourceBackupId",
            "SubnetIds",
            "NetworkType",
            "TagList",
            "Mode",
        ],
        &["Cluster"],
    ),
    ("CreateHsm", &["ClusterId", "AvailabilityZone", "IpAddress"], &["Hsm"]),
    ("DeleteBackup", &["BackupId"], &["Backup"]),
    ("DeleteCluster", &["ClusterId"], &["Cluster"]),
    ("DeleteHsm", &["ClusterId", "HsmId", "EniId", "EniIp"], &["HsmId"]),
    ("DeleteResourcePolicy", &["ResourceArn"], &["ResourceArn", "Policy"]),
    (
        "DescribeBackups",
        &["NextToken", "MaxResults", "Filters", "Shared", "SortAscending"],
        &["Backups", "NextToken"],
    ),
    ("DescribeClusters", &["Filters", "NextToken", "MaxResults"], &["Clusters", "NextToken"]),
    ("GetResourcePolicy", &["ResourceArn"], &["Policy"]),
    ("InitializeCluster", &["ClusterId", "SignedCert", "TrustAnchor"], &["State", "StateMessage"]),
    ("ListTags", &["ResourceId", "NextToken", "MaxResults"], &["TagList", "NextToken"]),
    ("ModifyBackupAttributes", &["BackupId", "NeverExpires"], &["Backup"]),
    ("ModifyCluster", &["HsmType", "BackupRetentionPolicy", "ClusterId"], &["Cluster"]),
    ("PutResourcePolicy", &["ResourceArn", "Policy"], &["ResourceArn", "Policy"]),
    ("RestoreBackup", &["BackupId"], &["Backup"]),
    ("TagResource", &["ResourceId", "TagList"], &[]),
    ("UntagResource", &["ResourceId", "TagKeyList"], &[]),
];

/// Structures of answers: name, members, those that are required.
pub const STRUCTURES: &[(&str, &[&str], &[&str])] = &[
    (
        "Backup",
        &[
            "BackupId",
            "BackupArn",
            "BackupState",
            "ClusterId",
            "CreateTimestamp",
            "CopyTimestamp",
            "NeverExpires",
            "SourceRegion",
            "SourceBackup",
            "SourceCluster",
            "DeleteTimestamp",
            "TagList",
            "HsmType",
            "Mode",
        ],
        &["BackupId"],
    ),
    (
        "Cluster",
        &[
            "BackupPolicy",
            "BackupRetentionPolicy",
            "ClusterId",
            "CreateTimestamp",
            "Hsms",
            "HsmType",
            "HsmTypeRollbackExpiration",
            "PreCoPassword",
            "SecurityGroup",
            "SourceBackupId",
            "State",
            "StateMessage",
            "SubnetMapping",
            "VpcId",
            "NetworkType",
            "Certificates",
            "TagList",
            "Mode",
        ],
        &[],
    ),
    (
        "Certificates",
        &[
            "ClusterCsr",
            "HsmCertificate",
            "AwsHardwareCertificate",
            "ManufacturerHardwareCertificate",
            "ClusterCertificate",
        ],
        &[],
    ),
    ("BackupRetentionPolicy", &["Type", "Value"], &[]),
    ("DestinationBackup", &["CreateTimestamp", "SourceRegion", "SourceBackup", "SourceCluster"], &[]),
    (
        "Hsm",
        &[
            "AvailabilityZone",
            "ClusterId",
            "SubnetId",
            "EniId",
            "EniIp",
            "EniIpV6",
            "HsmId",
            "HsmType",
            "State",
            "StateMessage",
        ],
        &["HsmId"],
    ),
    ("Tag", &["Key", "Value"], &["Key", "Value"]),
];

/// Members that hold a structure, or a list of them.
pub const HOLDS: &[(&str, &str)] = &[
    ("Backup", "Backup"),
    ("Backups", "Backup"),
    ("Cluster", "Cluster"),
    ("Clusters", "Cluster"),
    ("Certificates", "Certificates"),
    ("BackupRetentionPolicy", "BackupRetentionPolicy"),
    ("DestinationBackup", "DestinationBackup"),
    ("Hsm", "Hsm"),
    ("Hsms", "Hsm"),
    ("TagList", "Tag"),
];

/// Members of type Timestamp.
pub const TIMESTAMPS: &[&str] =
    &["CreateTimestamp", "CopyTimestamp", "DeleteTimestamp", "HsmTypeRollbackExpiration"];

/// Members that this service never answers, and why.
pub const NEVER: &[(&str, &str, &str)] = &[
    ("Cluster", "PreCoPassword", "the admin is made by `activate`, with the password that it is given"),
    ("Certificates", "HsmCertificate", "no hardware vouches for anything"),
    ("Certificates", "AwsHardwareCertificate", "no hardware vouches for anything"),
    ("Certificates", "ManufacturerHardwareCertificate", "no hardware vouches for anything"),
    ("Hsm", "EniIpV6", "nothing listens on a network"),
    ("InitializeCluster", "StateMessage", "the step is done when it is answered"),
];
