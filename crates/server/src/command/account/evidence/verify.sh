#!/bin/sh
# Checks the evidence of one Smart-ID transaction with openssl and what every POSIX system has.
#
# usage: sh verify.sh [-d FOLDER] [ROOT.pem [ROOT-KEY.pem]]
#        FOLDER        the evidence (else the folder that this script stands in)
#        ROOT.pem      the deployment's root certificate, from where you trust it (else the folder's own)
#        ROOT-KEY.pem  the deployment's root key, from where you trust it (else the folder's own)
#
# The script is the same for every folder and takes nothing on trust from it but, if you name none, the two roots.
# Exit code 0: all of it holds; the last lines say what is proved. 1: something does not, and the last line says what.
# What no folder can show: that it has all the trail's records of the transaction. It has the last one.
set -euf
# Bytes, not characters; and no other directory than the one that is named.
LC_ALL=C
export LC_ALL
unset CDPATH

main() {
    arguments "$@"
    work=$(mktemp -d)
    work=$(absolute "$work")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    cd "$folder"

    [ -e checkpoint.txt ] || wrong "no checkpoint covers the transaction yet: ask for the evidence again"
    for file in records.txt chain.txt checkpoint.txt; do
        lines_only "$file"
    done
    the_transaction
    the_checkpoint
    the_chain
    the_end
    the_signature
    proved
}

arguments() {
    folder=$(dirname "$0")
    root=root.pem root_is="the folder's own"
    root_key=root-key.pem root_key_is="the folder's own"
    if [ "${1-}" = -d ]; then
        [ $# -ge 2 ] || usage
        folder=$2
        shift 2
    fi
    case $# in
    0) ;;
    1) root=$(absolute "$1") root_is="the one you gave" ;;
    2)
        root=$(absolute "$1") root_is="the one you gave"
        root_key=$(absolute "$2") root_key_is="the one you gave"
        ;;
    *) usage ;;
    esac
    folder=$(absolute "$folder")
}

usage() {
    echo "usage: sh verify.sh [-d FOLDER] [ROOT.pem [ROOT-KEY.pem]]" >&2
    exit 2
}

absolute() {
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$PWD" "$1" ;;
    esac
}

ok() { printf 'ok      %s\n' "$1"; }
wrong() {
    printf 'WRONG   %s\n' "$1"
    exit 1
}

# SHA-256 of the input, in the variable `sha`; one process.
sha256() {
    sha=$(openssl dgst -sha256 -r) || wrong "openssl cannot hash"
    sha=${sha%% *}
}

# number TEXT: whether it is a decimal number as this folder writes them, that the shell can count with.
number() {
    case $1 in
    '' | *[!0-9]* | 0?*) return 1 ;;
    esac
    [ ${#1} -le 18 ]
}

# hash TEXT: whether it is a SHA-256 as this folder writes them.
hash() {
    case $1 in
    *[!0-9a-f]*) return 1 ;;
    esac
    [ ${#1} -eq 64 ]
}

# lines_only FILE: its lines, and nothing that the tools here would read differently.
lines_only() {
    [ -f "$1" ] || wrong "$1 is missing"
    [ "$(tail -c 1 "$1" | od -An -tx1 | tr -d ' \t')" = 0a ] || wrong "$1 does not end with a line feed"
    no_control "$1" '\000-\011\013-\037'
}

no_control() {
    [ "$(tr -d "$2" <"$1" | wc -c)" -eq "$(wc -c <"$1")" ] || wrong "$1 has control characters"
}

# The record of the transaction: one line of JSON, yet unproved.
the_transaction() {
    [ -f transaction.json ] || wrong "transaction.json is missing"
    no_control transaction.json '\000-\037'
    sha256 <transaction.json
    transaction_sha=$sha
    transaction=$(cat transaction.json)
    case $transaction in
    '{"sessionID":"'*'}') ;;
    *) wrong "transaction.json is not the record of a transaction" ;;
    esac
    # Every key has a comma before it then.
    transaction=,${transaction#?}
    signed=
    case $transaction in
    *',"signed":{"'*)
        signed=,${transaction#*',"signed":{'}
        transaction=${transaction%%',"signed":{'*}
        ;;
    esac
    string "$transaction" sessionID
    session=$value
    string "$transaction" relyingPartyUUID
    relying_party=$value
    for value in "$session" "$relying_party"; do
        case $value in
        '' | *[!0-9a-f-]*) wrong "transaction.json has no session or relying party" ;;
        esac
    done
}

# string JSON KEY: the string under the key, with its escapes, in the variable `value`; empty if there is none. Inside a
# JSON string every quotation mark has a backslash before it, so no text of anybody's can look like a key.
string() {
    value=
    case $1 in
    *",\"$2\":\""*) ;;
    *) return 0 ;;
    esac
    rest=${1#*",\"$2\":\""}
    while :; do
        case $rest in
        *'"'*) ;;
        *) wrong "transaction.json is cut off" ;;
        esac
        part=${rest%%'"'*}
        rest=${rest#*'"'}
        value=$value$part
        backslashes=${part##*[!\\]}
        [ $((${#backslashes} % 2)) -eq 1 ] || return 0
        value=$value\"
    done
}

# What the root key signed: four or five lines, all of them known.
the_checkpoint() {
    openssl dgst -sha256 -verify "$root_key" -signature checkpoint.sig checkpoint.txt >/dev/null 2>&1 ||
        wrong "checkpoint.txt is not signed by the root key"
    exec 3<checkpoint.txt
    checkpoint_line
    [ "$line" = smart-id/audit-checkpoint/v1 ] || wrong "checkpoint.txt is another statement of the root key"
    checkpoint_line
    before=${line#previous=}
    [ "$line" = "previous=$before" ] && number "$before" || wrong "checkpoint.txt is malformed"
    checkpoint_line
    last_number=${line#seq=}
    [ "$line" = "seq=$last_number" ] && number "$last_number" || wrong "checkpoint.txt is malformed"
    checkpoint_line
    last_link=${line#hash=}
    [ "$line" = "hash=$last_link" ] && hash "$last_link" || wrong "checkpoint.txt is malformed"
    checkpoint_line
    signed_at=${line#at=}
    [ "$line" = "at=$signed_at" ] || wrong "checkpoint.txt is malformed"
    case $signed_at in
    '' | *[!0-9TZ:.-]*) wrong "checkpoint.txt is malformed" ;;
    esac
    ! IFS= read -r line <&3 || wrong "checkpoint.txt is malformed"
    exec 3<&-
    ok "checkpoint.txt is signed by the root key"
}

checkpoint_line() { IFS= read -r line <&3 || wrong "checkpoint.txt is malformed"; }

# The chain leads to the checkpoint and has every record of the transaction under its number: one walk over both files.
the_chain() {
    exec 3<chain.txt 4<records.txt
    step
    position=$step link=$step_hash count=0 records=0 record=
    next_record
    while step; do
        [ "$step" = $((position + 1)) ] || wrong "the chain has a gap after $position"
        position=$step
        if [ "$position" = "$record_number" ]; then
            sha=$(printf '%s' "$record_text" | openssl dgst -sha256 -r)
            [ "${sha%% *}" = "$step_hash" ] || wrong "record $record_number is not the one in the chain"
            record=$record_text records=$((records + 1))
            next_record
        fi
        sha256 <<LINK
smart-id/audit-link/v1
$position
$link
$step_hash
LINK
        link=$sha count=$((count + 1))
        [ $((count % 1000)) -ne 0 ] || printf '%s steps of the chain, to %s\n' "$count" "$last_number" >&2
    done
    [ -z "$record_number" ] || wrong "record $record_number is not in the chain"
    [ "$records" -gt 0 ] || wrong "there is no record of the transaction"
    [ "$position" = "$last_number" ] || wrong "the checkpoint is over another record than the chain's last"
    [ "$link" = "$last_link" ] || wrong "the chain does not lead to the checkpoint"
    exec 3<&- 4<&-
    ok "the chain leads to the checkpoint, and the records of the transaction are in it"
}

# The chain's next line: a number, a space, a hash.
step() {
    IFS= read -r line <&3 || return 1
    step=${line%% *} step_hash=${line#* }
    [ "$line" = "$step $step_hash" ] && number "$step" && hash "$step_hash" || wrong "chain.txt has a malformed line"
}

# The next record; its number is empty after the last.
next_record() {
    record_number= record_text=
    IFS= read -r line <&4 || return 0
    record_number=${line%% *} record_text=${line#* }
    [ "$line" = "$record_number $record_text" ] && number "$record_number" || wrong "records.txt has a malformed line"
    case $record_text in
    '{"at":"'*",\"session\":\"$session\",\"event\":{\"event\":\""*'}}') ;;
    *) wrong "record $record_number is not of this transaction" ;;
    esac
}

# The last of the records is the end of this session, and has the hash of transaction.json.
the_end() {
    case $record in
    *",\"relying_party\":\"$relying_party\",\"session\":\"$session\",\"event\":{\"event\":\"session_ended\","*) ;;
    *) wrong "the last record is not the end of the session" ;;
    esac
    case $record in
    *",\"evidence_sha256\":\"$transaction_sha\"}}") ;;
    *) wrong "transaction.json is not what the audit trail recorded at the transaction's end" ;;
    esac
    ok "transaction.json is what the audit trail recorded at the transaction's end"
}

# The signature, under the certificate's key, and the certificate, under the root; how, says the proved transaction.json.
the_signature() {
    string "$transaction" endResult
    result=$value
    string "$transaction" kind
    kind=$value
    if [ -z "$signed" ]; then
        # Who chooses a certificate signs nothing.
        [ "$result" != OK ] || [ "$kind" = certificate_choice ] || wrong "the transaction ended OK, but has no signature"
        [ ! -e signature.bin ] || wrong "the folder has a signature, but the transaction ended without one"
        return 0
    fi
    [ "$result" = OK ] || wrong "the transaction did not end OK, but has a signature"
    [ "$kind" != certificate_choice ] || wrong "the transaction is a certificate choice, but has a signature"

    ended=${transaction#*',"endedAtUnixSeconds":'}
    ended=${ended%%,*}
    number "$ended" || wrong "transaction.json does not say when the transaction ended"
    # The first certificate of the file, and of it alone is spoken from here on.
    openssl x509 -in certificate.pem -outform DER -out "$work/certificate.der" 2>/dev/null ||
        wrong "certificate.pem is no certificate"
    openssl x509 -in "$work/certificate.der" -inform DER -out "$work/certificate.pem"
    sha256 <"$work/certificate.der"
    string "$signed" certificateSha256
    [ "$sha" = "$value" ] || wrong "certificate.pem is not the certificate in transaction.json"
    # Without this, OpenSSL 3 takes the system's certificates for roots as well.
    SSL_CERT_DIR=$work/none SSL_CERT_FILE=$work/none openssl verify -no-CAfile -no-CApath -attime "$ended" \
        -CAfile "$root" -untrusted issuer.pem "$work/certificate.pem" >/dev/null 2>&1 ||
        wrong "certificate.pem does not go back to the root certificate"
    ok "certificate.pem goes back to the root certificate, and was valid when the transaction ended"

    string "$transaction" hashAlgorithm
    case $value in
    SHA-256 | SHA-384 | SHA-512) hash_algorithm=sha${value#SHA-} ;;
    SHA3-256 | SHA3-384 | SHA3-512) hash_algorithm=sha3-${value#SHA3-} ;;
    *) wrong "transaction.json has an unknown hash algorithm" ;;
    esac
    string "$signed" payload
    over=digest.bin
    [ -z "$value" ] || over=payload.txt
    [ -f "$over" ] && [ -f signature.bin ] || wrong "$over or signature.bin is missing"
    if [ "$over" = payload.txt ]; then
        openssl dgst "-$hash_algorithm" -binary -out "$work/digest" payload.txt
    else
        cp digest.bin "$work/digest"
    fi
    string "$transaction" signatureAlgorithm
    case $value in
    rsassa-pss) set -- -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest ;;
    sha256WithRSAEncryption | sha384WithRSAEncryption | sha512WithRSAEncryption)
        set -- -pkeyopt rsa_padding_mode:pkcs1
        ;;
    *) wrong "transaction.json has an unknown signature algorithm" ;;
    esac
    openssl x509 -in "$work/certificate.pem" -noout -pubkey >"$work/key.pem"
    openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -in "$work/digest" -sigfile signature.bin \
        -pkeyopt "digest:$hash_algorithm" "$@" >/dev/null 2>&1 ||
        wrong "signature.bin is no signature of the certificate's key over $over"
    string "$signed" signature
    [ "$value" = "$(openssl base64 -A -in signature.bin)" ] || wrong "transaction.json has another signature"
    string "$signed" digest
    [ "$value" = "$(openssl base64 -A -in "$work/digest")" ] || wrong "transaction.json has another digest"
    ok "signature.bin is the signature of the certificate's key over $over, and the one in transaction.json"
}

# What all of this says, in the words of transaction.json (its strings with JSON's escapes).
proved() {
    echo
    string "$transaction" relyingPartyName && say "asked by" "$value"
    string "$transaction" brokeredRpName && say "on behalf of" "$value"
    say "relying party" "$relying_party"
    say session "$session"
    say kind "$kind"
    string "$transaction" startedAt && say "asked at" "$value"
    string "$transaction" endedAt && say "ended at" "$value"
    say result "$result"
    string "$transaction" documentNumber
    [ -n "$value" ] || string "$signed" documentNumber
    say document "$value"
    if [ -n "$signed" ]; then
        subject=$(openssl x509 -in "$work/certificate.pem" -noout -subject -nameopt RFC2253,-esc_msb,utf8)
        say "signed by" "${subject#subject=}"
        string "$signed" interactionTypeUsed && say "shown as" "$value"
    elif [ "$result" = OK ]; then
        say "signed by" "nobody: a certificate was chosen"
    fi
    string "$transaction" interactions
    say "texts to show" "$(printf '%s\n' "$value" | fold -w 64 | openssl base64 -d | tr '\000-\037' '[ *]')"
    string "$transaction" verificationCode && say code "$value"
    say "in the trail by" "$signed_at"
    echo
    if [ -n "$signed" ]; then
        openssl x509 -in "$root" -outform DER -out "$work/root.der"
        sha256 <"$work/root.der"
        say "root trusted" "$root_is, SHA-256 $sha"
    fi
    openssl pkey -pubin -in "$root_key" -pubout -outform DER -out "$work/root-key.der"
    sha256 <"$work/root-key.der"
    say "root key trusted" "$root_key_is, SHA-256 $sha"
    echo verified
}

# say NAME TEXT: on one line; in the place of what would turn the line around or be obeyed by a terminal stands a ?.
say() {
    [ -n "$2" ] || return 0
    printf '%-18s' "$1"
    {
        printf '%s' "$2" | tr '\000-\037\177' '[?*]'
        echo
    } | sed "
        s/$(printf '\302')[$(printf '\200')-$(printf '\237')]/?/g
        s/$(printf '\330\234')/?/g
        s/$(printf '\342\200')[$(printf '\216\217\250')-$(printf '\256')]/?/g
        s/$(printf '\342\201')[$(printf '\246')-$(printf '\251')]/?/g"
}

main "$@"
