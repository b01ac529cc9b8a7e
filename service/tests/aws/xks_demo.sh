#!/usr/bin/env bash
# `vhsm xks-proxy --demo`: the lines that it prints are tried as they stand, the check of the proxy and KMS's calls of it; a second
# start on the same folder finds what is there; without VHSM_HOME nothing is left.
set -euo pipefail
work=$TMPDIR proxy=
fail() { echo "FAILED: $*" >&2 && exit 1; }
trap '[[ -z $proxy ]] || kill "$proxy"; wait' EXIT
# start: prints its address to $work/told when everything is made.
start() {
    : >"$work/told"
    "$VHSM_COMMAND" xks-proxy --demo >"$work/told" 2>"$work/log" &
    proxy=$!
    until grep -q '\^C ends it' "$work/told"; do
        kill -0 "$proxy" || fail "the demo ended: $(cat "$work/log")"
        sleep 0.1
    done
}
stop() {
    kill "$proxy"
    wait "$proxy" || fail "the demo did not end well: $(cat "$work/log")"
    proxy=
}
lines() { sed -n 's/^  //p' "$work/told"; }
# What people see for themselves: that the server answers, and that the key store is connected.
waiting() {
    sed -e '/serve --listen/a until curl -s "http://$(grep -o "127.0.0.1:[0-9]*" "$XKS/serve.log" | head -n 1)/health" | grep -q .; do sleep 0.1; done' \
        -e '/connect-custom-key-store/a until aws kms describe-custom-key-stores | grep -qw CONNECTED; do sleep 0.1; done' \
        -e '/kms decrypt/a until grep -q KmsHealthCheck "$XKS/access.log"; do sleep 0.1; done' \
        -e '/xks-check/s/xks-check/xks-check --timeout-ms 20000/'
}
# A busy machine is given more time than KMS gives; the demo's files stay as they were found.
give_time() {
    printf '\n[times]\ndeadline_ms = 20000\n' >>"$VHSM_HOME/xks-demo/proxy.toml"
    echo 'timeout_ms = 20000' >>"$VHSM_HOME/xks-demo/kms.toml"
}
cd "$work"

start
stop
give_time
start
cat told
{ lines | waiting && echo 'kill %1' && echo wait; } >lines.sh
bash -euo pipefail lines.sh >output 2>&1 || fail "$(cat output log)"
cat output
for text in hello PASS; do grep -q "$text" output || fail "$text is not in the output"; done
! grep -q '^FAIL' output || fail "the proxy breaks a rule"
for operation in CreateKey Encrypt Decrypt KmsHealthCheck; do
    grep -q "\"kmsOperation\":\"$operation\"" "$VHSM_HOME/xks-demo/access.log" || fail "no $operation reached the proxy"
done
id=$(grep -o 'XKS[A-Z2-7]*' told | head -n 1)
stop

start
grep -q -- "--access-key-id $id" told || fail "another credential"
bash -euo pipefail <(lines | waiting | sed '/serve --listen/,$d') >output || fail "$(cat output)"
stop

unset VHSM_HOME
start
home=$(lines | sed -n 's/^export VHSM_HOME=//p')
[[ -d $home/xks-demo ]] || fail "$home is not the home of the demo"
stop
[[ ! -e $home ]] || fail "$home was left"
