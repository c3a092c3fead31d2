#!/bin/sh
# The phone of these trials: answers one request of the account in $PHONE_FILE, or opens the device link $LINK.
# The programs run it in the background with what they know in the environment: LINK, CODE, FLOW, CALLBACK, DOCUMENT.
# It prints RETURN_TO=… where the person's browser goes on. With MOCK, the demo's own test phones do the work, and MOCK is
# the file to which callback.py prints.
set -eu
smart_id=${SMART_ID_BIN:-smart-id}

if [ -n "${MOCK:-}" ]; then
    # Notifications are answered by the test phones without being asked.
    if [ -n "${LINK:-}" ]; then
        printf '{"documentNumber":"%s","deviceLink":"%s","flowType":"%s"%s}' "$DOCUMENT" "$LINK" "$FLOW" \
            "${CALLBACK:+,\"initialCallbackUrl\":\"$CALLBACK\",\"browserCookie\":\"trial=1\"}" |
            curl -sSf -H 'content-type: application/json' -d @- "$ORIGIN/mock/device-link"
    fi
    [ -n "${CALLBACK:-}" ] || exit 0
    # After a certificate choice the person returns only when the signature that follows is done.
    case ${LINK:-} in *sessionType=cert*) exit ;; esac
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        grep -F "$CALLBACK" "$MOCK" | sed 's/^/RETURN_TO=/' | grep . && exit
        sleep 0.5
    done
    exit
fi

if [ -n "${LINK:-}" ]; then
    set -- scan "$LINK"
else
    set -- approve --wait 20 ${CODE:+--code "$CODE"}
fi
"$smart_id" device ${PHONE_FILE:+--file "$PHONE_FILE"} "$@" --pin1 "${PIN1:-4826}" --pin2 "${PIN2:-73915}" |
    sed 's/^Back to the e-service: /RETURN_TO=/'
