"""Speed of `vhsm serve`, beside moto_server, both under wrk on this machine: signed requests, 16 connections, 2 threads.

    bench.py VHSM_COMMAND [--seconds N] [--keys N]

Prints README's tables: Encrypt with a key in a custom key store, and what a great number of keys changes.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config

HERE = os.path.dirname(os.path.abspath(__file__))
REGION = "us-east-1"
PLAINTEXT = "YXR0YWNrIGF0IGRhd24sIGFuZCBub3QgYmVmb3JlISE="  # 32 bytes
# How many different keys are asked for at random, at most: each is a signed request of its own.
DIFFERENT = 2000


class Target:
    """A server, and a client with its credentials."""

    def __init__(self, endpoint, access, secret):
        self.endpoint, self.session = endpoint, boto3.Session(access, secret, region_name=REGION)
        self.kms = self.session.client("kms", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))

    def signed(self, operation, body):
        """Lua's words for a request. Good for five minutes."""
        headers = {"X-Amz-Target": f"TrentService.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        request = AWSRequest("POST", self.endpoint + "/", headers=headers, data=json.dumps(body))
        SigV4Auth(self.session.get_credentials(), "kms", REGION).add_auth(request)
        pairs = ", ".join(f"[{json.dumps(key)}] = {json.dumps(value)}" for key, value in request.headers.items())
        return f"{{ headers = {{ {pairs} }}, body = {json.dumps(json.dumps(body))} }}"

    def load(self, operation, bodies, seconds):
        """Requests a second, p50 and p99 in ms."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            file.write("return { " + ",\n".join(self.signed(operation, body) for body in bodies) + " }")
            file.flush()
            told = subprocess.run(["wrk", "-t2", "-c16", f"-d{seconds}s", "--timeout", "20s", "-s", f"{HERE}/load.lua",
                                   self.endpoint, "--", file.name], capture_output=True, text=True, check=True).stdout
        requests, micros, p50, p99, failures = map(int, re.search(r"RESULT (.*)", told)[1].split())
        if failures or not requests:
            sys.exit(f"{operation} at {self.endpoint}: {failures} of {requests} requests failed\n{told}")
        return requests / (micros / 1e6), p50 / 1e3, p99 / 1e3


@contextlib.contextmanager
def process(arguments, ready, **environment):
    """A server, until the end of the block; yields the address that its log tells."""
    server = subprocess.Popen(arguments, env=os.environ | environment, stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            if found := re.search(ready, line):
                threading.Thread(target=server.stderr.read, daemon=True).start()
                yield found.group()
                return
        sys.exit(f"{arguments} ended before it listened")
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def vhsm(command, home):
    """Our server, with a connected custom key store: yields the target and the store's id."""
    def run(*arguments, **environment):
        done = subprocess.run([command, *arguments], env=os.environ | {"VHSM_HOME": home} | environment, check=True,
                              stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    made = run("cluster", "create", "--label", "bench", "--hsms", "2", "--admin-password", "admin-password")
    run("user", "create", "--cluster", "bench", "--username", "kmsuser", "--role", "crypto-user", "--password", "kms-password",
        VHSM_PIN="admin:admin-password")
    with open(made["TrustAnchorFile"]) as file:
        anchor = file.read()
    with process([command, "serve", "--listen", "127.0.0.1:0"], r"http://127\.0\.0\.1:\d+", VHSM_HOME=home) as endpoint:
        with open(f"{home}/credentials") as file:
            text = file.read()
        value = lambda name: re.search(rf"^{name}\s*=\s*(\S+)", text, re.M)[1]
        target = Target(endpoint, value("aws_access_key_id"), value("aws_secret_access_key"))
        store = target.kms.create_custom_key_store(CustomKeyStoreName="bench", CloudHsmClusterId=made["ClusterId"],
                                                   KeyStorePassword="kms-password", TrustAnchorCertificate=anchor)["CustomKeyStoreId"]
        target.kms.connect_custom_key_store(CustomKeyStoreId=store)
        while target.kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"][0]["ConnectionState"] != "CONNECTED":
            time.sleep(0.1)
        yield target, store


def encrypt(key):
    return {"KeyId": key, "Plaintext": PLAINTEXT}


def spread(keys):
    return keys[::max(1, len(keys) // DIFFERENT)][:DIFFERENT]


def key_ids(kms):
    return [entry["KeyId"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1000}) for entry in page["Keys"]]


def beside_moto(target, key, seconds):
    moto = os.path.join(os.path.dirname(sys.executable), "moto_server")
    with process([moto, "-H", "127.0.0.1", "-p", "0"], r"http://127\.0\.0\.1:\d+") as endpoint:
        peer = Target(endpoint, "AKIAAAAAAAAAAAAAAAAA", "x" * 40)
        their_key = peer.kms.create_key()["KeyMetadata"]["KeyId"]
        theirs = peer.load("Encrypt", [encrypt(their_key)], seconds)
        ours = target.load("Encrypt", [encrypt(key)], seconds)
    print("| Encrypt of 32 bytes | requests/s | p50 | p99 |\n| --- | --- | --- | --- |")
    for name, (rate, p50, p99) in (("vhsm, a key in a custom key store", ours), ("moto_server", theirs)):
        print(f"| {name} | {rate:,.0f} | {p50:.2f} ms | {p99:.2f} ms |")
    print(f"\nvhsm / moto_server: {ours[0] / theirs[0]:.0f}x\n", flush=True)


def rates(target, seconds):
    keys = spread(key_ids(target.kms))
    return {
        "Encrypt": target.load("Encrypt", [encrypt(key) for key in keys], seconds),
        "DescribeKey": target.load("DescribeKey", [{"KeyId": key} for key in keys], seconds),
        "ListKeys, a page of 10": target.load("ListKeys", list_pages(target.kms), seconds),
    }


def list_pages(kms):
    """Pages from all over the list."""
    pages = [{"Limit": 10}]
    for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1000}):
        if page["Truncated"]:
            pages.append({"Limit": 10, "Marker": page["NextMarker"]})
    return pages


def many_keys(target, store, wanted, seconds):
    few = rates(target, seconds)
    rate = wanted
    while (missing := wanted - len(key_ids(target.kms))) > 0:
        pause = min(10, 1 + int(missing / rate))
        rate, _, _ = target.load("CreateKey", [{"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store}], pause)
        print(f"{missing:,} keys to make, {rate:,.0f}/s", file=sys.stderr)
    many = rates(target, seconds)
    count = len(key_ids(target.kms))
    print(f"| with so many keys in the store | 10 | {count:,} | ratio |\n| --- | --- | --- | --- |")
    for name in few:
        print(f"| {name} | {few[name][0]:,.0f}/s, p99 {few[name][2]:.2f} ms | {many[name][0]:,.0f}/s, p99 {many[name][2]:.2f} ms | "
              f"{many[name][0] / few[name][0]:.2f} |")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("command")
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--keys", type=int, default=100000)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as home, vhsm(os.path.abspath(options.command), home) as (target, store):
        keys = [target.kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)["KeyMetadata"]["Arn"] for _ in range(10)]
        beside_moto(target, keys[0], options.seconds)
        if options.keys:
            many_keys(target, store, options.keys, options.seconds)


main()
