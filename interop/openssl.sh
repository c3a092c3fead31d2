#!/usr/bin/env bash
# Lets plain OpenSSL check what `smart-id tour --keep DIR` leaves behind: the chains, the keys, the three signatures, and
# that each of them is refused as soon as one bit is different.
#
# usage: SMART_ID_BIN=path/to/smart-id interop/openssl.sh
set -euo pipefail

: "${SMART_ID_BIN:?is the path of the smart-id binary}"

# The certificates' names for the two keys, and what a signature of ours is (RFC 8017 §8.1, salt as long as the hash).
PSS=(-sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:64)
PKCS1=(-sha512)
KEY_BITS=6144

# The machine's own trust anchors have no say here.
ONLY_OURS=(-no-CAfile -no-CApath -no-CAstore)

. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

keep=$(mktemp -d)
trap 'rm -rf "$keep"' EXIT

main() {
    openssl version
    timeout 600 "$SMART_ID_BIN" tour --keep "$keep"
    cd "$keep"
    for file in root.pem ca.pem auth.pem sign.pem login.txt login.sig document.bin document.sig legacy.sig tsu.pem document.tst; do
        [ -s "$file" ] || fail "the tour left no $file"
    done

    chains
    keys
    signatures
    timestamp
    echo "openssl.sh: $checks checks passed"
}

chains() {
    for certificate in auth sign; do
        accepted "$certificate.pem goes back to the root" verify_chain "$certificate.pem"
        accepted "$certificate.pem goes back to the root in strict mode" verify_chain "$certificate.pem" -x509_strict
        refused "$certificate.pem without its issuer" 'unable to get local issuer certificate' \
            openssl verify "${ONLY_OURS[@]}" -CAfile root.pem "$certificate.pem"
        refused "$certificate.pem by the issuing CA alone" 'unable to get issuer certificate' \
            openssl verify "${ONLY_OURS[@]}" -CAfile ca.pem "$certificate.pem"

        # The last byte belongs to the issuer's signature.
        openssl x509 -in "$certificate.pem" -outform DER -out "$certificate.der"
        flip "$certificate.der" "changed.der" "$(($(size "$certificate.der") - 1))"
        openssl x509 -inform DER -in changed.der -out changed.pem
        refused "$certificate.pem with one bit different" 'certificate signature failure' verify_chain changed.pem
    done
}

keys() {
    for certificate in auth sign; do
        openssl x509 -in "$certificate.pem" -noout -pubkey >"$certificate.pub"
        accepted "the key of $certificate.pem has $KEY_BITS bits" \
            says "Public-Key: ($KEY_BITS bit)" openssl rsa -pubin -in "$certificate.pub" -noout -text
    done
    accepted "the two keys differ" differ auth.pub sign.pub
    accepted "auth.pem is for authentication" usage auth.pem 'Digital Signature'
    accepted "sign.pem is for signing" usage sign.pem 'Non Repudiation'
}

signatures() {
    accepted "login.txt is an ACSP_V2 payload" grep -qE '^smart-id-demo\|ACSP_V2\|([^|]*\|){8}Notification$' login.txt
    signature auth.pub login.txt login.sig sign.pub "${PSS[@]}"
    signature sign.pub document.bin document.sig auth.pub "${PSS[@]}"
    signature sign.pub document.bin legacy.sig auth.pub "${PKCS1[@]}"
}

timestamp() {
    accepted "document.tst stamps document.sig" says 'Verification: OK' stamped document.sig document.tst root.pem
    refused "document.tst for another signature" 'message imprint mismatch' stamped legacy.sig document.tst root.pem
    flip document.tst changed.tst "$(($(size document.tst) - 1))"
    refused "document.tst with its last byte different" 'signature failure' stamped document.sig changed.tst root.pem
    refused "document.tst without the root" 'certificate verify error' stamped document.sig document.tst ca.pem
}

stamped() {
    openssl ts -verify -data "$1" -in "$2" -token_in -CAfile "$3" -untrusted tsu.pem
}

# signature KEY MESSAGE SIGNATURE OTHER_KEY OPTION…
signature() {
    local key=$1 message=$2 signature=$3 other=$4
    shift 4
    accepted "$signature signs $message" says 'Verified OK' \
        openssl dgst "$@" -verify "$key" -signature "$signature" "$message"
    accepted "$signature is as long as the key" [ "$(size "$signature")" = "$((KEY_BITS / 8))" ]

    local failure='Verification failure'
    for at in 1 $((KEY_BITS / 16)) $((KEY_BITS / 8 - 1)); do
        flip "$signature" changed.sig "$at"
        refused "$signature with byte $at different" "$failure" \
            openssl dgst "$@" -verify "$key" -signature changed.sig "$message"
    done
    for at in 0 $(($(size "$message") - 1)); do
        flip "$message" changed.message "$at"
        refused "$message with byte $at different" "$failure" \
            openssl dgst "$@" -verify "$key" -signature "$signature" changed.message
    done
    refused "$signature by the person's other key" "$failure" \
        openssl dgst "$@" -verify "$other" -signature "$signature" "$message"
}

verify_chain() {
    local certificate=$1
    shift
    openssl verify "${ONLY_OURS[@]}" "$@" -CAfile root.pem -untrusted ca.pem "$certificate"
}

# Whether the key usage is exactly that one.
usage() {
    local text
    text=$(openssl x509 -in "$1" -noout -ext keyUsage)
    [ "$(sed -n '2s/^ *//p' <<<"$text")" = "$2" ]
}

main
