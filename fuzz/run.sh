#!/usr/bin/env bash
# Fuzzes one target for a while: first what was ever found, then from the seeds on. Prints one line of figures; of a
# finding, the log's end and the input in base64.
#
# usage: run.sh BINARY FOLDER SECONDS TARGET      FOLDER/corpus/TARGET holds the seeds (FUZZ_SEEDS=FOLDER/corpus BINARY)
set -uo pipefail
binary=$1 folder=$2 seconds=$3
export FUZZ_TARGET=$4
regressions="$(dirname "${BASH_SOURCE[0]}")/regressions/$FUZZ_TARGET"
log="$folder/$FUZZ_TARGET.log"
found="$folder/found/$FUZZ_TARGET"
mkdir -p "$found"

status=0
if [ -d "$regressions" ]; then
    "$binary" -artifact_prefix="$found/" "$regressions"/* >"$log" 2>&1 || status=$?
fi
if [ "$status" -eq 0 ]; then
    "$binary" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -max_len=16384 -detect_leaks=0 \
        -print_final_stats=1 -artifact_prefix="$found/" "$folder/corpus/$FUZZ_TARGET" >>"$log" 2>&1 || status=$?
fi
executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
coverage=$(grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$log" | tail -n 1)
printf '%-24s %10s executions, %s%s\n' "$FUZZ_TARGET" "${executions:-0}" "${coverage:-no coverage}" \
    "$([ "$status" -eq 0 ] || echo '  FAILED')"
# Without coverage, or hardly run, nothing was tried.
if [ "$status" -eq 0 ] && { [ -z "$coverage" ] || [ "${executions:-0}" -lt 20 ]; }; then
    echo "$FUZZ_TARGET: hardly anything was tried"
    status=1
fi
if [ "$status" -ne 0 ]; then
    tail -n 60 "$log"
    for input in "$found"/*; do
        [ -e "$input" ] || continue
        echo "$FUZZ_TARGET: $(basename "$input") in base64:"
        base64 -w 120 "$input"
    done
fi
exit "$status"
