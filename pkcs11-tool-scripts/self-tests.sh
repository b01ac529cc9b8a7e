#!/usr/bin/env bash
# pkcs11-tool's own tests: of the token's mechanisms, of an EC key pair's life, of threads, of a fork.
source "$(dirname "$0")/common.sh"
new_token
# It looks for mechanisms of hardware only, unless told that software will do.
tests() { user --session-rw --allow-sw "$@" >"$work/told" 2>&1 || fail "$* failed: $(cat "$work/told")"; }

say "RSA key pairs to test with"
for bits in 2048 3072; do
    user --keypairgen --key-type "rsa:$bits" --label "rsa$bits" --id "$bits" --private --sensitive >/dev/null
    echo "rsa$bits"
done

say "--test"
tests --test
grep -E '^[A-Z]|OK' "$work/told"
has "No errors" "$work/told"
for line in "SHA256: OK" "RSA-PKCS: OK" "SHA256-RSA-PKCS: OK" "RSA-X-509: OK"; do
    has "$line" "$work/told"
done

say "--test-ec"
for curve in secp256r1 secp384r1 secp521r1 secp256k1; do
    tests --test-ec --id 33 --label "$curve" --key-type "EC:$curve"
    has "==> OK" "$work/told"
    echo "$curve: a pair made, changed, used and destroyed"
done

# Each letter pair is a step of a thread: initialize, get info, log in, sign and so on; see pkcs11-tool(1).
say "--test-threads"
tests --test-threads ILGISLT0 --test-threads ILGISLT0 --test-threads ILGISLT0
echo "three threads came to their ends"

say "--test-fork"
tests --test-fork
has "C_Initialize in forked child process" "$work/told"
echo "parent and child came to their ends"
