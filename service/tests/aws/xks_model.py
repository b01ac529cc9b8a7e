"""The operations that have members of external key stores: once well and once badly, and with every such member missing, too long
or none of the values that the model lists. Every answer is held against botocore's model as it comes off the wire."""

from calls import Row, every_member_badly, expect, made
from proxy import *
from shapes import Checker
from support import *

NO_STORE = {"CustomKeyStoreId": "cks-00000000000000000"}
NO_SUCH_STORE, UNSUPPORTED = "CustomKeyStoreNotFoundException", "UnsupportedOperationException"

kms, proxy = client("kms", parameter_validation=False), Proxy()
checker = Checker(kms)


class World:
    """What the calls before have made."""

    store, number = None, 0

    def new_store(self, **changes):
        self.number += 1
        name = f"model-{self.number}"
        return proxy.store_arguments(CustomKeyStoreName=name, XksProxyUriPath=proxy.new_path(name)) | changes

    def on_store(self, **more):
        return {"CustomKeyStoreId": self.store} | more

    def new_key(self, **changes):
        self.number += 1
        return self.on_store(Origin="EXTERNAL_KEY_STORE", XksKeyId=proxy.put(f"model-{self.number}")) | changes


def keep(world, answer):
    world.store = answer["CustomKeyStoreId"]


def wait(state):
    return lambda world, _: reaches(kms, world.store, state)


ROWS = {
    "CreateCustomKeyStore": Row(lambda w: w.new_store(), "XksProxyInvalidConfigurationException",
                                lambda w: w.new_store(XksProxyUriPath="/nobody/knows/kms/xks/v1"), after=keep),
    "DescribeCustomKeyStores": Row(lambda w: w.on_store(), NO_SUCH_STORE, NO_STORE),
    "UpdateCustomKeyStore": Row(lambda w: w.on_store(XksProxyUriEndpoint=proxy.endpoint, XksProxyAuthenticationCredential=proxy.credential),
                                "XksProxyInvalidConfigurationException", lambda w: w.on_store(XksProxyUriPath="/nobody/knows/kms/xks/v1")),
    "ConnectCustomKeyStore": Row(lambda w: w.on_store(), NO_SUCH_STORE, NO_STORE, after=wait("CONNECTED")),
    "GenerateRandom": Row(lambda w: w.on_store(NumberOfBytes=1), NO_SUCH_STORE, NO_STORE | {"NumberOfBytes": 1}, answers=UNSUPPORTED),
    "CreateKey": Row(lambda w: w.new_key(), "XksKeyNotFoundException", lambda w: w.new_key(XksKeyId="nobody-knows")),
    "DisconnectCustomKeyStore": Row(lambda w: w.on_store(), NO_SUCH_STORE, NO_STORE, after=wait("DISCONNECTED")),
}
# Of members that hold others: what each of them cannot be.
CREDENTIALS = [{}, {"AccessKeyId": "A" * 20}, {"RawSecretAccessKey": "s" * 43}] + [
    proxy.credential | wrong for wrong in (
        {"AccessKeyId": "A" * 19}, {"AccessKeyId": "A" * 31}, {"AccessKeyId": "a" * 20}, {"AccessKeyId": "A" * 19 + "1"},
        {"RawSecretAccessKey": "s" * 42}, {"RawSecretAccessKey": "s" * 65}, {"RawSecretAccessKey": "s" * 43 + "-"})]
ENDPOINTS = ["https://x", "http://xks.example.com", "https://xks.example.com/", "https://xks_example.com", "https://" + "x" * 121]
PATHS = ["/kms/xks/v", "kms/xks/v1", "/a b/kms/xks/v1", "/kms/xks/v2", "/" + "a" * 120 + "/kms/xks/v1"]
SERVICES = ["com.amazonaws.vpce.us-east-1", "vpce-svc-0123456789abcdef0123", "com.amazonaws.vpce.us-east-1.vpce-svc-" + "0" * 40]

say("Each operation once well and once badly")
world = World()
for name, row in ROWS.items():
    expect(kms, name, row.refusal, made(row.bad, world))
    answer = expect(kms, name, row.answers, made(row.good, world))
    if row.after:
        row.after(world, answer)

say("Without required members, and with members too long or unknown")
every_member_badly(kms, ROWS, world, "ValidationException")
for member, values in (("XksProxyAuthenticationCredential", CREDENTIALS), ("XksProxyUriEndpoint", ENDPOINTS), ("XksProxyUriPath", PATHS),
                       ("XksProxyVpcEndpointServiceName", SERVICES), ("XksProxyVpcEndpointServiceOwner", ["1" * 11, "1" * 13, "a" * 12])):
    for value in values:
        expect(kms, "CreateCustomKeyStore", "ValidationException", world.new_store(**{member: value}))
        expect(kms, "UpdateCustomKeyStore", "ValidationException", world.on_store(**{member: value}))

say("Of a VPC endpoint service: its name goes with that connectivity alone, and its Region is KMS's own")
service = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
vpc = lambda **changes: world.new_store(XksProxyConnectivity="VPC_ENDPOINT_SERVICE", XksProxyUriEndpoint="https://third.example.com") | changes
expect(kms, "CreateCustomKeyStore", "ValidationException", vpc())
expect(kms, "CreateCustomKeyStore", "ValidationException", world.new_store(XksProxyVpcEndpointServiceName=service))
expect(kms, "CreateCustomKeyStore", "XksProxyVpcEndpointServiceNotFoundException",
       vpc(XksProxyVpcEndpointServiceName=service.replace("us-east-1", "eu-west-1")))
expect(kms, "CreateCustomKeyStore", "XksProxyUriEndpointInUseException",
       vpc(XksProxyVpcEndpointServiceName=service, XksProxyUriEndpoint=proxy.endpoint))
expect(kms, "CreateCustomKeyStore", None, vpc(XksProxyVpcEndpointServiceName=service))
expect(kms, "CreateCustomKeyStore", "XksProxyVpcEndpointServiceInUseException",
       vpc(XksProxyVpcEndpointServiceName=service, XksProxyUriEndpoint="https://second.example.com"))
expect(kms, "DescribeCustomKeyStores", None, {})

print(f"{sum(checker.seen.values())} answers of {len(checker.seen)} operations fit the model")
