#!/usr/bin/env bash
# Elliptic curves: key pairs made and imported, signatures that openssl verifies, secrets that both sides derive.
. "$(dirname "$0")/common.sh"

# pkcs11-tool reads no public key of P-384 and P-521 (0.23): openssl makes the pairs whose public key it is to know.
# pair CURVE FILE: such a pair, and its public key.
pair() {
    openssl ecparam -name "$1" -genkey -noout | openssl pkey -outform DER -out "$2.der"
    openssl pkey -in "$2.der" -inform DER -pubout -outform DER -out "$2.pub"
}

same() { cmp -s "$1" "$2" || fail "$3 differ"; }

say "A token, and data to be signed"
new_token
echo "to be signed" >"$work/data"

id=0
for curve in secp224r1 prime256v1 secp384r1 secp521r1 secp256k1; do
    id=$((id + 1)) imported=1$id made=2$id
    say "$curve: a pair that openssl made is imported, and signs"
    pair "$curve" "$work/ours"
    user --write-object "$work/ours.der" --type privkey --label "$curve" --id "$imported" --usage-sign \
        --usage-derive >/dev/null
    user --sign --mechanism ECDSA-SHA384 --id "$imported" --signature-format openssl \
        --input-file "$work/data" --output-file "$work/signature"
    openssl dgst -sha384 -verify "$work/ours.pub" -keyform DER -signature "$work/signature" "$work/data"

    say "$curve: it agrees with another on a secret"
    pair "$curve" "$work/theirs"
    user --derive --mechanism ECDH1-DERIVE --id "$imported" --input-file "$work/theirs.pub" \
        --output-file "$work/one" >/dev/null
    openssl pkeyutl -derive -inkey "$work/theirs.der" -keyform DER -peerkey "$work/ours.pub" -peerform DER \
        -out "$work/other"
    same "$work/one" "$work/other" "the secrets"

    say "$curve: a pair of the token's signs, and the token verifies"
    user --keypairgen --key-type "EC:$curve" --label "made on $curve" --id "$made" --usage-sign >/dev/null
    user --sign --mechanism ECDSA-SHA256 --id "$made" --input-file "$work/data" --output-file "$work/signature"
    user --verify --mechanism ECDSA-SHA256 --id "$made" --input-file "$work/data" \
        --signature-file "$work/signature"
done

say "Ed25519: a pair signs, and the token verifies; another signature is refused"
user --keypairgen --key-type EC:edwards25519 --label ed --id 30 --usage-sign >/dev/null
user --sign --mechanism EDDSA --id 30 --input-file "$work/data" --output-file "$work/signature" >/dev/null
user --verify --mechanism EDDSA --id 30 --input-file "$work/data" --signature-file "$work/signature"
head -c 64 /dev/zero >"$work/wrong"
user --verify --mechanism EDDSA --id 30 --input-file "$work/data" --signature-file "$work/wrong" |
    grep -q "Invalid signature" || fail "a wrong signature is verified"

say "X25519: a pair"
user --keypairgen --key-type EC:curve25519 --label x --id 31 --usage-derive >/dev/null
user --list-objects --type pubkey --label x | grep -q EC_MONTGOMERY || fail "no pair of that type"

say "pkcs11-tool's own test"
user --session-rw --test-ec --id 40 --label test --key-type EC:prime256v1 | tail -n 5
