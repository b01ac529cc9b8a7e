"""The operations of KMS: how each is called well, and how badly."""

import base64

from calls import Row
from support import ADMIN, KMSUSER, reaches

NOBODY = {"KeyId": "12345678-1234-1234-1234-123456789012"}
NO_STORE = {"CustomKeyStoreId": "cks-00000000000000000"}
PRINCIPAL = "arn:aws:iam::000000000000:user/alice"
POLICY = """{"Version": "2012-10-17", "Statement": [{"Sid": "all", "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"}]}"""
NOT_FOUND, UNSUPPORTED, USAGE = "NotFoundException", "UnsupportedOperationException", "InvalidKeyUsageException"
STATE, NO_SUCH_STORE = "KMSInvalidStateException", "CustomKeyStoreNotFoundException"


class World:
    """What the calls before have made."""

    def __init__(self, kms, cluster, anchor):
        self.kms, self.cluster, self.anchor = kms, cluster, anchor

    def store_arguments(self, **changes):
        return {"CustomKeyStoreName": "model", "CloudHsmClusterId": self.cluster, "KeyStorePassword": KMSUSER,
                "TrustAnchorCertificate": self.anchor} | changes

    def on_store(self, **more):
        return {"CustomKeyStoreId": self.store} | more

    def on_key(self, **more):
        return {"KeyId": self.key} | more

    def on_spare(self, **more):
        return {"KeyId": self.spare} | more


def keep(**members):
    """Keeps members of the answer (by the path's parts) under names of the world."""
    def after(world, answer):
        for name, path in members.items():
            value = answer
            for part in path.split("."):
                value = value[part]
            setattr(world, name, value)
    return after


def wait(state):
    return lambda world, _: reaches(world.kms, world.store, state)


def another_store(world, _):
    world.store = world.kms.create_custom_key_store(**world.store_arguments())["CustomKeyStoreId"]


def another_grant(world, _):
    made = world.kms.create_grant(KeyId=world.key, GranteePrincipal=PRINCIPAL, RetiringPrincipal=PRINCIPAL, Operations=["Decrypt"])
    world.grant_token = made["GrantToken"]


def on_key(refusal, answers=None, after=None, **more):
    """An operation on one key: badly on a key that is not there."""
    return Row(lambda world: world.on_key(**more), refusal, NOBODY | more, answers, after)


ROWS = {
    "CreateCustomKeyStore": Row(lambda w: w.store_arguments(), "CloudHsmClusterNotFoundException",
                                lambda w: w.store_arguments(CloudHsmClusterId="cluster-aaaaaaaaaaa"), after=keep(store="CustomKeyStoreId")),
    "DescribeCustomKeyStores": Row(lambda w: w.on_store(), NO_SUCH_STORE, NO_STORE),
    "UpdateCustomKeyStore": Row(lambda w: w.on_store(NewCustomKeyStoreName="changed"), NO_SUCH_STORE, NO_STORE | {"NewCustomKeyStoreName": "x"}),
    "DeleteCustomKeyStore": Row(lambda w: w.on_store(), NO_SUCH_STORE, NO_STORE, after=another_store),
    "ConnectCustomKeyStore": Row(lambda w: w.on_store(), NO_SUCH_STORE, NO_STORE, after=wait("CONNECTED")),
    "CreateKey": Row(lambda w: w.on_store(Origin="AWS_CLOUDHSM", Tags=[{"TagKey": "team", "TagValue": "model"}]), UNSUPPORTED,
                     lambda w: w.on_store(Origin="AWS_CLOUDHSM", MultiRegion=True), after=keep(key="KeyMetadata.Arn")),
    "DescribeKey": on_key(NOT_FOUND),
    "ListKeys": Row({"Limit": 1000}, "InvalidMarkerException", {"Marker": "not a marker"}),
    "UpdateKeyDescription": on_key(NOT_FOUND, Description="changed"),
    "GetKeyLastUsage": on_key(NOT_FOUND),
    "CreateAlias": Row(lambda w: {"AliasName": "alias/model", "TargetKeyId": w.key}, "InvalidAliasNameException",
                       lambda w: {"AliasName": "no-alias", "TargetKeyId": w.key}),
    "UpdateAlias": Row(lambda w: {"AliasName": "alias/model", "TargetKeyId": w.key}, NOT_FOUND,
                       lambda w: {"AliasName": "alias/none", "TargetKeyId": w.key}),
    "ListAliases": Row(lambda w: w.on_key(), NOT_FOUND, NOBODY),
    "DeleteAlias": Row({"AliasName": "alias/model"}, NOT_FOUND, {"AliasName": "alias/none"}),
    "TagResource": Row(lambda w: w.on_key(Tags=[{"TagKey": "stage", "TagValue": ""}]), "TagException",
                       lambda w: w.on_key(Tags=[{"TagKey": "aws:stage", "TagValue": "x"}])),
    "ListResourceTags": on_key(NOT_FOUND),
    "UntagResource": on_key(NOT_FOUND, TagKeys=["stage"]),
    "PutKeyPolicy": Row(lambda w: w.on_key(Policy=POLICY), "MalformedPolicyDocumentException", lambda w: w.on_key(Policy="{")),
    "GetKeyPolicy": on_key(NOT_FOUND),
    "ListKeyPolicies": on_key(NOT_FOUND),
    "CreateGrant": on_key(NOT_FOUND, GranteePrincipal=PRINCIPAL, RetiringPrincipal=PRINCIPAL, Operations=["Encrypt", "Decrypt"],
                          Constraints={"EncryptionContextSubset": {"a": "b"}}, after=keep(grant="GrantId")),
    "ListGrants": on_key(NOT_FOUND),
    "ListRetirableGrants": Row({"RetiringPrincipal": PRINCIPAL}, "InvalidMarkerException",
                               {"RetiringPrincipal": PRINCIPAL, "Marker": "not a marker"}),
    "RevokeGrant": Row(lambda w: w.on_key(GrantId=w.grant), NOT_FOUND, lambda w: NOBODY | {"GrantId": w.grant}, after=another_grant),
    "RetireGrant": Row(lambda w: {"GrantToken": w.grant_token}, "InvalidGrantTokenException", {"GrantToken": "bm8gdG9rZW4="}),
    "Encrypt": on_key(NOT_FOUND, Plaintext=b"attack at dawn", EncryptionContext={"a": "b"}, after=keep(sealed="CiphertextBlob")),
    "Decrypt": Row(lambda w: {"CiphertextBlob": w.sealed, "EncryptionContext": {"a": "b"}}, "InvalidCiphertextException",
                   lambda w: {"CiphertextBlob": w.sealed, "EncryptionContext": {"a": "c"}}),
    "ReEncrypt": Row(lambda w: {"CiphertextBlob": w.sealed, "SourceEncryptionContext": {"a": "b"}, "DestinationKeyId": w.key},
                     "InvalidCiphertextException", lambda w: {"CiphertextBlob": w.sealed, "DestinationKeyId": w.key}),
    "GenerateDataKey": on_key(NOT_FOUND, KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": on_key(NOT_FOUND, NumberOfBytes=64),
    "GenerateRandom": Row(lambda w: w.on_store(NumberOfBytes=32), NO_SUCH_STORE, NO_STORE | {"NumberOfBytes": 32}),
    # What keys of a custom key store cannot do, by the documented exception.
    "GenerateDataKeyPair": on_key(NOT_FOUND, UNSUPPORTED, KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyPairWithoutPlaintext": on_key(NOT_FOUND, UNSUPPORTED, KeyPairSpec="RSA_2048"),
    "GetPublicKey": on_key(NOT_FOUND, UNSUPPORTED),
    "Sign": on_key(NOT_FOUND, USAGE, Message=b"m", SigningAlgorithm="ECDSA_SHA_256"),
    "Verify": on_key(NOT_FOUND, USAGE, Message=b"m", Signature=b"s", SigningAlgorithm="ECDSA_SHA_256"),
    "GenerateMac": on_key(NOT_FOUND, USAGE, Message=b"m", MacAlgorithm="HMAC_SHA_256"),
    "VerifyMac": on_key(NOT_FOUND, USAGE, Message=b"m", Mac=b"s", MacAlgorithm="HMAC_SHA_256"),
    "DeriveSharedSecret": on_key(NOT_FOUND, USAGE, KeyAgreementAlgorithm="ECDH", PublicKey=b"p"),
    "Encapsulate": on_key(NOT_FOUND, USAGE, EncapsulationAlgorithm="ML_KEM"),
    "Decapsulate": on_key(NOT_FOUND, USAGE, EncapsulationAlgorithm="ML_KEM", SharedSecretCiphertextBlob=b"c"),
    "EnableKeyRotation": on_key(NOT_FOUND, UNSUPPORTED),
    "DisableKeyRotation": on_key(NOT_FOUND, UNSUPPORTED),
    "GetKeyRotationStatus": on_key(NOT_FOUND, UNSUPPORTED),
    "ListKeyRotations": on_key(NOT_FOUND, UNSUPPORTED),
    "RotateKeyOnDemand": on_key(NOT_FOUND, UNSUPPORTED),
    "GetParametersForImport": on_key(NOT_FOUND, UNSUPPORTED, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"),
    "ImportKeyMaterial": on_key(NOT_FOUND, UNSUPPORTED, ImportToken=b"t", EncryptedKeyMaterial=b"m",
                                ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE"),
    "DeleteImportedKeyMaterial": on_key(NOT_FOUND, UNSUPPORTED),
    "ReplicateKey": on_key(NOT_FOUND, UNSUPPORTED, ReplicaRegion="eu-west-1"),
    "UpdatePrimaryRegion": on_key(NOT_FOUND, UNSUPPORTED, PrimaryRegion="eu-west-1"),
    # The states of a key, and of its store.
    "DisableKey": on_key(NOT_FOUND),
    "EnableKey": on_key(NOT_FOUND),
    "ScheduleKeyDeletion": on_key(NOT_FOUND, PendingWindowInDays=7),
    "CancelKeyDeletion": on_key(NOT_FOUND),
    "DisconnectCustomKeyStore": Row(lambda w: w.on_store(), NO_SUCH_STORE, NO_STORE, after=wait("DISCONNECTED")),
}

# What the default key store's keys can do that those of a custom one cannot.
DEFAULT_ROWS = {
    "EnableKeyRotation": {"RotationPeriodInDays": 90},
    "GetKeyRotationStatus": {},
    "RotateKeyOnDemand": {},
    "ListKeyRotations": {"IncludeKeyMaterial": "ALL_KEY_MATERIAL"},
    "DisableKeyRotation": {},
    "DescribeKey": {},
    "Encrypt": {"Plaintext": b"x"},
    "GenerateDataKey": {"NumberOfBytes": 32},
    "GetKeyLastUsage": {},
    "ScheduleKeyDeletion": {},
}
