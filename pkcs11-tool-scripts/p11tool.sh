#!/usr/bin/env bash
# The same token seen by GnuTLS's p11tool.
source "$(dirname "$0")/common.sh"
new_token
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=demo" -days 30 \
    -keyout "$work/private" -outform DER -out "$work/cert" 2>/dev/null
user --write-object "$work/cert" --type cert --label certificate --id 0b >/dev/null
user --keygen --key-type AES:32 --label hidden --id 0c --private --sensitive --usage-decrypt >/dev/null

say "The tokens"
p11tool --provider "$module" --list-tokens | tee "$work/tokens"
has "Label: $label" "$work/tokens"

say "Without a login: the certificate"
p11tool --provider "$module" --list-all "pkcs11:token=$label" | tee "$work/all"
has "Label: certificate" "$work/all"
has_not hidden "$work/all"

say "With a login: the key too"
GNUTLS_PIN=$pin p11tool --provider "$module" --login --list-all "pkcs11:token=$label" | tee "$work/all"
has "Label: hidden" "$work/all"
has "CKA_SENSITIVE" "$work/all"

say "The mechanisms"
p11tool --provider "$module" --list-mechanisms "pkcs11:token=$label" | tee "$work/mechanisms"
has "CKM_AES_GCM.*encrypt decrypt" "$work/mechanisms"

say "The certificate, exported"
p11tool --provider "$module" --export "pkcs11:token=$label;object=certificate;type=cert" --outfile "$work/out.pem"
openssl x509 -in "$work/out.pem" -outform DER -out "$work/out"
same "$work/cert" "$work/out" "certificate"
