#!/usr/bin/env bash
# Failures on purpose: what pkcs11-tool sees on slot 0 while its HSM is failed, when it is back, under a fault plan, and when
# it is deleted; the other HSM goes on all the while.
source "$(dirname "$0")/common.sh"
[[ -x $command ]] || fail "$command is missing: run make build"
label=drill pin=kmsuser:kms-password
text=$root/Cargo.lock
export VHSM_PIN=admin:admin-password

say "A cluster of two HSMs with a key, and a file encrypted under it"
"$command" cluster create --label "$label" --hsms 2 --admin-password admin-password >"$work/cluster"
"$command" user create --cluster "$label" --username kmsuser --role crypto-user --password kms-password >/dev/null
hsm=$(grep -o -m 1 'hsm-[a-z0-9]*' "$work/cluster")

# on SLOT OPTION...: as kmsuser in that slot.
on() { quiet p11 --slot "$1" --login --pin "$pin" "${@:2}"; }

# decrypts SLOT: the file comes back in that slot.
decrypts() {
    on "$1" --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/sealed" -o "$work/opened"
    same "$text" "$work/opened" "the file and what slot $1 decrypted"
}

on 0 --keygen --key-type AES:32 --label kept --id 01 --private --sensitive --usage-decrypt >/dev/null
on 0 --encrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$text" -o "$work/sealed"
decrypts 0

say "The HSM of slot 0 fails: the slot is there, its token is not"
"$command" hsm fail --cluster "$label" "$hsm" | tee "$work/failed"
has '"State": "DEGRADED"' "$work/failed"
p11 --list-slots >"$work/slots" 2>/dev/null
grep -A 1 "^Slot 0" "$work/slots"
grep -A 1 "^Slot 0" "$work/slots" | grep -q empty || fail "slot 0 has a token"
p11 --list-token-slots >"$work/slots" 2>/dev/null
has_not "$hsm" "$work/slots"
refused CKR_TOKEN_NOT_PRESENT p11 --slot 0 --login --pin "$pin" --list-objects
refused CKR_TOKEN_NOT_PRESENT p11 --slot 0 --list-mechanisms
refused CKR_TOKEN_NOT_PRESENT p11 --slot 0 --init-token --label other --so-pin admin-password
refused CKR_TOKEN_NOT_PRESENT p11 --slot 0 --generate-random 8

say "The other HSM has the same keys, and goes on"
decrypts 1
on 1 --keygen --key-type AES:32 --label "made meanwhile" --id 02 --private --sensitive --usage-decrypt >/dev/null
echo "a key is made"

say "The HSM is back, in its slot, with everything: what was made meanwhile too"
"$command" hsm recover --cluster "$label" "$hsm" >/dev/null
p11 --list-token-slots >"$work/slots" 2>/dev/null
has "$hsm" "$work/slots"
decrypts 0
on 0 --list-objects >"$work/objects"
has "made meanwhile" "$work/objects"

say "Both fail, and both come back"
"$command" hsm fail --cluster "$label" --all >/dev/null
refused CKR_TOKEN_NOT_PRESENT p11 --slot 1 --login --pin "$pin" --list-objects
"$command" hsm recover --cluster "$label" --all >/dev/null
decrypts 1

say "Only an admin does that"
refused "login as admin" env VHSM_PIN="$pin" "$command" hsm fail --cluster "$label" "$hsm"
refused "no HSM" "$command" hsm fail --cluster "$label" hsm-aaaaaaaaaaa

say "A fault plan: searches fail in slot 0, then kmsuser is missing there"
"$command" fault set --cluster "$label" --hsm 0 --function C_FindObjectsInit --error CKR_DEVICE_ERROR
refused CKR_DEVICE_ERROR p11 --slot 0 --list-objects
on 1 --list-objects >/dev/null
"$command" fault set --cluster "$label" --hsm 0 --user kmsuser >/dev/null
refused CKR_PIN_INCORRECT p11 --slot 0 --login --pin "$pin" --list-objects
"$command" user list --cluster "$label" >"$work/users"
has '"cluster-coverage": "partial"' "$work/users"
"$command" fault clear --cluster "$label" >/dev/null
decrypts 0

say "HSM 0 is deleted: its slot is gone, and the other has all keys"
"$command" cluster delete-hsm "$label" --hsm-id "$hsm"
refused CKR_SLOT_ID_INVALID p11 --slot 0 --login --pin "$pin" --list-objects
decrypts 1

say "The cluster is deleted: its slots are gone, and their numbers are never given again"
"$command" cluster delete "$label" >/dev/null
refused CKR_SLOT_ID_INVALID p11 --slot 0 --login --pin "$pin" --list-objects
"$command" cluster create --label again --hsms 2 --admin-password admin-password >"$work/cluster"
has_not '"SlotId": [01],' "$work/cluster"
grep SlotId "$work/cluster"
