# shellcheck shell=bash
# What the scripts beside it share: checks with names, of which the first that fails ends the script, and files with one bit
# changed. To be sourced.

checks=0

# says TEXT COMMAND… : the command succeeds and prints the text.
says() {
    local text=$1 output
    shift
    output=$("$@" 2>&1) && grep -qF -- "$text" <<<"$output"
}

differ() { ! cmp -s "$1" "$2"; }

size() { stat -c %s "$1"; }

# flip FROM TO AT : copies a file with the lowest bit of one byte changed.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$3" -N 1 "$1")
    cp "$1" "$2"
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$2" bs=1 seek="$3" conv=notrunc status=none
    differ "$1" "$2" || fail "byte $3 of $1 did not change"
}

accepted() {
    local what=$1 output
    shift
    output=$("$@" 2>&1) || fail "$what: $output"
    echo "  ok: $what"
    checks=$((checks + 1))
}

# refused WHAT REASON COMMAND… : the command must fail, and for that reason rather than for a typing error of ours.
refused() {
    local what=$1 reason=$2 output
    shift 2
    if output=$("$@" 2>&1); then
        fail "$what was accepted"
    fi
    grep -qF -- "$reason" <<<"$output" || fail "$what was refused for another reason: $output"
    echo "  refused: $what"
    checks=$((checks + 1))
}

fail() {
    echo "$(basename "$0"): $1" >&2
    exit 1
}
