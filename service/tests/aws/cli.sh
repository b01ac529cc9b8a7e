#!/usr/bin/env bash
# The AWS CLI: a cluster with vhsm, a key store on it, a key in that, a file encrypted and decrypted, the key disabled.
set -euo pipefail
vhsm=$VHSM_COMMAND work=$TMPDIR
say() { printf '\n== %s\n' "$*"; }
fail() { echo "FAILED: $*" >&2 && exit 1; }
# is WANTED COMMAND...: what the command prints.
is() { local found && found=$("${@:2}") && [[ $found == "$1" ]] || fail "${*:2}: not $1 but ${found:-nothing}"; }
# refused EXCEPTION COMMAND...
refused() {
    if "${@:2}" >"$work/refused" 2>&1; then fail "was not refused: ${*:2}"; fi
    grep -q "$1" "$work/refused" || fail "not $1: $(cat "$work/refused")"
    tail -n 1 "$work/refused"
}
# text ARGUMENT...: one member of the answer, as --query says.
text() { aws --output text "$@"; }

say "A cluster with two HSMs and kmsuser"
"$vhsm" cluster create --label cli --hsms 2 --admin-password admin-password >"$work/made"
value() { sed -n "s/^ *\"$1\": \"\(.*\)\",*/\1/p" "$work/made" | head -n 1; }
cluster=$(value ClusterId) anchor=$(value TrustAnchorFile)
VHSM_PIN=admin:admin-password "$vhsm" user create --cluster cli --username kmsuser --role crypto-user --password kms-password
is ACTIVE text cloudhsmv2 describe-clusters --filters "clusterIds=$cluster" --query 'Clusters[0].State'
is 2 text cloudhsmv2 describe-clusters --filters "clusterIds=$cluster" --query 'length(Clusters[0].Hsms)'

say "A custom key store on it, connected"
store=$(text kms create-custom-key-store --custom-key-store-name cli --cloud-hsm-cluster-id "$cluster" \
    --key-store-password kms-password --trust-anchor-certificate "file://$anchor" --query CustomKeyStoreId)
state() { text kms describe-custom-key-stores --custom-key-store-id "$store" --query 'CustomKeyStores[0].ConnectionState'; }
is DISCONNECTED state
aws kms connect-custom-key-store --custom-key-store-id "$store"
for _ in {1..300}; do [[ $(state) == CONNECTING ]] || break; done
is CONNECTED state

say "A key, and a file encrypted and decrypted with it"
key=$(text kms create-key --origin AWS_CLOUDHSM --custom-key-store-id "$store" --tags TagKey=team,TagValue=cli --query KeyMetadata.Arn)
aws kms create-alias --alias-name alias/cli --target-key-id "$key"
printf 'attack at dawn' >"$work/text"
text kms encrypt --key-id alias/cli --plaintext "fileb://$work/text" --encryption-context order=4711 \
    --query CiphertextBlob | base64 --decode >"$work/sealed"
text kms decrypt --ciphertext-blob "fileb://$work/sealed" --encryption-context order=4711 --query Plaintext |
    base64 --decode | cmp - "$work/text"
refused InvalidCiphertextException aws kms decrypt --ciphertext-blob "fileb://$work/sealed" --encryption-context order=4712
is cli text kms list-resource-tags --key-id "$key" --query 'Tags[0].TagValue'
is alias/cli text kms list-aliases --key-id "$key" --query 'Aliases[0].AliasName'

say "Disabled, enabled, scheduled for deletion"
aws kms disable-key --key-id "$key"
refused DisabledException aws kms encrypt --key-id alias/cli --plaintext "fileb://$work/text"
aws kms enable-key --key-id "$key"
is PendingDeletion text kms schedule-key-deletion --key-id "$key" --pending-window-in-days 7 --query KeyState
is "$key" text kms cancel-key-deletion --key-id "$key" --query KeyId
is Disabled text kms describe-key --key-id "$key" --query KeyMetadata.KeyState

say "Disconnected: the key is unavailable, and the key store stays as long as it has keys"
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
for _ in {1..300}; do [[ $(state) == DISCONNECTING ]] || break; done
is DISCONNECTED state
is Unavailable text kms describe-key --key-id "$key" --query KeyMetadata.KeyState
refused CustomKeyStoreHasCMKsException aws kms delete-custom-key-store --custom-key-store-id "$store"
