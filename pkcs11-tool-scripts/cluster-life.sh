#!/usr/bin/env bash
# The life of a cluster, step by step as in AWS CloudHSM, with openssl as the customer's certificate authority: created,
# its first HSM's request signed, initialized, activated, extended, left without an HSM and revived, restored from a backup as
# a second one, deleted. Each state
# is checked, and steps out of turn are refused.
source "$(dirname "$0")/common.sh"
[[ -x $command ]] || fail "$command is missing: run make build"
label=life pin=kmsuser:kms-password

cluster() { "$command" cluster "$@"; }
# value KEY FILE: of the first member of that name.
value() { sed -n "s/^ *\"$1\": \"\([^\"]*\)\".*/\1/p" "$2" | head -n 1; }
# state WANTED: the cluster must be in that state.
state() {
    cluster describe "$label" >"$work/described"
    [[ $(value State "$work/described") == "$1" ]] || fail "not $1: $(cat "$work/described")"
    echo "$label is $1"
}
# slots N: so many tokens have the cluster's label.
slots() {
    p11 --list-token-slots >"$work/slots" 2>/dev/null || true
    [[ $(grep -c "token label *: $label\$" "$work/slots") == "$1" ]] || fail "not $1 slots: $(cat "$work/slots")"
    echo "$1 slots have a token $label"
}

say "The customer's certificate authority: a root"
openssl req -x509 -newkey rsa:2048 -nodes -days 3652 -subj "/O=Example/CN=Root of $label" \
    -keyout "$work/customerCA.key" -out "$work/customerCA.crt" 2>/dev/null
# sign REQUEST CERTIFICATE OPTION...: by the root, or by another that the options name.
sign() { openssl x509 -req -days 3652 -in "$1" -out "$2" -set_serial "0x$(openssl rand -hex 8)" "${@:3}" 2>/dev/null; }
by_root=(-CA "$work/customerCA.crt" -CAkey "$work/customerCA.key")

say "Create: two availability zones, no HSM"
refused "not 7 to 379" cluster create --label "$label" --availability-zone us-east-1a --backup-retention-days 3
refused "is none" cluster create --label "$label" --availability-zone nowhere
cluster create --label "$label" --availability-zone us-east-1a --availability-zone us-east-1b \
    --backup-retention-days 30 >"$work/created"
id=$(value ClusterId "$work/created")
echo "$id"
state UNINITIALIZED
slots 0
refused "first HSM makes the request" cluster csr "$label"
refused "has no HSM" cluster initialize "$label" --signed-cert "$work/customerCA.crt" --trust-anchor "$work/customerCA.crt"
refused "needs it to be INITIALIZED" cluster activate "$label" --admin-password admin-password

say "The first HSM makes the certificate signing request"
refused "no subnet" cluster create-hsm "$label" --availability-zone us-east-1f
cluster create-hsm "$label" --availability-zone us-east-1a >"$work/hsm"
first=$(value HsmId "$work/hsm")
[[ $(value State "$work/hsm") == ACTIVE ]] || fail "the HSM is not ACTIVE"
state UNINITIALIZED
slots 0
refused "exactly one HSM" cluster create-hsm "$label" --availability-zone us-east-1b
refused "still has HSMs (1)" cluster delete "$label"
cluster csr "$label" >"$work/cluster.csr"
openssl req -in "$work/cluster.csr" -noout -verify -subject 2>/dev/null
sign "$work/cluster.csr" "$work/cluster.crt" "${by_root[@]}"

say "Initialize: the certificate must be for the request, and the root must have issued it directly"
initialize() { cluster initialize "$label" --signed-cert "$1" --trust-anchor "$2"; }
openssl req -new -newkey rsa:2048 -nodes -subj "/CN=another" -keyout "$work/other.key" -out "$work/other.csr" 2>/dev/null
sign "$work/other.csr" "$work/other.crt" "${by_root[@]}"
refused "another public key" initialize "$work/other.crt" "$work/customerCA.crt"
openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=Stranger" -keyout "$work/stranger.key" -out "$work/stranger.crt" 2>/dev/null
refused "did not issue" initialize "$work/cluster.crt" "$work/stranger.crt"
printf 'basicConstraints = critical, CA:TRUE\n' >"$work/ca.ext"
sign "$work/other.csr" "$work/intermediate.crt" "${by_root[@]}" -extfile "$work/ca.ext"
sign "$work/cluster.csr" "$work/below.crt" -CA "$work/intermediate.crt" -CAkey "$work/other.key"
refused "not self-signed" initialize "$work/below.crt" "$work/intermediate.crt"
refused "did not issue" initialize "$work/below.crt" "$work/customerCA.crt"
refused "not one X.509 certificate" initialize "$work/cluster.csr" "$work/customerCA.crt"
state UNINITIALIZED
initialize "$work/cluster.crt" "$work/customerCA.crt" >"$work/initialized"
state INITIALIZED
has ClusterCertificate "$work/described"
has_not ClusterCsr "$work/described"
same "$work/customerCA.crt" "$(value TrustAnchorFile "$work/initialized")" "the root's certificate and the one that is kept"
refused "needs it to be UNINITIALIZED" initialize "$work/cluster.crt" "$work/customerCA.crt"
slots 0

say "Activate: the admin's password; the HSM becomes a slot"
refused "7 to 32" cluster activate "$label" --admin-password short
cluster activate "$label" --admin-password admin-password >/dev/null
state ACTIVE
slots 1
refused "needs it to be INITIALIZED" cluster activate "$label" --admin-password admin-password
export VHSM_PIN=admin:admin-password
"$command" user create --cluster "$label" --username kmsuser --role crypto-user --password kms-password >/dev/null
on() { quiet p11 --slot-index "$1" --login --pin "$pin" "${@:2}"; }
on 0 --keygen --key-type AES:32 --label kept --id 01 --private --sensitive --usage-decrypt
printf 'a secret that outlives its HSMs' >"$work/text"
on 0 --encrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/text" -o "$work/encrypted"

say "A second HSM: a slot with all keys; the first may go"
unset VHSM_PIN
cluster create-hsm "$label" --availability-zone us-east-1b >"$work/hsm"
second=$(value HsmId "$work/hsm")
slots 2
on 1 --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/encrypted" -o "$work/decrypted"
same "$work/text" "$work/decrypted" "the text, and what the second HSM decrypted"
refused "no HSM" cluster delete-hsm "$label" --hsm-id hsm-aaaaaaaaaaa
cluster delete-hsm "$label" --hsm-id "$first" >/dev/null
slots 1

say "Without any HSM the cluster stays, and another brings everything back"
cluster delete-hsm "$label" --eni-ip "$(value EniIp "$work/hsm")" >"$work/deleted"
[[ $(value HsmId "$work/deleted") == "$second" ]] || fail "another HSM was deleted"
state ACTIVE
slots 0
cluster create-hsm "$label" --availability-zone us-east-1a >/dev/null
slots 1
rm "$work/decrypted"
on 0 --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/encrypted" -o "$work/decrypted"
same "$work/text" "$work/decrypted" "the text, and what the new HSM decrypted"

say "Restore: a second cluster of the backup that was taken when the last HSM came, with the same users, keys, certificate"
"$command" backup list >"$work/backups"
backup=$(value BackupId "$work/backups")
cluster describe "$label" >"$work/described"
certificate=$(value ClusterCertificate "$work/described")
cluster create --source-backup "$backup" --label restored --hsms 1 >"$work/restored"
cluster describe restored >"$work/restored"
[[ $(value State "$work/restored") == ACTIVE ]] || fail "not ACTIVE: $(cat "$work/restored")"
[[ $(value SourceBackupId "$work/restored") == "$backup" ]] || fail "of another backup"
[[ $(value ClusterCertificate "$work/restored") == "$certificate" ]] || fail "another certificate"
[[ $(value ClusterId "$work/restored") != "$id" ]] || fail "the same cluster"
rm "$work/decrypted"
quiet p11 --token-label restored --login --pin "$pin" --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" \
    -i "$work/encrypted" -o "$work/decrypted"
same "$work/text" "$work/decrypted" "the text, and what the restored cluster decrypted"
refused "no backup" cluster create --source-backup backup-aaaaaaaaaaa --label none
refused "exists" cluster create --source-backup "$backup" --label "$label"

say "Delete: only without HSMs, or by its admin"
refused "login of one of its admins" cluster delete "$label"
cluster describe "$label" >"$work/described"
cluster delete-hsm "$label" --hsm-id "$(value HsmId "$work/described")" >/dev/null
cluster delete "$label" >/dev/null
refused "no cluster" cluster describe "$label"
VHSM_PIN=admin:admin-password cluster delete restored >/dev/null
