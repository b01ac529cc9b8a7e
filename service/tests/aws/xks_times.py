"""KMS waits 250 ms for a proxy and no longer, however it fails to answer, and leaves others alone meanwhile; it looks at the health
of connected proxies by itself."""

import concurrent.futures
import os
import re
import time

from kills import Server
from proxy import *
from support import *

LIMIT_SECONDS = 0.25
HEALTH_SECONDS = 0.2

path = f"{os.environ['VHSM_HOME']}/vhsm.toml"
settings = re.sub(r"timeout_ms = \d+\n", "", read(path))
settings = re.sub(r"health_interval_ms = \d+", f"health_interval_ms = {int(HEALTH_SECONDS * 1000)}", settings)
with open(path, "w") as file:
    file.write(settings)


def seconds(call):
    start = time.monotonic()
    refused("KMSInvalidStateException", call)
    return time.monotonic() - start


def health_checks(path):
    calls = [call for call in proxy.order("Calls") if metadata(call).get("kmsOperation") == "KmsHealthCheck"]
    return [call for call in calls if call["path"] == f"{path}/health"]


server, proxy = Server(), Proxy()
try:
    kms = client("kms")
    store = kms.create_custom_key_store(**proxy.store_arguments())["CustomKeyStoreId"]

    def connected():
        """However busy this machine is: one attempt is quick enough."""
        kms.connect_custom_key_store(CustomKeyStoreId=store)
        until("it is connected or not", lambda: store_entry(kms, store)["ConnectionState"] in ("CONNECTED", "FAILED"))
        if store_entry(kms, store)["ConnectionState"] == "CONNECTED":
            return True
        disconnect(kms, store)

    def made():
        try:
            return new_external_key(kms, store, proxy.put("key"))["Arn"]
        except kms.exceptions.CustomKeyStoreInvalidStateException:
            return None

    until("connected within 250 ms", connected)
    key = until("made within 250 ms", made)
    encrypt = lambda: kms.encrypt(KeyId=key, Plaintext=b"x")
    default = kms.create_key()["KeyMetadata"]["Arn"]

    for fault in ({"Slow": 20000}, "SlowHead", "SlowBody", "HangAfterAccept", "HangInTls"):
        proxy.set(fault)
        taken = [seconds(encrypt) for _ in range(5)]
        say(f"{fault}: {', '.join(f'{one * 1000:.0f} ms' for one in taken)}")
        assert min(taken) >= LIMIT_SECONDS, "it was given its time"
        assert min(taken) < 4 * LIMIT_SECONDS, "and no more"
        proxy.heal()
        until("works again", lambda: works(kms, key))

    say("An answer after 100 ms is in time")
    proxy.set({"Slow": 100})
    until("one is in time", lambda: works(kms, key))
    proxy.heal()

    say("A proxy that hangs holds nobody else")
    proxy.set("HangAfterAccept")
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        hanging = [pool.submit(seconds, encrypt) for _ in range(64)]
        start, done = time.monotonic(), 0
        while not all(one.done() for one in hanging):
            kms.encrypt(KeyId=default, Plaintext=b"x")
            done += 1
        print(f"{done} other requests in {time.monotonic() - start:.2f} s")
        assert done >= 3
        for one in hanging:
            one.result()
    proxy.heal()

    say("KmsHealthCheck comes by itself, as long as the key store is connected")
    other = proxy.new_path("other")
    second = kms.create_custom_key_store(**proxy.store_arguments(CustomKeyStoreName="other", XksProxyUriPath=other))["CustomKeyStoreId"]
    proxy.forget()
    until("five checks", lambda: len(health_checks(proxy.path)) >= 5)
    assert set(metadata(health_checks(proxy.path)[0])) == {"kmsOperation", "kmsRequestId"}, health_checks(proxy.path)
    assert len({metadata(call)["kmsRequestId"] for call in health_checks(proxy.path)}) >= 5
    assert not health_checks(other), "that one is not connected"
    disconnect(kms, store)
    store, first = second, store
    until("connected within 250 ms", connected)
    proxy.forget()
    until("five checks", lambda: len(health_checks(other)) >= 5)
    assert len(health_checks(proxy.path)) <= 1, "one may have been on its way"

    say("A check that fails changes no state")
    proxy.set("RefuseTcp")
    time.sleep(3 * HEALTH_SECONDS)
    assert store_entry(kms, store)["ConnectionState"] == "CONNECTED"
finally:
    server.kill()
