# Sourced by the scripts that use OpenSSL with keys of the token: the pkcs11 engine (Debian's libengine-pkcs11-openssl).

engine=$(openssl version -e | sed 's/^ENGINESDIR: "\(.*\)"$/\1/')/pkcs11.so
[[ -e $engine ]] || fail "OpenSSL's pkcs11 engine is missing: run make install"

cat >"$work/openssl.cnf" <<END
openssl_conf = openssl_init
[openssl_init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = $engine
MODULE_PATH = $module
init = 0
[req]
distinguished_name = nobody
[nobody]
END

# uri LABEL: the private key with this label, as RFC 7512 names it.
uri() { echo "pkcs11:token=$label;object=$1;type=private;pin-value=$pin"; }

# hsm COMMAND OPTION...: openssl, its keys in the token. A bare `openssl` knows nothing of token and engine.
hsm() { OPENSSL_CONF=$work/openssl.cnf quiet openssl "$1" -engine pkcs11 "${@:2}"; }

# key_pair LABEL TYPE ID: makes a pair whose private key never leaves the token.
key_pair() {
    user --keypairgen --key-type "$2" --label "$1" --id "$3" --private --sensitive >/dev/null
    echo "$1: a pair of $2"
}

# certificate LABEL: a certificate for the key, signed by the key itself.
certificate() {
    hsm req -x509 -new -key "$(uri "$1")" -keyform engine -subj "/CN=$1" -addext "subjectAltName=DNS:localhost" \
        -days 2 -out "$work/$1.pem"
    openssl verify -CAfile "$work/$1.pem" "$work/$1.pem" >/dev/null || fail "the certificate of $1 does not verify"
    openssl x509 -in "$work/$1.pem" -noout -pubkey >"$work/$1.pub"
}
