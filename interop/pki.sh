#!/usr/bin/env bash
# Lets plain OpenSSL ask our OCSP responders, read our revocation lists and check our time-stamps: it accepts them, and
# refuses the tampered, the stale and those of the wrong issuer.
#
# usage: SMART_ID_BIN=path/to/smart-id interop/pki.sh
set -euo pipefail

: "${SMART_ID_BIN:?is the path of the smart-id binary}"

. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# An account of each level; the demo's own people hold the phones.
QUALIFIED=PNOEE-40504040001-DEMO-Q
BASIC=PNOLT-40504049999-MOCK-NQ

# The machine's own trust anchors have no say here.
ONLY_OURS=(-no-CAfile -no-CApath -no-CAstore)

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
    cd "$work"
    start_demo
    collect
    certificates_themselves
    ocsp eid-q sign
    ocsp eid-q auth
    ocsp eid-nq sign
    ocsp eid-nq auth
    lists
    time_stamps
    revocation
    echo "pki.sh: $checks checks passed"
}

start_demo() {
    "$SMART_ID_BIN" demo --listen 127.0.0.1:0 --data data >demo.log 2>&1 &
    server=$!
    until grep -q '^ready' demo.log; do
        kill -0 "$server" || fail "$(cat demo.log)"
        sleep 0.2
    done
    URL=$(sed -n 's|^ready  open \(http://[^ ]*\)/ .*|\1|p' demo.log)
}

# Certificates of the CAs and of two people, and a CA that is not ours.
collect() {
    local name
    for name in root eid-q eid-nq tsu; do
        curl -sSf "$URL/certs/$name.crt" -o "$name.crt"
        openssl x509 -inform DER -in "$name.crt" -out "$name.pem"
    done
    cat eid-q.pem root.pem >eid-q-chain.pem
    cat eid-nq.pem root.pem >eid-nq-chain.pem
    certificates eid-q "$QUALIFIED" 00000000-0000-4000-8000-000000000000 DEMO QUALIFIED
    certificates eid-nq "$BASIC" 00000000-0000-4000-8000-000000000001 'DEMO ADVANCED' ADVANCED
    openssl req -x509 -newkey rsa:2048 -nodes -keyout foreign.key -subj /CN=Foreign -days 2 -out foreign.pem 2>/dev/null
}

# certificates CA DOCUMENT UUID NAME LEVEL: CA-sign.pem and CA-auth.pem of an account.
certificates() {
    local caller session
    caller=$(printf '"relyingPartyUUID":"%s","relyingPartyName":"%s","certificateLevel":"%s"' "$3" "$4" "$5")
    post "/smart-id-rp/v3/signature/certificate/$2" "{$caller}" | value_to "$1-sign.pem"
    session=$(
        printf '{%s,"signatureProtocol":"ACSP_V2","signatureProtocolParameters":{"rpChallenge":"%s",' "$caller" \
            "$(openssl rand -base64 48 | tr -d '\n')"
        printf '"signatureAlgorithm":"rsassa-pss","signatureAlgorithmParameters":{"hashAlgorithm":"SHA3-512"}},'
        printf '"vcType":"numeric4","interactions":"%s"}' \
            "$(printf '[{"type":"displayTextAndPIN","displayText60":"Log in?"}]' | openssl base64 -A)"
    )
    session=$(post "/smart-id-rp/v3/authentication/notification/document/$2" "$session" | sed 's/.*"sessionID":"\([^"]*\)".*/\1/')
    curl -sSf "$URL/smart-id-rp/v3/session/$session?timeoutMs=60000" | value_to "$1-auth.pem"
}

post() { curl -sSf "$URL$1" -H 'content-type: application/json' -d "$2"; }

# The certificate in an answer of the RP API.
value_to() {
    sed 's/.*"cert":{[^}]*"value":"\([^"]*\)".*/\1/' | openssl base64 -d -A | openssl x509 -inform DER -out "$1"
}

# Each goes back to the root in strict mode, is for what it is used for, and names addresses where the right thing is.
certificates_themselves() {
    local ca certificate
    accepted "tsu.pem is a time-stamping unit's" verify_strictly tsu.pem -purpose timestampsign
    addresses tsu.pem root
    for ca in eid-q eid-nq; do
        accepted "$ca.pem is below the root" verify_strictly "$ca.pem"
        addresses "$ca.pem" root
        for certificate in "$ca-sign.pem" "$ca-auth.pem"; do
            accepted "$certificate is below $ca" verify_strictly "$certificate" -untrusted "$ca.pem"
            addresses "$certificate" "$ca"
            accepted "$certificate names the responder of $ca" [ "$(openssl x509 -in "$certificate" -noout -ocsp_uri)" = "$URL/ocsp/$ca" ]
        done
        openssl ocsp -url "$URL/ocsp/$ca" -issuer "$ca.pem" -cert "$ca-sign.pem" -noverify -text 2>/dev/null |
            openssl x509 -out "$ca-responder.pem"
        accepted "the responder of $ca is one" verify_strictly "$ca-responder.pem" -untrusted "$ca.pem" -purpose ocsphelper
    done
}

verify_strictly() { openssl verify "${ONLY_OURS[@]}" -x509_strict -CAfile root.pem "${@:2}" "$1"; }

# addresses CERTIFICATE ISSUER
addresses() {
    local text
    text=$(openssl x509 -in "$1" -noout -ext authorityInfoAccess,crlDistributionPoints)
    curl -sSf "$(sed -n 's/.*CA Issuers - URI://p' <<<"$text")" -o issuer.crt
    accepted "$1 names the certificate of $2" cmp issuer.crt "$2.crt"
    get "$(sed -n 's/^ *URI://p' <<<"$text")" named.crl application/pkix-crl
    accepted "$1 names the CRL of $2" crl_verifies named.crl "$2.pem"
}

# ocsp CA PURPOSE
ocsp() {
    local ca=$1 certificate=$1-$2.pem other=eid-nq hash
    [ "$ca" = eid-q ] || other=eid-q
    for hash in sha1 sha256 sha384; do
        accepted "OCSP about $certificate by $hash" ocsp_says "$certificate: good" "$ca" "-$hash" -cert "$certificate"
    done
    accepted "OCSP about $certificate without nonce" ocsp_says "$certificate: good" "$ca" -no_nonce -cert "$certificate"
    accepted "OCSP about $certificate and the other one at once" ocsp_says "$certificate: good" "$ca" \
        -cert "$ca-sign.pem" -cert "$ca-auth.pem"
    accepted "OCSP about $certificate, in a request that somebody signed" ocsp_says "$certificate: good" "$ca" \
        -cert "$certificate" -signer foreign.pem -signkey foreign.key
    accepted "OCSP about a number that $ca never issued" ocsp_says '0x0123456789ABCDEF: unknown' "$ca" -serial 0x0123456789ABCDEF
    : >request.der
    refused "$ca asked about a certificate of $other" 'Responder Error: unauthorized' ask_ocsp "$ca" "$other" -cert "$other-sign.pem"

    # One that is hard to put into an address.
    until openssl base64 -A -in request.der | grep -q '+.*//\|//.*+'; do
        openssl ocsp -issuer "$ca.pem" -cert "$certificate" -reqout request.der
    done 2>/dev/null
    post_der ocsp-request "$URL/ocsp/$ca" request.der response.der
    accepted "the stored answer about $certificate" says "$certificate: good" read_ocsp "$certificate" response.der
    # RFC 6960 appendix A.1; the same with what curl and proxies leave as it is.
    get "$URL/ocsp/$ca/$(openssl base64 -A -in request.der | sed 's|/|%2F|g; s|+|%2B|g; s|=|%3D|g')" response-get.der
    accepted "an answer to GET about $certificate" says "$certificate: good" read_ocsp "$certificate" response-get.der
    get "$URL/ocsp/$ca/$(openssl base64 -A -in request.der)" response-get.der
    accepted "an answer to GET, not escaped, about $certificate" says "$certificate: good" read_ocsp "$certificate" response-get.der

    openssl ocsp -issuer "$ca.pem" -cert "$certificate" -reqout other-request.der
    accepted "the answer to the stored request" says 'Response verify OK' answers "$ca" request.der response.der
    refused "the answer to another request" 'Nonce Verify error' answers "$ca" other-request.der response.der
    refused "the answer, trusting a foreign CA" 'Response Verify Failure' read_ocsp "$certificate" response.der -CAfile foreign.pem
    refused "the answer, trusting $other alone" 'Response Verify Failure' read_ocsp "$certificate" response.der -CAfile "$other.pem" -partial_chain
    flip response.der changed.der "$(seconds_of response.der)"
    refused "the answer of another second" 'signature failure' read_ocsp "$certificate" changed.der
    flip response.der changed.der "$(signature_of response.der)"
    refused "the answer with a bit of its signature different" 'signature failure' read_ocsp "$certificate" changed.der
    # The end of the responder's certificate.
    flip response.der changed.der "$(($(size response.der) - 1))"
    refused "the answer of a responder that nobody vouches for" 'certificate signature failure' read_ocsp "$certificate" changed.der
    accepted "an answer of a moment ago" fresh "$certificate" response.der -status_age 60
    sleep 2.5
    refused "an answer that is too old" 'status too old' fresh "$certificate" response.der -validity_period 0 -status_age 1
}

# ask_ocsp CA ISSUER OPTION… : at one CA's responder, about a certificate of an issuer.
ask_ocsp() {
    local ca=$1 issuer=$2
    shift 2
    openssl ocsp "${ONLY_OURS[@]}" -url "$URL/ocsp/$ca" -CAfile "$ca-chain.pem" -issuer "$issuer.pem" "$@"
}

# ocsp_says TEXT CA OPTION… : the responder says so, and its answer verifies.
ocsp_says() {
    local text=$1 ca=$2 output
    shift 2
    output=$(ask_ocsp "$ca" "$ca" "$@" 2>&1) && grep -qx 'Response verify OK' <<<"$output" && grep -qF -- "$text" <<<"$output" &&
        ! grep -q WARNING <<<"${output//WARNING: no nonce in response/}" || { echo "$output"; return 1; }
}

# read_ocsp CERTIFICATE FILE OPTION… : what a stored answer says about a certificate.
read_ocsp() {
    local certificate=$1 file=$2 ca=${1%-*}
    shift 2
    openssl ocsp "${ONLY_OURS[@]}" -CAfile "$ca-chain.pem" -issuer "$ca.pem" -cert "$certificate" -no_nonce -respin "$file" "$@"
}

# answers CA REQUEST FILE: whether a stored answer has the nonce of a stored request.
answers() { openssl ocsp "${ONLY_OURS[@]}" -CAfile "$1-chain.pem" -issuer "$1.pem" -reqin "$2" -respin "$3"; }

# fresh CERTIFICATE FILE OPTION… : OpenSSL only warns of an answer that is too old.
fresh() {
    local output
    output=$(read_ocsp "$@" 2>&1)
    echo "$output"
    ! grep -q 'Status times invalid' <<<"$output"
}

# seconds_of FILE [YEAR] : where the last digit of the first time is, which has a year of four digits or, in CRLs, of two.
seconds_of() {
    local at time year=${2:-20[0-9][0-9]}
    at=$(LC_ALL=C grep -aobE "${year}[0-9]{10}Z" "$1" | head -n 1)
    time=${at#*:}
    echo $((${at%%:*} + ${#time} - 2))
}

# Somewhere in the signature of an OCSP answer: the BIT STRING in the OCTET STRING.
signature_of() {
    local outer inner
    outer=$(openssl asn1parse -inform DER -in "$1" | sed -n 's/^ *\([0-9]*\):d=[0-9]* *hl=\([0-9]*\) .*OCTET STRING.*/\1+\2/p')
    inner=$(openssl asn1parse -inform DER -in "$1" -strparse "${outer%+*}" | sed -n 's/^ *\([0-9]*\):d=1 .*BIT STRING.*/\1/p')
    echo $((outer + inner + 100))
}

lists() {
    local ca certificate
    for ca in root eid-q eid-nq; do
        fetch_list "$ca"
        accepted "the CRL of $ca" crl_verifies "$ca.crl" "$ca.pem"
        accepted "the CRL of $ca has a number" says 'X509v3 CRL Number' crl_text "$ca.crl"
        refused "the CRL of $ca by a foreign CA" 'Error getting CRL issuer certificate' crl_verifies "$ca.crl" foreign.pem
        flip "$ca.crl" changed.crl "$(($(size "$ca.crl") - 1))"
        refused "the CRL of $ca with one bit of its signature different" 'verify failure' crl_verifies changed.crl "$ca.pem"
        flip "$ca.crl" changed.crl "$(seconds_of "$ca.crl" '[0-9][0-9]')"
        refused "the CRL of $ca of another second" 'verify failure' crl_verifies changed.crl "$ca.pem"
    done
    for ca in eid-q eid-nq; do
        # X.509 §9.5.2.8; OpenSSL 3.0 has no name for it.
        accepted "the CRL of $ca keeps what has expired" says '2.5.29.60' openssl asn1parse -inform DER -in "$ca.crl"
        for certificate in "$ca-sign.pem" "$ca-auth.pem"; do
            accepted "$certificate by the CRLs" by_lists "$ca" "$certificate" "$ca.crl.pem" root.crl.pem
        done
        refused "$certificate without its CA's CRL" 'unable to get certificate CRL' by_lists "$ca" "$certificate" root.crl.pem
        refused "$certificate without the root's CRL" 'unable to get certificate CRL' by_lists "$ca" "$certificate" "$ca.crl.pem"
        refused "$certificate in two days by the CRLs of today" 'CRL has expired' \
            by_lists "$ca" "$certificate" "$ca.crl.pem" root.crl.pem -attime $(($(date +%s) + 172800))
        refused "$certificate with a tampered CRL" 'CRL signature failure' \
            by_lists "$ca" "$certificate" <(tampered "$ca.crl") root.crl.pem
    done
    refused "eid-q-sign.pem with the CRL of eid-nq" 'unable to get certificate CRL' \
        by_lists eid-q eid-q-sign.pem eid-nq.crl.pem root.crl.pem
}

fetch_list() {
    get "$URL/crl/$1.crl" "$1.crl" application/pkix-crl
    openssl crl -inform DER -in "$1.crl" -out "$1.crl.pem"
}

crl_text() { openssl crl -inform DER -in "$1" -noout -text; }

# OpenSSL only tells whether it verified one.
crl_verifies() {
    local output
    output=$(openssl crl -inform DER -in "$1" -noout -no-CApath -no-CAstore -CAfile "$2" 2>&1)
    echo "$output"
    grep -qx 'verify OK' <<<"$output"
}

tampered() {
    flip "$1" changed.crl "$(($(size "$1") - 1))"
    openssl crl -inform DER -in changed.crl
}

# by_lists CA CERTIFICATE LIST… [OPTION…] : with these lists and no others.
by_lists() {
    local ca=$1 certificate=$2
    shift 2
    : >lists.pem
    while [ $# -gt 0 ] && [[ $1 != -* ]]; do
        cat "$1" >>lists.pem
        shift
    done
    openssl verify "${ONLY_OURS[@]}" -CAfile root.pem -untrusted "$ca.pem" -crl_check_all -CRLfile lists.pem "$@" "$certificate"
}

time_stamps() {
    local hash
    echo 'I owe you 10 euros.' >document.txt
    echo 'I owe you 90 euros.' >other.txt
    for hash in sha256 sha384 sha512; do
        stamp "-$hash" -cert
        accepted "a time-stamp for a $hash digest" says 'Verification: OK' verified_by root.pem
    done
    for text in 'Policy OID: 0.4.0.2023.1.1' 'Accuracy: 0x01 seconds' 'Ordering: no' 'Hash Algorithm: sha512'; do
        accepted "the time-stamp says $text" says "$text" openssl ts -reply -in reply.tsr -text
    done
    accepted "the time-stamp, of the unit alone" says 'Verification: OK' verified_by tsu.pem -partial_chain
    accepted "the time-stamp, by the data themselves" says 'Verification: OK' \
        openssl ts -verify -data document.txt -in reply.tsr -CAfile root.pem
    refused "the time-stamp of other data" 'message imprint mismatch' \
        openssl ts -verify -data other.txt -in reply.tsr -CAfile root.pem
    refused "the time-stamp under a foreign CA" 'certificate verify error' verified_by foreign.pem
    refused "the time-stamp under another CA of ours" 'certificate verify error' verified_by eid-q.pem
    refused "the time-stamp of a unit that has expired" 'certificate verify error' \
        verified_by root.pem -attime $(($(date +%s) + 3153600000))
    cp request.tsq earlier.tsq
    stamp -sha512 -cert
    refused "the time-stamp that another request asked for" 'nonce mismatch' \
        openssl ts -verify -queryfile earlier.tsq -in reply.tsr -CAfile root.pem
    cp reply.tsr kept.tsr
    flip kept.tsr reply.tsr "$(seconds_of kept.tsr)"
    refused "the time-stamp of another second" 'digest failure' verified_by root.pem
    flip kept.tsr reply.tsr "$(($(size kept.tsr) - 1))"
    refused "the time-stamp with one bit of its signature different" 'signature failure' verified_by root.pem

    stamp -sha256 -no_nonce -cert
    accepted "a time-stamp without nonce" says 'Verification: OK' verified_by root.pem
    stamp -sha256
    accepted "a time-stamp without certificate" says 'Verification: OK' verified_by root.pem -untrusted tsu.pem
    refused "a time-stamp without certificate, by somebody who has none" 'signer certificate not found' verified_by root.pem
    stamp -sha256 -cert -tspolicy 0.4.0.2023.1.1
    accepted "a time-stamp by the policy that was asked for" says 'Verification: OK' verified_by root.pem

    stamp -sha256 -cert -tspolicy 1.2.3.4
    rejected "another policy" 'the requested TSA policy is not supported by the TSA'
    for hash in md5 sha1; do
        stamp "-$hash" -cert
        rejected "$hash" 'unrecognized or unsupported algorithm identifier'
    done
    request INTEGER:1 30
    rejected "a digest that is too short" 'the data submitted has the wrong format'
    request INTEGER:2 32
    rejected "another version" 'transaction not permitted or supported'
    request INTEGER:1 32 extensions=IMP:0,SEQUENCE:extensions
    rejected "an extension that nobody knows" 'the requested extension is not supported by the TSA'
    echo 'no request' >request.tsq
    post_der timestamp-query "$URL/tsa" request.tsq reply.tsr
    rejected "what is no request" 'the data submitted has the wrong format'
}

# stamp OPTION… : request.tsq for document.txt, and the reply.tsr to it.
stamp() {
    openssl ts -query -data document.txt "$@" -out request.tsq 2>/dev/null
    post_der timestamp-query "$URL/tsa" request.tsq reply.tsr
}

# verified_by ANCHOR OPTION… : whether reply.tsr answers request.tsq.
verified_by() {
    local anchor=$1
    shift
    openssl ts -verify -queryfile request.tsq -in reply.tsr -CAfile "$anchor" "$@"
}

# rejected WHAT FAILURE: the reply is a refusal, with this failure and no token.
rejected() {
    local text
    text=$(openssl ts -reply -in reply.tsr -text 2>&1)
    grep -q '^Status: Rejected' <<<"$text" && grep -qF "Failure info: $2" <<<"$text" && grep -q '^Not included' <<<"$text" ||
        fail "a time-stamp for $1: $text"
    echo "  refused: a time-stamp for $1"
    checks=$((checks + 1))
}

# request VERSION OCTETS [FIELD] : what `openssl ts -query` does not make, RFC 3161 §2.4.1, about a digest of SHA-256.
request() {
    cat >request.cnf <<END
asn1=SEQUENCE:request
[request]
version=$1
imprint=SEQUENCE:imprint
${3:-}
[imprint]
algorithm=SEQUENCE:algorithm
digest=FORMAT:HEX,OCTETSTRING:$(openssl rand -hex "$2")
[algorithm]
oid=OID:sha256
none=NULL
[extensions]
one=SEQUENCE:extension
[extension]
oid=OID:1.2.3.4.5
critical=BOOLEAN:true
value=FORMAT:HEX,OCTETSTRING:0500
END
    openssl asn1parse -genconf request.cnf -noout -out request.tsq
    post_der timestamp-query "$URL/tsa" request.tsq reply.tsr
}

# Both keys of a closed account: at once by OCSP, with the next list by CRL.
revocation() {
    local purpose number
    number=$(number_of eid-q)
    "$SMART_ID_BIN" account close "$QUALIFIED" --yes --reason key-compromise --data data >closed.txt
    for purpose in sign auth; do
        accepted "OCSP about eid-q-$purpose.pem once its account is closed" \
            ocsp_says "eid-q-$purpose.pem: revoked" eid-q -cert "eid-q-$purpose.pem"
        accepted "OCSP says why eid-q-$purpose.pem was revoked" ocsp_says 'Reason: keyCompromise' eid-q -cert "eid-q-$purpose.pem"
    done
    for _ in $(seq 150); do
        fetch_list eid-q
        [ "$(number_of eid-q)" = "$number" ] || break
        sleep 0.1
    done
    accepted "the CRL of eid-q has a higher number" [ "$((16#$(number_of eid-q)))" -gt "$((16#$number))" ]
    accepted "the new CRL of eid-q" crl_verifies eid-q.crl eid-q.pem
    accepted "the CRL says the reason" says 'Key Compromise' crl_text eid-q.crl
    for purpose in sign auth; do
        refused "eid-q-$purpose.pem by the new CRL" 'certificate revoked' \
            by_lists eid-q "eid-q-$purpose.pem" eid-q.crl.pem root.crl.pem
    done
    accepted "OCSP about eid-nq-sign.pem, as before" ocsp_says 'eid-nq-sign.pem: good' eid-nq -cert eid-nq-sign.pem
}

# In hexadecimal digits.
number_of() {
    openssl crl -inform DER -in "$1.crl" -noout -crlnumber | sed 's/crlNumber=\(0x\)\?//'
}

# post_der TYPE URL BODY ANSWER
post_der() {
    local answer=${1/request/response}
    curl -sSf "$2" -H "content-type: application/$1" --data-binary "@$3" -o "$4" -w '%{content_type}' >media-type
    [ "$(cat media-type)" = "application/${answer/query/reply}" ] || fail "$2 answers $(cat media-type)"
}

# get URL FILE TYPE
get() {
    curl -sSf --path-as-is "$1" -o "$2" -w '%{content_type}' >media-type
    [ "$(cat media-type)" = "${3:-application/ocsp-response}" ] || fail "$1 is $(cat media-type)"
}

main
