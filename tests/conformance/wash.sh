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

hello="file://$apps/hello-c.wasm" other="file://$apps/hello-cpp.wasm" signed="file://$work/signed.wasm"
"$wash" claims sign "$apps/hello-c.wasm" --name Shop --rev 7 --ver 1.2.3 --destination "$work/signed.wasm" >"$work/out" 2>&1 ||
  { echo "wash.sh: wash cannot sign a component" >&2; cat "$work/out" >&2; exit 1; }

rows=()
failures=0
record() { rows+=("$(printf '%-8s %-52s %s' "$1" "$2" "$3")"); printf '%s\n' "${rows[-1]}"; [[ $1 != FAILED ]] || failures=$((failures + 1)); }

# step NAME ASSERTION WASH-ARGUMENTS...: the command succeeds, and its JSON output `o` makes the Python expression true.
# The expression also sees `host`, `hello`, `other` and `signed`: the host's id and the references of three components.
step() { expect 0 "$@"; }
# refused: it fails, and its `o` says why.
refused() { expect 1 "$@"; }
expect() {
  local status=0 wanted=$1 name=$2 assertion=$3 verdict=passed
  shift 3
  timeout 60 "$wash" "$@" --output json >"$work/out" 2>"$work/err" || status=$?
  # What fails tells it as JSON too, on stderr.
  [[ $wanted -eq 0 ]] || cp "$work/err" "$work/out"
  [[ $status -eq $wanted ]] && holds "$assertion" || verdict=FAILED
  tell "$verdict" "$name" "exit code $status, wanted $wanted and: $assertion" "$@"
}
holds() {  # ASSERTION
  HOST_ID=$host HELLO=$hello OTHER=$other SIGNED=$signed python3 - "$work/out" "$1" 2>>"$work/err" <<'EOF'
import json, os, sys
names = {name: os.environ[variable] for name, variable in
         (('host', 'HOST_ID'), ('hello', 'HELLO'), ('other', 'OTHER'), ('signed', 'SIGNED'))}
def components(o): return {c['id']: (c['image_ref'], c['max_instances']) for c in o['inventories'][0]['components']}
def providers(o): return {p['id']: (p['image_ref'], p['name']) for p in o['inventories'][0]['providers']}
def labels(o): return {k: v for k, v in o['inventories'][0]['labels'].items() if not k.startswith('hostcore.')}
def links(o):
    return sorted((l['source_id'], l['name'], l['target'], '%s:%s' % (l['wit_namespace'], l['wit_package']), l['interfaces'],
                   l['source_config'], l['target_config']) for l in o['links'])
names.update(o=json.load(open(sys.argv[1])), components=components, providers=providers, labels=labels, links=links)
sys.exit(0 if eval(sys.argv[2], names) else 1)
EOF
}

# shows NAME PATTERN WASH-ARGUMENTS...: what a person sees; the whole text matches the extended regular expression.
shows() {
  local name=$1 pattern=$2 status=0 verdict=passed
  shift 2
  timeout 60 "$wash" "$@" >"$work/out" 2>"$work/err" || status=$?
  [[ $status -eq 0 ]] && cat "$work/out" "$work/err" | tr -s ' \n' ' ' | grep -Eq -- "$pattern" || verdict=FAILED
  tell "$verdict" "$name" "exit code $status, wanted 0 and: $pattern" "$@"
}

tell() {  # VERDICT NAME WANTED WASH-ARGUMENTS...
  local by="wash $4 ${5:-}"
  by=${by%% -*}
  by=${by% }
  record "$1" "$2" "${by%% N[A-Z2-7]*}"
  [[ $1 == passed ]] || { printf '    %s\n' "$3"; sed 's/^/    | /' "$work/out" "$work/err"; }
}
# gone NAME BY PID: that process, no child of this script, has ended within 20 s; its parent may not have noticed yet.
gone() {
  local end=$((SECONDS + 20)) verdict=passed
  while grep -Eqs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$3/status"; do
    ((SECONDS < end)) || { verdict=FAILED; break; }
    sleep 0.1
  done
  record "$verdict" "$1" "$2"
}
# ended NAME BY PID: that child ends within 20 s, with exit code 0.
ended() {
  local status=0
  timeout 20 tail --pid="$3" -f /dev/null || status=timeout
  [[ $status == timeout ]] || wait "$3" || status=$?
  record "$([[ $status == 0 ]] && echo passed || echo FAILED)" "$1" "$2"
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

# The id of the one host of the lattice, once it answers.
find_host() {  # LOG
  local end=$((SECONDS + 60))
  until host=$("$wash" get hosts 2>/dev/null | grep -o 'N[A-Z2-7]\{55\}' | head -1) && [[ -n $host ]]; do
    ((SECONDS < end)) || { record FAILED "a host comes up" "$1"; sed 's/^/    | /' "$1"; return 1; }
  done
}
point_at() {  # LATTICE
  export WASMCLOUD_CTL_HOST=127.0.0.1 WASMCLOUD_CTL_PORT=$port WASMCLOUD_LATTICE=$1 WASMCLOUD_CTL_TIMEOUT_MS=5000
}

drive() {
  local log=$work/weft-$servers.log
  point_at wash
  env -u WASMCLOUD_CTL_HOST -u WASMCLOUD_CTL_PORT -u WASMCLOUD_LATTICE "$weft" up --nats "nats://127.0.0.1:$port" \
    --lattice wash --allow-file-load --data-dir "$work/data-$servers" --cache-dir "$work/artifacts" --label zone=b >"$log" 2>&1 &
  local weft_pid=$!
  pids+=("$weft_pid")
  find_host "$log" || return

  step "one host is listed, with its lattice and labels" \
    '[(h["id"], h["lattice"], h["labels"]["zone"], h["labels"]["hostcore.os"]) for h in o["hosts"]] == [(host, "wash", "b", "linux")]' get hosts
  step "its inventory is empty" \
    'o["inventories"][0]["host_id"] == host and labels(o) == {"zone": "b"} and not components(o) and not providers(o)' get inventory "$host"
  step "no links" 'o["success"] and o["links"] == []' get links
  step "no claims" 'o["success"] and o["claims"] == []' get claims

  step "a configuration is put" 'o["success"] and "shop" in o["message"]' config put shop greeting=hello retries=3
  step "and got, value by value" 'o == {"greeting": "hello", "retries": "3"}' config get shop
  step "a component starts (auction, scale, event)" \
    '(o["component_id"], o["component_ref"], o["host_id"]) == ("hello", hello, host)' start component "$hello" hello --max-instances 5
  step "it is in the inventory with its count" 'components(o) == {"hello": (hello, 5)}' get inventory "$host"
  step "another starts on a named host with a configuration" '(o["component_id"], o["component_ref"], o["host_id"]) == ("second", hello, host)' \
    start component "$hello" second --host-id "$host" --config shop
  step "it is scaled" '(o["component_id"], o["component_ref"]) == ("hello", hello) and "to 9 max" in o["result"]' \
    scale component "$host" "$hello" hello --max-instances 9
  step "the inventory shows the new count" 'components(o) == {"hello": (hello, 9), "second": (hello, 1)}' get inventory "$host"
  shows "and so does its table" 'Component ID Name Max count hello N/A 9 second N/A 1 ' get inventory "$host"
  step "it is updated" '"hello updating from %s to %s" % (hello, other) in o["result"]' update component hello "$other" --host-id "$host"
  step "the new reference is in the inventory, the count stays" 'components(o) == {"hello": (other, 9), "second": (hello, 1)}' get inventory "$host"
  refused "what does not run is not updated" '"nobody not found on host [%s]" % host in o["error"]' update component nobody "$other" --host-id "$host"
  step "a signed component starts" '(o["component_id"], o["component_ref"]) == ("signed", signed)' start component "$signed" signed --host-id "$host"
  step "its claims alone are listed" '[(c["name"], c["revision"], c["version"]) for c in o["claims"]] == [("Shop", "7", "1.2.3")]' get claims
  step "its name and revision are in the inventory" \
    '[(c["name"], c["revision"]) for c in o["inventories"][0]["components"] if c["id"] == "signed"] == [("Shop", 7)]' get inventory "$host"

  step "a provider starts (built-in; its event shows the bare name)" '(o["provider_ref"], o["host_id"]) == ("wasmcloud+builtin://keyvalue", host)' \
    start provider wasmcloud+builtin://keyvalue kv --host-id "$host" --skip-wait
  step "it is in the inventory" 'providers(o) == {"kv": ("keyvalue", "keyvalue")}' get inventory "$host"
  step "a link is put" '(o["source_id"], o["target"]) == ("hello", "kv")' \
    link put hello kv wasi keyvalue --interface store --interface atomics --target-config shop
  step "another, under a name" '(o["source_id"], o["target"]) == ("hello", "second")' \
    link put hello second weft values --interface echo --link-name spare --source-config shop
  local both='links(o) == [("hello", "default", "kv", "wasi:keyvalue", ["store", "atomics"], [], ["shop"]),
                           ("hello", "spare", "second", "weft:values", ["echo"], ["shop"], [])]'
  step "links are queried" "$both" link query
  step "and got" "$both" get links
  shows "and shown as a table" 'hello kv wasi:keyvalue/store,atomics default ' get links
  refused "a link to another target is refused" \
    '"link already exists with different target" in o["error"] and "existing target kv" in o["error"]' \
    link put hello other wasi keyvalue --interface store
  refused "a link with a missing configuration is refused" '"Configuration nothere not found" in o["error"]' \
    link put hello kv wasi blobstore --interface blobstore --source-config nothere
  step "the refused changed nothing" "$both" link query
  step "a link is deleted" '(o["source_id"], o["link_name"], o["wit_package"]) == ("hello", "default", "keyvalue")' link del hello wasi keyvalue
  step "and again" 'o["success"]' link del hello wasi keyvalue
  step "the other is left" '[(l["name"], l["target"]) for l in o["links"]] == [("spare", "second")]' link query
  step "it is deleted by its name" 'o["link_name"] == "spare"' link del hello weft values --link-name spare
  step "no links are left" 'o["links"] == []' link query

  step "a label is put" 'o["processed"] == [["cordon", "true"]] and not o["deleted"]' label "$host" cordon=true
  step "it is in the inventory" 'labels(o) == {"cordon": "true", "zone": "b"}' get inventory "$host"
  step "a label is deleted" 'o["deleted"] and o["processed"][0][0] == "cordon"' label "$host" cordon --delete
  step "it is gone" 'labels(o) == {"zone": "b"}' get inventory "$host"
  # wash refuses it by itself, and ends with exit code 0 all the same.
  shows "hostcore labels are refused" "\('hostcore.os'\) cannot be set manually" label "$host" hostcore.os=plan9
  step "the host kept its own" 'o["inventories"][0]["labels"]["hostcore.os"] == "linux"' get inventory "$host"

  shows "the provider stops" 'Provider \[kv\] stopped successfully' stop provider kv --host-id "$host"
  step "a component stops (event with the same reference)" \
    '(o["component_id"], o["host_id"]) == ("second", host)' stop component second --host-id "$host"
  refused "what does not run is not stopped" 'not o["success"] and "nobody" in o["error"]' stop component nobody --host-id "$host"
  step "what was not stopped is in the inventory" \
    'components(o) == {"hello": (other, 9), "signed": (signed, 1)} and not providers(o)' get inventory "$host"
  step "the configuration is deleted" 'o["success"]' config del shop
  refused "and gone" '"No configuration found" in o["error"]' config get shop
  step "the host stops" 'o["success"] and host in o["result"]' stop host "$host"
  ended "its process ends with exit code 0" "weft up" "$weft_pid"
}

# The host as `wash up` starts it: no argument, everything in WASMCLOUD_* variables, logs on stderr. `wash up` is
# connect-only and without wadm, so that nothing is downloaded.
forget() { unset WASMCLOUD_CTL_HOST WASMCLOUD_CTL_PORT WASMCLOUD_LATTICE WASMCLOUD_CTL_TIMEOUT_MS; }

use() {  # what a person does with a host that `wash up` has started
  step "$1: listed with the label of the command" \
    '[(h["id"], h["lattice"], h["labels"]["zone"]) for h in o["hosts"]] == [(host, "'"$2"'", "up")]' get hosts
  step "$1: its inventory is empty" 'not components(o) and not providers(o) and labels(o) == {"zone": "up"}' get inventory "$host"
  step "$1: a component starts from a file" \
    '(o["component_id"], o["component_ref"], o["host_id"]) == ("hello", hello, host)' start component "$hello" hello
  step "$1: it is in the inventory" 'components(o) == {"hello": (hello, 1)}' get inventory "$host"
}

drive_up() {
  local log=$work/washup-$servers.log wash_pid host_pid
  local up=(up --host-path "$weft" --nats-connect-only --nats-host 127.0.0.1 --nats-port "$port" --disable-wadm --multi-local)
  forget
  "$wash" "${up[@]}" --lattice front --label zone=up >"$log" 2>&1 </dev/null &
  wash_pid=$!
  pids+=("$wash_pid")
  point_at front
  find_host "$log" || return
  use "wash up --host-path" front
  kill -INT "$wash_pid"
  ended "Ctrl-C ends wash and the host with it" "wash up" "$wash_pid"
  step "the host is gone" 'o["hosts"] == []' get hosts

  forget
  "$wash" "${up[@]}" --lattice stopped --label zone=up >"$log" 2>&1 </dev/null &
  wash_pid=$!
  pids+=("$wash_pid")
  point_at stopped
  find_host "$log" || return
  host_pid=$(pgrep -P "$wash_pid")
  pids+=("$host_pid")
  step "stop host ends it" 'o["success"] and host in o["result"]' stop host "$host"
  gone "its process is gone" "wash up" "$host_pid"
  kill -INT "$wash_pid" 2>/dev/null  # it waits for Ctrl-C all the same

  forget
  step "wash up --detached --host-path" 'o["success"] and o["nats_url"] == "127.0.0.1:'"$port"'"' \
    "${up[@]}" --detached --lattice behind --label zone=up --host-log-path "$log"
  point_at behind
  find_host "$log" || return
  host_pid=$(fuser "$log" 2>/dev/null | tr -d ' ')
  pids+=("$host_pid")
  use "detached" behind
  step "wash down stops it" 'o["hosts_stopped"] == [host]' down
  gone "its process is gone" "wash down" "$host_pid"
  step "the host is gone" 'o["hosts"] == []' get hosts
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
  start_server "$program" || { record FAILED "the server comes up" "$program"; continue; }
  printf '%s, %s, %s\n' "${rows[-1]}" "$("$wash" --version 2>/dev/null | head -1 | tr -s ' ')" "$("$weft" --version 2>/dev/null | head -1)"
  drive
  drive_up
done

printf '\n%-8s %-52s %s\n' result step by
printf '%s\n' "${rows[@]}"
printf '\n%d failed\n' "$failures"
[[ $failures -eq 0 ]]
