"""Every failure of an external key store proxy shows in KMS as the reference's tables have it (XKS Proxy API, "How KMS reports
them"; KMS, ConnectionErrorCode): provoked from outside, in every operation that calls a proxy. When it is over, everything works."""

import concurrent.futures

from proxy import *
from shapes import Checker
from support import *

UNREACHABLE, RESPONSE = "XksProxyUriUnreachableException", "XksProxyInvalidResponseException"
CREDENTIAL, PROXY_CONFIG = "XksProxyIncorrectAuthenticationCredentialException", "XksProxyInvalidConfigurationException"
STORE_STATE, KEY_CONFIG, NO_KEY = "CustomKeyStoreInvalidStateException", "XksKeyInvalidConfigurationException", "XksKeyNotFoundException"
KEY_STATE = "KMSInvalidStateException"
# In the errors' messages of the faulty proxy. KMS tells its callers nothing of it.
PROXY_MESSAGE = "as the test wants it"


def error(name, status):
    return {"Error": {"name": f"{name}Exception", "status": status}}


# Of all APIs: the fault; what Create- and UpdateCustomKeyStore, what the connection's error code and what CreateKey make of it.
# Cryptographic operations answer KMSInvalidStateException, whatever it is.
FAULTS = [
    # Network and time.
    ("RefuseTcp", UNREACHABLE, "XKS_PROXY_NOT_REACHABLE", STORE_STATE),
    ("HangAfterAccept", UNREACHABLE, "XKS_PROXY_TIMED_OUT", STORE_STATE),
    ("HangInTls", UNREACHABLE, "XKS_PROXY_TIMED_OUT", STORE_STATE),
    ({"Slow": 20000}, UNREACHABLE, "XKS_PROXY_TIMED_OUT", STORE_STATE),
    ("SlowHead", UNREACHABLE, "XKS_PROXY_TIMED_OUT", STORE_STATE),
    ("SlowBody", UNREACHABLE, "XKS_PROXY_TIMED_OUT", STORE_STATE),
    ("CloseBeforeAnswer", UNREACHABLE, "XKS_PROXY_NOT_REACHABLE", STORE_STATE),
    ("CloseMidAnswer", RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    # TLS.
    ("CloseAfterAccept", UNREACHABLE, "XKS_PROXY_INVALID_TLS_CONFIGURATION", STORE_STATE),
    ("TlsWrongName", UNREACHABLE, "XKS_PROXY_INVALID_TLS_CONFIGURATION", STORE_STATE),
    ("TlsExpired", UNREACHABLE, "XKS_PROXY_INVALID_TLS_CONFIGURATION", STORE_STATE),
    ("TlsUnknownCa", UNREACHABLE, "XKS_PROXY_INVALID_TLS_CONFIGURATION", STORE_STATE),
    ("TlsOldVersion", UNREACHABLE, "XKS_PROXY_INVALID_TLS_CONFIGURATION", STORE_STATE),
    ("PlainHttp", UNREACHABLE, "XKS_PROXY_INVALID_TLS_CONFIGURATION", STORE_STATE),
    ("WantsClientCertificate", UNREACHABLE, "XKS_PROXY_INVALID_TLS_CONFIGURATION", STORE_STATE),
    # The errors of the API.
    (error("Validation", 400), RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    (error("InvalidState", 400), RESPONSE, "XKS_PROXY_INVALID_RESPONSE", KEY_CONFIG),
    (error("InvalidCiphertext", 400), RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    (error("InvalidKeyUsage", 400), RESPONSE, "XKS_PROXY_INVALID_RESPONSE", KEY_CONFIG),
    (error("AuthenticationFailed", 401), CREDENTIAL, "INVALID_CREDENTIALS", STORE_STATE),
    (error("AccessDenied", 403), RESPONSE, "XKS_PROXY_ACCESS_DENIED", STORE_STATE),
    (error("KeyNotFound", 404), RESPONSE, "XKS_PROXY_INVALID_RESPONSE", NO_KEY),
    (error("InvalidUriPath", 404), PROXY_CONFIG, "XKS_PROXY_INVALID_CONFIGURATION", STORE_STATE),
    (error("Throttling", 429), UNREACHABLE, "XKS_PROXY_NOT_REACHABLE", STORE_STATE),
    (error("Internal", 500), RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    (error("UnsupportedOperation", 501), RESPONSE, "XKS_PROXY_INVALID_RESPONSE", KEY_CONFIG),
    (error("DependencyTimeout", 503), UNREACHABLE, "XKS_PROXY_TIMED_OUT", STORE_STATE),
    (error("NobodyKnows", 400), RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    # Answers that are none of the API.
    ({"ErrorWithoutJson": 404}, RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    ({"ErrorWithoutJson": 500}, RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    ({"ErrorWithoutJson": 502}, RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    ("Redirect", RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    ("MalformedJson", RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    ("EmptyBody", RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    ("WrongContentType", RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
    ("HugeBody", RESPONSE, "XKS_PROXY_INVALID_RESPONSE", STORE_STATE),
]

# Of GetHealthStatus alone.
MANAGER = {"id": "hsm", "model": "HSM", "healthStatus": "ACTIVE"}
HEALTH_FAULTS = [
    ("AllUnavailable", UNREACHABLE, "XKS_PROXY_NOT_REACHABLE"),
    ("FleetSizeZero", RESPONSE, "XKS_PROXY_INVALID_RESPONSE"),
    ("NoFleet", RESPONSE, "XKS_PROXY_INVALID_RESPONSE"),
    ({"Member": ["ekmFleetDetails", [MANAGER] * 11]}, RESPONSE, "XKS_PROXY_INVALID_RESPONSE"),
    ({"Member": ["ekmFleetDetails", [{"id": "hsm", "healthStatus": "ACTIVE"}]]}, RESPONSE, "XKS_PROXY_INVALID_RESPONSE"),
    ({"Member": ["ekmFleetDetails", [MANAGER | {"healthStatus": "HAPPY"}]]}, RESPONSE, "XKS_PROXY_INVALID_RESPONSE"),
] + [
    ({fault: member}, RESPONSE, "XKS_PROXY_INVALID_RESPONSE")
    for fault in ("MissingMember", "WrongMemberType")
    for member in ("xksProxyFleetSize", "xksProxyVendor", "xksProxyModel", "ekmVendor", "ekmFleetDetails")
]

# Of GetKeyMetadata alone: what CreateKey makes of it, and what its message names.
KEY_FAULTS = [
    ({"KeySpec": "RSA_2048"}, KEY_CONFIG, "RSA_2048"),
    ({"KeySpec": "AES_128"}, KEY_CONFIG, "AES_128"),
    ({"UsageWithout": "ENCRYPT"}, KEY_CONFIG, "ENCRYPT"),
    ({"UsageWithout": "DECRYPT"}, KEY_CONFIG, "DECRYPT"),
    ("KeyDisabled", KEY_CONFIG, "DISABLED"),
    ({"Member": ["keyUsage", ["ENCRYPT", "DECRYPT"] + ["SIGN"] * 9]}, STORE_STATE, ""),
] + [
    ({fault: member}, STORE_STATE, "")
    for fault in ("MissingMember", "WrongMemberType") for member in ("keySpec", "keyUsage", "keyStatus")
]

# Of Encrypt and of Decrypt alone.
ENCRYPT_FAULTS = ["WrongCdiv", "NoCdiv", "ShortIv", "ShortTag", {"LongMetadata": 21}, "CiphertextOfOtherLength", "BadBase64"] + [
    {fault: member} for fault in ("MissingMember", "WrongMemberType")
    for member in ("ciphertext", "initializationVector", "authenticationTag")]
DECRYPT_FAULTS = ["WrongPlaintext", "PlaintextChangedInside", "PlaintextShort", "BadBase64", {"MissingMember": "plaintext"},
                  {"WrongMemberType": "plaintext"}, error("InvalidCiphertext", 400)]

kms, proxy = client("kms"), Proxy()
checker = Checker(kms)
store = new_external_store(kms, proxy, "used")
idle = new_external_store(kms, proxy, "connected-and-not")
disconnect(kms, idle)
key = new_external_key(kms, store, proxy.put("used-key"))["Arn"]
default = kms.create_key()["KeyMetadata"]["Arn"]
sealed = kms.encrypt(KeyId=key, Plaintext=b"sealed before")["CiphertextBlob"]
sealed_by_default = kms.encrypt(KeyId=default, Plaintext=b"sealed before")["CiphertextBlob"]

ENCRYPTING = {
    "Encrypt": lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
    "GenerateDataKey": lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": lambda: kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256"),
    "ReEncrypt to": lambda: kms.re_encrypt(CiphertextBlob=sealed_by_default, DestinationKeyId=key),
}
DECRYPTING = {
    "Decrypt": lambda: kms.decrypt(CiphertextBlob=sealed),
    "ReEncrypt from": lambda: kms.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=default),
}


def fails(code, call, **arguments):
    message = refused(code, call, **arguments)
    assert message and PROXY_MESSAGE not in message, message


def all_fail(calls):
    """At once, for some wait until the proxy is given up."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(fails, KEY_STATE, call) for call in calls.values()]:
            done.result()


def all_work(calls):
    for call in calls.values():
        call()


def fails_to_connect(code):
    """FAILED, with that code; nothing goes on before it is disconnected. Then it is connected when the fault is gone."""
    kms.connect_custom_key_store(CustomKeyStoreId=idle)
    reaches(kms, idle, "FAILED")
    found = store_entry(kms, idle)["ConnectionErrorCode"]
    assert found == code, f"not {code} but {found}"
    refused(STORE_STATE, kms.connect_custom_key_store, CustomKeyStoreId=idle)
    proxy.heal()
    disconnect(kms, idle)
    assert "ConnectionErrorCode" not in store_entry(kms, idle)
    connect(kms, idle)
    disconnect(kms, idle)


def fails_to_make_a_store(number, code):
    """And makes it when the fault is gone; answers how."""
    arguments = proxy.store_arguments(CustomKeyStoreName=f"store {number}", XksProxyUriPath=proxy.new_path(f"store-{number}"))
    fails(code, kms.create_custom_key_store, **arguments)

    def works():
        made = kms.create_custom_key_store(**arguments)["CustomKeyStoreId"]
        kms.delete_custom_key_store(CustomKeyStoreId=made)
    return works


def fails_to_make_a_key(number, code, named=""):
    arguments = {"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": proxy.put(f"key-{number}")}
    message = refused(code, kms.create_key, **arguments)
    assert message and named in message and PROXY_MESSAGE not in message, message
    return lambda: kms.create_key(**arguments)


def update():
    kms.update_custom_key_store(CustomKeyStoreId=store, XksProxyAuthenticationCredential=proxy.credential)


for number, (fault, store_code, connection_code, key_code) in enumerate(FAULTS):
    say(f"{fault}")
    proxy.set(fault)
    make_store = fails_to_make_a_store(number, store_code)
    fails(store_code, update)
    make_key = fails_to_make_a_key(number, key_code)
    all_fail(ENCRYPTING | DECRYPTING)
    assert store_entry(kms, store)["ConnectionState"] == "CONNECTED" and state(kms, key) == "Enabled", "they stay what they are"
    fails_to_connect(connection_code)
    all_work(ENCRYPTING | DECRYPTING)
    make_store()
    update()
    make_key()

for number, (fault, store_code, connection_code) in enumerate(HEALTH_FAULTS):
    say(f"GetHealthStatus: {fault}")
    proxy.only("GetHealthStatus", fault)
    make_store = fails_to_make_a_store(f"health-{number}", store_code)
    fails(store_code, update)
    all_work(ENCRYPTING | DECRYPTING)
    fails_to_connect(connection_code)
    make_store()
    update()

say("A key manager that is DEGRADED, or one of two that is UNAVAILABLE, is no failure")
for fault in ("OneDegraded", "OneUnavailable"):
    proxy.only("GetHealthStatus", fault)
    update()
    connect(kms, idle)
    disconnect(kms, idle)
    proxy.heal()

for number, (fault, key_code, named) in enumerate(KEY_FAULTS):
    say(f"GetKeyMetadata: {fault}")
    proxy.only("GetKeyMetadata", fault)
    make_key = fails_to_make_a_key(f"metadata-{number}", key_code, named)
    all_work(ENCRYPTING | DECRYPTING)
    proxy.heal()
    make_key()

for api, faults, failing, working in (("Encrypt", ENCRYPT_FAULTS, ENCRYPTING, DECRYPTING), ("Decrypt", DECRYPT_FAULTS, DECRYPTING, ENCRYPTING)):
    for fault in faults:
        say(f"{api}: {fault}")
        proxy.only(api, fault)
        all_fail(failing)
        all_work(working)
        proxy.heal()
        all_work(failing)

say("20 bytes of metadata and an IV of 16 bytes are what the API allows, and members that it does not know are passed over")
for fault in ({"LongMetadata": 20}, "LongIv", {"Member": ["vendorData", {"a": 1}]}):
    proxy.set(fault)
    made = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=made)["Plaintext"] == b"x"
    proxy.heal()
    assert kms.decrypt(CiphertextBlob=made)["Plaintext"] == b"x"

say("A wrong secret, a wrong path and a host that is nowhere, without any fault of the proxy")
other = lambda **changes: proxy.store_arguments(CustomKeyStoreName="other", XksProxyUriPath="/other/kms/xks/v1") | changes
wrong = proxy.credential | {"RawSecretAccessKey": "w" * 43}
fails(CREDENTIAL, kms.create_custom_key_store, **other(XksProxyUriPath=proxy.new_path("right"), XksProxyAuthenticationCredential=wrong))
fails(CREDENTIAL, kms.update_custom_key_store, CustomKeyStoreId=store, XksProxyAuthenticationCredential=wrong)
fails(PROXY_CONFIG, kms.create_custom_key_store, **other())
fails(PROXY_CONFIG, kms.update_custom_key_store, CustomKeyStoreId=store, XksProxyUriPath="/other/kms/xks/v1")
fails(UNREACHABLE, kms.create_custom_key_store, **other(XksProxyUriEndpoint="https://nowhere.invalid"))
fails(UNREACHABLE, kms.create_custom_key_store, **other(XksProxyUriEndpoint="https://unmatched.example.org"))
assert store_entry(kms, store)["XksProxyConfiguration"]["UriPath"] == "/used/kms/xks/v1", "a refused update changes nothing"
all_work(ENCRYPTING | DECRYPTING)

say("The credential, the path or the key goes away under a connected key store, and comes back")
ID, SECRET = proxy.credential["AccessKeyId"], proxy.credential["RawSecretAccessKey"]
proxy.order({"RemoveCredential": ID})
all_fail(ENCRYPTING | DECRYPTING)
kms.connect_custom_key_store(CustomKeyStoreId=idle)
reaches(kms, idle, "FAILED")
assert store_entry(kms, idle)["ConnectionErrorCode"] == "INVALID_CREDENTIALS"
proxy.order({"AddCredential": [ID, SECRET]})
all_work(ENCRYPTING | DECRYPTING)
disconnect(kms, idle)
proxy.order({"RemovePath": "/used/kms/xks/v1"})
proxy.order({"RemovePath": "/connected-and-not/kms/xks/v1"})
all_fail(ENCRYPTING | DECRYPTING)
kms.connect_custom_key_store(CustomKeyStoreId=idle)
reaches(kms, idle, "FAILED")
assert store_entry(kms, idle)["ConnectionErrorCode"] == "XKS_PROXY_INVALID_CONFIGURATION"
proxy.order({"AddPath": "/used/kms/xks/v1"})
all_work(ENCRYPTING | DECRYPTING)
proxy.put("used-key")
all_fail(DECRYPTING)
all_work(ENCRYPTING)
proxy.order({"Remove": "used-key"})
all_fail(ENCRYPTING | DECRYPTING)

print(f"{sum(checker.seen.values())} answers of {len(checker.seen)} operations fit the model")
