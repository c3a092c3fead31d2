#!/bin/sh
# Checks the evidence of one Smart-ID transaction with openssl and nothing else.
#
# usage: sh verify.sh [ROOT.pem [ROOT-KEY.pem]]
#        ROOT.pem      the deployment's root certificate, from where you trust it (else the one in this folder)
#        ROOT-KEY.pem  the deployment's root key, from where you trust it (else the one in this folder)
#
# Exit code 0: all of it holds. 1: something does not, and the last line says what.
set -eu

# SETTINGS

absolute() {
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$PWD" "$1" ;;
    esac
}

folder=$(dirname "$0")
root=root.pem
root_key=root-key.pem
[ $# -lt 1 ] || root=$(absolute "$1")
[ $# -lt 2 ] || root_key=$(absolute "$2")
cd "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() { printf 'ok      %s\n' "$1"; }
wrong() {
    printf 'WRONG   %s\n' "$1"
    exit 1
}
sha256() { openssl dgst -sha256 -r | cut -c1-64; }

# The signature, under the certificate's key, and the certificate, under the root.
if [ -e signature.bin ]; then
    openssl verify -no-CAfile -no-CApath -attime "$ended" -CAfile "$root" -untrusted issuer.pem certificate.pem \
        >/dev/null 2>&1 || wrong "certificate.pem does not go back to the root certificate"
    ok "certificate.pem goes back to the root certificate, and was valid when the transaction ended"
    openssl x509 -in certificate.pem -noout -pubkey >"$work/key.pem"
    if [ -e payload.txt ]; then
        signed=payload.txt
        openssl dgst "-$hash" -binary -out "$work/digest" payload.txt
    else
        signed=digest.bin
        cp digest.bin "$work/digest"
    fi
    set -- -pkeyopt "digest:$hash" -pkeyopt "rsa_padding_mode:$padding"
    [ "$padding" != pss ] || set -- "$@" -pkeyopt rsa_pss_saltlen:digest
    openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -in "$work/digest" -sigfile signature.bin "$@" \
        >/dev/null 2>&1 || wrong "signature.bin is no signature of the certificate's key over $signed"
    ok "signature.bin is the signature of the certificate's key over $signed"
    # The files are those that the record of the transaction has inside.
    grep -qF "\"signature\":\"$(openssl base64 -A -in signature.bin)\"" transaction.json ||
        wrong "transaction.json has another signature"
    grep -qF "\"digest\":\"$(openssl base64 -A -in "$work/digest")\"" transaction.json ||
        wrong "transaction.json has another digest"
    ok "transaction.json has this signature"
elif grep -q '"endResult":"OK"' transaction.json; then
    wrong "the transaction ended OK, but its signature is missing"
fi

# The record of the transaction, by the audit trail.
last=$(tail -n 1 records.txt)
case $last in
*"\"evidence_sha256\":\"$(sha256 <transaction.json)\""*) ;;
*) wrong "transaction.json is not what the audit trail recorded at the transaction's end" ;;
esac
ok "transaction.json is what the audit trail recorded at the transaction's end"

[ -e checkpoint.txt ] || wrong "no checkpoint covers the transaction yet: ask for the evidence again"
openssl dgst -sha256 -verify "$root_key" -signature checkpoint.sig checkpoint.txt >/dev/null 2>&1 ||
    wrong "checkpoint.txt is not signed by the root key"
ok "checkpoint.txt is signed by the root key"

# Every record of the transaction is in the chain, under its number.
while IFS= read -r line; do
    number=${line%% *}
    record=${line#* }
    grep -qx "$number $(printf '%s' "$record" | sha256)" chain.txt || wrong "record $number is not in the chain"
done <records.txt
ok "the records of the transaction are in the chain"

# The chain leads to the checkpoint.
{
    read -r number link
    while read -r next record; do
        [ "$next" -eq $((number + 1)) ] || wrong "the chain has a gap after $number"
        number=$next
        link=$(printf 'smart-id/audit-link/v1\n%s\n%s\n%s\n' "$number" "$link" "$record" | sha256)
    done
    grep -qx "seq=$number" checkpoint.txt || wrong "the checkpoint is over another record than the chain's last"
    grep -qx "hash=$link" checkpoint.txt || wrong "the chain does not lead to the checkpoint"
} <chain.txt
ok "the chain leads to the checkpoint"
sed -n 's/^at=/signed  /p' checkpoint.txt
echo verified
