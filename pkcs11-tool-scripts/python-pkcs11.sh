#!/usr/bin/env bash
# Python: python-pkcs11 (from PyPI) makes and uses keys of the token; python-pkcs11.py is the program.
source "$(dirname "$0")/common.sh"
python=${VHSM_PYTHON:-$root/target/python/bin/python}
[[ -x $python ]] || fail "$python is missing: run make install"

say "A token, and a Python program with its PIN"
new_token
"$python" "$(dirname "$0")/python-pkcs11.py" "$module" "$label" "$pin"
