"""Every operation of botocore's model of CloudHSM V2, once well and once badly, in both of its protocols: CBOR, which botocore
prefers, and JSON. Every answer is held against the model as it comes off the wire."""

import os

import cloudhsm_calls
from calls import every_member_badly, every_operation
from shapes import Checker
from support import *

for protocol in ("smithy-rpc-v2-cbor", "json"):
    say(f"CloudHSM V2 over {protocol}")
    cloudhsm = client_speaking("cloudhsmv2", protocol)
    checker = Checker(cloudhsm)
    world = cloudhsm_calls.World(cloudhsm, os.environ["TMPDIR"])
    every_operation(cloudhsm, cloudhsm_calls.ROWS, world)
    every_member_badly(cloudhsm, cloudhsm_calls.ROWS, world, "CloudHsmInvalidRequestException")
    print(f"{sum(checker.seen.values())} answers of {len(checker.seen)} operations fit the model")
    assert set(checker.seen) == set(cloudhsm.meta.service_model.operation_names)
