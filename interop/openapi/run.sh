#!/usr/bin/env bash
# Our OpenAPI documents against our server, and our server against the published document:
#
#   1. each document is valid OpenAPI 3.1,
#   2. real answers of every endpoint are what the published file says, save for differences.toml,
#   3. schemathesis finds no 5xx but 580 and no answer that our document does not have.
#
# usage: SMART_ID_BIN=path/to/smart-id interop/openapi/run.sh [FOLDER OF THE PUBLISHED FILES]
set -euo pipefail

: "${SMART_ID_BIN:?is the path of the smart-id binary}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
published=${1:-$root/../shared/rp-api}
work=${CARGO_TARGET_DIR:-$root/target}/openapi-stage
# How long schemathesis may generate requests, for all interfaces together.
SECONDS_TO_GENERATE=${SECONDS_TO_GENERATE:-120}

mkdir -p "$work"
if ! cmp -s "$here/requirements.txt" "$work/installed.txt"; then
    rm -rf "$work/venv"
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$work/installed.txt"
fi
export PATH="$work/venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 NO_PROXY="127.0.0.1,localhost"

openapi-spec-validator "$root"/docs/openapi/*.json
cd "$here"
python published.py "$published"
python fuzz.py --seconds "$SECONDS_TO_GENERATE" --work "$work"
