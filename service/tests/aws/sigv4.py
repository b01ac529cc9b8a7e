"""Signatures: what does not prove who asks is refused, by the exception that AWS has for it."""

import datetime
import json
import os

import boto3
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support import REGION, say, until, vhsm

endpoint = os.environ["AWS_ENDPOINT_URL"]
pool = urllib3.PoolManager(retries=False)
own = boto3.Session().get_credentials().get_frozen_credentials()
HEADERS = {"X-Amz-Target": "TrentService.ListKeys", "Content-Type": "application/x-amz-json-1.1"}


def signed(access=own.access_key, secret=own.secret_key, token=None, region=REGION, service="kms", body="{}"):
    """The headers of a request with that body."""
    request = AWSRequest("POST", endpoint, headers=HEADERS, data=body)
    SigV4Auth(Credentials(access, secret, token), service, region).add_auth(request)
    return dict(request.headers)


def expect(wanted, headers, body="{}", says=""):
    """Sends it; `wanted` is the exception, or None for success."""
    answer = pool.request("POST", endpoint, body=body, headers=headers)
    told = json.loads(answer.data or b"{}")
    found = told.get("__type", "").rsplit("#", 1)[-1] or None
    message = told.get("message") or told.get("Message") or ""
    assert found == wanted and answer.status == (400 if wanted else 200), f"not {wanted}: {answer.status} {told}"
    assert says in message, f"{message!r} lacks {says!r}"
    assert own.secret_key not in message, "the secret is told"
    print(f"{wanted or 'accepted'}: {message}")


say("Signed well")
expect(None, signed())

say("Another secret, another body, another target than was signed")
expect("InvalidSignatureException", signed(secret="x" * 40))
expect("InvalidSignatureException", signed(), body='{"Limit": 1}')
expect("InvalidSignatureException", signed() | {"X-Amz-Target": "TrentService.ListAliases"})

say("An access key that nobody has; another region, another service")
expect("UnrecognizedClientException", signed(access="AKIAAAAAAAAAAAAAAAAA"))
expect("InvalidSignatureException", signed(region="eu-west-1"), says="scoped to a valid region")
expect("InvalidSignatureException", signed(service="cloudhsm"), says="kms")

say("No signature, half a signature")
expect("MissingAuthenticationTokenException", HEADERS)
for part in ("Credential=", "SignedHeaders=", "Signature="):
    headers = signed()
    headers["Authorization"] = headers["Authorization"].replace(part, "Other=")
    expect("IncompleteSignatureException", headers)
headers = signed()
del headers["X-Amz-Date"]
expect("IncompleteSignatureException", headers)
expect("MissingAuthenticationTokenException", signed() | {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="})

say("A clock that is wrong by more than five minutes")


def signed_at(moment):
    """SigV4Auth takes the time from the module's clock."""
    import botocore.auth as auth
    real = auth.get_current_datetime
    auth.get_current_datetime = lambda *_, **__: moment
    try:
        return signed()
    finally:
        auth.get_current_datetime = real


now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
minute = datetime.timedelta(minutes=1)
expect(None, signed_at(now - 4 * minute))
expect("InvalidSignatureException", signed_at(now - 6 * minute), says="expired")
expect("InvalidSignatureException", signed_at(now + 6 * minute), says="not yet current")

say("Session tokens: with the one that belongs to the key, and no other; a deleted key is nobody's")
vhsm("credential", "create", "--user", "alice", "--session-token")
alice = boto3.Session(profile_name="alice").get_credentials().get_frozen_credentials()
assert alice.token
of_alice = (alice.access_key, alice.secret_key, alice.token)
expect(None, signed(*of_alice))
for token in (None, "another-token", alice.token + "x"):
    expect("UnrecognizedClientException", signed(alice.access_key, alice.secret_key, token))
expect("UnrecognizedClientException", signed(token="no-such-token"))
vhsm("credential", "delete", "--access-key-id", alice.access_key)
until("the deleted key is refused", lambda: pool.request("POST", endpoint, body="{}", headers=signed(*of_alice)).status == 400)
expect("UnrecognizedClientException", signed(*of_alice))
