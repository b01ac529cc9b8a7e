#!/usr/bin/env bash
# A key that two crypto users use: its owner shares it by `vhsm key share`, the other finds it, decrypts with it, and can
# neither destroy, rename nor wrap it; after `vhsm key unshare` it is gone for the other, and the owner's as before.
source "$(dirname "$0")/common.sh"
[[ -x $command ]] || fail "$command is missing: run make build"
label=sharing
text=$root/Cargo.lock

say "A cluster with the crypto users alice and bob"
"$command" cluster create --label "$label" --hsms 2 --admin-password admin-password >/dev/null
for name in alice bob; do
    VHSM_PIN=admin:admin-password "$command" user create --cluster "$label" --username "$name" --role crypto-user \
        --password "$name-password" >/dev/null
done

# as USER OPTION...: pkcs11-tool, logged in as that user.
as() { quiet p11 --token-label "$label" --login --pin "$1:$1-password" "${@:2}"; }
# key USER WORD...: vhsm key, logged in as that user.
key() { VHSM_PIN="$1:$1-password" "$command" key "${@:2}"; }

say "alice makes a key; bob does not see it"
as alice --keygen --key-type AES:32 --label to-share --id 01 --private --sensitive --extractable --usage-decrypt
as bob --list-objects >"$work/before"
has_not to-share "$work/before"
as alice --encrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$text" -o "$work/encrypted"

say "alice shares it with bob"
key alice share --filter attr.label=to-share --username bob --role crypto-user
key alice list --filter attr.label=to-share --verbose | tee "$work/shown"
has '"username": "bob"' "$work/shown"

say "bob finds it, and decrypts what alice encrypted"
as bob --list-objects | tee "$work/after"
has to-share "$work/after"
as bob --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/encrypted" -o "$work/decrypted"
same "$text" "$work/decrypted" "the file and what bob decrypted"

say "The key stays alice's (0x1b is CKR_ACTION_PROHIBITED)"
refused 0x1b as bob --delete-object --type secrkey --id 01
refused 0x1b as bob --set-id 02 --type secrkey --id 01
as bob --keygen --key-type AES:32 --label wrapper --id 03 --private --sensitive --usage-wrap >/dev/null
refused CKR_KEY_UNEXTRACTABLE as bob --wrap -m AES-KEY-WRAP --id 03 --application-id 01 -o "$work/wrapped"

say "alice shares it no longer"
key alice unshare --filter attr.label=to-share --username bob --role crypto-user
as bob --list-objects >"$work/last"
has_not to-share "$work/last"
as alice --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/encrypted" -o "$work/again"
same "$text" "$work/again" "the file and what alice decrypted"
