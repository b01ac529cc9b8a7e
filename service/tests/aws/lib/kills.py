"""A server that is killed under load, and what must be there afterwards."""

import concurrent.futures
import os
import random
import re
import subprocess
import threading

import botocore.exceptions

from support import *

ROUNDS, THREADS = 5, 8


class Server:
    """`vhsm serve`, and the address that it tells."""

    def __init__(self):
        arguments = [os.environ["VHSM_COMMAND"], "serve", "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                break
        else:
            raise AssertionError("the server ended before it listened")
        os.environ["AWS_ENDPOINT_URL"] = found.group()
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Journal:
    """What was acknowledged."""

    def __init__(self):
        self.lock, self.keys, self.aliases, self.tags, self.sealed = threading.Lock(), {}, {}, {}, []

    def note(self, kind, name, value):
        with self.lock:
            getattr(self, kind)[name] = value

    def a_key(self):
        with self.lock:
            return random.choice(list(self.keys)) if self.keys else None


def load(journal, make_key, stop):
    """Makes keys, aliases and tags, and notes what was acknowledged, until the server is gone."""
    kms, number = client("kms", connect_timeout=5), 0
    try:
        while not stop.is_set():
            number += 1
            name = f"{threading.get_ident()}-{number}-{random.getrandbits(32):x}"
            key = make_key(kms, name)["KeyId"]
            journal.note("keys", key, name)
            kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
            journal.note("aliases", f"alias/{name}", key)
            kms.tag_resource(KeyId=key, Tags=[{"TagKey": "name", "TagValue": name}])
            journal.note("tags", key, name)
            sealed = kms.encrypt(KeyId=journal.a_key(), Plaintext=name.encode())["CiphertextBlob"]
            with journal.lock:
                journal.sealed.append((name, sealed))
    except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError) as error:
        # The kill. Whatever was asked then, was not acknowledged.
        return str(error)


def pages(kms, operation, member):
    return [entry for page in kms.get_paginator(operation).paginate() for entry in page[member]]


def compare(journal, kms):
    """Everything that was acknowledged is there, and whole."""
    there = {entry["KeyId"] for entry in pages(kms, "list_keys", "Keys")}
    lost = set(journal.keys) - there
    assert not lost, f"lost keys: {lost}"
    aliases = {entry["AliasName"]: entry["TargetKeyId"] for entry in pages(kms, "list_aliases", "Aliases") if "TargetKeyId" in entry}
    lost = {name: key for name, key in journal.aliases.items() if aliases.get(name) != key}
    assert not lost, f"lost aliases: {lost}"
    for key, name in journal.keys.items():
        found = kms.describe_key(KeyId=key)["KeyMetadata"]
        assert found["Description"] == name and found["KeyState"] == "Enabled", found
        kms.encrypt(KeyId=key, Plaintext=b"x")
    for key, name in journal.tags.items():
        assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "name", "TagValue": name}], key
    for name, sealed in journal.sealed:
        assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == name.encode()


def kill_under_load(prepare):
    """`prepare` makes a key store, and answers how a key is made in it: of a client and a description."""
    server = Server()
    try:
        make_key, journal = prepare(client("kms")), Journal()
        for number in range(ROUNDS):
            stop = threading.Event()
            with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
                running = [pool.submit(load, journal, make_key, stop) for _ in range(THREADS)]
                wanted = len(journal.sealed) + random.randint(20, 60)
                until("some load", lambda: len(journal.sealed) >= wanted or any(one.done() for one in running))
                server.kill()
                stop.set()
            for one in running:
                one.result()
            server = Server()
            kms = client("kms")
            # Who listens has connected again what was connected.
            assert works(kms, journal.a_key())
            compare(journal, kms)
            say(f"Kill {number + 1}: {len(journal.keys)} keys, {len(journal.aliases)} aliases, {len(journal.tags)} tags, "
                f"{len(journal.sealed)} ciphertexts are there")
    finally:
        server.kill()
