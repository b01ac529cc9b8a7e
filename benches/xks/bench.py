"""Speed of `vhsm xks-proxy` under wrk on this machine: a signed Encrypt of 32 bytes, 16 connections, 2 threads.

    bench.py VHSM_COMMAND [--seconds N] [--soak SECONDS]

Prints README's table: as fast as it goes, with and without TLS; 1,800 requests a second, as KMS may send them; the same while one of
the two HSMs hangs. With --soak, then for so long as fast as it goes, and what memory and sessions have become of it.
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
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HERE = os.path.dirname(os.path.abspath(__file__))
REGION = "us-east-1"
BODY = json.dumps({
    "requestMetadata": {"awsPrincipalArn": "arn:aws:iam::123456789012:user/Alice", "kmsOperation": "Encrypt",
                        "kmsKeyArn": f"arn:aws:kms:{REGION}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                        "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae"},
    "plaintext": "YXR0YWNrIGF0IGRhd24sIGFuZCBub3QgYmVmb3JlISE=",  # 32 bytes
    "encryptionAlgorithm": "AES_GCM",
    "additionalAuthenticatedData": "cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n",
})
PATH = "/demo/kms/xks/v1/keys/demo-key/encrypt"
# Between an answer and the next request of a connection: 16 connections make some 1,900 requests a second.
PAUSE_MS = 8
# A signature is good for five minutes.
LONGEST = 200


class Proxy:
    """A running proxy, and what signs for it."""

    def __init__(self, home, port, scheme, status):
        with open(f"{home}/xks-demo/proxy.toml") as file:
            access = re.search(r'access_key_id = "(\w+)"', file.read())[1]
        with open(f"{home}/xks-demo/secret") as file:
            self.credentials = Credentials(access, file.read().strip())
        self.url, self.status = f"{scheme}://localhost:{port}", status

    def load(self, seconds, pause=0):
        """Requests a second; p50, p99 and the longest in ms; failures."""
        request = AWSRequest("POST", self.url + PATH, headers={"Content-Type": "application/json"}, data=BODY)
        SigV4Auth(self.credentials, "kms-xks-proxy", REGION).add_auth(request)
        headers = ", ".join(f"[{json.dumps(key)}] = {json.dumps(value)}" for key, value in request.headers.items())
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            file.write(f"return {{ path = {json.dumps(PATH)}, headers = {{ {headers} }}, body = {json.dumps(BODY)} }}")
            file.flush()
            told = subprocess.run(["wrk", "-t2", "-c16", f"-d{seconds}s", "--timeout", "5s", "-s", f"{HERE}/load.lua", self.url,
                                   "--", file.name, str(pause)], capture_output=True, text=True, check=True).stdout
        requests, micros, p50, p99, longest, failures = map(int, re.search(r"RESULT (.*)", told)[1].split())
        if not requests:
            sys.exit(f"nothing was answered at {self.url}\n{told}")
        return requests / (micros / 1e6), p50 / 1e3, p99 / 1e3, longest / 1e3, failures

    def gauge(self, name):
        """The sum of a metric's values."""
        with urllib.request.urlopen(self.status + "/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}[ {{]", line))


def demo(command, home):
    """What the demo makes: a cluster with two HSMs and a key, a certificate, a credential."""
    server = subprocess.Popen([command, "xks-proxy", "--demo"], env=os.environ | {"VHSM_HOME": home}, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    for line in server.stdout:
        if "ends it" in line:
            break
    server.terminate()
    server.wait()


@contextlib.contextmanager
def proxy(command, home, with_tls):
    with open(f"{home}/xks-demo/proxy.toml") as file:
        text = file.read()
    if not with_tls:
        text = re.sub(r"\[tls\]\n(.+\n)+", "", text)
    text = re.sub(r'listen = .*', 'listen = "127.0.0.1:0"\nstatus_listen = "127.0.0.1:0"', text, count=1)
    settings = f"{home}/xks-demo/bench.toml"
    with open(settings, "w") as file:
        file.write(text)
    server = subprocess.Popen([command, "xks-proxy", "--config", settings], env=os.environ | {"VHSM_HOME": home},
                              stderr=subprocess.PIPE, text=True)
    try:
        ports = {}
        for line in server.stderr:
            if found := re.search(r"(listens|status) on https?://127\.0\.0\.1:(\d+)", line):
                ports[found[1]] = found[2]
            if len(ports) == 2:
                break
        threading.Thread(target=server.stderr.read, daemon=True).start()
        running = Proxy(home, ports["listens"], "https" if with_tls else "http", f"http://127.0.0.1:{ports['status']}")
        running.load(2)
        yield running
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def one_hsm_hangs(command, home):
    """Each call of the cluster's first HSM takes a minute."""
    run = lambda *arguments: subprocess.run([command, *arguments], check=True, stdout=subprocess.PIPE, text=True, env=os.environ
                                            | {"VHSM_HOME": home, "VHSM_PIN": "admin:demo-password"}).stdout
    hsm = json.loads(run("cluster", "describe", "--cluster", "demo"))["Hsms"][0]["HsmId"]
    run("fault", "set", "--cluster", "demo", "--hsm", hsm, "--latency-ms", "60000")
    try:
        yield
    finally:
        run("fault", "clear", "--cluster", "demo")


def row(name, result):
    rate, p50, p99, longest, failures = result
    print(f"| {name} | {rate:,.0f} | {p50:.2f} ms | {p99:.2f} ms | {longest:.0f} ms | {failures} |", flush=True)


def soak(running, seconds):
    figures = lambda: [running.gauge(name) for name in ("process_resident_memory_bytes", "xks_proxy_hsm_sessions")]
    done, (first, sessions), end = 0, figures(), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 1:
        length = int(min(left, LONGEST))
        rate, _, _, _, failures = running.load(length)
        done += rate * length
        memory, now = figures()
        print(f"{done:,.0f} requests, {failures} failures in the last {length} s: {memory / 2**20:.1f} MiB, {now:.0f} sessions",
              file=sys.stderr, flush=True)
    memory, now = figures()
    print(f"\n{done:,.0f} requests: {first / 2**20:.1f} MiB before, {memory / 2**20:.1f} MiB after; {sessions:.0f} sessions before, "
          f"{now:.0f} after")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("command")
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--soak", type=int, default=0)
    options = options.parse_args()
    command, seconds = os.path.abspath(options.command), options.seconds
    with tempfile.TemporaryDirectory() as home:
        demo(command, home)
        print("| signed Encrypt of 32 bytes | requests/s | p50 | p99 | longest | failures |\n| --- | --- | --- | --- | --- | --- |")
        with proxy(command, home, with_tls=True) as running:
            row("TLS", running.load(seconds))
        with proxy(command, home, with_tls=False) as running:
            row("HTTP", running.load(seconds))
            row("HTTP, paced", running.load(seconds, PAUSE_MS))
            with one_hsm_hangs(command, home):
                row("HTTP, paced, one of two HSMs hangs", running.load(seconds, PAUSE_MS))
        if options.soak:
            with proxy(command, home, with_tls=False) as running:
                soak(running, options.soak)


main()
