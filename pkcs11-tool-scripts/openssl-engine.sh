#!/usr/bin/env bash
# OpenSSL with keys of the token through its pkcs11 engine: certificates, signatures, a decrypted message.
source "$(dirname "$0")/common.sh"
source "$(dirname "$0")/openssl.sh"
text=$root/README.md

say "A token with an RSA and an EC key pair"
new_token
key_pair rsa rsa:2048 01
key_pair ec EC:prime256v1 02

say "Certificates that the keys sign: openssl req -x509"
for key in rsa ec; do
    certificate "$key"
    openssl x509 -in "$work/$key.pem" -noout -subject -dates
done

# signed NAME KEY OPTION...: a signature by the token's key, verified by OpenSSL alone; of other data it is refused.
signed() {
    local name=$1 key=$2
    shift 2
    hsm dgst -sign "$(uri "$key")" -keyform engine -out "$work/signature" "$@" "$text"
    openssl dgst -verify "$work/$key.pub" -signature "$work/signature" "$@" "$text" >"$work/verified"
    has "Verified OK" "$work/verified"
    refused "Verification failure" openssl dgst -verify "$work/$key.pub" -signature "$work/signature" "$@" "$0" >/dev/null
    echo "$name: $(stat -c %s "$work/signature") bytes, verified"
}

say "Signatures: openssl dgst -sign in the token, -verify outside"
signed "RSA PKCS #1, SHA-256" rsa -sha256
signed "RSA PKCS #1, SHA-512" rsa -sha512
signed "RSA PSS, SHA-256" rsa -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
signed "RSA PSS, SHA-384" rsa -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
signed "ECDSA, SHA-256" ec -sha256

# decrypted NAME OPTION...: a message encrypted to the certificate by OpenSSL alone, decrypted with the token's key.
decrypted() {
    local name=$1
    shift
    openssl cms -encrypt -aes256 -binary -outform DER -in "$text" -out "$work/message" -recip "$work/rsa.pem" "$@"
    hsm cms -decrypt -binary -inform DER -in "$work/message" -out "$work/plain" -recip "$work/rsa.pem" \
        -inkey "$(uri rsa)" -keyform engine
    same "$text" "$work/plain" "a message by $name and what came back"
}

say "Messages: openssl cms -encrypt outside, -decrypt with the key in the token"
decrypted "RSA PKCS #1"
decrypted "RSA OAEP" -keyopt rsa_padding_mode:oaep
decrypted "RSA OAEP with SHA-256" -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256

say "A signed message: openssl cms -sign in the token, -verify outside"
for key in rsa ec; do
    hsm cms -sign -binary -nodetach -outform DER -in "$text" -out "$work/message" -signer "$work/$key.pem" \
        -inkey "$(uri "$key")" -keyform engine
    openssl cms -verify -binary -inform DER -in "$work/message" -CAfile "$work/$key.pem" -purpose any \
        -out "$work/plain" 2>/dev/null
    same "$text" "$work/plain" "a message signed with $key and what was verified"
done

say "Without the PIN there is no key"
refused "Could not read private key" env OPENSSL_CONF="$work/openssl.cnf" openssl dgst -engine pkcs11 -keyform engine -sha256 -out "$work/none" \
    -sign "pkcs11:token=$label;object=rsa;type=private;pin-value=wrong-pin" "$text"
