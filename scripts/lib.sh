# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts beside it: where things are, and steps that say how long they took. Sourced, not run.

WEFT_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export HOME="${HOME:-/root}"
export WEFT_CACHE_DIR="${WEFT_CACHE_DIR:-$HOME/.cache/weft}"
export WEFT_CACHE="$WEFT_CACHE_DIR"
export CCACHE_DIR="${CCACHE_DIR:-$WEFT_CACHE_DIR/ccache}"
# Paths in the output do not depend on where the checkout is, so that a second clone finds the first one's objects.
# With precompiled headers ccache wants to be told that macros and times in them are minded (cmake/precompiled.cmake).
export CCACHE_SLOPPINESS=pch_defines,time_macros
# What an object depends on is read from the compiler's list of headers, which is there anyway: no second preprocessing.
export CCACHE_DEPEND=1
export CCACHE_BASEDIR="$WEFT_ROOT" CCACHE_NOHASHDIR=1
WEFT_JOBS="${WEFT_JOBS:-$(nproc)}"
WEFT_STEPS=()
mkdir -p "$WEFT_CACHE_DIR"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  _bold=$'\e[1m' _green=$'\e[32m' _red=$'\e[31m' _plain=$'\e[0m'
else
  _bold='' _green='' _red='' _plain=''
fi

# step NAME COMMAND...: runs the command, says how long it took, ends the script when it fails.
step() {
  local name="$1" begin=$SECONDS status=0
  shift
  printf '%s==> %s%s\n' "$_bold" "$name" "$_plain"
  "$@" || status=$?
  local took=$((SECONDS - begin))
  if [ "$status" -ne 0 ]; then
    printf '%s==> %s failed after %d s (exit code %d)%s\n' "$_red" "$name" "$took" "$status" "$_plain" >&2
    exit "$status"
  fi
  WEFT_STEPS+=("$(printf '%6d s  %s' "$took" "$name")")
  printf '%s==> %s: %d s%s\n\n' "$_green" "$name" "$took" "$_plain"
}

# Every step again with its time, and the sum.
summary() {
  printf '%s==> Steps%s\n' "$_bold" "$_plain"
  local line
  for line in "${WEFT_STEPS[@]}"; do
    printf '%s\n' "$line"
  done
  printf '%6d s  in all\n' "$SECONDS"
}

# die WHAT FAILED, WHAT WOULD FIX IT
die() {
  printf '%s%s%s\n%s\n' "$_red" "$1" "$_plain" "${2:-}" >&2
  exit 1
}

build_preset() {
  local preset="$1"
  shift
  (cd "$WEFT_ROOT" && cmake --preset "$preset" --log-level=WARNING >/dev/null && cmake --build --preset "$preset" -j "$WEFT_JOBS" "$@")
}
