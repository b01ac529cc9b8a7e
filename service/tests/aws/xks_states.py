"""What each operation does to an external key store, and to its keys, in each of their states (KMS developer guide: connection
states, key states)."""

import os
import re

from kills import Server
from proxy import *
from support import *

STATE, KEY_STATE, DISABLED = "CustomKeyStoreInvalidStateException", "KMSInvalidStateException", "DisabledException"
UNSUPPORTED, HAS_KEYS = "UnsupportedOperationException", "CustomKeyStoreHasCMKsException"
GOOD, ANY = None, "any"

# As long as a test wants it, a key store is CONNECTING to a proxy that hangs.
path = f"{os.environ['VHSM_HOME']}/vhsm.toml"
settings = re.sub(r"timeout_ms = \d+", "timeout_ms = 60000", read(path))
with open(path, "w") as file:
    file.write(settings)
server, proxy = Server(), Proxy()


class World:
    """An external key store with one key, and what puts them in a state."""

    def __init__(self):
        self.kms = client("kms")
        self.store = new_external_store(self.kms, proxy, "states")
        self.key = new_external_key(self.kms, self.store, proxy.put("states-key"))["KeyId"]
        self.sealed = self.kms.encrypt(KeyId=self.key, Plaintext=b"x")["CiphertextBlob"]
        self.default = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.sealed_by_default = self.kms.encrypt(KeyId=self.default, Plaintext=b"x")["CiphertextBlob"]
        self.number = 0

    def next(self):
        self.number += 1
        return str(self.number)

    def connection(self):
        return store_entry(self.kms, self.store)["ConnectionState"]

    def settle(self):
        """DISCONNECTED, whatever was before, and without a fault."""
        proxy.heal()
        until("no task is under way", lambda: self.connection() not in ("CONNECTING", "DISCONNECTING"))
        if self.connection() != "DISCONNECTED":
            disconnect(self.kms, self.store)

    def DISCONNECTED(self):
        self.settle()

    def CONNECTED(self):
        if self.connection() != "CONNECTED":
            self.settle()
            connect(self.kms, self.store)

    def CONNECTING(self):
        self.settle()
        proxy.set("HangAfterAccept")
        self.kms.connect_custom_key_store(CustomKeyStoreId=self.store)
        assert self.connection() == "CONNECTING"

    def FAILED(self):
        if self.connection() != "FAILED":
            self.settle()
            proxy.set("RefuseTcp")
            self.kms.connect_custom_key_store(CustomKeyStoreId=self.store)
            reaches(self.kms, self.store, "FAILED")
            proxy.heal()

    def update(self, **changes):
        return self.kms.update_custom_key_store(CustomKeyStoreId=self.store, **changes)

    def create_key(self):
        return new_external_key(self.kms, self.store, proxy.put(f"key-{self.next()}"))


CONNECTIONS = ["DISCONNECTED", "CONNECTING", "CONNECTED", "FAILED"]
# What each does in those states.
STORE_OPERATIONS = {
    "DescribeCustomKeyStores": (lambda w: store_entry(w.kms, w.store), [GOOD, GOOD, GOOD, GOOD]),
    "ConnectCustomKeyStore": (lambda w: w.kms.connect_custom_key_store(CustomKeyStoreId=w.store), [GOOD, GOOD, GOOD, STATE]),
    "DisconnectCustomKeyStore": (lambda w: w.kms.disconnect_custom_key_store(CustomKeyStoreId=w.store), [STATE, GOOD, GOOD, GOOD]),
    "UpdateCustomKeyStore name": (lambda w: w.update(NewCustomKeyStoreName=f"name-{w.next()}"), [GOOD, STATE, GOOD, STATE]),
    "UpdateCustomKeyStore credential": (lambda w: w.update(XksProxyAuthenticationCredential=proxy.credential), [GOOD, STATE, GOOD, STATE]),
    "UpdateCustomKeyStore path": (lambda w: w.update(XksProxyUriPath=proxy.new_path(f"path-{w.next()}")), [GOOD, STATE, GOOD, STATE]),
    "UpdateCustomKeyStore endpoint": (lambda w: w.update(XksProxyUriEndpoint=proxy.endpoint), [GOOD, STATE, STATE, STATE]),
    "UpdateCustomKeyStore connectivity": (lambda w: w.update(XksProxyConnectivity="PUBLIC_ENDPOINT"), [GOOD, STATE, STATE, STATE]),
    "DeleteCustomKeyStore": (lambda w: w.kms.delete_custom_key_store(CustomKeyStoreId=w.store), [HAS_KEYS, STATE, STATE, STATE]),
    "GenerateRandom": (lambda w: w.kms.generate_random(CustomKeyStoreId=w.store, NumberOfBytes=1), [UNSUPPORTED] * 4),
    "CreateKey": (lambda w: w.create_key(), [STATE, STATE, GOOD, STATE]),
    "DescribeKey": (lambda w: w.kms.describe_key(KeyId=w.key), [GOOD] * 4),
    "Encrypt": (lambda w: w.kms.encrypt(KeyId=w.key, Plaintext=b"x"), [KEY_STATE, KEY_STATE, GOOD, KEY_STATE]),
    "Decrypt": (lambda w: w.kms.decrypt(CiphertextBlob=w.sealed), [KEY_STATE, KEY_STATE, GOOD, KEY_STATE]),
}
# What DescribeKey says of a key in those states.
KEY_STATES = ["Unavailable", "Unavailable", "Enabled", "Unavailable"]


def on_key(operation, **arguments):
    return lambda w: getattr(w.kms, operation)(KeyId=w.key, **arguments)


def to_default(w):
    return w.kms.re_encrypt(CiphertextBlob=w.sealed, DestinationKeyId=w.default)


def from_default(w):
    return w.kms.re_encrypt(CiphertextBlob=w.sealed_by_default, DestinationKeyId=w.key)


STATES = ["Enabled", "Disabled", "PendingDeletion", "Unavailable"]
USE = [GOOD, DISABLED, KEY_STATE, KEY_STATE]
NEVER = [UNSUPPORTED] * 4
# In other states the references have two exceptions for them.
NEVER_WHEN_ENABLED = [UNSUPPORTED, ANY, ANY, ANY]
CHANGE = [GOOD, GOOD, KEY_STATE, GOOD]
KEY_OPERATIONS = {
    "Encrypt": (on_key("encrypt", Plaintext=b"x"), USE),
    "Decrypt": (lambda w: w.kms.decrypt(CiphertextBlob=w.sealed), USE),
    "ReEncrypt from": (to_default, USE),
    "ReEncrypt to": (from_default, USE),
    "GenerateDataKey": (on_key("generate_data_key", KeySpec="AES_256"), USE),
    "GenerateDataKeyWithoutPlaintext": (on_key("generate_data_key_without_plaintext", KeySpec="AES_256"), USE),
    "DescribeKey": (on_key("describe_key"), [GOOD] * 4),
    "GetKeyPolicy": (on_key("get_key_policy"), [GOOD] * 4),
    "ListResourceTags": (on_key("list_resource_tags"), [GOOD] * 4),
    "ListGrants": (on_key("list_grants"), [GOOD] * 4),
    "TagResource": (on_key("tag_resource", Tags=[{"TagKey": "a", "TagValue": "b"}]), CHANGE),
    "UntagResource": (on_key("untag_resource", TagKeys=["a"]), CHANGE),
    "UpdateKeyDescription": (on_key("update_key_description", Description="new"), CHANGE),
    "CreateAlias": (lambda w: w.kms.create_alias(AliasName=f"alias/{w.next()}", TargetKeyId=w.key), CHANGE),
    "CreateGrant": (on_key("create_grant", GranteePrincipal="arn:aws:iam::000000000000:user/alice", Operations=["Encrypt"]),
                    [GOOD, DISABLED, KEY_STATE, GOOD]),
    "EnableKey": (on_key("enable_key"), CHANGE),
    "DisableKey": (on_key("disable_key"), CHANGE),
    "ScheduleKeyDeletion": (on_key("schedule_key_deletion"), CHANGE),
    "CancelKeyDeletion": (on_key("cancel_key_deletion"), [KEY_STATE, KEY_STATE, GOOD, KEY_STATE]),
    "GetPublicKey": (on_key("get_public_key"), NEVER_WHEN_ENABLED),
    "GenerateDataKeyPair": (on_key("generate_data_key_pair", KeyPairSpec="ECC_NIST_P256"), NEVER_WHEN_ENABLED),
    "EnableKeyRotation": (on_key("enable_key_rotation"), NEVER_WHEN_ENABLED),
    "GetKeyRotationStatus": (on_key("get_key_rotation_status"), NEVER),
    "ListKeyRotations": (on_key("list_key_rotations"), NEVER),
    "RotateKeyOnDemand": (on_key("rotate_key_on_demand"), NEVER_WHEN_ENABLED),
    "GetParametersForImport": (on_key("get_parameters_for_import", WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"), NEVER_WHEN_ENABLED),
    "ReplicateKey": (on_key("replicate_key", ReplicaRegion="eu-west-1"), NEVER_WHEN_ENABLED),
}


def put_key_into(world, wanted):
    """As it is when it was not used meanwhile."""
    if state(world.kms, world.key) == wanted:
        return
    world.CONNECTED()
    if state(world.kms, world.key) == "PendingDeletion":
        world.kms.cancel_key_deletion(KeyId=world.key)
    world.kms.enable_key(KeyId=world.key)
    if wanted == "Disabled":
        world.kms.disable_key(KeyId=world.key)
    if wanted == "PendingDeletion":
        world.kms.schedule_key_deletion(KeyId=world.key)
    if wanted == "Unavailable":
        disconnect(world.kms, world.store)
    assert state(world.kms, world.key) == wanted


def expect(code, call, world):
    if code is GOOD:
        return call(world)
    return refused(code, lambda: call(world))


try:
    world = World()
    for at, connection in enumerate(CONNECTIONS):
        for name, (call, expected) in STORE_OPERATIONS.items():
            getattr(world, connection)()
            assert world.connection() == connection
            say(f"{name}, {connection}: {expected[at] or 'good'}")
            assert state(world.kms, world.key) == KEY_STATES[at]
            expect(expected[at], call, world)
    world.CONNECTED()
    for at, wanted in enumerate(STATES):
        for name, (call, expected) in KEY_OPERATIONS.items():
            code = expected[at]
            if code is ANY:
                continue
            put_key_into(world, wanted)
            say(f"{name}, {wanted}: {code or 'good'}")
            expect(code, call, world)
finally:
    server.kill()
