#!/usr/bin/env bash
# Validators that nobody here wrote, with our trusted list as the only thing they trust:
#
#   libdigidocpp (pydigidoc)  signs containers through our RP API, time-stamping and OCSP, and validates them as qualified
#   pyHanko                   reads the list, judges certificates and time-stamps by it, signs and validates a PDF
#
# and each refuses what it should, for the stated reason.
#
# usage: SMART_ID_BIN=path/to/smart-id interop/trust/run.sh [FOLDER OF THE TRUSTED LISTS' XSD]
set -euo pipefail

: "${SMART_ID_BIN:?is the path of the smart-id binary}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
schemas=${1:-$root/../shared/samples/tl-xsd}
work=${CARGO_TARGET_DIR:-$root/target}/trust-stage

mkdir -p "$work"
if ! cmp -s "$here/requirements.txt" "$work/installed.txt"; then
    rm -rf "$work/venv"
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$work/installed.txt"
fi
export PATH="$work/venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 NO_PROXY="127.0.0.1,localhost"
export PYTHONPATH="$here:$here/../openapi"

python "$here/checks.py" "$schemas"
