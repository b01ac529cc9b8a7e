#!/usr/bin/env bash
# Keys that travel: wrapped by another key of the token, and unwrapped. A key that is not extractable stays.
source "$(dirname "$0")/common.sh"
new_token
head -c 32 /dev/urandom >"$work/wrapper"
head -c 32 /dev/urandom >"$work/payload"

say "A wrapping key, and a key that may be wrapped"
user --write-object "$work/wrapper" --type secrkey --key-type AES:32 --label wrapper --id 01 --private --sensitive \
    --usage-wrap >/dev/null
user --write-object "$work/payload" --type secrkey --key-type AES:32 --label payload --id 02 --private --extractable \
    --usage-decrypt >/dev/null

say "AES-KEY-WRAP (RFC 3394)"
user --wrap -m AES-KEY-WRAP --id 01 --application-id 02 -o "$work/wrapped"
openssl enc -id-aes256-wrap -K "$(hex "$work/wrapper")" -iv A6A6A6A6A6A6A6A6 -in "$work/payload" -out "$work/openssl"
same "$work/wrapped" "$work/openssl" "wrapped by the token and by OpenSSL"
user --unwrap -m AES-KEY-WRAP --id 01 --application-id 03 --application-label unwrapped --key-type AES: --private \
    --extractable -i "$work/wrapped" >/dev/null
user --read-object --type secrkey --id 03 -o "$work/unwrapped"
same "$work/payload" "$work/unwrapped" "the key came back"

if public --list-mechanisms | grep -q 0x210B; then
    say "AES-KEY-WRAP-KWP (RFC 5649), which OpenSC 0.23 knows by number only"
    user --wrap -m 0x210B --id 01 --application-id 02 -o "$work/wrapped.kwp"
    openssl enc -id-aes256-wrap-pad -K "$(hex "$work/wrapper")" -iv A65959A6 -in "$work/payload" -out "$work/openssl"
    same "$work/wrapped.kwp" "$work/openssl" "wrapped by the token and by OpenSSL"
    user --unwrap -m 0x210B --id 01 --application-id 04 --application-label padded --key-type AES: --private \
        --extractable -i "$work/wrapped.kwp" >/dev/null
    user --read-object --type secrkey --id 04 -o "$work/unwrapped"
    same "$work/payload" "$work/unwrapped" "the key came back"
fi

say "An unwrapped key can be made to stay"
user --unwrap -m AES-KEY-WRAP --id 01 --application-id 05 --application-label stays --key-type AES: --private \
    --sensitive -i "$work/wrapped" >/dev/null
refused CKR_KEY_UNEXTRACTABLE user --wrap -m AES-KEY-WRAP --id 01 --application-id 05 -o "$work/no"
[[ ! -s $work/no ]] || fail "something was written"

say "A wrapped key that was changed on the way is refused"
printf '\x00\x01\x02\x03' | dd of="$work/wrapped" bs=1 seek=9 conv=notrunc status=none
refused "CKR_WRAPPED_KEY_INVALID\|CKR_GENERAL_ERROR" \
    user --unwrap -m AES-KEY-WRAP --id 01 --application-id 06 --key-type AES: --private -i "$work/wrapped"
