#!/usr/bin/env bash
# Objects: data, a certificate and a secret key, written, listed, read and deleted.
source "$(dirname "$0")/common.sh"
new_token

say "What is written"
head -c 3000 "$root/Cargo.lock" >"$work/data"
head -c 32 /dev/urandom >"$work/key"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=demo" -days 30 \
    -keyout "$work/private" -outform DER -out "$work/cert" 2>/dev/null
user --write-object "$work/data" --type data --label notes --application-label demo
user --write-object "$work/data" --type data --label secret-notes --private
user --write-object "$work/cert" --type cert --label certificate --id 0b
user --write-object "$work/key" --type secrkey --key-type AES:32 --label key --id 0c --private --extractable >/dev/null

say "The list of the user"
user --list-objects >"$work/objects"
grep label: "$work/objects"
for name in notes secret-notes certificate key; do
    has "label: *'*$name" "$work/objects"
done

say "The list of anybody: no private object"
public --list-objects >"$work/public"
has certificate "$work/public"
has_not secret-notes "$work/public"
has_not "Secret Key" "$work/public"

say "Read back"
user --read-object --type data --label notes -o "$work/out"
same "$work/data" "$work/out" "data"
user --read-object --type data --label secret-notes -o "$work/out"
same "$work/data" "$work/out" "private data"
user --read-object --type cert --id 0b -o "$work/out"
same "$work/cert" "$work/out" "certificate"
openssl x509 -inform DER -in "$work/out" -noout -subject
user --read-object --type secrkey --id 0c -o "$work/out"
same "$work/key" "$work/out" "a key that is extractable and not sensitive"

say "Deleted, one by one"
user --delete-object --type data --label notes
user --delete-object --type cert --id 0b
user --delete-object --type secrkey --id 0c
user --list-objects >"$work/objects"
has secret-notes "$work/objects"
user --delete-object --type data --label secret-notes
user --list-objects >"$work/objects"
[[ ! -s $work/objects ]] || fail "not empty: $(cat "$work/objects")"
echo "the token is empty"
