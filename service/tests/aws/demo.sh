#!/usr/bin/env bash
# `vhsm serve --demo`: the lines that it prints are tried as they stand; a second start on the same folder finds what is there;
# without VHSM_HOME nothing is left.
set -euo pipefail
work=$TMPDIR server=
fail() { echo "FAILED: $*" >&2 && exit 1; }
trap '[[ -z $server ]] || kill "$server"; wait' EXIT
# start: prints its address to $work/told when everything is made.
start() {
    : >"$work/told"
    "$VHSM_COMMAND" serve --demo --listen 127.0.0.1:0 >"$work/told" 2>"$work/log" &
    server=$!
    until grep -q '^^C ends it' "$work/told"; do
        kill -0 "$server" || fail "the demo ended: $(cat "$work/log")"
    done
}
stop() {
    kill "$server"
    wait "$server" || fail "the demo did not end well: $(cat "$work/log")"
    server=
}
lines() { sed -n 's/^  //p' "$work/told"; }
cd "$work"

start
cat told
lines | sed '/disconnect/s/$/; until aws kms describe-custom-key-stores | grep -qw DISCONNECTED; do :; done/' >lines.sh
bash -euo pipefail lines.sh | tee output
for text in hello AWS_CLOUDHSM ACTIVE; do grep -q "$text" output || fail "$text is not in the output"; done
key=$(grep -o -m 1 'arn:aws:kms:[^[:space:]]*:key/[-0-9a-f]*' output)
grep -q "label: *$key" output || fail "the key itself was not found"
stop

start
bash -euo pipefail <(lines | sed -n '/^export/p; /describe-key/p') | grep "$key" || fail "another key"
stop

unset VHSM_HOME
start
home=$(lines | sed -n 's/^export VHSM_HOME=//p')
[[ -d $home/store ]] || fail "$home is not the home of the demo"
stop
[[ ! -e $home ]] || fail "$home was left"
