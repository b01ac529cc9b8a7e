"""A server that is killed under load has lost nothing of its external key stores: keys of KMS's own and of the proxy open everything
that was acknowledged, and what was connected is connected again."""

import uuid

from kills import kill_under_load
from proxy import *
from support import *

proxy = Proxy()


def prepare(kms):
    store = new_external_store(kms, proxy, "restart")
    # One that is not connected stays so.
    disconnect(kms, new_external_store(kms, proxy, "idle"))
    return lambda kms, name: new_external_key(kms, store, proxy.put(str(uuid.uuid4())), Description=name)


kill_under_load(prepare)
