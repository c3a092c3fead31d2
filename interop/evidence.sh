#!/usr/bin/env bash
# Lets plain OpenSSL check what `smart-id account evidence` exports, for a login, a signature and a refusal, and that each
# file of it is refused as soon as one thing in it is different.
#
# usage: SMART_ID_BIN=path/to/smart-id interop/evidence.sh
set -euo pipefail

: "${SMART_ID_BIN:?is the path of the smart-id binary}"

ADDRESS=127.0.0.1:${PORT:-18089}
URL=http://$ADDRESS
PERSON=PNOEE-40504040001
export SMART_ID_PIN1=4826 SMART_ID_PIN2=73915

checks=0
work=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

main() {
    openssl version
    "$SMART_ID_BIN" demo --listen "$ADDRESS" --data "$work/data" >"$work/demo.log" 2>&1 &
    server=$!
    until grep -q '^ready' "$work/demo.log"; do
        kill -0 "$server" || { cat "$work/demo.log"; exit 1; }
        sleep 0.2
    done
    device register --url "$URL" --person $PERSON --given-name OK --surname TESTNUMBER --date-of-birth 1905-04-04

    local login signature refusal
    login=$(ask authentication "$(authentication)")
    device approve
    signature=$(ask signature "$(signature)")
    device approve
    refusal=$(ask authentication "$(authentication)")
    device refuse

    curl -sf "$URL/certs/root.pem" >"$work/root.pem"
    root_key >"$work/root-key.pem"
    for kind in login signature refusal; do
        "$SMART_ID_BIN" account evidence "${!kind}" --out "$work/$kind" --data "$work/data"
        accepted "the evidence of the $kind" verify "$kind"
        accepted "the evidence of the $kind, with the anchors that the server publishes" \
            verify "$kind" "$work/root.pem" "$work/root-key.pem"
    done
    changes login payload.txt signature.bin certificate.pem root.pem transaction.json records.txt chain.txt \
        checkpoint.txt checkpoint.sig root-key.pem
    changes signature digest.bin signature.bin transaction.json
    changes refusal transaction.json records.txt chain.txt
    foreign_anchors
    exchanged

    kill "$server"
    wait "$server"
    server=
    accepted "the audit trail of the stopped server" "$SMART_ID_BIN" check audit --data "$work/data"
    echo "evidence.sh: $checks checks passed"
}

device() {
    "$SMART_ID_BIN" device --file "$work/my.phone" "$@" >/dev/null
}

# ask KIND BODY: starts a session and prints its id.
ask() {
    curl -sf "$URL/smart-id-rp/v3/$1/notification/etsi/$PERSON" -H 'content-type: application/json' -d "$2" |
        sed 's/.*"sessionID":"\([^"]*\)".*/\1/'
}

interactions() {
    printf '[{"type":"displayTextAndPIN","displayText60":"Õun & \\"pirn\\" | 12,50 €"}]' | openssl base64 -A
}

authentication() {
    printf '{"relyingPartyUUID":"00000000-0000-4000-8000-000000000000","relyingPartyName":"DEMO","certificateLevel":"QUALIFIED",'
    printf '"signatureProtocol":"ACSP_V2","signatureProtocolParameters":{"rpChallenge":"%s","signatureAlgorithm":"rsassa-pss",' \
        "$(openssl rand -base64 48 | tr -d '\n')"
    printf '"signatureAlgorithmParameters":{"hashAlgorithm":"SHA3-512"}},"interactions":"%s","vcType":"numeric4"}' "$(interactions)"
}

signature() {
    printf '{"relyingPartyUUID":"00000000-0000-4000-8000-000000000000","relyingPartyName":"DEMO","certificateLevel":"QUALIFIED",'
    printf '"signatureProtocol":"RAW_DIGEST_SIGNATURE","signatureProtocolParameters":{"digest":"%s","signatureAlgorithm":"rsassa-pss",' \
        "$(printf contract | openssl dgst -sha256 -binary | openssl base64 -A)"
    printf '"signatureAlgorithmParameters":{"hashAlgorithm":"SHA-256"}},"interactions":"%s"}' "$(interactions)"
}

# The deployment's root key, as phones get it: a point of P-256 (RFC 5480 §2.2) behind the fixed beginning of its
# SubjectPublicKeyInfo.
root_key() {
    {
        printf 3059301306072a8648ce3d020106082a8648ce3d030107034200 | sed 's/../\\x&/g' | xargs -0 printf
        curl -sf "$URL/device/v1/configuration" | sed 's/.*"rootKey":"\([^"]*\)".*/\1/' | openssl base64 -d -A
    } | openssl pkey -pubin -inform DER
}

verify() {
    sh "$work/$1/verify.sh" "${@:2}"
}

# changes KIND FILE…: one bit in the middle of each file, and the file cut in half.
changes() {
    local kind=$1 file changed=$work/changed
    shift
    for file in "$@"; do
        rm -rf "$changed"
        cp -r "$work/$kind" "$changed"
        flip "$changed/$file"
        refused "$kind with one bit of $file different" sh "$changed/verify.sh"
        cp "$work/$kind/$file" "$changed/$file"
        truncate -s $(($(stat -c %s "$changed/$file") / 2)) "$changed/$file"
        refused "$kind with half of $file" sh "$changed/verify.sh"
    done
}

foreign_anchors() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$work/foreign.key"
    openssl pkey -in "$work/foreign.key" -pubout -out "$work/foreign.pem"
    openssl req -x509 -new -key "$work/foreign.key" -subj /CN=Foreign -days 2 -out "$work/foreign.crt"
    refused "the login under a foreign root" verify login "$work/foreign.crt"
    refused "the login under a foreign root key" verify login "$work/root.pem" "$work/foreign.pem"
}

# Another transaction's files, each valid in its place.
exchanged() {
    rm -rf "$work/changed"
    cp -r "$work/login" "$work/changed"
    cp "$work/refusal/transaction.json" "$work/changed/"
    refused "the login with the record of the refusal" sh "$work/changed/verify.sh"
    cp "$work/login/transaction.json" "$work/changed/"
    cp "$work/refusal/records.txt" "$work/changed/"
    refused "the login with the trail of the refusal" sh "$work/changed/verify.sh"
    rm -rf "$work/changed"
    cp -r "$work/login" "$work/changed"
    rm "$work/changed/signature.bin"
    refused "the login without its signature" sh "$work/changed/verify.sh"
}

flip() {
    local at=$(($(stat -c %s "$1") / 2)) byte
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    # The end of a line of PEM is not what anything is signed over.
    [ "$byte" -ne 10 ] || { at=$((at + 1)) && byte=$(od -An -tu1 -j "$at" -N 1 "$1"); }
    printf "$(printf '\\x%02x' $((byte ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

accepted() {
    local what=$1
    shift
    "$@" >"$work/output" 2>&1 || fail "$what is not accepted"
    checks=$((checks + 1))
    echo "ok  $what is accepted"
}

refused() {
    local what=$1
    shift
    ! "$@" >"$work/output" 2>&1 || fail "$what is accepted"
    checks=$((checks + 1))
    echo "ok  $what is refused"
}

fail() {
    echo "FAILED: $1"
    cat "$work/output"
    exit 1
}

main
