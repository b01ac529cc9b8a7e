#!/usr/bin/env bash
# A token from nothing: initialize it, set its PINs, change one, and let pkcs11-tool test it.
source "$(dirname "$0")/common.sh"

say "A new token: its label, and the PIN of its security officer"
p11 --init-token --slot-index 0 --label "$label" --so-pin "$so_pin"

say "The security officer sets the user's PIN"
p11 --token-label "$label" --login --login-type so --so-pin "$so_pin" --init-pin --new-pin "$pin"

say "The slots"
p11 --list-slots 2>&1 | tee "$work/slots"
has "token label *: $label" "$work/slots"
has "token flags.*PIN initialized" "$work/slots"
has "uninitialized" "$work/slots" # one more token can be made

say "The user changes the PIN"
p11 --token-label "$label" --change-pin --pin "$pin" --new-pin changed-pin-2
refused CKR_PIN_INCORRECT p11 --token-label "$label" --login --pin "$pin" --list-objects
pin=changed-pin-2
user --list-objects
echo "the new PIN works, the old one does not"

say "The security officer sets a forgotten PIN anew"
pin=again-pin-3
p11 --token-label "$label" --login --login-type so --so-pin "$so_pin" --init-pin --new-pin "$pin"
user --list-objects

say "The mechanisms"
public --list-mechanisms | tee "$work/mechanisms"
for line in "AES-KEY-GEN, .*generate" "AES-CBC-PAD, .*encrypt, decrypt" "AES-GCM, .*encrypt, decrypt" "SHA256, digest"; do
    has "$line" "$work/mechanisms"
done

say "pkcs11-tool's own test"
p11 --token-label "$label" --login --pin "$pin" --test 2>&1 | tee "$work/test"
has "No errors" "$work/test"

say "Initialized again, the token is empty and has no user PIN"
user --keygen --key-type AES:32 --label gone --private --sensitive >/dev/null
refused CKR_PIN_INCORRECT p11 --init-token --token-label "$label" --label "$label" --so-pin not-the-so-pin
p11 --init-token --token-label "$label" --label "$label" --so-pin "$so_pin"
p11 --token-label "$label" --login --login-type so --so-pin "$so_pin" --init-pin --new-pin "$pin"
user --list-objects | tee "$work/objects"
has_not gone "$work/objects"
