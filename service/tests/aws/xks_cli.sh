#!/usr/bin/env bash
# The AWS CLI: an external key store, a key in it, a file encrypted and decrypted; the proxy goes away and comes back.
set -euo pipefail
work=$TMPDIR
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
text() { aws --output text "$@"; }
# order JSON: to the proxy; prints its answer.
exec 3<>"/dev/tcp/${PROXY_CONTROL/://}"
order() { local told && printf '%s\n' "$1" >&3 && read -r told <&3 && [[ $told != *'"error":'* ]] && printf '%s' "$told"; }
member() { order '"About"' | sed 's/.*"'"$1"'":"\([^"]*\)".*/\1/'; }
state() { text kms describe-custom-key-stores --custom-key-store-id "$store" --query 'CustomKeyStores[0].ConnectionState'; }
# becomes STATE
becomes() { for _ in {1..300}; do [[ $(state) == "$1" ]] && return; done && fail "not $1 but $(state)"; }

say "An external key store, connected"
# Version 1 would send what lies at a URL, in place of the URL.
aws configure set cli_follow_urlparam false
order '{"Put": ["cli-key", {}]}' >"$work/put"
credential=AccessKeyId=$(member access_key_id),RawSecretAccessKey=$(member secret)
create() {
    text kms create-custom-key-store --custom-key-store-name cli --custom-key-store-type EXTERNAL_KEY_STORE \
        --xks-proxy-connectivity PUBLIC_ENDPOINT --xks-proxy-uri-endpoint "$(member endpoint)" --xks-proxy-uri-path "$1" \
        --xks-proxy-authentication-credential "$credential" --query CustomKeyStoreId
}
refused XksProxyInvalidConfigurationException create /wrong/path/kms/xks/v1
store=$(create "$(member path)")
is DISCONNECTED state
aws kms connect-custom-key-store --custom-key-store-id "$store"
becomes CONNECTED
is PUBLIC_ENDPOINT text kms describe-custom-key-stores --custom-key-store-name cli \
    --query 'CustomKeyStores[0].XksProxyConfiguration.Connectivity'

say "A key, and a file encrypted and decrypted with it"
key=$(text kms create-key --origin EXTERNAL_KEY_STORE --custom-key-store-id "$store" --xks-key-id cli-key --query KeyMetadata.Arn)
is cli-key text kms describe-key --key-id "$key" --query KeyMetadata.XksKeyConfiguration.Id
printf 'attack at dawn' >"$work/text"
seal() {
    text kms encrypt --key-id "$key" --plaintext "fileb://$work/text" --encryption-context order=4711 --query CiphertextBlob
}
open() {
    text kms decrypt --ciphertext-blob "fileb://$work/sealed" --encryption-context "order=$1" --query Plaintext
}
seal | base64 --decode >"$work/sealed"
open 4711 | base64 --decode | cmp - "$work/text"
refused KMSInvalidStateException open 4712

say "The proxy goes away, and comes back"
order '{"Set": "RefuseTcp"}' >"$work/put"
refused KMSInvalidStateException seal
is CONNECTED state
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
becomes DISCONNECTED
is Unavailable text kms describe-key --key-id "$key" --query KeyMetadata.KeyState
aws kms connect-custom-key-store --custom-key-store-id "$store"
becomes FAILED
is XKS_PROXY_NOT_REACHABLE text kms describe-custom-key-stores --custom-key-store-id "$store" \
    --query 'CustomKeyStores[0].ConnectionErrorCode'
order '"Heal"' >"$work/put"
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
aws kms connect-custom-key-store --custom-key-store-id "$store"
becomes CONNECTED
open 4711 | base64 --decode | cmp - "$work/text"
