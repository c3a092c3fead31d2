#!/usr/bin/env bash
# Lets plain OpenSSL check what `smart-id account evidence` exports, for a login, a signature, a refusal, and a login and a
# certificate choice through RP API v2, in dash and in bash, and that each file of it is refused as soon as one thing in it is different, and so is every forgery that once
# came through.
#
# usage: SMART_ID_BIN=path/to/smart-id interop/evidence.sh
set -euo pipefail

: "${SMART_ID_BIN:?is the path of the smart-id binary}"

SCRIPT=$(dirname "$(realpath "$0")")/../crates/server/src/command/account/evidence/verify.sh
PERSON=PNOEE-40504040001
export SMART_ID_PIN1=4826 SMART_ID_PIN2=73915

# The strictest of the shells that are sh somewhere, and the one that evaluates most.
SHELLS=(sh "bash --posix")
! command -v dash >/dev/null || SHELLS[0]=dash

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
    "$SMART_ID_BIN" demo --listen 127.0.0.1:0 --data "$work/data" >"$work/demo.log" 2>&1 &
    server=$!
    until grep -q '^ready' "$work/demo.log"; do
        kill -0 "$server" || { cat "$work/demo.log"; exit 1; }
        sleep 0.2
    done
    URL=$(sed -n 's|^ready  open \(http://[^ ]*\)/ .*|\1|p' "$work/demo.log")
    device register --url "$URL" --person $PERSON --given-name OK --surname TESTNUMBER --date-of-birth 1905-04-04

    local login signature refusal hash choice
    login=$(ask authentication "$(authentication)")
    device approve
    signature=$(ask signature "$(signature)")
    device approve
    refusal=$(ask authentication "$(authentication)")
    device refuse
    hash=$(ask_v2 authentication)
    device approve
    choice=$(ask_v2 certificatechoice)
    device approve

    curl -sf "$URL/certs/root.pem" >"$work/root.pem"
    root_key >"$work/root-key.pem"
    for kind in login signature refusal hash choice; do
        "$SMART_ID_BIN" account evidence "${!kind}" --out "$work/$kind" --data "$work/data"
        accepted "the evidence of the $kind" "$work/$kind/verify.sh"
        accepted "the evidence of the $kind, by a copy of the script and the anchors that the server publishes" \
            "$SCRIPT" -d "$work/$kind" "$work/root.pem" "$work/root-key.pem"
        cmp "$work/$kind/verify.sh" "$SCRIPT"
    done
    says login 'asked by          DEMO$' 'kind              authentication$' 'result            OK$' \
        'document          PNOEE-40504040001-' 'signed by         serialNumber=PNOEE-40504040001,.*TESTNUMBER' \
        'texts to show     .*Õun & ' 'code              [0-9]\{4\}$' "root trusted      the folder's own"
    says refusal 'result            USER_REFUSED' "root key trusted  the folder's own"
    says hash 'kind              authentication$' 'result            OK$' 'ok      signature.bin is .* over digest.bin' \
        'signed by         serialNumber=PNOEE-40504040001,' 'shown as          displayTextAndPIN$' \
        'texts to show     .*Õun & ' 'code              [0-9]\{4\}$'
    says choice 'kind              certificate_choice$' 'result            OK$' 'document          PNOEE-40504040001-' \
        'signed by         nobody: a certificate was chosen$'
    changes login payload.txt signature.bin certificate.pem root.pem transaction.json records.txt chain.txt \
        checkpoint.txt checkpoint.sig root-key.pem
    changes signature digest.bin signature.bin transaction.json
    changes refusal transaction.json records.txt chain.txt
    changes hash digest.bin signature.bin certificate.pem transaction.json
    changes choice transaction.json records.txt chain.txt
    foreign_anchors
    exchanged
    lines
    injected
    statements
    certificates
    readme
    hostile_text

    kill "$server"
    wait "$server"
    server=
    "$SMART_ID_BIN" check audit --data "$work/data" >"$work/output" 2>&1 ||
        fail "the audit trail of the stopped server is not accepted"
    checks=$((checks + 1))
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

# ask_v2 OPERATION: the same through RP API v2, with all that an operation could want.
ask_v2() {
    curl -sf "$URL/smart-id-rp/v2/$1/etsi/$PERSON" -H 'content-type: application/json' -d "$(hash_request)" |
        sed 's/.*"sessionID":"\([^"]*\)".*/\1/'
}

hash_request() {
    printf '{"relyingPartyUUID":"00000000-0000-0000-0000-000000000000","relyingPartyName":"DEMO","certificateLevel":"QUALIFIED",'
    printf '"hash":"%s","hashType":"SHA512","allowedInteractionsOrder":%s}' \
        "$(openssl rand 64 | openssl dgst -sha512 -binary | openssl base64 -A)" "$(plain_interactions)"
}

interactions() { plain_interactions | openssl base64 -A; }

plain_interactions() {
    printf '[{"type":"displayTextAndPIN","displayText60":"Õun & \\"pirn\\" | 12,50 €"}]'
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

# forge KIND: a copy of the evidence to change.
forge() {
    forged=$work/forged
    rm -rf "$forged"
    cp -r "$work/$1" "$forged"
}

# changes KIND FILE…: one bit in the middle of each file, and the file cut in half.
changes() {
    local kind=$1 file
    shift
    for file in "$@"; do
        forge "$kind"
        flip "$forged/$file"
        refused "$kind with one bit of $file different" "" -d "$forged"
        cp "$work/$kind/$file" "$forged/$file"
        truncate -s $(($(stat -c %s "$forged/$file") / 2)) "$forged/$file"
        refused "$kind with half of $file" "" -d "$forged"
    done
}

foreign_anchors() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$work/foreign.key"
    openssl pkey -in "$work/foreign.key" -pubout -out "$work/foreign.pem"
    openssl req -x509 -new -key "$work/foreign.key" -subj /CN=Foreign -days 2 -out "$work/foreign.crt"
    refused "the login under a foreign root" "does not go back to the root" -d "$work/login" "$work/foreign.crt"
    refused "the login under a foreign root key" "not signed by the root key" \
        -d "$work/login" "$work/root.pem" "$work/foreign.pem"
    # OpenSSL 3 would take it from there.
    mkdir "$work/system"
    cp "$work/root.pem" "$work/system/$(openssl x509 -in "$work/root.pem" -noout -hash).0"
    export SSL_CERT_DIR=$work/system
    refused "the login under a foreign root, where the system trusts the right one" "does not go back to the root" \
        -d "$work/login" "$work/foreign.crt"
    unset SSL_CERT_DIR
}

# Another transaction's files, each valid in its place.
exchanged() {
    forge login
    cp "$work/refusal/transaction.json" "$forged/"
    refused "the login with the record of the refusal" "" -d "$forged"
    cp "$work/login/transaction.json" "$forged/"
    cp "$work/refusal/records.txt" "$forged/"
    refused "the login with the trail of the refusal" "not of this transaction" -d "$forged"
    forge login
    rm "$forged/signature.bin"
    refused "the login without its signature" "signature.bin is missing" -d "$forged"
    forge refusal
    cp "$work"/login/{signature.bin,certificate.pem,issuer.pem,root.pem,payload.txt} "$forged/"
    refused "the refusal with the signature of the login" "ended without one" -d "$forged"
    forge choice
    cp "$work"/login/{signature.bin,certificate.pem,issuer.pem,root.pem,payload.txt} "$forged/"
    refused "the certificate choice with the signature of the login" "ended without one" -d "$forged"
    forge choice
    sed -i 's/"kind":"certificate_choice"/"kind":"signature"/' "$forged/transaction.json"
    refused "the certificate choice as a signature" "not what the audit trail recorded" -d "$forged"
}

# Lines that not every tool sees, or sees as something else.
lines() {
    local file sha last number
    mallory
    refused "the login of another relying party" "not what the audit trail recorded" -d "$forged"
    printf '9 {"evidence_sha256":"%s"}' "$sha" >>"$forged/records.txt"
    refused "a last record without line feed" "records.txt does not end with a line feed" -d "$forged"
    echo >>"$forged/records.txt"
    refused "a last record of nothing" "not of this transaction" -d "$forged"
    # The whole of it: the record that Mallory needs, under a number that the chain does not have in its place.
    for number in 9 '.*' '[0-9]*' 09 0x9 +9 99999999999999999999 ' 9' ''; do
        mallory
        last=$(tail -n 1 "$forged/records.txt" | sed "s/\"evidence_sha256\":\"[0-9a-f]*\"/\"evidence_sha256\":\"$sha\"/")
        printf '%s %s\n' "$number" "${last#* }" >>"$forged/records.txt"
        printf '%s %s' "$number" "$(printf %s "${last#* }" | openssl dgst -sha256 -r | cut -c1-64)" >"$work/step"
        refused "an invented record with the number '$number'" "" -d "$forged"
        cat "$work/step" >>"$forged/chain.txt"
        refused "an invented record and step with the number '$number', without line feed" \
            "chain.txt does not end with a line feed" -d "$forged"
        echo >>"$forged/chain.txt"
        refused "an invented record and step with the number '$number'" "" -d "$forged"
    done
    for file in records.txt chain.txt checkpoint.txt; do
        forge login
        tail -n 1 "$work/login/$file" >>"$forged/$file"
        refused "$file with its last line twice" "" -d "$forged"
        forge login
        sed -i '1{h;G}' "$forged/$file"
        refused "$file with its first line twice" "" -d "$forged"
        forge login
        sed -i '2{h;d};3G' "$forged/$file"
        refused "$file with two lines exchanged" "" -d "$forged"
        forge login
        echo >>"$forged/$file"
        refused "$file with an empty line" "" -d "$forged"
        forge login
        echo '0 0' >>"$forged/$file"
        refused "$file with a line more" "" -d "$forged"
        forge login
        sed -i '$d' "$forged/$file"
        refused "$file with a line less" "" -d "$forged"
        forge login
        sed -i 's/$/\r/' "$forged/$file"
        refused "$file with CR LF" "$file has control characters" -d "$forged"
        forge login
        truncate -s -1 "$forged/$file"
        refused "$file without the last line feed" "$file does not end with a line feed" -d "$forged"
        forge login
        sed -i '1s/$/\x00/' "$forged/$file"
        refused "$file with NUL" "$file has control characters" -d "$forged"
        forge login
        : >"$forged/$file"
        refused "$file with nothing" "$file does not end with a line feed" -d "$forged"
    done
    forge login
    sed -i '2s/ /  /' "$forged/chain.txt"
    refused "chain.txt with two spaces" "chain.txt has a malformed line" -d "$forged"
    forge login
    sed -i '2s/.*/\U&/' "$forged/chain.txt"
    refused "chain.txt with upper-case letters" "chain.txt has a malformed line" -d "$forged"
    forge login
    sed -i 2d "$forged/records.txt"
    accepted "the login without one of its records, which nobody can see is missing," "$SCRIPT" -d "$forged"
    sed -i '$d' "$forged/records.txt"
    refused "the login without its end" "the last record is not the end of the session" -d "$forged"
}

# The login with another relying party's name, and the hash of that in `sha`.
mallory() {
    forge login
    sed -i 's/"relyingPartyName":"DEMO"/"relyingPartyName":"Mallory"/' "$forged/transaction.json"
    sha=$(openssl dgst -sha256 -r "$forged/transaction.json" | cut -c1-64)
}

# Words that a shell evaluates where it expects a number.
injected() {
    local file line number
    # So it goes in a shell that counts with what it did not check.
    # shellcheck disable=SC2016
    (cd "$work" && number='PATH[$(touch${IFS}PWNED)]' bash --posix -c ': $((number + 1))' 2>/dev/null) || true
    [ -e "$work/PWNED" ] || fail "the injection works nowhere"
    for file in chain.txt records.txt; do
        for line in 1 2; do
            # shellcheck disable=SC2016
            for number in 'PATH[$(touch${IFS}PWNED)]' '$(touch${IFS}PWNED)' 'a[`touch${IFS}PWNED`]'; do
                forge login
                sed -i "$line s|^[0-9]*|$number|" "$forged/$file"
                grep -qF 'PWNED' "$forged/$file"
                refused "line $line of $file with the number $number" "$file has a malformed line" -d "$forged"
                [ ! -e "$forged/PWNED" ] && [ ! -e PWNED ] || fail "$number is executed"
            done
        done
    done
    forge login
    sed -i 's/^seq=.*/seq=PATH[$(touch${IFS}PWNED)]/' "$forged/checkpoint.txt"
    state
    refused "a checkpoint with a number to execute" "checkpoint.txt is malformed" -d "$forged"
    [ ! -e "$forged/PWNED" ] && [ ! -e PWNED ] || fail "the checkpoint's number is executed"
}

# Signs the checkpoint of the forged folder with a root key of its own.
state() {
    openssl dgst -sha256 -sign "$work/foreign.key" -out "$forged/checkpoint.sig" "$forged/checkpoint.txt"
    cp "$work/foreign.pem" "$forged/root-key.pem"
}

# What a root key may have signed as well, but not as a checkpoint of the trail.
statements() {
    local change
    forge login
    state
    accepted "the checkpoint, signed by another key and trusted on the folder's word," "$SCRIPT" -d "$forged"
    sed -i '/^previous=/d; /^seq=/s/^/previous=1\n/' "$forged/checkpoint.txt"
    state
    accepted "a checkpoint that names the one before it" "$SCRIPT" -d "$forged"
    for change in '1s/checkpoint/configuration/' '1d' '/^seq=/d' '/^hash=/d' '/^at=/d' 's/^seq=/seq=0/' 's/^hash=../hash=/' \
        's/^hash=/hash=A/' 's/^at=.*/at=/' 's/^at=/at=$/' '/^seq=/s/^/previous=x\n/' '/^seq=/s/^/previous=1\nprevious=1\n/'; do
        forge login
        sed -i "$change" "$forged/checkpoint.txt"
        ! cmp -s "$forged/checkpoint.txt" "$work/login/checkpoint.txt" || fail "$change changes nothing"
        state
        refused "the checkpoint after $change" "checkpoint.txt is" -d "$forged"
    done
}

# Other certificates than the one that the record has.
certificates() {
    forge login
    cp "$forged/issuer.pem" "$forged/certificate.pem"
    refused "the login with the certificate of the CA" "is not the certificate in transaction.json" -d "$forged"
    forge login
    cat "$work/foreign.crt" "$work/login/certificate.pem" >"$forged/certificate.pem"
    refused "the login with a certificate in front of the right one" "is not the certificate" -d "$forged"
}

# README.txt is no part of what is proved.
readme() {
    forge login
    grep -q 'nothing covers it' "$forged/README.txt"
    cp "$work/refusal/README.txt" "$forged/"
    accepted "the login with the README of the refusal" "$SCRIPT" -d "$forged"
    ! grep -q 'README\|USER_REFUSED' "$work/output" || fail "the script speaks of README.txt"
}

# A name that looks like another field, turns the direction of writing and clears the terminal.
hostile_text() {
    local sha number link next record old
    forge refusal
    sed -i "s/\"relyingPartyName\":\"DEMO\"/\"relyingPartyName\":\"A\\\\\",\\\\\"endResult\\\\\":\\\\\"OK\\\\\\\\$(printf '\u202e\u009b')B\"/" \
        "$forged/transaction.json"
    sha=$(openssl dgst -sha256 -r "$forged/transaction.json" | cut -c1-64)
    sed -i "s/\"evidence_sha256\":\"[0-9a-f]*\"/\"evidence_sha256\":\"$sha\"/" "$forged/records.txt"
    record=$(tail -n 1 "$forged/records.txt")
    number=${record%% *}
    sed -i "s/^$number .*/$number $(printf %s "${record#* }" | openssl dgst -sha256 -r | cut -c1-64)/" "$forged/chain.txt"
    {
        read -r old link
        while read -r next old; do
            link=$(printf 'smart-id/audit-link/v1\n%s\n%s\n%s\n' "$next" "$link" "$old" | openssl dgst -sha256 -r | cut -c1-64)
        done
    } <"$forged/chain.txt"
    sed -i "s/^hash=.*/hash=$link/" "$forged/checkpoint.txt"
    state
    accepted "a trail of somebody else's, trusted on the folder's word," "$SCRIPT" -d "$forged"
    says forged 'asked by          A\\",\\"endResult\\":\\"OK\\\\??B$' 'result            USER_REFUSED'
}

# says KIND PATTERN…: what the script prints of a transaction.
says() {
    local kind=$1 pattern
    shift
    sh "$SCRIPT" -d "$work/$kind" >"$work/output"
    for pattern in "$@"; do
        grep -q "^$pattern" "$work/output" || fail "the script does not say \"$pattern\" of the $kind"
        checks=$((checks + 1))
    done
}

flip() {
    local at=$(($(stat -c %s "$1") / 2)) byte
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    # The end of a line of PEM is not what anything is signed over.
    [ "$byte" -ne 10 ] || { at=$((at + 1)) && byte=$(od -An -tu1 -j "$at" -N 1 "$1"); }
    printf "$(printf '\\x%02x' $((byte ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

# accepted WHAT SCRIPT ARGUMENT…
accepted() {
    local what=$1 shell
    shift
    for shell in "${SHELLS[@]}"; do
        $shell "$@" >"$work/output" 2>&1 || fail "$what is not accepted by $shell"
        [ "$(tail -n 1 "$work/output")" = verified ] || fail "$what is not verified by $shell"
    done
    checks=$((checks + 1))
    echo "ok  $what is accepted"
}

# refused WHAT REASON ARGUMENT…: by the script, with a sentence that has this in it.
refused() {
    local what=$1 reason=$2 shell
    shift 2
    for shell in "${SHELLS[@]}"; do
        ! $shell "$SCRIPT" "$@" >"$work/output" 2>&1 || fail "$what is accepted by $shell"
        ! grep -q '^verified' "$work/output" || fail "$what is refused by $shell, but called verified"
        tail -n 1 "$work/output" | grep -q "^WRONG .*$reason" || fail "$what is refused by $shell for another reason"
    done
    checks=$((checks + 1))
    echo "ok  $what is refused"
}

fail() {
    echo "FAILED: $1"
    cat "$work/output"
    exit 1
}

main
