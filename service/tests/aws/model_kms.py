"""Every operation of botocore's model of KMS, once well and once badly, and with every member of its input wrong. Every answer is
held against the model as it comes off the wire."""

import os

import kms_calls
from calls import every_member_badly, every_operation, expect
from shapes import Checker
from support import *

cluster, anchor = new_cluster(client("cloudhsmv2"), os.environ["TMPDIR"])
kms = client("kms", parameter_validation=False)
checker = Checker(kms)
world = kms_calls.World(kms, cluster, anchor)

say("Every operation, once well and once badly")
every_operation(kms, kms_calls.ROWS, world)

say("Without required members, and with members too long, too large or unknown")
every_member_badly(kms, kms_calls.ROWS, world, "ValidationException")

say("Rotation, which only keys of the default key store have")
world.key = kms.create_key()["KeyMetadata"]["Arn"]
for operation, arguments in kms_calls.DEFAULT_ROWS.items():
    expect(kms, operation, None, world.on_key(**arguments))

say("Members that the model does not know are ignored; wrong types are not")
raw = raw_client("kms")
status, body = raw("ListKeys", {"Limit": 10, "NoSuchMember": [{}]})
assert status == 200, body
for arguments in ({"Limit": "ten"}, {"Limit": [10]}, {"Marker": 7}, [], "x"):
    status, body = raw("ListKeys", arguments)
    assert status == 400 and body["__type"] == "SerializationException", f"{arguments}: {status} {body}"

print(f"{sum(checker.seen.values())} answers of {len(checker.seen)} operations fit the model")
assert set(checker.seen) == set(kms.meta.service_model.operation_names)
