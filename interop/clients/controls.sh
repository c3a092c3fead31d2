#!/bin/sh
# What a client that asks OCSP must refuse, in log-ins and signatures of both levels; and the same without the fault, which it
# must accept. Starts demos of its own:
#
#     ./controls.sh ruby ruby/try.rb
#
# OCSP=off for clients that do not ask: they are tried with the foreign CAs only. Wants smart-id (SMART_ID_BIN), curl, openssl, python3.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
smart_id=${SMART_ID_BIN:-smart-id}
port=${PORT:-18400}
work=$(mktemp -d)
running=
trap 'kill $running 2>/dev/null || true; rm -rf "$work"' EXIT
export ORIGIN="http://127.0.0.1:$port" MOCK=/dev/null CERTS="$work/certs"
failed=0

start() { # port folder
    "$smart_id" demo --listen "127.0.0.1:$1" --data "$2" >>"$2.log" 2>&1 &
    demo=$!
    running="$running $demo"
    curl -sf --retry 60 --retry-delay 1 --retry-all-errors "http://127.0.0.1:$1/health/ready" -o /dev/null
}

certificates() { # port folder
    mkdir -p "$2"
    for name in root eid-q eid-nq; do curl -sSf "http://127.0.0.1:$1/certs/$name.pem" -o "$2/$name.pem"; done
}

account() { # level person
    curl -sSf "$ORIGIN/mock/accounts" -H 'content-type: application/json' \
        -d "{\"semanticsIdentifier\": \"$2\", \"dateOfBirth\": \"1999-12-31\", \"certificateLevel\": \"$1\"}" |
        sed 's/.*"documentNumber":"\([^"]*\)".*/\1/'
}

expect() { # ok|FAIL what level person document flow command…
    want=$1 what=$2 level=$3 PERSON=$4 DOCUMENT=$5 flow=$6
    shift 6
    case $level in
        QUALIFIED) party=00000000-0000-4000-8000-000000000000 name=DEMO ;;
        *) party=00000000-0000-4000-8000-000000000001 name='DEMO ADVANCED' ;;
    esac
    said=$(LEVEL=$level PERSON=$PERSON DOCUMENT=$DOCUMENT RP_UUID=$party RP_NAME=$name "$@" "$flow" 2>&1) || true
    line=$(echo "$said" | grep '^\(ok\|FAIL\) ') || line=$said
    case $line in
        "0 passed, 0 failed") echo "--    $level, $what: the client has no $flow" && return ;;
        "$want "*) mark=ok ;;
        *) mark=WRONG failed=$((failed + 1)) ;;
    esac
    echo "$mark    $level, $what: $line"
}

each() { # ok|FAIL what command…: with the standing accounts
    want_all=$1 what_all=$2
    shift 2
    for flow_all in 'notified login, person' 'notified signature, person'; do
        expect "$want_all" "$what_all" QUALIFIED PNOEE-39912310092 "$qualified" "$flow_all" "$@"
        expect "$want_all" "$what_all" ADVANCED PNOLT-39912310092 "$basic" "$flow_all" "$@"
    done
}

start "$port" "$work/demo"
home=$demo
start $((port + 1)) "$work/other"
certificates "$port" "$work/certs"
certificates $((port + 1)) "$work/foreign"
qualified=$(account QUALIFIED PNOEE-39912310092)
basic=$(account ADVANCED PNOLT-39912310092)

each ok 'nothing wrong' "$@"
CERTS=$work/foreign
each FAIL "foreign CAs" "$@"
CERTS=$work/certs
if [ "${OCSP:-}" != off ]; then
    number=10
    for level in QUALIFIED ADVANCED; do
        for flow in 'notified login, person' 'notified signature, person'; do
            number=$((number + 1))
            person=PNOEE-399123100$number
            document=$(account $level $person)
            export BEFORE_CHECK="$smart_id account close $document --data $work/demo --yes --reason key-compromise"
            expect FAIL 'account closed between result and check' $level $person "$document" "$flow" "$@"
            number=$((number + 1))
            person=PNOEE-399123100$number
            document=$(account $level $person)
            export BEFORE_CHECK="$smart_id account close $document --data $work/demo --yes --reason key-compromise" OCSP=off
            expect ok 'the same unasked' $level $person "$document" "$flow" "$@"
            unset BEFORE_CHECK OCSP
        done
    done

    # The certificates name this port for OCSP. The demo goes elsewhere, and the imposter comes where it was.
    kill "$home" && wait "$home" 2>/dev/null || true
    start $((port + 2)) "$work/demo"
    for honest in honest ''; do
        python3 "$here/responder.py" "$port" "http://127.0.0.1:$((port + 2))" $honest >"$work/responder.log" &
        imposter=$!
        running="$running $imposter"
        curl -sf --retry 20 --retry-delay 1 --retry-all-errors "$ORIGIN/health/ready" -o /dev/null
        if [ -n "$honest" ]; then each ok 'OCSP answers passed on' "$@"; else each FAIL 'OCSP answers of another responder' "$@"; fi
        # Refused for what it was given, not for want of an answer.
        echo "      OCSP answers on the way: $(sort "$work/responder.log" | uniq -c | tr -s ' \n' ' ')"
        [ -s "$work/responder.log" ] || failed=$((failed + 1))
        kill "$imposter" && wait "$imposter" 2>/dev/null || true
    done
fi
echo "$failed not as they should be"
[ $failed -eq 0 ]
