"""The operations of CloudHSM V2: how each is called well, and how badly."""

from calls import Row
from kms_calls import keep
from support import SUBNETS, activate, described, new_certificate_authority, new_hsm, read, run, signed, until

INVALID, NOT_FOUND = "CloudHsmInvalidRequestException", "CloudHsmResourceNotFoundException"
NO_CLUSTER = {"ClusterId": "cluster-aaaaaaaaaaa"}
NO_BACKUP = {"BackupId": "backup-aaaaaaaaaaa"}
TAGS = [{"Key": "team", "Value": "model"}]
POLICY = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": ["cloudhsm:CreateCluster", "cloudhsm:DescribeBackups"], "Resource": "*"}]}"""


class World:
    """What the calls before have made."""

    def __init__(self, cloudhsm, folder):
        self.cloudhsm, self.folder = cloudhsm, folder
        new_certificate_authority(folder)
        self.certificate = self.anchor = read(f"{folder}/customerCA.crt")

    def on_cluster(self, **more):
        return {"ClusterId": self.cluster} | more

    def on_backup(self, **more):
        return {"BackupId": self.backup} | more

    def on_policy(self, **more):
        return {"ResourceArn": self.backup_arn} | more


def created(world, answer):
    made = answer["Cluster"]
    world.cluster, world.zones = made["ClusterId"], sorted(made["SubnetMapping"])
    until("UNINITIALIZED", lambda: described(world.cloudhsm, world.cluster)["State"] == "UNINITIALIZED")


def requested(world, answer):
    """The first HSM is there: its request gets a certificate."""
    world.hsm = answer["Hsm"]["HsmId"]
    until("the request", lambda: described(world.cloudhsm, world.cluster)["Certificates"].get("ClusterCsr"))
    world.certificate = signed(world.folder, described(world.cloudhsm, world.cluster)["Certificates"]["ClusterCsr"])


def initialized(world, _):
    until("INITIALIZED", lambda: described(world.cloudhsm, world.cluster)["State"] == "INITIALIZED")
    activate(world.cluster)


def deleted_hsm(world, _):
    until("no HSM", lambda: not described(world.cloudhsm, world.cluster)["Hsms"])


def a_backup(world, answer):
    # A backup is taken when a cluster is activated, and with every HSM that comes or goes.
    [world.backup, *_] = [backup["BackupId"] for backup in answer["Backups"] if backup["ClusterId"] == world.cluster]
    [world.backup_arn, *_] = [backup["BackupArn"] for backup in answer["Backups"] if backup["BackupId"] == world.backup]


ROWS = {
    "CreateCluster": Row({"HsmType": "hsm1.medium", "SubnetIds": SUBNETS, "TagList": TAGS,
                          "BackupRetentionPolicy": {"Type": "DAYS", "Value": "30"}}, INVALID,
                         {"HsmType": "hsm1.medium", "SubnetIds": ["none"]}, after=created),
    "DescribeClusters": Row(lambda w: {"Filters": {"clusterIds": [w.cluster]}, "MaxResults": 25}, INVALID, {"Filters": {"none": ["x"]}}),
    "CreateHsm": Row(lambda w: w.on_cluster(AvailabilityZone=w.zones[0]), NOT_FOUND,
                     NO_CLUSTER | {"AvailabilityZone": "us-east-1a"}, after=requested),
    "InitializeCluster": Row(lambda w: w.on_cluster(SignedCert=w.certificate, TrustAnchor=w.anchor), INVALID,
                             lambda w: w.on_cluster(SignedCert=w.anchor, TrustAnchor=w.anchor), after=initialized),
    "ModifyCluster": Row(lambda w: w.on_cluster(BackupRetentionPolicy={"Type": "DAYS", "Value": "60"}), NOT_FOUND,
                         NO_CLUSTER | {"BackupRetentionPolicy": {"Type": "DAYS", "Value": "60"}}),
    "TagResource": Row(lambda w: {"ResourceId": w.cluster, "TagList": TAGS}, NOT_FOUND, {"ResourceId": "cluster-aaaaaaaaaaa", "TagList": TAGS}),
    "ListTags": Row(lambda w: {"ResourceId": w.cluster}, NOT_FOUND, {"ResourceId": "cluster-aaaaaaaaaaa"}),
    "UntagResource": Row(lambda w: {"ResourceId": w.cluster, "TagKeyList": ["team"]}, NOT_FOUND,
                         {"ResourceId": "cluster-aaaaaaaaaaa", "TagKeyList": ["team"]}),
    "DescribeBackups": Row({"MaxResults": 50, "SortAscending": True}, INVALID, {"Filters": {"none": ["x"]}}, after=a_backup),
    "ModifyBackupAttributes": Row(lambda w: w.on_backup(NeverExpires=True), NOT_FOUND, NO_BACKUP | {"NeverExpires": True}),
    "CopyBackupToRegion": Row(lambda w: w.on_backup(DestinationRegion="us-east-1", TagList=TAGS), NOT_FOUND, NO_BACKUP | {"DestinationRegion": "us-east-1"}),
    "PutResourcePolicy": Row(lambda w: w.on_policy(Policy=POLICY), INVALID, lambda w: w.on_policy(Policy="{")),
    "GetResourcePolicy": Row(lambda w: w.on_policy(), INVALID, {"ResourceArn": "none"}),
    "DeleteResourcePolicy": Row(lambda w: w.on_policy(), INVALID, {"ResourceArn": "none"}),
    "DeleteBackup": Row(lambda w: w.on_backup(), NOT_FOUND, NO_BACKUP),
    "RestoreBackup": Row(lambda w: w.on_backup(), NOT_FOUND, NO_BACKUP),
    "DeleteHsm": Row(lambda w: w.on_cluster(HsmId=w.hsm), NOT_FOUND, NO_CLUSTER | {"HsmId": "hsm-aaaaaaaaaaa"}, after=deleted_hsm),
    "DeleteCluster": Row(lambda w: w.on_cluster(), NOT_FOUND, NO_CLUSTER),
}
