#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the daemon: its HTTP path beside `weft run`, starts, deployments, updates under load, key-value, calls over the lattice,
provider processes, ten thousand components.

What is compared runs at once and takes turns, round by round; figures are medians over the rounds. Commands are sent as control messages over one
connection, so that no process start is in them. WASMCLOUD_HOST names wasmCloud's own host program as a peer, which is left out otherwise."""

import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

from control_client import Lattice, NatsBus
from daemon_process import Daemon, Http, NatsServer, WasmcloudHost, until
from measuring import APPS, Series, Table, load, machine, report_of, rounds, weft

MANY = 100_000  # calls at once: as good as no limit
LINKS_OF_A_SERVER = 100


def path_load(args, port, path="/", **options):
    return load(args, port, connections=args.connections, path=path, **options)


def measure_hello(args, table):
    """Requests/s through http-server beside `weft run` of the same binary and component."""
    with contextlib.ExitStack() as stack:
        alone = stack.enter_context(contextlib.closing(weft(args, "hello-cpp")))
        daemons = {mode: stack.enter_context(contextlib.closing(Daemon(args))) for mode in ("address", "path")}
        hosts = {"the daemon": daemons["path"]}
        targets = {"weft run": (alone.port, "/")}
        for mode, daemon in daemons.items():
            port = daemon.web(mode)
            daemon.sites(["hello"], APPS / "hello-cpp.wasm", MANY)
            targets[f"daemon, {mode} mode"] = (port, "/hello")
        if args.wasmcloud_host:
            host = stack.enter_context(contextlib.closing(WasmcloudHost(args, stack.enter_context(contextlib.closing(NatsServer())))))
            hosts["wasmCloud's host"] = host
            port = host.web("path")
            host.sites(["hello"], APPS / "hello-cpp.wasm", MANY)
            targets["wasmCloud's host"] = (port, "/hello")
        for port, path in targets.values():
            until(lambda port=port, path=path: Http(port).get(path)[0] == 200, f"an answer of port {port}")
        first = {name: host.resident_mib() for name, host in hosts.items()}
        speed = rounds(args, "hello, requests/s", targets, "req/s", lambda _, target: path_load(args, *target)["rps"])
        loaded = {name: host.resident_mib() for name, host in hosts.items()}
    table.row("hello through http-server ÷ `weft run`, address mode", speed.ratio("daemon, address mode", "weft run"), 0.9, 0.97)
    table.row("hello through http-server ÷ `weft run`, path mode", speed.ratio("daemon, path mode", "weft run"), 0.9, 0.97)
    if args.wasmcloud_host:
        table.row("hello through http-server ÷ wasmCloud's host", speed.ratio("daemon, path mode", "wasmCloud's host"), 2, 3)
    for name in hosts:
        table.row(f"RSS of {name} after its first request, MiB", first[name], None, None)
        table.row(f"RSS of {name} after the load, MiB", loaded[name], None, None)


def exec_to_ping(daemon, nats):
    """Milliseconds from exec until a control ping is answered over NATS."""
    lattice = Lattice(NatsBus(nats.port))
    begin = time.perf_counter()
    daemon.spawn()
    until(lattice.ping, "an answer to a ping")
    took = time.perf_counter() - begin
    daemon.await_ready()
    lattice.close()
    daemon.stop()
    return took * 1000


def answer_all(places):
    clients = {port: Http(port) for port, _ in places}
    for port, path in places:
        until(lambda port=port, path=path: clients[port].get(path)[0] == 200, f"an answer of {path}")
    for client in clients.values():
        client.close()


def exec_to_answers(daemon, places):
    """Milliseconds from exec until the daemon says that it is ready, and until all places (pairs of port and path) have answered 200."""
    begin = time.perf_counter()
    daemon.spawn()
    daemon.await_ready()
    ready = time.perf_counter() - begin
    answer_all(places)
    answered = time.perf_counter() - begin
    return ready * 1000, answered * 1000


def measure_starts(args, table):
    print(f"\nstarts of the daemon ({args.starts} of each, in turn)", flush=True)
    series = Series()
    names = [f"hello{number}" for number in range(10)]
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(contextlib.closing(NatsServer()))
        member = stack.enter_context(contextlib.closing(Daemon(args, nats)))
        empty = stack.enter_context(contextlib.closing(Daemon(args)))
        full = stack.enter_context(contextlib.closing(Daemon(args)))
        port = full.web("path")
        full.sites(names, APPS / "hello-cpp.wasm", 10)
        for daemon in (member, empty, full):
            daemon.stop()
        for _ in range(args.starts):
            series.add("answers a ping over NATS", exec_to_ping(member, nats))
            series.add("standalone, ready", empty.start() * 1000)
            empty.stop()
            _, answered = exec_to_answers(full, [(port, f"/{name}") for name in names])
            series.add("10 components answer", answered)
            full.stop()
    series.show("ms")
    table.row("exec to answering a control ping, NATS up, ms", series.median("answers a ping over NATS"), 30, 10, False)
    table.row("exec to ready, standalone, ms", series.median("standalone, ready"), 30, 10, False)
    table.row("exec to 10 components answering HTTP, ms", series.median("10 components answer"), 100, 40, False)


def variant(source, target, mark):
    """A component that no cache knows: the same with another custom section at its end."""
    name = b"\x07variant"
    content = name + mark.encode()
    target.write_bytes(source.read_bytes() + bytes([0, len(content)]) + content)
    return target


def deploy(daemon, http, component, file):
    """Milliseconds from the command to the first 200 of a link that waits for it."""
    begin = time.perf_counter()
    daemon.lattice.request(*daemon.lattice.scale(component, file, 10))
    until(lambda: http.get(f"/{component}")[0] == 200, f"an answer of {component}")
    return (time.perf_counter() - begin) * 1000


def measure_deploy(args, table):
    """The uncached component of a round is stopped and deployed again under another id: then it comes from the cache."""
    print(f"\nfrom the command to the first 200 ({args.starts} rounds)", flush=True)
    series = Series()
    echo = APPS / "echo.wasm"
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(contextlib.closing(NatsServer()))
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weft-deploy-")))
        hosts = {"": Daemon(args), " over NATS": Daemon(args, nats)}
        for kind, daemon in hosts.items():
            stack.callback(daemon.close)
            daemon.https = Http(daemon.web("path"))
        for number in range(args.starts):
            for kind, daemon in hosts.items():
                for component in (f"new{number}", f"known{number}"):
                    daemon.lattice.request_all(daemon.site_requests(component), window=1)
                file = variant(echo, folder / f"{number}{kind.strip()}.wasm", f"{time.time_ns()}")
                series.add(f"uncached{kind}", deploy(daemon, daemon.https, f"new{number}", file))
                daemon.lattice.done([daemon.lattice.scale(f"new{number}", file, 0)])
                series.add(f"cached{kind}", deploy(daemon, daemon.https, f"known{number}", file))
    series.show("ms")
    size = echo.stat().st_size / 1024
    table.row("deploy to first 200, cached, ms", series.median("cached"), 50, 10, False)
    table.row(f"deploy to first 200, component of {size:.0f} KiB not cached, ms", series.median("uncached"), 100, 40, False)
    table.row("deploy to first 200 over NATS, cached, ms", series.median("cached over NATS"), 50, 10, False)


def measure_many(args, table):
    """One artifact under very many ids, each with a link of its own from one of many http-servers (a lattice keeps all links of one source in one
    entry, so that one server cannot have them all). All must be in the inventory and answer, before and after a restart."""
    print(f"\n{args.components:,} components", flush=True)
    names = [f"c{number}" for number in range(args.components)]
    servers = [f"web{number}" for number in range(-(-args.components // LINKS_OF_A_SERVER))]
    with contextlib.closing(Daemon(args)) as daemon:
        ports = [daemon.web("path", server) for server in servers]
        places = [(ports[number % len(ports)], f"/{name}") for number, name in enumerate(names)]
        begin = time.perf_counter()
        daemon.sites(names, APPS / "hello-cpp.wasm", servers=servers)
        deployed = time.perf_counter() - begin
        found = len(daemon.lattice.inventory()["components"])
        if found != len(names):
            raise SystemExit(f"the inventory has {found} components of {len(names)}")
        answer_all(places)
        resident = daemon.resident_mib()
        begin = time.perf_counter()
        daemon.stop()
        stopped = time.perf_counter() - begin
        ready, answered = exec_to_answers(daemon, places)
        restarted = daemon.resident_mib()
    print(f"  deployed and linked in {deployed:.1f} s, stopped in {stopped:.1f} s; after the restart ready in {ready / 1000:.2f} s, "
          f"all have answered after {answered / 1000:.2f} s; resident {resident:,.0f} MiB, after the restart {restarted:,.0f} MiB", flush=True)
    what = f"{args.components:,} components, one link each: "
    table.row(f"{what}RSS after each has answered, MiB", max(resident, restarted), 4096, 1024, False)
    table.row(f"{what}exec to each having answered, s", answered / 1000, 10, 2, False)
    table.row(f"{what}exec to ready, s", ready / 1000, 10, 2, False)
    table.row(f"{what}from the first command to the last, s", deployed, None, None)


def measure_links(args, table):
    """Links of one http-server, put one after the other, and every path asked for. Each put writes the server's stored entry again whole."""
    print(f"\n{args.links:,} links of one provider", flush=True)
    lot = max(args.links // 10, 1)
    names = [f"c{number}" for number in range(args.links)]
    with contextlib.closing(Daemon(args)) as daemon:
        port = daemon.web("path")
        daemon.lattice.done([daemon.lattice.scale("c0", APPS / "hello-c.wasm", MANY)])
        pairs = [daemon.site_requests(name) for name in names]
        daemon.lattice.request_all([config for config, _ in pairs])
        costs = []
        for first in range(0, args.links, lot):
            begin, used = time.perf_counter(), daemon.cpu_seconds()
            daemon.lattice.request_all([link for _, link in pairs[first:first + lot]], window=1)
            costs.append(((time.perf_counter() - begin) / lot * 1000, (daemon.cpu_seconds() - used) / lot * 1000))
        answer_all([(port, "/c0")])
        daemon.stop()
        ready, _ = exec_to_answers(daemon, [(port, "/c0")])
    print(f"  the first {lot}: {costs[0][0]:.2f} ms each ({costs[0][1]:.2f} ms of CPU), the last {lot}: {costs[-1][0]:.2f} ms ({costs[-1][1]:.2f} ms)", flush=True)
    table.row(f"{args.links:,} links of one provider: CPU of each of the last {lot} puts, ms", costs[-1][1], None, None)
    table.row(f"{args.links:,} links of one provider: exec to ready, ms", ready, None, None)


def update_again_and_again(daemon, count, pause, failures):
    files = [APPS / "hello-c.wasm", APPS / "hello-cpp.wasm"]
    try:
        for number in range(count):
            daemon.lattice.done([daemon.lattice.update("hello", files[number % 2])])
            time.sleep(pause)
    except Exception as error:  # told to the thread that waits
        failures.append(error)


def measure_updates(args, table):
    """Requests at half of what the daemon can do, a round without and a round with updates; a hundred updates in all."""
    per_round = -(-100 // args.rounds)
    series = Series()
    lost = 0
    with contextlib.closing(Daemon(args)) as daemon:
        port = daemon.web("path")
        daemon.sites(["hello"], APPS / "hello-cpp.wasm", MANY)
        until(lambda: Http(port).get("/hello")[0] == 200, "hello")
        rate = path_load(args, port, "/hello")["rps"] / 2
        print(f"\nupdates at {rate:,.0f} requests/s ({args.rounds} rounds of {args.seconds:g} s, {per_round} updates in each)", flush=True)
        for _ in range(args.rounds):
            series.add("p99 without", path_load(args, port, "/hello", rate=rate)["p99_us"] / 1000)
            failures = []
            pause = args.seconds / per_round / 2
            updates = threading.Thread(target=update_again_and_again, args=(daemon, per_round, pause, failures))
            updates.start()
            while True:
                result = path_load(args, port, "/hello", rate=rate)
                lost += result["errors"]
                series.add("p99 with updates", result["p99_us"] / 1000)
                if not updates.is_alive():
                    break
            updates.join()
            if failures:
                raise failures[0]
    series.show("ms")
    table.row(f"requests lost by {per_round * args.rounds} updates at half of saturation", lost, 0, 0, False)
    table.row("p99 during updates, ms", series.median("p99 with updates"), None, None)
    table.row("p99 without updates, ms", series.median("p99 without"), None, None)


def measure_keyvalue(args, table):
    """The guest's own clock around many gets of 100 bytes, from a store in memory."""
    print(f"\nget of 100 bytes from keyvalue, seen by the guest ({args.rounds} rounds)", flush=True)
    series = Series()
    with contextlib.closing(Daemon(args)) as daemon:
        lattice, port = daemon.lattice, daemon.web("path")
        lattice.done([lattice.start_provider("kv", "wasmcloud+builtin://keyvalue", [])])
        lattice.request(*lattice.put_link("pump", "kv", "wasi:keyvalue", ["store"]))
        lattice.request(*lattice.put_config("at-pump", {"path": "/pump/*"}))
        lattice.request(*lattice.put_link("web", "pump", "wasi:http", ["incoming-handler"], source_config=["at-pump"]))
        lattice.done([lattice.scale("pump", APPS / "kv-pump.wasm", 1)])
        http = Http(port)
        until(lambda: http.get("/pump/10")[0] == 200, "kv-pump")
        for _ in range(args.rounds):
            status, body = http.get("/pump/100000")
            if status != 200 or not body.strip().isdigit():
                raise SystemExit(f"kv-pump answers {status}: {body.decode()}")
            series.add("get", int(body) / 1000)
    series.show("us")
    table.row("keyvalue get of 100 B from a guest, us", series.median("get"), 4, 1.5, False)


def measure_remote(args, table):
    """What a member of a lattice keeps resident, idle and after calls of 1 KiB from another process, 64 at once."""
    print(f"\n{args.calls:,} calls over the lattice", flush=True)
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(contextlib.closing(NatsServer()))
        daemon = stack.enter_context(contextlib.closing(Daemon(args, nats)))
        idle = daemon.resident_mib()
        daemon.lattice.done([daemon.lattice.scale("callee", APPS / "values-callee.wasm", MANY)])
        report = report_of(args.tools / "remote_calls", "--load", "default", "callee", f"nats://127.0.0.1:{nats.port}", str(args.calls))
        print(f"  {report['calls']:,} in {report['seconds']} s")
        after = daemon.resident_mib()
    table.row("RSS joined to a lattice, idle, MiB", idle, 25, 15, False)
    table.row(f"RSS after {args.calls:,} calls over the lattice, MiB", after, 45, 25, False)


def first_call(lattice, http, program):
    """Milliseconds from the command until a component's call of the provider has been answered; it asks again and again."""
    begin = time.perf_counter()
    lattice.request(*lattice.start_provider("kv", f"file://{program}", []))
    # Not without pause: a call that fails ends in a trap, and takes CPU time from what starts.
    until(lambda: http.get("/pump")[0] == 200, "an answer of the provider", pause=0.001)
    return (time.perf_counter() - begin) * 1000


def measure_provider_starts(args, table):
    print(f"\nfrom the command that starts a provider process to the first call ({args.starts} times)", flush=True)
    series = Series()
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(contextlib.closing(NatsServer()))
        daemon = stack.enter_context(contextlib.closing(Daemon(args, nats)))
        lattice, port = daemon.lattice, daemon.web("path")
        daemon.sites(["pump"], APPS / "kv-pump.wasm")
        lattice.request(*lattice.put_link("pump", "kv", "wasi:keyvalue", ["store"]))
        http = stack.enter_context(contextlib.closing(Http(port)))
        for number in range(args.starts + 1):
            took = first_call(lattice, http, args.weft.parent / "weft-provider-keyvalue")
            if number:  # the first has the program's pages read
                series.add("first call", took)
            lattice.done([lattice.stop_provider("kv")])
    series.show("ms")
    table.row("start of a provider process to the first call, ms", series.median("first call"), 100, 30, False)


def measure_provider_http(args, table):
    """Hello through http-server as a process of its own, so over NATS, in turn with requests of nats.c between two processes on the same server."""
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(contextlib.closing(NatsServer()))
        daemon = stack.enter_context(contextlib.closing(Daemon(args, nats)))
        port = daemon.web("path", program=args.weft.parent / "weft-provider-http-server")
        daemon.sites(["hello"], APPS / "hello-cpp.wasm", MANY)
        until(lambda: Http(port).get("/hello")[0] == 200, "an answer through the process")
        raw = ("--raw", f"nats://127.0.0.1:{nats.port}", str(args.seconds), "256")
        measures = {"http-server, a process": lambda: path_load(args, port, "/hello")["rps"],
                    "requests of nats.c": lambda: report_of(args.tools / "remote_calls", *raw)["rate"]}
        speed = rounds(args, "hello through http-server as a process, requests/s", measures, "req/s", lambda _, measure: measure())
    table.row("hello through http-server as a process ÷ requests of nats.c", speed.ratio("http-server, a process", "requests of nats.c"), 0.25, 0.5)


PARTS = ("hello", "starts", "deploy", "updates", "keyvalue", "remote", "providers", "links", "many")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", type=pathlib.Path, required=True)
    parser.add_argument("--tools", type=pathlib.Path, required=True, help="folder of the programs of bench/")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--starts", type=int, default=11, help="of the daemon, and deployments")
    parser.add_argument("--components", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=1_000_000, help="over the lattice")
    parser.add_argument("--links", type=int, default=1_000, help="of one provider")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; repeatable")
    parser.add_argument("--json", type=pathlib.Path, help="also write the rows to this file")
    args = parser.parse_args()
    args.weft, args.tools = args.weft.resolve(), args.tools.resolve()
    args.wasmcloud_host = os.environ.get("WASMCLOUD_HOST")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `timeout` leaves no daemon behind
    parts = args.only or PARTS
    table = Table()
    with tempfile.TemporaryDirectory(prefix="weft-cache-") as args.cache:
        subprocess.run([args.weft, "compile", "--cache-dir", args.cache, APPS / "hello-cpp.wasm", APPS / "hello-c.wasm"], check=True, capture_output=True)
        if "hello" in parts:
            measure_hello(args, table)
        if "starts" in parts:
            measure_starts(args, table)
        if "deploy" in parts:
            measure_deploy(args, table)
        if "updates" in parts:
            measure_updates(args, table)
        if "keyvalue" in parts:
            measure_keyvalue(args, table)
        if "remote" in parts:
            measure_remote(args, table)
        if "providers" in parts:
            measure_provider_starts(args, table)
            measure_provider_http(args, table)
        if "links" in parts:
            measure_links(args, table)
        if "many" in parts:
            measure_many(args, table)
    table.finish(f"{machine()}; clients and load generator on the same cores", args.json)


if __name__ == "__main__":
    main()
