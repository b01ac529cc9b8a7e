#!/usr/bin/env bash
# AES keys made in the token. pkcs11-tool asks for a public, readable key unless it is told --private --sensitive.
source "$(dirname "$0")/common.sh"
new_token

say "Keys of 128, 192 and 256 bits that never leave the token"
for bytes in 16 24 32; do
    user --keygen --key-type "AES:$bytes" --label "aes-$bytes" --id "$bytes" --private --sensitive --usage-decrypt
done
user --list-objects --type secrkey >"$work/keys"
for bytes in 16 24 32; do
    has "AES length $bytes" "$work/keys"
    has "label: *aes-$bytes" "$work/keys"
done
has "sensitive, always sensitive, never extractable, local" "$work/keys"
has_not "VALUE:" "$work/keys"
echo "three keys, none with a value to be seen"

say "Nobody reads the value, not even the user"
refused "get CKA_VALUE failed" user --read-object --type secrkey --id 32
refused CKR_KEY_UNEXTRACTABLE user --wrap -m AES-KEY-WRAP --id 16 --application-id 32 -o "$work/wrapped"

say "Without a login the keys are not there"
public --list-objects >"$work/public"
has_not "aes-" "$work/public"

say "A length that AES does not have"
refused "CKR_KEY_SIZE_RANGE\|CKR_ATTRIBUTE_VALUE_INVALID" user --keygen --key-type AES:20 --label odd --private --sensitive
