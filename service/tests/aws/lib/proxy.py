"""The faulty external key store proxy: its controls, and key stores and keys that are behind it."""

import json
import os
import socket
import threading

from support import connect, reaches, until

PATH_END = "/kms/xks/v1"
APIS = ("GetKeyMetadata", "Encrypt", "Decrypt", "GetHealthStatus")


class Proxy:
    """Without a fault it is right in all that it does. The faults' names are in keystore/tests/it/support/proxy/fault.rs."""

    def __init__(self):
        host, port = os.environ["PROXY_CONTROL"].split(":")
        self.stream, self.lock = socket.create_connection((host, int(port))).makefile("rw"), threading.Lock()
        about = self.order("About")
        self.endpoint, self.path, self.address = about["endpoint"], about["path"], about["address"]
        self.credential = {"AccessKeyId": about["access_key_id"], "RawSecretAccessKey": about["secret"]}

    def order(self, order):
        with self.lock:
            self.stream.write(json.dumps(order) + "\n")
            self.stream.flush()
            told = json.loads(self.stream.readline())
        assert "error" not in told, told
        return told["answer"]

    def set(self, fault):
        """Every API has this fault and no other."""
        self.order({"Set": fault})

    def only(self, api, fault):
        self.order({"Only": [api, fault]})

    def heal(self):
        self.order("Heal")

    def put(self, key, **about):
        """A new key; `spec`, `usage` and `enabled` make it another than KMS wants."""
        self.order({"Put": [key, about]})
        return key

    def calls(self, api=None):
        """What was asked since the last `forget`; the checks that come by themselves are not told."""
        calls = [call for call in self.order("Calls") if metadata(call).get("kmsOperation") != "KmsHealthCheck"]
        return [call for call in calls if api in (None, call["api"])]

    def forget(self):
        self.order("ForgetCalls")

    def connections(self):
        return self.order("Connections")

    def store_arguments(self, **changes):
        """What CreateCustomKeyStore takes."""
        return {"CustomKeyStoreName": "external", "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
                "XksProxyConnectivity": "PUBLIC_ENDPOINT", "XksProxyUriEndpoint": self.endpoint,
                "XksProxyUriPath": self.path, "XksProxyAuthenticationCredential": self.credential} | changes

    def new_path(self, name):
        """One more path, for one more key store."""
        path = f"/{name}{PATH_END}"
        self.order({"AddPath": path})
        return path


def metadata(call):
    body = call["body"]
    return body.get("requestMetadata") or {} if isinstance(body, dict) else {}


def new_external_store(kms, proxy, name, **changes):
    """Connected."""
    arguments = proxy.store_arguments(CustomKeyStoreName=name, XksProxyUriPath=proxy.new_path(name)) | changes
    store = kms.create_custom_key_store(**arguments)["CustomKeyStoreId"]
    connect(kms, store)
    return store


def new_external_key(kms, store, key, **options):
    """Its metadata."""
    return kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId=key, **options)["KeyMetadata"]
