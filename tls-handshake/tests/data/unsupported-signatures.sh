#!/usr/bin/env bash
# Makes unsupported-signatures.pem: for each kind of CA key or signature that is not supported, a line
# with its name, a leaf and the CA certificate. Requires OpenSSL 3; making the large RSA key takes a minute.
set -euo pipefail
out=$PWD/unsupported-signatures.pem
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
: > "$out"
printf 'basicConstraints=critical,CA:TRUE\n' > ca.ext
printf 'subjectAltName=DNS:server.test\n' > leaf.ext
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out leaf.key
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa2048.key

# case NAME CA_KEY OPTIONS...: the options are those of the leaf's signature.
case_of() {
  local name=$1 key=$2; shift 2
  openssl req -new -key "$key" -subj "/CN=the CA" -out ca.csr ${CA_DIGEST:-} 2> /dev/null
  openssl x509 -req -in ca.csr -signkey "$key" -days 36500 -extfile ca.ext -set_serial 1 -out ca.pem ${CA_DIGEST:-} 2> /dev/null
  openssl req -new -key leaf.key -subj "/CN=the leaf" -out leaf.csr
  openssl x509 -req -in leaf.csr -CA ca.pem -CAkey "$key" -days 36500 -extfile leaf.ext -set_serial 0x4a11 -out leaf.pem "$@" 2> /dev/null
  { echo "# $name"; cat leaf.pem ca.pem; } >> "$out"
}

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa1024.key
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:8448 -out rsa8448.key
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out p521.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out k1.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out explicit.key
openssl ec -in leaf.key -conv_form compressed -out compressed.key 2> /dev/null
openssl genpkey -algorithm ED448 -out ed448.key
openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:2048 -out dsa.params
openssl genpkey -paramfile dsa.params -out dsa.key

case_of rsa1024 rsa1024.key -sha256
case_of rsa8448 rsa8448.key -sha256
case_of sha1 rsa2048.key -sha1
case_of md5 rsa2048.key -md5
case_of sha224 rsa2048.key -sha224
case_of pss-salt rsa2048.key -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20
case_of pss-mgf rsa2048.key -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha1
case_of pss-key pss.key -sha256 -sigopt rsa_pss_saltlen:32
case_of p256-sha512 leaf.key -sha512
case_of p521 p521.key -sha256
case_of secp256k1 k1.key -sha256
case_of explicit explicit.key -sha256
case_of compressed compressed.key -sha256
case_of ed448 ed448.key
case_of dsa dsa.key -sha256
