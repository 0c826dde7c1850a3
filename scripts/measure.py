#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures weft, its own bare server and `wasmtime serve` in one interleaved run and prints medians and ratios.

All servers run at once and are loaded in turn, round by round, so that a slow minute of the machine hits all alike. What counts is the median
over the rounds of the ratio within a round."""

import argparse
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from daemon_process import NatsServer
from measuring import APPS, Series, Server, Table, answer, load, machine, peer, report_of, rounds, weft


def measure_hello(args, stack):
    servers = {
        "weft, fresh": weft(args, "hello-cpp"),
        "weft, --reuse 1000": weft(args, "hello-cpp", "--reuse", "1000"),
        "bare server": Server([args.tools / "bare_server", "127.0.0.1:0"]),
    }
    if args.peer:
        servers["wasmtime serve"] = peer(args, "hello-cpp")
    for server in servers.values():
        stack.callback(server.close)
    speed = rounds(args, "hello, requests/s", servers, "req/s",
                   lambda _, server: load(args, server.port, connections=args.connections)["rps"])
    # The same rate for all: half of what the slowest of the fresh ones can do.
    slowest = min(speed.median(name) for name in ("weft, fresh", "wasmtime serve") if name in servers)
    rate = slowest / 2
    latency = rounds(args, f"hello, p99 at {rate:,.0f} requests/s", servers, "us",
                     lambda _, server: load(args, server.port, connections=args.connections, rate=rate)["p99_us"])
    return speed, latency


def measure_echo(args, stack):
    servers = {"weft, fresh": (weft(args, "echo"), "/"), "bare server": (Server([args.tools / "bare_server", "127.0.0.1:0"]), "/echo")}
    if args.peer:
        servers["wasmtime serve"] = (peer(args, "echo"), "/")
    for server, _ in servers.values():
        stack.callback(server.close)
    return rounds(args, "echo of 1 MiB, MiB/s", servers, "MiB/s",
                  lambda _, pair: load(args, pair[0].port, connections=8, body=1 << 20, path=pair[1])["rps"])


def measure_beside_spinning(args, stack):
    """p99 of short requests while guests compute for ever: two per core, so that hardly a shard is spared."""
    server = weft(args, "misbehave", "--timeout", "600s")
    stack.callback(server.close)
    for _ in range(2 * os.cpu_count()):
        spinner = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
        spinner.sendall(b"GET /spin HTTP/1.1\r\nhost: x\r\n\r\n")
    return rounds(args, "short requests beside spinning guests, p99 at 500 requests/s", {"weft, fresh": server}, "us",
                  lambda _, one: load(args, one.port, connections=16, rate=500, path="/status?code=200")["p99_us"])


def measure_start(args):
    print(f"\nexec to first answer, cached artifact ({args.rounds} rounds)", flush=True)
    series = Series()
    resident = 0
    weft(args, "hello-cpp").close()  # fills the cache
    for _ in range(args.rounds):
        begin = time.perf_counter()
        server = weft(args, "hello-cpp")
        answer(server.port)
        series.add("weft", (time.perf_counter() - begin) * 1000)
        resident = server.resident_mib()
        server.close()
    series.show("ms")
    return series, resident


def measure_bytes(args):
    """A list of bytes to a fresh instance and back, without HTTP."""
    print(f"\ncall with bytes to a fresh instance ({args.rounds} rounds)", flush=True)
    series = Series()
    for _ in range(args.rounds):
        for size, nanos in report_of(args.tools / "bytes_call", APPS / "values-callee.wasm", "0.5").items():
            series.add(f"{size} bytes", nanos / 1000)
    series.show("us")
    return series


def measure_linked_calls(args):
    """A list of bytes from one component to another over a link and back."""
    print(f"\ncall between components ({args.rounds} rounds)", flush=True)
    series = Series()
    for _ in range(args.rounds):
        for what, nanos in report_of(args.tools / "linked_calls", APPS / "values-caller.wasm", APPS / "values-callee.wasm", "0.5").items():
            series.add(what, nanos / 1000)
    series.show("us")
    return series


def measure_routes(args):
    """Look-up and change with 100,000 links."""
    print(f"\nrouting with 100,000 links ({args.rounds} rounds)", flush=True)
    series = Series()
    for _ in range(args.rounds):
        for what, figure in report_of(args.tools / "route_lookup").items():
            series.add(what, figure)
    series.show("")
    return series


def measure_remote_calls(args):
    """Two processes on one NATS server, each with weft and with a bare connection of nats.c, which take turns."""
    print(f"\ncalls between hosts ({args.rounds} rounds)", flush=True)
    series = Series()
    with contextlib.closing(NatsServer()) as nats:
        for _ in range(args.rounds):
            for what, figure in report_of(args.tools / "remote_calls", APPS / "values-callee.wasm", APPS / "relay.wasm",
                                          f"nats://127.0.0.1:{nats.port}", "1", str(args.seconds / 2)).items():
                series.add(what, figure / (1 << 20) if what.endswith("MiB") else figure)
    series.show("")
    return series


def measure_further_component(args):
    """Resident KiB of each further component that comes from the cache."""
    with tempfile.TemporaryDirectory() as cache:
        return report_of(args.tools / "many_components", APPS / "hello-cpp.wasm", env={**os.environ, "XDG_CACHE_HOME": cache})["further"] / 1024


def stripped_mib(program):
    with tempfile.NamedTemporaryFile() as copy:
        subprocess.run([shutil.which("llvm-strip-19") or "strip", "-o", copy.name, program], check=True)
        return pathlib.Path(copy.name).stat().st_size / (1 << 20)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", type=pathlib.Path, required=True)
    parser.add_argument("--tools", type=pathlib.Path, required=True, help="folder of the programs of bench/")
    parser.add_argument("--peer", type=pathlib.Path, help="the wasmtime program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--json", type=pathlib.Path, help="also write the rows to this file")
    args = parser.parse_args()
    args.weft, args.tools = args.weft.resolve(), args.tools.resolve()

    with contextlib.ExitStack() as stack:
        speed, latency = measure_hello(args, stack)
    with contextlib.ExitStack() as stack:
        echo = measure_echo(args, stack)
    with contextlib.ExitStack() as stack:
        spinning = measure_beside_spinning(args, stack)
    start, resident = measure_start(args)
    size = stripped_mib(args.weft)
    bytes_call = measure_bytes(args)
    linked = measure_linked_calls(args)
    routes = measure_routes(args)
    remote = measure_remote_calls(args)
    further = measure_further_component(args)

    table = Table()
    row = table.row
    row("hello, fresh instance ÷ wasmtime serve", speed.ratio("weft, fresh", "wasmtime serve"), 2.0, 3.0)
    row("hello, fresh ÷ bare server", speed.ratio("weft, fresh", "bare server"), 0.45, 0.65)
    row("hello, --reuse ÷ bare server", speed.ratio("weft, --reuse 1000", "bare server"), 0.80, 0.90)
    row("1 MiB echo ÷ bare echo", echo.ratio("weft, fresh", "bare server"), 0.6, 0.85)
    row("p99 at half of saturation ÷ wasmtime serve", latency.ratio("weft, fresh", "wasmtime serve"), 0.7, 0.4, False)
    row("p99 beside spinning guests, ms", spinning.median("weft, fresh") / 1000, 10, 3, False)
    row("call with 1 KiB to a fresh instance, us", bytes_call.median("1024 bytes"), 12, 7, False)
    row("call with 64 KiB to a fresh instance, us", bytes_call.median("65536 bytes"), 50, 25, False)
    row("call between components, 1 KiB, fresh callee, us", linked.median("1024"), 15, 8, False)
    row("call between components, 64 KiB, fresh callee, us", linked.median("65536"), 60, 30, False)
    row("call between components, 1 KiB, reused callee, us", linked.median("1024 reused"), 5, 2, False)
    row("link look-up among 100,000, ns", routes.median("lookup_ns"), 100, 30, False)
    row("change of a link among 100,000, us", routes.median("set_routes_us"), 20_000, 1000, False)
    row("call between hosts, 1 KiB, p50 ÷ request of nats.c", remote.ratio("weft 1", "raw 1"), 1.6, 1.2, False)
    row("64 calls at once between hosts, calls/s ÷ nats.c", remote.ratio("weft 64", "raw 64"), 0.5, 0.8)
    row("1 MiB argument between hosts, bytes/s ÷ nats.c", remote.ratio("weft MiB", "raw MiB"), 0.4, 0.7)
    row("exec to first answer, cached, ms", start.median("weft"), 50, 15, False)
    row("RSS with one component after one request, MiB", resident, 25, 15, False)
    row("RSS per further component from the cache, KiB", further, 256, 64, False)
    row("weft binary, stripped, MiB", size, 25, 15, False)
    table.finish(f"{machine()}; load generator on the same cores", args.json)


if __name__ == "__main__":
    main()
