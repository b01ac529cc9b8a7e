#!/usr/bin/env bash
# A file encrypted and decrypted: with a key that never leaves the token, and with a known key, where OpenSSL is
# the second opinion. (OpenSC 0.23's pkcs11-tool has no options for AES-GCM: examples/main_job.rs shows that.)
source "$(dirname "$0")/common.sh"
new_token
text=$root/Cargo.lock
head -c $(($(stat -c %s "$text") / 16 * 16)) "$text" >"$work/blocks" # what fits modes without padding

say "A key made in the token, AES-CBC with padding"
user --keygen --key-type AES:32 --label inner --id 01 --private --sensitive --usage-decrypt >/dev/null
user --encrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$text" -o "$work/inner.enc"
cmp -s "$text" "$work/inner.enc" && fail "not encrypted"
user --decrypt -m AES-CBC-PAD --id 01 --iv "$iv" -i "$work/inner.enc" -o "$work/inner.txt"
same "$text" "$work/inner.txt" "decrypted, $(stat -c %s "$text") bytes"

say "A known key, written into the token"
head -c 32 /dev/urandom >"$work/key"
user --write-object "$work/key" --type secrkey --key-type AES:32 --label known --id 02 --private --sensitive \
    --usage-decrypt >/dev/null
key=$(hex "$work/key")
openssl enc -aes-256-cbc -K "$key" -iv "$iv" -in "$text" -out "$work/openssl.AES-CBC-PAD"
openssl enc -aes-256-cbc -nopad -K "$key" -iv "$iv" -in "$work/blocks" -out "$work/openssl.AES-CBC"
openssl enc -aes-256-ecb -nopad -K "$key" -in "$work/blocks" -out "$work/openssl.AES-ECB"
for mechanism in AES-CBC-PAD AES-CBC AES-ECB; do
    plain=$work/blocks
    [[ $mechanism == AES-CBC-PAD ]] && plain=$text
    user --encrypt -m "$mechanism" --id 02 --iv "$iv" -i "$plain" -o "$work/token.$mechanism"
    same "$work/token.$mechanism" "$work/openssl.$mechanism" "$mechanism by the token and by OpenSSL"
    user --decrypt -m "$mechanism" --id 02 --iv "$iv" -i "$work/openssl.$mechanism" -o "$work/back"
    same "$plain" "$work/back" "$mechanism of OpenSSL, decrypted by the token"
done

say "Every length around a block"
for bytes in 0 1 15 16 17 31 32 33; do
    head -c "$bytes" "$text" >"$work/short"
    user --encrypt -m AES-CBC-PAD --id 02 --iv "$iv" -i "$work/short" -o "$work/short.enc"
    openssl enc -aes-256-cbc -K "$key" -iv "$iv" -in "$work/short" -out "$work/short.openssl"
    same "$work/short.enc" "$work/short.openssl" "$bytes bytes"
done

say "What was changed on the way is refused"
head -c 1000 "$work/token.AES-CBC-PAD" >"$work/cut"
refused "CKR_ENCRYPTED_DATA_LEN_RANGE\|CKR_ENCRYPTED_DATA_INVALID" \
    user --decrypt -m AES-CBC-PAD --id 02 --iv "$iv" -i "$work/cut" -o "$work/back"
