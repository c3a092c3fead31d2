#!/bin/sh
# The phone of these trials: answers one request of the account in $PHONE_FILE, or opens the device link $LINK.
# The programs run it in the background with what they know in the environment: LINK, CODE, FLOW, CALLBACK, DOCUMENT.
# It prints RETURN_TO=… where the person's browser would go on. With MOCK set, the demo's own test phones do the work.
set -eu
smart_id=${SMART_ID_BIN:-smart-id}

if [ -n "${MOCK:-}" ]; then
    [ -n "${LINK:-}" ] || exit 0 # test accounts answer notifications without being asked
    printf '{"documentNumber":"%s","deviceLink":"%s","flowType":"%s"%s}' "$DOCUMENT" "$LINK" "$FLOW" \
        "${CALLBACK:+,\"initialCallbackUrl\":\"$CALLBACK\",\"browserCookie\":\"${COOKIE:-trial=1}\"}" |
        curl -sSf -H 'content-type: application/json' -d @- "$ORIGIN/mock/device-link"
    exit
fi

if [ -n "${LINK:-}" ]; then
    set -- scan "$LINK"
else
    set -- approve --wait 20 ${CODE:+--code "$CODE"}
fi
"$smart_id" device ${PHONE_FILE:+--file "$PHONE_FILE"} "$@" --pin1 "${PIN1:-4826}" --pin2 "${PIN2:-73915}" |
    sed 's/^Back to the e-service: /RETURN_TO=/'
