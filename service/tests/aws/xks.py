"""boto3 takes an external key store and its keys through their whole life; what the proxy is asked is as its API says."""

import base64
import json
import os

from proxy import *
from shapes import Checker
from support import *

kms, proxy = client("kms"), Proxy()
checker = Checker(kms)
external = proxy.put("orders-key")


def asked(api, **members):
    """The one call of that API since `forget`; members of its requestMetadata must be so."""
    [call] = proxy.calls(api)
    for name, value in members.items():
        assert metadata(call).get(name) == value, f"{name} is not {value}: {call}"
    return call


say("Made only with a proxy that answers; what is asked of it")
made = kms.create_custom_key_store(**proxy.store_arguments())
store = made["CustomKeyStoreId"]
call = asked("GetHealthStatus", kmsOperation="CreateCustomKeyStore")
assert set(metadata(call)) == {"kmsOperation", "kmsRequestId"}, call
# By it the proxy's log and CloudTrail are brought together.
assert metadata(call)["kmsRequestId"] == made["ResponseMetadata"]["RequestId"], call
assert call["path"] == f"{proxy.path}/health", call
entry = store_entry(kms, store)
assert entry["ConnectionState"] == "DISCONNECTED" and entry["CustomKeyStoreType"] == "EXTERNAL_KEY_STORE", entry
assert entry["XksProxyConfiguration"] == {
    "Connectivity": "PUBLIC_ENDPOINT", "AccessKeyId": proxy.credential["AccessKeyId"], "UriEndpoint": proxy.endpoint,
    "UriPath": proxy.path}, entry
assert proxy.credential["RawSecretAccessKey"] not in str(entry)
assert not {"CloudHsmClusterId", "TrustAnchorCertificate", "ConnectionErrorCode"} & set(entry), entry

say("What two key stores cannot have both")
other = lambda **changes: proxy.store_arguments(CustomKeyStoreName="other") | changes
refused("XksProxyUriInUseException", kms.create_custom_key_store, **other())
refused("CustomKeyStoreNameInUseException", kms.create_custom_key_store, **other(CustomKeyStoreName="external",
        XksProxyUriPath=proxy.new_path("another")))

say("What a request cannot be")
lacks = lambda name: {key: value for key, value in other().items() if key != name}
for arguments in (lacks("XksProxyUriEndpoint"), lacks("XksProxyUriPath"), lacks("XksProxyAuthenticationCredential"),
                  lacks("XksProxyConnectivity"), other(KeyStorePassword="password"), other(TrustAnchorCertificate="x"),
                  other(CloudHsmClusterId="cluster-aaaaaaaaaaa"), other(XksProxyUriPath="/no/version/of/the/api"),
                  other(XksProxyUriEndpoint="http://xks.example.com"), other(XksProxyUriEndpoint="https://xks.example.com/x"),
                  other(XksProxyAuthenticationCredential={"AccessKeyId": "short" * 4, "RawSecretAccessKey": "s" * 43})):
    refused("ValidationException", kms.create_custom_key_store, **arguments)

say("Connected")
refused("CustomKeyStoreInvalidStateException", kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId=external)
proxy.forget()
connect(kms, store)
asked("GetHealthStatus", kmsOperation="ConnectCustomKeyStore")
assert "ConnectionErrorCode" not in store_entry(kms, store)
refused("CustomKeyStoreInvalidStateException", kms.delete_custom_key_store, CustomKeyStoreId=store)
refused("UnsupportedOperationException", kms.generate_random, CustomKeyStoreId=store, NumberOfBytes=32)

say("A key, and what keys cannot be")
refused("ValidationException", kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store)
refused("ValidationException", kms.create_key, Origin="EXTERNAL_KEY_STORE", XksKeyId=external)
refused("UnsupportedOperationException", kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId=external,
        KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
refused("UnsupportedOperationException", kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId=external,
        MultiRegion=True)
refused("XksKeyNotFoundException", kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId="no-such-key")
proxy.forget()
key = new_external_key(kms, store, external, Description="orders", Tags=[{"TagKey": "team", "TagValue": "orders"}])
call = asked("GetKeyMetadata", kmsOperation="CreateKey")
assert call["path"] == f"{proxy.path}/keys/{external}/metadata" and metadata(call)["awsPrincipalArn"].startswith("arn:aws:iam::"), call
arn, key_id = key["Arn"], key["KeyId"]
assert key["Origin"] == "EXTERNAL_KEY_STORE" and key["CustomKeyStoreId"] == store, key
assert key["XksKeyConfiguration"] == {"Id": external} and key["KeyState"] == "Enabled" and key["Enabled"], key
assert key["KeySpec"] == "SYMMETRIC_DEFAULT" and key["KeyManager"] == "CUSTOMER" and not key["MultiRegion"], key
assert not {"CloudHsmClusterId", "CurrentKeyMaterialId"} & set(key), key
assert kms.describe_key(KeyId=key_id)["KeyMetadata"] == key
refused("XksKeyAlreadyInUseException", kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId=external)

say("Used: encrypted twice, so that the proxy never sees a plaintext")
context = {"order": "4711", "W\u00e4hrung": "\u20ac"}
proxy.forget()
answer = kms.encrypt(KeyId=key_id, Plaintext=b"attack at dawn", EncryptionContext=context)
sealed = answer["CiphertextBlob"]
call = asked("Encrypt", kmsOperation="Encrypt", kmsKeyArn=arn)
inner = base64.b64decode(call["body"]["plaintext"], validate=True)
assert b"attack" not in inner and len(inner) > len(b"attack at dawn"), call
assert call["body"]["encryptionAlgorithm"] == "AES_GCM" and call["body"]["ciphertextDataIntegrityValueAlgorithm"] == "SHA_256", call
assert b"4711" in base64.b64decode(call["body"]["additionalAuthenticatedData"]), "the encryption context is bound"
assert answer["KeyId"] == arn and b"attack" not in sealed, answer
again = kms.encrypt(KeyId=key_id, Plaintext=b"attack at dawn", EncryptionContext=context)["CiphertextBlob"]
assert again != sealed
proxy.forget()
opened = kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)
assert opened["Plaintext"] == b"attack at dawn" and opened["KeyId"] == arn, opened
call = asked("Decrypt", kmsOperation="Decrypt", kmsKeyArn=arn)
assert call["body"]["encryptionAlgorithm"] == "AES_GCM", call
assert metadata(call)["kmsRequestId"] == opened["ResponseMetadata"]["RequestId"], call
assert kms.decrypt(CiphertextBlob=again, EncryptionContext=context, KeyId=key_id)["Plaintext"] == b"attack at dawn"
kms.create_alias(AliasName="alias/external", TargetKeyId=arn)
proxy.forget()
data_key = kms.generate_data_key(KeyId="alias/external", KeySpec="AES_256")
call = asked("Encrypt", kmsOperation="GenerateDataKey")
assert data_key["Plaintext"] not in base64.b64decode(call["body"]["plaintext"]), "the proxy sees no data key"
assert kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
proxy.forget()
hidden = kms.generate_data_key_without_plaintext(KeyId="alias/external", NumberOfBytes=64)
asked("Encrypt", kmsOperation="GenerateDataKeyWithoutPlaintext")
assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 64

say("The longest plaintext, and the longest encryption context")
longest = bytes(range(256)) * 16
wide = {f"key-{number:02}": "v" * 240 for number in range(30)}
answer = kms.encrypt(KeyId=key_id, Plaintext=longest, EncryptionContext=wide)
assert len(answer["CiphertextBlob"]) <= 6144
assert kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=wide)["Plaintext"] == longest

say("A wrong context and a changed ciphertext are told as external key stores tell them")
refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=sealed, EncryptionContext={"order": "4711"})
for place in (-1, -20, -40):
    changed = bytearray(sealed)
    changed[place] ^= 1
    refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=bytes(changed), EncryptionContext=context)
refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=b"no ciphertext of KMS")

say("Re-encrypted: within the key store, to another, to the default one and back")
second = new_external_store(kms, proxy, "second")
proxy.put("second-key")
moves = [new_external_key(kms, store, proxy.put("third-key"))["Arn"], new_external_key(kms, second, "second-key")["Arn"],
         kms.create_key()["KeyMetadata"]["Arn"], arn]
moved, source, before = sealed, arn, context
for number, to in enumerate(moves):
    after = {"move": str(number)}
    proxy.forget()
    answer = kms.re_encrypt(CiphertextBlob=moved, SourceEncryptionContext=before, DestinationKeyId=to, DestinationEncryptionContext=after)
    assert answer["SourceKeyId"] == source and answer["KeyId"] == to, answer
    assert {metadata(call)["kmsOperation"] for call in proxy.calls()} == {"ReEncrypt"}, proxy.calls()
    moved, source, before = answer["CiphertextBlob"], to, after
assert kms.decrypt(CiphertextBlob=moved, EncryptionContext=before)["Plaintext"] == b"attack at dawn"
refused("IncorrectKeyException", kms.decrypt, CiphertextBlob=moved, EncryptionContext=before, KeyId=moves[0])

say("One external key for keys of two key stores: no ciphertext goes from one to the other")
twin = new_external_key(kms, second, external)["Arn"]
refused("IncorrectKeyException", kms.decrypt, CiphertextBlob=sealed, EncryptionContext=context, KeyId=twin)

say("The external key has new material behind its id: old ciphertexts open, new ones say what they need")
proxy.order({"Rotate": external})
assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == b"attack at dawn"
newer = kms.encrypt(KeyId=key_id, Plaintext=b"newer")["CiphertextBlob"]
proxy.order({"Rotate": external})
proxy.forget()
assert kms.decrypt(CiphertextBlob=newer)["Plaintext"] == b"newer"
assert base64.b64decode(asked("Decrypt")["body"]["ciphertextMetadata"]) == b"version=1"

say("Disabled and enabled here: the external key is not touched, and not asked")
kms.disable_key(KeyId=key_id)
proxy.forget()
refused("DisabledException", kms.encrypt, KeyId=key_id, Plaintext=b"x")
assert not proxy.calls()
kms.enable_key(KeyId=key_id)
assert kms.encrypt(KeyId=key_id, Plaintext=b"x")

say("Disabled there: KMS's key stays Enabled and does not work until it is enabled there")
proxy.order({"Enable": [external, False]})
refused("KMSInvalidStateException", kms.encrypt, KeyId=key_id, Plaintext=b"x")
assert state(kms, key_id) == "Enabled"
proxy.order({"Enable": [external, True]})
assert kms.encrypt(KeyId=key_id, Plaintext=b"x")

say("Disconnected: Unavailable, and the proxy is not asked; connected again: as before")
disconnect(kms, store)
assert state(kms, key_id) == "Unavailable"
proxy.forget()
refused("KMSInvalidStateException", kms.encrypt, KeyId=key_id, Plaintext=b"x")
refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=sealed, EncryptionContext=context)
refused("CustomKeyStoreInvalidStateException", kms.create_key, Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store,
        XksKeyId=proxy.put("fourth-key"))
assert not proxy.calls()
connect(kms, store)
assert state(kms, key_id) == "Enabled"
assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == b"attack at dawn"

say("Rotation of the proxy's credential with both valid for a while, without disconnecting")
rotated = {"AccessKeyId": "ROTATEDACCESSKEY234567", "RawSecretAccessKey": "r" * 50}
refused("XksProxyIncorrectAuthenticationCredentialException", kms.update_custom_key_store, CustomKeyStoreId=store,
        XksProxyAuthenticationCredential=rotated)
proxy.order({"AddCredential": list(rotated.values())})
proxy.forget()
kms.update_custom_key_store(CustomKeyStoreId=store, XksProxyAuthenticationCredential=rotated)
asked("GetHealthStatus", kmsOperation="UpdateCustomKeyStore")
entry = store_entry(kms, store)
assert entry["ConnectionState"] == "CONNECTED" and entry["XksProxyConfiguration"]["AccessKeyId"] == rotated["AccessKeyId"], entry
proxy.forget()
assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == b"attack at dawn"
assert f"Credential={rotated['AccessKeyId']}/" in dict(asked("Decrypt")["headers"])["authorization"]

say("Renamed and with another path while connected; another endpoint only when disconnected")
kms.update_custom_key_store(CustomKeyStoreId=store, NewCustomKeyStoreName="renamed", XksProxyUriPath=proxy.new_path("moved"))
assert store_entry(kms, store)["CustomKeyStoreName"] == "renamed"
proxy.forget()
assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == b"attack at dawn"
assert asked("Decrypt")["path"].startswith("/moved/kms/xks/v1/keys/")
elsewhere = "https://second.example.com"
refused("CustomKeyStoreInvalidStateException", kms.update_custom_key_store, CustomKeyStoreId=store, XksProxyUriEndpoint=elsewhere)
disconnect(kms, store)
kms.update_custom_key_store(CustomKeyStoreId=store, XksProxyUriEndpoint=elsewhere)
connect(kms, store)
assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == b"attack at dawn"

say("Connections are kept")
before = proxy.connections()
for number in range(100):
    kms.encrypt(KeyId=key_id, Plaintext=b"x")
assert proxy.connections() - before <= 1, f"{proxy.connections() - before} connections for 100 requests one after the other"
proxy.order("CloseConnections")
for number in range(10):
    assert kms.encrypt(KeyId=key_id, Plaintext=b"x"), "connections that the proxy closed are no failure"
    proxy.order("CloseConnections")

say("The end: a key store with keys stays; a key that waits for its end counts as one")
disconnect(kms, second)
refused("CustomKeyStoreHasCMKsException", kms.delete_custom_key_store, CustomKeyStoreId=second)
kms.schedule_key_deletion(KeyId=twin, PendingWindowInDays=7)
assert state(kms, twin) == "PendingDeletion"
refused("CustomKeyStoreHasCMKsException", kms.delete_custom_key_store, CustomKeyStoreId=second)
refused("KMSInvalidStateException", kms.encrypt, KeyId=twin, Plaintext=b"x")
empty = new_external_store(kms, proxy, "empty")
disconnect(kms, empty)
kms.delete_custom_key_store(CustomKeyStoreId=empty)
refused("CustomKeyStoreNotFoundException", kms.describe_custom_key_stores, CustomKeyStoreId=empty)

say("What is recorded: the external key of each use; no secret and no plaintext")
with open(f"{os.environ['VHSM_HOME']}/audit.log") as file:
    text = file.read()
events = [json.loads(line) for line in text.splitlines()]
used = [event for event in events if event["eventName"] == "Encrypt" and event.get("additionalEventData")]
assert used and used[0]["additionalEventData"] == {"customKeyStoreId": store, "xksKeyId": external}, used[:1]
# Plaintexts would be there as their base64.
for secret in (proxy.credential["RawSecretAccessKey"], rotated["RawSecretAccessKey"], base64.b64encode(b"attack at dawn").decode()):
    assert secret not in text
for folder, _, files in os.walk(os.environ["VHSM_HOME"]):
    for name in files:
        with open(os.path.join(folder, name), "rb") as file:
            assert rotated["RawSecretAccessKey"].encode() not in file.read(), f"the secret lies open in {name}"

print(f"{sum(checker.seen.values())} answers of {len(checker.seen)} operations fit the model")
