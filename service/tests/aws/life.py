"""boto3 takes a cluster and its custom key store through their whole life, and then the documented way back."""

import os

from support import *

folder = os.environ["TMPDIR"]
cloudhsm, kms = client("cloudhsmv2"), client("kms")

say("A cluster, step by step: two subnets, a certificate, an HSM in each zone")
new_certificate_authority(folder)
made = cloudhsm.create_cluster(HsmType="hsm1.medium", SubnetIds=SUBNETS, TagList=[{"Key": "team", "Value": "orders"}])["Cluster"]
cluster, zones = made["ClusterId"], sorted(made["SubnetMapping"])
assert made["State"] in ("CREATE_IN_PROGRESS", "UNINITIALIZED"), made
until("UNINITIALIZED", lambda: described(cloudhsm, cluster)["State"] == "UNINITIALIZED")
assert cloudhsm.list_tags(ResourceId=cluster)["TagList"] == [{"Key": "team", "Value": "orders"}]
anchor = read(f"{folder}/customerCA.crt")
store_of = lambda **changes: {"CustomKeyStoreName": "orders", "CloudHsmClusterId": cluster, "KeyStorePassword": KMSUSER,
                              "TrustAnchorCertificate": anchor} | changes
refused("CloudHsmClusterNotActiveException", kms.create_custom_key_store, **store_of())
first = new_hsm(cloudhsm, cluster, zones[0])
request = described(cloudhsm, cluster)["Certificates"]["ClusterCsr"]
refused("CloudHsmInvalidRequestException", cloudhsm.initialize_cluster, ClusterId=cluster, SignedCert=anchor, TrustAnchor=anchor)
cloudhsm.initialize_cluster(ClusterId=cluster, SignedCert=signed(folder, request), TrustAnchor=anchor)
until("INITIALIZED", lambda: described(cloudhsm, cluster)["State"] == "INITIALIZED")
activate(cluster)
assert described(cloudhsm, cluster)["State"] == "ACTIVE"
refused("CloudHsmClusterInvalidConfigurationException", kms.create_custom_key_store, **store_of())
second = new_hsm(cloudhsm, cluster, zones[1])
assert {hsm["AvailabilityZone"] for hsm in described(cloudhsm, cluster)["Hsms"]} == set(zones)

say("A custom key store: wrong clusters, certificates and names are refused")
refused("CloudHsmClusterNotFoundException", kms.create_custom_key_store, **store_of(CloudHsmClusterId="cluster-aaaaaaaaaaa"))
run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Stranger", "-keyout", f"{folder}/other.key",
    "-out", f"{folder}/other.crt")
refused("IncorrectTrustAnchorException", kms.create_custom_key_store, **store_of(TrustAnchorCertificate=read(f"{folder}/other.crt")))
store = kms.create_custom_key_store(**store_of())["CustomKeyStoreId"]
assert kms.create_custom_key_store(**store_of())["CustomKeyStoreId"] == store, "the same once more is a retry"
refused("CustomKeyStoreNameInUseException", kms.create_custom_key_store, **store_of(KeyStorePassword="another-password"))
refused("CloudHsmClusterInUseException", kms.create_custom_key_store, **store_of(CustomKeyStoreName="other"))
entry = store_entry(kms, store)
assert entry["ConnectionState"] == "DISCONNECTED" and entry["CloudHsmClusterId"] == cluster, entry
assert "KeyStorePassword" not in entry and entry["TrustAnchorCertificate"].strip() == anchor.strip(), entry
refused("CustomKeyStoreInvalidStateException", kms.create_key, Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)

say("Connected with a wrong password: FAILED, until it is disconnected and told the right one")
kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword="not-the-password", NewCustomKeyStoreName="renamed")
kms.connect_custom_key_store(CustomKeyStoreId=store)
reaches(kms, store, "FAILED")
assert store_entry(kms, store)["ConnectionErrorCode"] == "INVALID_CREDENTIALS"
refused("CustomKeyStoreInvalidStateException", kms.connect_custom_key_store, CustomKeyStoreId=store)
disconnect(kms, store)
kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword=KMSUSER)
connect(kms, store)
assert "ConnectionErrorCode" not in store_entry(kms, store)
refused("CustomKeyStoreInvalidStateException", kms.delete_custom_key_store, CustomKeyStoreId=store)

say("A key store without keys is deleted, and its cluster can have another")
disconnect(kms, store)
password = "kms-password-2"
vhsm("user", "change-password", "--cluster", cluster, "--username", "kmsuser", "--password", password, pin=f"admin:{ADMIN}")
kms.delete_custom_key_store(CustomKeyStoreId=store)
refused("CustomKeyStoreNotFoundException", kms.describe_custom_key_stores, CustomKeyStoreId=store)
store = kms.create_custom_key_store(**store_of(KeyStorePassword=password))["CustomKeyStoreId"]
connect(kms, store)

say("A key, used, named, tagged")
key = new_key(kms, store, Description="orders", Tags=[{"TagKey": "team", "TagValue": "orders"}])
arn, key_id = key["Arn"], key["KeyId"]
assert key["Origin"] == "AWS_CLOUDHSM" and key["CustomKeyStoreId"] == store and key["CloudHsmClusterId"] == cluster, key
assert key["KeyState"] == "Enabled" and key["Enabled"] and key["KeyManager"] == "CUSTOMER" and not key["MultiRegion"], key
assert key["KeySpec"] == "SYMMETRIC_DEFAULT" and key["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"], key
refused("UnsupportedOperationException", kms.create_key, Origin="AWS_CLOUDHSM", CustomKeyStoreId=store, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
context = {"order": "4711", "W\u00e4hrung": "\u20ac"}
sealed = kms.encrypt(KeyId=key_id, Plaintext=b"attack at dawn", EncryptionContext=context)
assert sealed["KeyId"] == arn and b"attack" not in sealed["CiphertextBlob"], sealed
opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
assert opened["Plaintext"] == b"attack at dawn" and opened["KeyId"] == arn, opened
refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"order": "4711"})
kms.create_alias(AliasName="alias/orders", TargetKeyId=arn)
data_key = kms.generate_data_key(KeyId="alias/orders", KeySpec="AES_256")
assert len(data_key["Plaintext"]) == 32 and kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
hidden = kms.generate_data_key_without_plaintext(KeyId="alias/orders", NumberOfBytes=64)
assert "Plaintext" not in hidden and len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 64
assert len(kms.generate_random(NumberOfBytes=99, CustomKeyStoreId=store)["Plaintext"]) == 99
kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "stage", "TagValue": "test"}])
kms.untag_resource(KeyId=key_id, TagKeys=["team"])
assert kms.list_resource_tags(KeyId=key_id)["Tags"] == [{"TagKey": "stage", "TagValue": "test"}]

say("Re-encrypted for a key of the default key store, and back")
default = kms.create_key()["KeyMetadata"]
assert default["Origin"] == "AWS_KMS" and "CustomKeyStoreId" not in default, default
moved = kms.re_encrypt(CiphertextBlob=sealed["CiphertextBlob"], SourceEncryptionContext=context, DestinationKeyId=default["Arn"])
assert moved["SourceKeyId"] == arn and moved["KeyId"] == default["Arn"], moved
refused("IncorrectKeyException", kms.decrypt, CiphertextBlob=moved["CiphertextBlob"], KeyId=arn)
back = kms.re_encrypt(CiphertextBlob=moved["CiphertextBlob"], DestinationKeyId="alias/orders", DestinationEncryptionContext=context)
assert kms.decrypt(CiphertextBlob=back["CiphertextBlob"], EncryptionContext=context, KeyId=arn)["Plaintext"] == b"attack at dawn"

say("Disabled, enabled; the store disconnected and connected again: Unavailable in between")
kms.disable_key(KeyId=key_id)
refused("DisabledException", kms.encrypt, KeyId=key_id, Plaintext=b"x")
kms.enable_key(KeyId=key_id)
disconnect(kms, store)
assert state(kms, key_id) == "Unavailable"
refused("KMSInvalidStateException", kms.encrypt, KeyId=key_id, Plaintext=b"x")
refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
connect(kms, store)
assert state(kms, key_id) == "Enabled"
assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == b"attack at dawn"

say("An HSM is deleted: the other does the work, but makes no keys; none is left: no work; a new one brings all back")
cloudhsm.delete_hsm(ClusterId=cluster, HsmId=first)
assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == b"attack at dawn"
refused("CloudHsmClusterInvalidConfigurationException", kms.create_key, Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)
cloudhsm.delete_hsm(ClusterId=cluster, HsmId=second)
refused("KMSInvalidStateException", kms.encrypt, KeyId=key_id, Plaintext=b"x")
assert store_entry(kms, store)["ConnectionState"] == "CONNECTED"
for zone in zones:
    new_hsm(cloudhsm, cluster, zone)
until("the new HSMs are used", lambda: works(kms, key_id))
assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == b"attack at dawn"

say("Scheduled for deletion, and not deleted; a store with keys stays")
scheduled = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
assert scheduled["KeyId"] == arn and scheduled["KeyState"] == "PendingDeletion", scheduled
refused("KMSInvalidStateException", kms.encrypt, KeyId=key_id, Plaintext=b"x")
assert "DeletionDate" in kms.describe_key(KeyId=key_id)["KeyMetadata"]
disconnect(kms, store)
assert state(kms, key_id) == "PendingDeletion"
refused("CustomKeyStoreHasCMKsException", kms.delete_custom_key_store, CustomKeyStoreId=store)
kms.cancel_key_deletion(KeyId=key_id)
connect(kms, store)
assert state(kms, key_id) == "Disabled"
kms.enable_key(KeyId=key_id)

say("The way back: disconnected, kmsuser gets a password from the admin, and pkcs11-tool finds that very key")
disconnect(kms, store)
vhsm("user", "change-password", "--cluster", cluster, "--username", "kmsuser", "--password", "my-own-password", pin=f"admin:{ADMIN}")
serial = described(cloudhsm, cluster)["Hsms"][0]["HsmId"]
slots = run("pkcs11-tool", "--module", os.environ["VHSM_MODULE"], "--list-token-slots")
assert serial in slots, slots
label = next(line.split(":", 1)[1].strip() for line in slots.splitlines() if "token label" in line)
objects = run("pkcs11-tool", "--module", os.environ["VHSM_MODULE"], "--token-label", label, "--login", "--pin",
              "kmsuser:my-own-password", "--list-objects", "--type", "secrkey")
assert arn in objects, f"{arn} is not in {objects}"
assert default["Arn"] not in objects, objects

say("And forth: KMS is told that password, connects, and makes another of its own")
refused("CustomKeyStoreInvalidStateException", kms.create_key, Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)
kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword="my-own-password")
connect(kms, store)
assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == b"attack at dawn"
