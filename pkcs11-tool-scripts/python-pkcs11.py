"""Keys of a token from Python, with python-pkcs11: made, used, read, found, destroyed.

Usage: python-pkcs11.py MODULE TOKEN-LABEL PIN
"""

import hashlib
import sys

import pkcs11
from pkcs11 import Attribute, KDF, KeyType, MGF, Mechanism, ObjectClass
from pkcs11.util.ec import decode_ec_public_key, encode_ec_public_key, encode_named_curve_parameters
from pkcs11.util.rsa import encode_rsa_public_key

DATA = b"data that the token works on, longer than a block or two of anything"


def refused(error, action):
    """The action must raise exactly this error."""
    try:
        action()
    except error:
        print(f"refused: {error.__name__}")
    else:
        raise SystemExit(f"was not refused with {error.__name__}")


def aes(session):
    key = session.generate_key(KeyType.AES, 256, label="aes", store=True)
    iv = session.generate_random(128)
    sealed = key.encrypt(DATA, mechanism_param=iv)
    assert sealed != DATA and key.decrypt(sealed, mechanism_param=iv) == DATA
    parts = b"".join(key.encrypt((DATA[:20], DATA[20:]), mechanism_param=iv))
    assert parts == sealed
    assert key[Attribute.SENSITIVE] and not key[Attribute.EXTRACTABLE] and key[Attribute.LOCAL]
    refused(pkcs11.exceptions.AttributeSensitive, lambda: key[Attribute.VALUE])
    mac = key.sign(DATA, mechanism=Mechanism.AES_CMAC) if hasattr(Mechanism, "AES_CMAC") else None
    assert mac is None or key.verify(DATA, mac, mechanism=Mechanism.AES_CMAC)
    print("AES-256:", len(sealed), "bytes of ciphertext")


def rsa(session):
    public, private = session.generate_keypair(KeyType.RSA, 2048, label="rsa", store=True)
    for mechanism, data, parameter in (
        (Mechanism.SHA256_RSA_PKCS, DATA, None),
        (Mechanism.SHA512_RSA_PKCS, DATA, None),
        (Mechanism.SHA256_RSA_PKCS_PSS, DATA, (Mechanism.SHA256, MGF.SHA256, 32)),
        (Mechanism.RSA_PKCS_PSS, hashlib.sha384(DATA).digest(), (Mechanism.SHA384, MGF.SHA384, 48)),
    ):
        options = {"mechanism": mechanism, "mechanism_param": parameter}
        signature = private.sign(data, **options)
        assert public.verify(data, signature, **options)
        assert not public.verify(data[::-1], signature, **options)
        print("RSA-2048", mechanism.name)
    for parameter in (None, (Mechanism.SHA256, MGF.SHA256, b"label")):
        sealed = public.encrypt(b"a secret", mechanism_param=parameter)
        assert private.decrypt(sealed, mechanism_param=parameter) == b"a secret"
    sealed = public.encrypt(b"a secret", mechanism=Mechanism.RSA_PKCS)
    assert private.decrypt(sealed, mechanism=Mechanism.RSA_PKCS) == b"a secret"
    assert len(encode_rsa_public_key(public)) == 270
    wanted = session.generate_key(KeyType.AES, 128, template={Attribute.EXTRACTABLE: True})
    wrapped = public.wrap_key(wanted, mechanism=Mechanism.RSA_PKCS)
    back = private.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, wrapped, mechanism=Mechanism.RSA_PKCS)
    iv = bytes(16)
    assert back.decrypt(wanted.encrypt(DATA, mechanism_param=iv), mechanism_param=iv) == DATA
    print("RSA-2048: encrypted, wrapped and back")


def ec(session):
    for curve in ("secp256r1", "secp384r1", "secp521r1"):
        parameters = session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}, local=True
        )
        public, private = parameters.generate_keypair(mechanism_param=None, store=False)
        signature = private.sign(DATA, mechanism=Mechanism.ECDSA_SHA256)
        assert public.verify(DATA, signature, mechanism=Mechanism.ECDSA_SHA256)
        assert not public.verify(DATA[1:], signature, mechanism=Mechanism.ECDSA_SHA256)
        again = session.create_object(decode_ec_public_key(encode_ec_public_key(public)))
        assert again.verify(DATA, signature, mechanism=Mechanism.ECDSA_SHA256)
        ours, mine = parameters.generate_keypair(capabilities=pkcs11.MechanismFlag.DERIVE)
        theirs, other = parameters.generate_keypair(capabilities=pkcs11.MechanismFlag.DERIVE)
        open_key = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}
        shared = [
            key.derive_key(
                KeyType.GENERIC_SECRET,
                256,
                mechanism_param=(KDF.NULL, None, point[Attribute.EC_POINT]),
                template=open_key,
            )
            for key, point in ((mine, theirs), (other, ours))
        ]
        assert shared[0][Attribute.VALUE] == shared[1][Attribute.VALUE]
        print(curve, "signed, verified, derived")


def found(session):
    wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.TOKEN: True}
    labels = sorted(key.label for key in session.get_objects(wanted))
    assert labels == ["rsa"], labels
    for key in list(session.get_objects({Attribute.TOKEN: True})):
        key.destroy()
    assert not list(session.get_objects({Attribute.TOKEN: True}))
    refused(pkcs11.exceptions.NoSuchKey, lambda: session.get_key(label="rsa"))


def main():
    module, label, pin = sys.argv[1:]
    library = pkcs11.lib(module)
    token = library.get_token(token_label=label)
    print(library.manufacturer_id, token.label, len(token.slot.get_mechanisms()), "mechanisms")
    refused(pkcs11.exceptions.PinIncorrect, lambda: token.open(user_pin="wrong-pin"))
    with token.open(rw=True, user_pin=pin) as session:
        assert session.digest(DATA, mechanism=Mechanism.SHA256) == hashlib.sha256(DATA).digest()
        aes(session)
        rsa(session)
        ec(session)
        found(session)


main()
