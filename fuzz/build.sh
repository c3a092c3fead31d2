#!/usr/bin/env bash
# Builds the fuzz binary with coverage instrumentation, as cargo-fuzz does it, on stable Rust. Prints its path.
# The flags hold for the target only, not for build scripts and procedural macros: hence `--target`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
host=$(rustc -vV | sed -n 's/^host: //p')
target_dir="${CARGO_TARGET_DIR:-target}"
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
CARGO_TARGET_DIR="$target_dir" RUSTFLAGS="$flags" cargo build --release --locked --bin fuzz --target "$host" >&2
echo "$target_dir/$host/release/fuzz"
