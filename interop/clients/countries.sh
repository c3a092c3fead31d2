#!/bin/sh
# Has a client's program log in and sign for people of all four countries at both levels, by the demo's test phones:
#
#     ./countries.sh ruby ruby/try.rb
#
# Settings are those of README.md, but for who is asked and by whom. Words choose among the program's flows, in FLOWS.
set -eu
export ORIGIN=${ORIGIN:-http://127.0.0.1:8080} MOCK=${MOCK:-/dev/null}
flows=${FLOWS:-notified login, person|notified signature, person}

# Of the documented accounts, only Lithuanians and Latvians have a Basic one.
for person in PNOEE-39912319997 PNOBE-99123112382; do
    curl -sS "$ORIGIN/mock/accounts" -H 'content-type: application/json' -o /dev/null -d "{\"semanticsIdentifier\": \"$person\",
        \"dateOfBirth\": \"1999-12-31\", \"certificateLevel\": \"ADVANCED\", \"documentSuffix\": \"TEST\"}"
done

passed=0 failed=0
row() {
    export LEVEL="$1" DOCUMENT="$2" RP_UUID="$3" RP_NAME="$4" PERSON="${2%-*-*}"
    shift 4
    country=${PERSON#PNO}
    said=$(IFS='|'; set -f; "$@" $flows 2>&1) || true
    printf '%s\n' "$said" | sed -n "s/^\(ok\|FAIL\) */${country%%-*} $LEVEL \1 /p"
    passed=$((passed + $(printf '%s\n' "$said" | grep -c '^ok ' || true)))
    failed=$((failed + $(printf '%s\n' "$said" | grep -c '^FAIL ' || true)))
    # A program that ends without a word of any flow has failed, too.
    printf '%s\n' "$said" | grep -q '^\(ok\|FAIL\) ' || { failed=$((failed + 1)); printf '%s\n' "$said"; }
}

for document in PNOEE-40504040001-DEMO-Q PNOLV-050405-10009-DEM0-Q PNOLT-40504040001-MOCK-Q PNOBE-05040400032-DEMO-Q; do
    row QUALIFIED $document 00000000-0000-4000-8000-000000000000 DEMO "$@"
done
for document in PNOEE-39912319997-TEST-NQ PNOLV-050404-19993-DEMO-NQ PNOLT-40504049999-MOCK-NQ PNOBE-99123112382-TEST-NQ; do
    row ADVANCED $document 00000000-0000-4000-8000-000000000001 'DEMO ADVANCED' "$@"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
