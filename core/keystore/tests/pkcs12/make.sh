#!/bin/sh
# Makes the PKCS#12 files in this folder: one throw-away key, written by OpenSSL, Java and NSS.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
p=Abcd1234
ca='/C=IT/O=SANDBOX/CN=CA SANDBOX'
subject='/C=IT/O=SANDBOX/CN=RSSMRA80A01H501U-000'
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" \
    -days 9000 -subj "$ca"
openssl req -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/req.pem" -subj "$subject"
openssl x509 -req -in "$work/req.pem" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
    -days 8000 -out "$work/cert.pem"
export_() {
    openssl pkcs12 -export -inkey "$work/key.pem" -in "$work/cert.pem" -certfile "$work/ca.pem" \
        -name sign_keypair0 -passout "pass:$p" "$@"
}
export_ -legacy -out openssl-3des-rc2.p12
export_ -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1 -out openssl-3des.p12
export_ -out openssl-pbes2.p12
export_ -certpbe AES-128-CBC -keypbe DES-EDE3-CBC -macalg sha512 -out openssl-pbes2-3des.p12
export_ -legacy -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-RC2-128 -macalg sha1 \
    -out openssl-rc2-128.p12
# Not read here: each names what is missing.
export_ -legacy -certpbe PBE-MD5-DES -keypbe PBE-MD5-DES -macalg sha1 -out openssl-md5-des.p12
export_ -legacy -certpbe PBE-SHA1-RC4-128 -keypbe PBE-SHA1-3DES -macalg sha1 -out openssl-rc4.p12
export_ -certpbe CAMELLIA-256-CBC -keypbe CAMELLIA-256-CBC -out openssl-camellia.p12
export_ -legacy -macalg md5 -out openssl-mac-md5.p12
export_ -nomac -out openssl-no-mac.p12
export_ -legacy -certpbe rc2-cbc -keypbe rc2-cbc -out openssl-rc2.p12
export_ -certpbe aria-256-cbc -keypbe aria-256-cbc -out openssl-aria.p12
export_ -macalg sm3 -out openssl-mac-sm3.p12
# A password with a character beyond the Basic Multilingual Plane.
LC_ALL=C.UTF-8 export_ -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1 \
    -passout 'pass:Chiave🔑1' -out openssl-emoji.p12
# Another key on a curve, alone and beside ours.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout "$work/ec.key" \
    -out "$work/ec.pem" -days 8000 -subj '/CN=altra'
openssl pkcs12 -export -inkey "$work/ec.key" -in "$work/ec.pem" -name curva -passout "pass:$p" \
    -out openssl-ec.p12
for store in openssl-ec.p12 openssl-pbes2.p12; do
    keytool -importkeystore -noprompt -srckeystore $store -srcstoretype PKCS12 \
        -srcstorepass $p -destkeystore "$work/both.p12" -deststoretype PKCS12 -deststorepass $p
done
cp "$work/both.p12" keytool-ec-rsa.p12
keytool -importkeystore -noprompt -srckeystore openssl-pbes2.p12 -srcstoretype PKCS12 \
    -srcstorepass $p -destkeystore "$work/default.p12" -deststoretype PKCS12 -deststorepass $p
cp "$work/default.p12" keytool-default.p12
keytool -J-Dkeystore.pkcs12.legacy -importkeystore -noprompt -srckeystore openssl-pbes2.p12 \
    -srcstoretype PKCS12 -srcstorepass $p \
    -destkeystore "$work/legacy.p12" -deststoretype PKCS12 -deststorepass $p
cp "$work/legacy.p12" keytool-legacy.p12
mkdir "$work/nss"
echo "$p" > "$work/password"
certutil -N -d "sql:$work/nss" --empty-password
pk12util -i openssl-3des.p12 -d "sql:$work/nss" -w "$work/password"
pk12util -o nss-default.p12 -n sign_keypair0 -d "sql:$work/nss" -w "$work/password"
pk12util -o nss-legacy.p12 -n sign_keypair0 -d "sql:$work/nss" -w "$work/password" \
    -c "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC" \
    -C "PKCS #12 V2 PBE With SHA-1 And 40 Bit RC2 CBC" -M SHA-1
