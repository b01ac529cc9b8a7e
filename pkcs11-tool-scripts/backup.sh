#!/usr/bin/env bash
# A cluster's backup: taken while its keys are in use, checked, restored to a second cluster with the same keys, deleted
# and brought back, and carried to another machine, where a password of that time opens it.
source "$(dirname "$0")/common.sh"
[[ -x $command ]] || fail "$command is missing: run make build"
label=demo pin=kmsuser:kms-password

# value KEY FILE: of the first member of that name.
value() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" "$2" | head -n 1; }
# of LABEL OPTION...: pkcs11-tool on the cluster with that label.
of() { quiet p11 --token-label "$1" --login --pin "$pin" "${@:2}"; }

"$command" cluster create --label "$label" --hsms 2 --admin-password admin-password >/dev/null
VHSM_PIN=admin:admin-password "$command" user create --username kmsuser --role crypto-user \
    --password kms-password >/dev/null
of demo --keygen --key-type AES:32 --label kept --id 01 --private --sensitive --usage-decrypt >/dev/null
printf 'a secret that a backup keeps readable' >"$work/text"
of demo --encrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/text" -o "$work/encrypted"

say "Take a backup, and check it"
"$command" backup create --cluster demo >"$work/backup"
id=$(value BackupId "$work/backup")
[[ $(value BackupState "$work/backup") == READY && $(value Objects "$work/backup") == 1 ]] || fail "$(cat "$work/backup")"
echo "$id"
"$command" backup verify "$id" --pin "$pin" >"$work/verified"
[[ $(value Authenticated "$work/verified") == true ]] || fail "$(cat "$work/verified")"
refused "wrong password" "$command" backup verify "$id" --pin kmsuser:another-password
file=$(value File "$work/backup")
[[ $(stat -c %a "$file") == 600 && $(stat -c %a "$(dirname "$file")") == 700 ]] || fail "the backup's modes"
if grep -q -e kept -e kms-password "$file"; then fail "the backup shows a label or a password"; fi

say "Lose the key, and restore the cluster under another name: nothing to initialize or to activate"
of demo --delete-object --type secrkey --id 01 >/dev/null
refused "exists already" "$command" cluster create --source-backup "$id" --label demo
"$command" cluster create --source-backup "$id" --label restored >"$work/restored"
[[ $(value State "$work/restored") == ACTIVE ]] || fail "$(cat "$work/restored")"
"$command" cluster create-hsm restored >/dev/null
of restored --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/encrypted" -o "$work/decrypted"
same "$work/text" "$work/decrypted" "the text, and what the restored cluster decrypted"

say "Delete the backup: for seven days it can be restored"
"$command" backup delete "$id" >"$work/deleted"
[[ $(value BackupState "$work/deleted") == PENDING_DELETION ]] || fail "$(cat "$work/deleted")"
refused "PENDING_DELETION" "$command" cluster create --source-backup "$id" --label other
"$command" backup restore "$id" >/dev/null
"$command" backup modify "$id" --never-expires true >/dev/null

say "Another machine imports a copy; there the password of that time opens it"
"$command" backup copy "$id" --to "$work/copy" >/dev/null
export VHSM_HOME=$work/another
"$command" backup import "$work/copy" >"$work/imported"
[[ $(value SourceBackup "$work/imported") == "$id" ]] || fail "$(cat "$work/imported")"
imported=$(value BackupId "$work/imported")
refused "password of that time" "$command" cluster create --source-backup "$imported" --hsms 1
"$command" cluster create --source-backup "$imported" --hsms 1 --pin "$pin" >/dev/null
rm "$work/decrypted"
of demo --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/encrypted" -o "$work/decrypted"
same "$work/text" "$work/decrypted" "the text, and what the other machine decrypted"

say "A changed file is told"
printf 'x' >>"$work/copy"
refused "changed or damaged" "$command" backup import "$work/copy"
