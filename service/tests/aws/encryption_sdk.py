"""The AWS Encryption SDK encrypts and decrypts with a key that lies in a custom key store."""

import os

import aws_encryption_sdk
from aws_encryption_sdk.exceptions import DecryptKeyError, SerializationError

from support import *

kms = client("kms")
cluster, anchor = new_cluster(client("cloudhsmv2"), os.environ["TMPDIR"])
store = new_store(kms, cluster, anchor)
connect(kms, store)
key, other = new_key(kms, store)["Arn"], new_key(kms, store)["Arn"]
context = {"order": "4711"}
text = os.urandom(1 << 20)
sdk = aws_encryption_sdk.EncryptionSDKClient()


def master_keys(*arns):
    return aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=arns)


say("A message under two keys is decrypted with either")
sealed, header = sdk.encrypt(source=text, key_provider=master_keys(key, other), encryption_context=context)
assert {data_key.key_provider.key_info.decode() for data_key in header.encrypted_data_keys} == {key, other}
for one in (key, other):
    opened, header = sdk.decrypt(source=sealed, key_provider=master_keys(one))
    assert opened == text and header.encryption_context.items() >= context.items()

say("Not with a key that it was not encrypted under")
third = new_key(kms, store)["Arn"]
try:
    sdk.decrypt(source=sealed, key_provider=master_keys(third))
    raise SystemExit("a third key decrypts it")
except DecryptKeyError as error:
    print(f"refused: {error}")

say("Not with another encryption context")
changed = sealed.replace(b"4711", b"4712")
assert changed != sealed
try:
    sdk.decrypt(source=changed, key_provider=master_keys(key))
    raise SystemExit("another encryption context decrypts it")
except (DecryptKeyError, SerializationError) as error:
    print(f"refused: {error}")

say("With caching, and not while the key store is disconnected")
cache = aws_encryption_sdk.LocalCryptoMaterialsCache(capacity=10)
caching = aws_encryption_sdk.CachingCryptoMaterialsManager(cache=cache, master_key_provider=master_keys(key), max_age=60.0,
                                                           max_messages_encrypted=100)
messages = [sdk.encrypt(source=text[:99], materials_manager=caching)[0] for _ in range(10)]
assert all(sdk.decrypt(source=message, key_provider=master_keys(key))[0] == text[:99] for message in messages)
disconnect(kms, store)
try:
    sdk.decrypt(source=sealed, key_provider=master_keys(key))
    raise SystemExit("a disconnected key store decrypts it")
except DecryptKeyError as error:
    print(f"refused: {error}")
