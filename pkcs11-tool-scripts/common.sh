# Sourced by every script of this folder: a work folder of its own, the module, and a few words to write scripts in.
#
#   VHSM_MODULE   the PKCS#11 module; target/release/libvhsm_pkcs11.so when left out. Any module will do for most
#                 scripts: VHSM_MODULE=/usr/lib/softhsm/libsofthsm2.so pkcs11-tool-scripts/objects.sh
#   VHSM_COMMAND  the vhsm command; target/release/vhsm when left out
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
module=${VHSM_MODULE:-$root/target/release/libvhsm_pkcs11.so}
command=${VHSM_COMMAND:-$root/target/release/vhsm}
[[ -e $module ]] || {
    echo "$module is missing: run make build" >&2
    exit 1
}

# Everything that a script makes, its tokens too, lies in one folder that goes with it.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VHSM_HOME=$work/home
unset VHSM_CONF VHSM_PIN VHSM_PROFILE
mkdir "$work/softhsm"
echo "directories.tokendir = $work/softhsm" >"$work/softhsm2.conf"
export SOFTHSM2_CONF=$work/softhsm2.conf

say() { printf '\n== %s\n' "$*"; }

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# p11 OPTION...: pkcs11-tool on the module, each time a process of its own.
p11() { pkcs11-tool --module "$module" "$@"; }

label=demo so_pin=so-pin-1 pin=user-pin-1

# new_token: makes the token $label with the two PINs, as any PKCS#11 software would.
new_token() {
    p11 --init-token --slot-index 0 --label "$label" --so-pin "$so_pin" >/dev/null
    p11 --token-label "$label" --login --login-type so --so-pin "$so_pin" --init-pin --new-pin "$pin" >/dev/null
}

# quiet COMMAND...: what the command reports goes to the log, and to the terminal only when it fails.
quiet() {
    "$@" 2>>"$work/log" || {
        tail -n 3 "$work/log" >&2
        return 1
    }
}

# user OPTION...: pkcs11-tool, logged in as the token's user.
user() { quiet p11 --token-label "$label" --login --pin "$pin" "$@"; }

# public OPTION...: the same without a login.
public() { quiet p11 --token-label "$label" "$@"; }

# refused REASON COMMAND...: the command must fail, and its error must name the reason.
refused() {
    local reason=$1
    shift
    if "$@" >"$work/refused" 2>&1; then
        fail "was not refused: $*"
    fi
    grep -q -- "$reason" "$work/refused" || fail "refused, but not with $reason: $(cat "$work/refused")"
    echo "refused: $(grep -o -m 1 -- "$reason" "$work/refused")"
}

# same FILE FILE WORDS...: the files must be equal.
same() {
    cmp "$1" "$2" || fail "not the same: ${*:3}"
    echo "same: ${*:3}"
}

# has TEXT FILE: a line of the file must match.
has() { grep -q -e "$1" "$2" || fail "no line matches '$1': $(cat "$2")"; }

# has_not TEXT FILE: no line may match.
has_not() { ! grep -q -e "$1" "$2" || fail "a line matches '$1': $(cat "$2")"; }

hex() { od -An -v -tx1 "$@" | tr -d ' \n'; }

iv=000102030405060708090a0b0c0d0e0f
