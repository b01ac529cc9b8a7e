#!/usr/bin/env bash
# The main job, with pkcs11-tool: in a cluster of two HSMs the crypto user kmsuser makes an AES-256 key that never
# leaves it, encrypts a file on one HSM and decrypts it on the other, in another process.
source "$(dirname "$0")/common.sh"
[[ -x $command ]] || fail "$command is missing: run make build"
label=main-job pin=kmsuser:kms-password
text=$root/Cargo.lock

say "A cluster of two HSMs, and the crypto user kmsuser"
"$command" cluster create --label "$label" --hsms 2 --admin-password admin-password >"$work/cluster"
VHSM_PIN=admin:admin-password "$command" user create --cluster "$label" --username kmsuser --role crypto-user \
    --password kms-password >/dev/null
cat "$work/cluster"
has '"State": *"ACTIVE"' "$work/cluster"

say "Each HSM is a slot, the token in it has the cluster's label"
p11 --list-token-slots 2>/dev/null | tee "$work/slots"
[[ $(grep -c "token label *: $label" "$work/slots") == 2 ]] || fail "not two slots"

# on SLOT-INDEX OPTION...: as kmsuser on that HSM.
on() { quiet p11 --slot-index "$1" --login --pin "$pin" "${@:2}"; }

say "kmsuser makes a key on the first HSM: private, sensitive, not extractable"
on 0 --keygen --key-type AES:32 --label kms-key --id 01 --private --sensitive --usage-decrypt

say "The file encrypted on the first HSM"
on 0 --encrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$text" -o "$work/encrypted"
cmp -s "$text" "$work/encrypted" && fail "not encrypted"
echo "$(stat -c %s "$text") bytes of $(basename "$text") gave $(stat -c %s "$work/encrypted") bytes: $(head -c 16 "$work/encrypted" | hex)..."

say "Decrypted on the second HSM, in another process"
on 1 --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/encrypted" -o "$work/decrypted"
same "$text" "$work/decrypted" "the file and what came back"

say "Nobody is told the key's value"
refused "get CKA_VALUE failed" on 0 --read-object --type secrkey --id 01
on 0 --keygen --key-type AES:32 --label wrapper --id 02 --private --sensitive --usage-wrap >/dev/null
refused CKR_KEY_UNEXTRACTABLE on 0 --wrap -m AES-KEY-WRAP --id 02 --application-id 01 -o "$work/wrapped"

say "A wrong password, and nobody at all"
refused CKR_PIN_INCORRECT p11 --slot-index 0 --login --pin kmsuser:wrong-password --list-objects
quiet p11 --slot-index 1 --list-objects >"$work/public"
has_not kms-key "$work/public"
echo "without a login the key is not there"
