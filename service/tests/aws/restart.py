"""A server that is killed under load has lost nothing that it acknowledged, and connects again what was connected."""

import os

from kills import kill_under_load
from support import *


def prepare(kms):
    cluster, anchor = new_cluster(client("cloudhsmv2"), os.environ["TMPDIR"])
    store = new_store(kms, cluster, anchor)
    connect(kms, store)
    return lambda kms, name: new_key(kms, store, Description=name)


kill_under_load(prepare)
