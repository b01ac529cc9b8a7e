#!/usr/bin/env bash
# OpenSSL 3 with keys of the token through the provider pkcs11-provider: keys made by openssl itself, certificates,
# signatures, key agreement, decryption, a TLS server. Debian has the provider from 13 on; a built one is named by
# VHSM_OPENSSL_PROVIDER. Ends with 77 where there is none.
source "$(dirname "$0")/common.sh"
provider=${VHSM_OPENSSL_PROVIDER:-$(openssl version -m | cut -d '"' -f 2)/pkcs11.so}
[[ -e $provider ]] || {
    echo "skipped: $provider is not there (Debian's pkcs11-provider, from 13 on; or VHSM_OPENSSL_PROVIDER=FILE)"
    exit 77
}
text=$root/README.md

cat >"$work/openssl.cnf" <<END
openssl_conf = openssl_init
[openssl_init]
providers = providers
[providers]
default = software
pkcs11 = pkcs11
[software]
activate = 1
[pkcs11]
module = $provider
pkcs11-module-path = $module
pkcs11-module-token-pin = file:$work/pin
pkcs11-module-encode-provider-uri-to-pem = true
activate = 1
[req]
distinguished_name = nobody
[nobody]
END
(umask 077 && echo "$pin" >"$work/pin")

# hsm COMMAND OPTION...: openssl, its keys in the token. A bare `openssl` knows nothing of token and provider.
hsm() { OPENSSL_CONF=$work/openssl.cnf quiet openssl "$@"; }
private() { echo "pkcs11:token=$label;object=$1;type=private"; }
public() { echo "pkcs11:token=$label;object=$1;type=public"; }

# made LABEL OPTION...: a key pair that openssl makes in the token.
made() {
    hsm genpkey -propquery provider=pkcs11 -pkeyopt "pkcs11_uri:pkcs11:token=$label;object=$1" "${@:2}" >/dev/null
    hsm pkey -in "$(public "$1")" -pubin -pubout -out "$work/$1.pub"
    echo "$1: $(openssl pkey -pubin -in "$work/$1.pub" -noout -text | head -n 1)"
}

say "A token, and key pairs that openssl genpkey makes in it"
new_token
made rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048
made ec -algorithm EC -pkeyopt ec_paramgen_curve:P-256
made ec384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
made ed -algorithm ED25519
user --list-objects >"$work/objects"
[[ $(grep -c "Private Key Object" "$work/objects") == 4 ]] || fail "not four private keys"

say "Certificates: openssl req -x509"
for key in rsa ec ec384 ed; do
    hsm req -x509 -new -key "$(private "$key")" -subj "/CN=$key" -addext "subjectAltName=DNS:localhost" -days 2 \
        -out "$work/$key.pem"
    openssl verify -CAfile "$work/$key.pem" "$work/$key.pem" >"$work/verified"
    has "OK" "$work/verified"
    openssl x509 -in "$work/$key.pem" -noout -subject
done

# signed NAME KEY OPTION...: a signature by the token's key, verified by OpenSSL alone and by the token.
signed() {
    local name=$1 key=$2
    shift 2
    hsm dgst -sign "$(private "$key")" -out "$work/signature" "$@" "$text"
    openssl dgst -verify "$work/$key.pub" -signature "$work/signature" "$@" "$text" >"$work/verified"
    has "Verified OK" "$work/verified"
    hsm dgst -verify "$(public "$key")" -signature "$work/signature" "$@" "$text" >"$work/verified"
    has "Verified OK" "$work/verified"
    echo "$name: $(stat -c %s "$work/signature") bytes, verified"
}

say "Signatures"
signed "RSA PKCS #1, SHA-256" rsa -sha256
signed "RSA PSS, SHA-256" rsa -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
signed "ECDSA P-256, SHA-256" ec -sha256
signed "ECDSA P-384, SHA-384" ec384 -sha384
hsm pkeyutl -sign -rawin -inkey "$(private ed)" -in "$text" -out "$work/signature"
openssl pkeyutl -verify -rawin -pubin -inkey "$work/ed.pub" -in "$text" -sigfile "$work/signature"

say "Decryption: openssl pkeyutl and cms"
head -c 32 /dev/urandom >"$work/secret"
# opened NAME OPTION...: a secret encrypted to the public key by OpenSSL alone, decrypted with the token's key.
opened() {
    openssl pkeyutl -encrypt -pubin -inkey "$work/rsa.pub" -in "$work/secret" -out "$work/sealed" "${@:2}"
    hsm pkeyutl -decrypt -inkey "$(private rsa)" -in "$work/sealed" -out "$work/opened" "${@:2}"
    same "$work/secret" "$work/opened" "a secret by $1 and what came back"
}
opened "RSA PKCS #1"
for hash in sha1 sha256 sha384; do
    opened "RSA OAEP with $hash" -pkeyopt rsa_padding_mode:oaep -pkeyopt "rsa_oaep_md:$hash" -pkeyopt "rsa_mgf1_md:$hash"
done
openssl cms -encrypt -aes256 -binary -outform DER -in "$text" -out "$work/message" -recip "$work/rsa.pem"
hsm cms -decrypt -binary -inform DER -in "$work/message" -out "$work/plain" -recip "$work/rsa.pem" -inkey "$(private rsa)"
same "$text" "$work/plain" "a message and what came back"

say "Key agreement"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/other.pem" 2>/dev/null
openssl pkey -in "$work/other.pem" -pubout -out "$work/other.pub"
hsm pkeyutl -derive -inkey "$(private ec)" -peerkey "$work/other.pub" -out "$work/shared"
openssl pkeyutl -derive -inkey "$work/other.pem" -peerkey "$work/ec.pub" -out "$work/expected"
same "$work/expected" "$work/shared" "what both sides derive"

say "A TLS server"
port=$((20000 + RANDOM % 20000))
OPENSSL_CONF=$work/openssl.cnf openssl s_server -key "$(private ec)" -cert "$work/ec.pem" -www -accept "127.0.0.1:$port" \
    >"$work/server.log" 2>&1 &
trap 'kill %1 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in {1..200}; do
    (: </dev/tcp/127.0.0.1/$port) 2>/dev/null && break
    sleep 0.05
done
printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -connect "127.0.0.1:$port" -verify_return_error -verify_hostname localhost \
    -CAfile "$work/ec.pem" -quiet >"$work/page" 2>"$work/client.log" || fail "no page: $(cat "$work"/*.log)"
has "HTTP/1.0 200 ok" "$work/page"
grep -m 1 -o 'Cipher *: *[A-Za-z0-9_-]*' "$work/page"
