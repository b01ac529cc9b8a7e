#!/usr/bin/env bash
# Random bytes and digests, which need no login.
source "$(dirname "$0")/common.sh"
new_token

say "Random bytes"
for bytes in 1 32 1000; do
    public --generate-random "$bytes" -o "$work/random.$bytes"
    [[ $(stat -c %s "$work/random.$bytes") == "$bytes" ]] || fail "not $bytes bytes"
done
public --generate-random 1000 -o "$work/random"
cmp -s "$work/random" "$work/random.1000" && fail "the same bytes twice"
echo "1, 32 and 1000 bytes, never the same"

say "Digests of a file"
for hash in SHA-1:sha1sum SHA224:sha224sum SHA256:sha256sum SHA384:sha384sum SHA512:sha512sum; do
    public --hash -m "${hash%:*}" -i "$module" -o "$work/hash"
    "${hash#*:}" <"$module" | cut -d ' ' -f 1 | tr -d '\n' >"$work/expected"
    hex "$work/hash" >"$work/got"
    same "$work/got" "$work/expected" "${hash%:*} by the token and by ${hash#*:}"
done

say "The digest of nothing"
: >"$work/nothing"
public --hash -m SHA256 -i "$work/nothing" -o "$work/hash"
[[ $(hex "$work/hash") == $(sha256sum </dev/null | cut -d ' ' -f 1) ]] || fail "SHA-256 of no bytes"
