#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Drives a weft host with wasmCloud's own command line, against every nats-server that is there, and prints a table.
#
#   tests/conformance/wash.sh [WEFT]      WEFT: the program to test (default $WEFT_BINARY, else build/dev/bin/weft)
#
# Needs `wash` and one nats-server; both are also looked for in ~/.cache/weft/peer/bin. WEFT_NATS_SERVER names one more.
# Exit code: 0 when every step passed (or was skipped, visibly), 1 when one failed, 77 when there is nothing to run with.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
weft=${1:-${WEFT_BINARY:-$root/build/dev/bin/weft}}
apps=${WEFT_APPS_DIR:-$root/build/apps}
peer=$HOME/.cache/weft/peer/bin
wash=$(command -v wash || echo "$peer/wash")
if [[ ! -x $wash ]]; then
  echo "wash.sh: there is no wash. Get it with: cargo install wash@0.43.0 --locked" >&2
  exit 77
fi
for need in "$weft" "$apps/hello-c.wasm" "$apps/hello-cpp.wasm"; do
  [[ -e $need ]] || { echo "wash.sh: $need is missing; build it first (scripts/build, scripts/build_apps)" >&2; exit 77; }
done

work=$(mktemp -d)
pids=()
# Only what this script started, by its number.
cleanup() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
  rm -rf "$work"
}
trap cleanup EXIT
export HOME="$work/home" WASH_OUTPUT=text NO_COLOR=1
mkdir -p "$HOME"

rows=()
failures=0
record() { rows+=("$(printf '%-8s %-52s %s' "$1" "$2" "$3")"); printf '%s\n' "${rows[-1]}"; [[ $1 != FAILED ]] || failures=$((failures + 1)); }

# step NAME PATTERN WASH-ARGUMENTS...: the command succeeds, and its output matches the extended regular expression.
step() { expect 0 "$@"; }
# refused: it fails and says so.
refused() { expect 1 "$@"; }
expect() {
  local status=0 wanted=$1 name=$2 pattern=$3 output verdict=passed
  shift 3
  output=$(timeout 60 "$wash" "$@" 2>&1) || status=$?
  [[ $status -eq $wanted ]] && grep -Eqz -- "$pattern" <<<"$output" || verdict=FAILED
  local by="wash $1 ${2:-}"
  record "$verdict" "$name" "${by%% N[A-Z2-7]*}"
  if [[ $verdict == FAILED ]]; then
    printf '    exit code %s, wanted %s matching: %s\n' "$status" "$wanted" "$pattern"
    sed 's/^/    | /' <<<"$output"
  fi
}

# absent NAME TEXT WASH-ARGUMENTS...: the command succeeds without that text in its output.
absent() {
  local name=$1 text=$2 output verdict=passed
  shift 2
  output=$(timeout 60 "$wash" "$@" 2>&1) && ! grep -Fq -- "$text" <<<"$output" || verdict=FAILED
  record "$verdict" "$name" "wash $1 ${2:-}"
  [[ $verdict == passed ]] || sed 's/^/    | /' <<<"$output"
}

start_server() {  # PROGRAM
  local folder=$work/nats-$((++servers))
  mkdir -p "$folder"
  "$1" -a 127.0.0.1 -p -1 -js -sd "$folder" --ports_file_dir "$folder" >"$folder/log" 2>&1 &
  server_pid=$!
  pids+=("$server_pid")
  local end=$((SECONDS + 20))
  until port=$(grep -ho '127.0.0.1:[0-9]*' "$folder"/*.ports 2>/dev/null | head -1 | cut -d: -f2) && [[ -n $port ]]; do
    ((SECONDS < end)) || { echo "wash.sh: $1 did not come up" >&2; return 1; }
    sleep 0.1
  done
}

drive() {  # PROGRAM
  local version lattice=wash host hello="$apps/hello-c.wasm" other="$apps/hello-cpp.wasm"
  version=$("$1" --version | sed 's/^nats-server: *//')
  start_server "$1" || { record FAILED "nats-server $version" start; return; }
  echo "== nats-server $version, $("$wash" --version 2>/dev/null | head -1 | tr -s ' '), $("$weft" --version 2>/dev/null | head -1)"
  export WASMCLOUD_CTL_HOST=127.0.0.1 WASMCLOUD_CTL_PORT=$port WASMCLOUD_LATTICE=$lattice WASMCLOUD_CTL_TIMEOUT_MS=5000
  local log=$work/weft-$servers.log
  "$weft" up --nats "nats://127.0.0.1:$port" --lattice "$lattice" --allow-file-load --data-dir "$work/data-$servers" \
    --cache-dir "$work/artifacts" --label zone=b >"$log" 2>&1 &
  local weft_pid=$!
  pids+=("$weft_pid")
  local end=$((SECONDS + 60))
  until host=$("$wash" get hosts 2>/dev/null | grep -o 'N[A-Z2-7]\{55\}' | head -1) && [[ -n $host ]]; do
    ((SECONDS < end)) || { record FAILED "a host comes up ($version)" "weft up"; sed 's/^/    | /' "$log"; return; }
  done

  step "hosts are listed" "$host" get hosts
  step "labels and an empty inventory" "zone.*b" get inventory "$host"
  absent "no links" "default" get links
  absent "no claims of unsigned components" "hello" get claims

  step "a configuration is put" "" config put shop greeting=hello retries=3
  step "and got" "greeting.*hello" config get shop
  step "a component starts (auction, scale, event)" "hello" start component "$hello" hello --max-instances 5
  step "it is in the inventory" "hello" get inventory "$host"
  step "another starts on a named host with a configuration" "second" start component "file://$hello" second --host-id "$host" --config shop
  step "it is scaled" "hello" scale component "$host" "file://$hello" hello --max-instances 9
  step "the inventory shows the new count" "9" get inventory "$host"
  step "it is updated" "updating from" update component hello "file://$other" --host-id "$host"
  refused "what does not run is not updated" "." update component nobody "file://$other" --host-id "$host"

  step "a provider starts (built-in; its event shows the bare name)" "." start provider wasmcloud+builtin://keyvalue kv --host-id "$host" --skip-wait
  step "it is in the inventory" "kv" get inventory "$host"
  step "a link is put" "." link put hello kv wasi keyvalue --interface store --interface atomics --target-config shop
  step "links are queried" "keyvalue" link query
  step "and got" "keyvalue" get links
  refused "a link to another target is refused" "different target" link put hello other wasi keyvalue --interface store
  refused "a link with a missing configuration is refused" "nothere" link put hello kv wasi blobstore --interface blobstore --source-config nothere
  step "a link is deleted" "." link del hello wasi keyvalue
  step "and again" "." link del hello wasi keyvalue
  absent "it is gone" "keyvalue" link query
  step "a label is put" "." label "$host" cordon=true
  step "it is in the inventory" "cordon" get inventory "$host"
  step "a label is deleted" "." label "$host" cordon --delete
  # wash refuses it by itself, and ends with exit code 0 all the same.
  step "hostcore labels are refused" "cannot be set manually" label "$host" hostcore.os=plan9
  step "the host kept its own" "hostcore.os *\|? *linux" get inventory "$host"

  step "the provider stops" "." stop provider kv --host-id "$host"
  step "a component stops (event with the same reference)" "." stop component second --host-id "$host"
  absent "neither is in the inventory" "second" get inventory "$host"
  step "the configuration is deleted" "." config del shop
  refused "and gone" "." config get shop
  step "the host stops" "." stop host "$host"
  local status=0
  timeout 20 tail --pid="$weft_pid" -f /dev/null || status=1
  [[ $status -eq 0 ]] && wait "$weft_pid" || status=1
  record "$([[ $status -eq 0 ]] && echo passed || echo FAILED)" "its process ends with exit code 0" "weft up"
}

# The host as `wash up` starts it: no argument, everything in WASMCLOUD_* variables, logs on stderr, SIGTERM ends it.
drive_up() {  # PROGRAM
  local lattice=washup host
  if ! WASMCLOUD_LATTICE=probe WASMCLOUD_NATS_HOST=127.0.0.1 WASMCLOUD_NATS_PORT=1 timeout 10 "$weft" 2>&1 </dev/null | grep -Eq 'NATS|nats|4222|connect'; then
    record skipped "wash up --host-path" "this weft does not start under WASMCLOUD_* variables alone"
    return
  fi
  start_server "$1" || return
  unset WASMCLOUD_CTL_HOST WASMCLOUD_CTL_PORT WASMCLOUD_LATTICE
  local log=$work/washup.log
  # Connect-only and without wadm nothing is downloaded.
  "$wash" up --host-path "$weft" --nats-connect-only --nats-host 127.0.0.1 --nats-port "$port" --disable-wadm \
    --lattice "$lattice" --label zone=up --multi-local >"$log" 2>&1 </dev/null &
  local pid=$!
  pids+=("$pid")
  export WASMCLOUD_CTL_HOST=127.0.0.1 WASMCLOUD_CTL_PORT=$port WASMCLOUD_LATTICE=$lattice
  local end=$((SECONDS + 60))
  until host=$("$wash" get hosts 2>/dev/null | grep -o 'N[A-Z2-7]\{55\}' | head -1) && [[ -n $host ]]; do
    ((SECONDS < end)) || { record FAILED "wash up --host-path" "no host"; sed 's/^/    | /' "$log"; return; }
  done
  record passed "wash up --host-path starts it" "wash up"
  step "its label came through the environment" "zone.*up" get inventory "$host"
  step "files may be loaded, as wash up sets it" "hello" start component "file://$apps/hello-c.wasm" hello
  kill -INT "$pid"
  local status=0
  timeout 30 tail --pid="$pid" -f /dev/null || status=1
  record "$([[ $status -eq 0 ]] && echo passed || echo FAILED)" "Ctrl-C ends wash and its host" "wash up"
}

servers=0
candidates=()
for program in /usr/sbin/nats-server /usr/bin/nats-server "${WEFT_NATS_SERVER:-}" "$peer/nats-server"; do
  [[ -n $program && -x $program && " ${candidates[*]} " != *" $program "* ]] || continue
  [[ -z ${candidates[0]:-} || ! $program -ef ${candidates[-1]} ]] && candidates+=("$program")
done
[[ ${#candidates[@]} -gt 0 ]] || { echo "wash.sh: there is no nats-server (apt-get install nats-server)" >&2; exit 77; }
for program in "${candidates[@]}"; do
  rows+=("-- $("$program" --version)")
  drive "$program"
  drive_up "$program"
done

printf '\n%-8s %-52s %s\n' result step by
printf '%s\n' "${rows[@]}"
printf '\n%d failed\n' "$failures"
[[ $failures -eq 0 ]]
