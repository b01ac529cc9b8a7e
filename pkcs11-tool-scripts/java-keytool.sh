#!/usr/bin/env bash
# Java: keytool with the SunPKCS11 provider lists, makes and uses keys of the token.
source "$(dirname "$0")/common.sh"
command -v keytool >/dev/null || fail "keytool is missing: run make install"

say "A token, and how Java finds it"
new_token
slot=$(p11 --list-token-slots 2>/dev/null | sed -n 's/^Slot [0-9]* (0x\([0-9a-f]*\)).*/\1/p' | head -n 1)
cat >"$work/java.conf" <<END
name = demo
library = $module
slot = $((16#$slot))
END
cat "$work/java.conf"

# tool OPTION...: keytool on the token.
tool() {
    keytool "$@" -storetype PKCS11 -keystore NONE -storepass "$pin" -addprovider SunPKCS11 \
        -providerarg "$work/java.conf" >"$work/told" 2>&1 || {
        cat "$work/told" >&2
        return 1
    }
}

say "Key pairs that keytool makes, with their certificates"
tool -genkeypair -alias root -keyalg RSA -keysize 2048 -sigalg SHA256withRSA -dname CN=root -ext bc:c -validity 2
tool -genkeypair -alias ec -keyalg EC -groupname secp256r1 -sigalg SHA256withECDSA -dname CN=ec -validity 2
tool -genkeypair -alias pss -keyalg RSA -keysize 3072 -sigalg SHA384withRSA -dname CN=pss -validity 2
tool -list
tee "$work/list" <"$work/told"
for alias in root ec pss; do
    has "^$alias, PrivateKeyEntry" "$work/list"
done

say "A secret key"
tool -genseckey -alias aes -keyalg AES -keysize 256
tool -list
has "^aes, SecretKeyEntry" "$work/told"
grep "^aes" "$work/told"

say "A certificate for one key that another one signs: keytool -certreq, -gencert, -importcert"
tool -certreq -alias ec -file "$work/ec.csr"
openssl req -in "$work/ec.csr" -noout -verify 2>&1 | tee "$work/verified"
has "verify OK" "$work/verified"
tool -gencert -alias root -infile "$work/ec.csr" -outfile "$work/ec.pem" -rfc -sigalg SHA512withRSA -validity 2
tool -exportcert -alias root -rfc -file "$work/root.pem"
openssl verify -CAfile "$work/root.pem" "$work/ec.pem"
tool -importcert -alias ec -file "$work/ec.pem" -noprompt
tool -list -v -alias ec
has "Certificate chain length: 2" "$work/told"
echo "the chain lies in the token"

say "What Java made, pkcs11-tool sees"
user --list-objects >"$work/objects"
grep -c "Private Key Object" "$work/objects"
[[ $(grep -c "Private Key Object" "$work/objects") == 3 ]] || fail "not three private keys"
user --sign -m SHA256-RSA-PKCS --label root -i "$root/README.md" -o "$work/signature"
openssl x509 -in "$work/root.pem" -noout -pubkey >"$work/root.pub"
openssl dgst -sha256 -verify "$work/root.pub" -signature "$work/signature" "$root/README.md"

say "An entry is deleted, its key with it"
tool -delete -alias pss
tool -list
has_not "^pss" "$work/told"
user --list-objects >"$work/objects"
[[ $(grep -c "Private Key Object" "$work/objects") == 2 ]] || fail "not two private keys"
echo "two pairs are left"
