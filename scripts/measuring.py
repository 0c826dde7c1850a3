# SPDX-License-Identifier: Apache-2.0
"""What the measuring scripts share: server processes, the load generator, series of figures over interleaved rounds, rows of the result."""

import contextlib
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
APPS = ROOT / "build/apps"
URL = re.compile(rb"http://[0-9.]+:(\d+)")


class Server:
    """A server process of this machine; `port` is where it listens. Killed at the end."""

    def __init__(self, command, environment=None):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={**os.environ, **(environment or {})})
        self.port = self.await_port(command)

    def await_port(self, command):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if match := URL.search(os.pread(self.log.fileno(), 65536, 0)):
                port = int(match.group(1))
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    return port
            if self.process.poll() is not None:
                break
            time.sleep(0.0005)
        self.close()
        raise SystemExit(f"{' '.join(map(str, command))} did not start:\n{os.pread(self.log.fileno(), 65536, 0).decode()}")

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def close(self):
        self.process.kill()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def load(args, port, **options):
    command = [args.tools / "load", "--port", str(port), "--seconds", str(args.seconds)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if result["errors"]:
        print(f"  {result['errors']} errors on port {port}", file=sys.stderr)
    return result


def weft(args, app, *options):
    return Server([args.weft, "run", APPS / f"{app}.wasm", "--listen", "127.0.0.1:0", *options])


def peer(args, app):
    # Its defaults, with the pooling allocator that it documents for servers.
    return Server([args.peer, "serve", "-O", "pooling-allocator=y", "--addr", f"127.0.0.1:{free_port()}", APPS / f"{app}.wasm"])


class Series:
    """Figures by name, one a round."""

    def __init__(self):
        self.values = {}

    def add(self, name, value):
        self.values.setdefault(name, []).append(value)

    def median(self, name):
        return statistics.median(self.values[name])

    def ratio(self, name, other):
        """Median of the ratios within a round, or None where one was not measured."""
        if name not in self.values or other not in self.values:
            return None
        return statistics.median(a / b for a, b in zip(self.values[name], self.values[other], strict=True) if b)

    def show(self, unit):
        for name, values in self.values.items():
            print(f"  {name:28} {statistics.median(values):12,.1f} {unit:6} ({min(values):,.1f} .. {max(values):,.1f})")


def rounds(args, title, servers, unit, measure):
    print(f"\n{title} ({args.rounds} rounds of {args.seconds:g} s)", flush=True)
    series = Series()
    for _ in range(args.rounds):
        for name, server in servers.items():
            series.add(name, measure(name, server))
    series.show(unit)
    sys.stdout.flush()
    return series


def answer(port):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
            raise SystemExit("hello did not answer 200")


def report_of(*command, **options):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")
    return f"{os.cpu_count()} cores, {model}"


class Table:
    """The rows of the result: printed as they come as Markdown, and kept for --json."""

    def __init__(self):
        self.rows = []

    def row(self, name, value, least, aim, higher_is_better=True):
        """Without `least` it is only reported."""
        met = None if value is None or least is None else (value >= least if higher_is_better else value <= least)
        self.rows.append({"what": name, "measured": value, "at_least": least, "aim": aim, "met": met})

    def finish(self, heading, json_file=None):
        print(f"\n{heading}\n\n| what | measured | at least | aim | |\n| --- | --- | --- | --- | --- |")
        for row in self.rows:
            measured = "-" if row["measured"] is None else f"{row['measured']:.2f}"
            verdict = {None: "" if row["measured"] is not None else "not measured", True: "met", False: "MISSED"}[row["met"]]
            wanted = ["-" if row[name] is None else row[name] for name in ("at_least", "aim")]
            print(f"| {row['what']} | {measured} | {wanted[0]} | {wanted[1]} | {verdict} |")
        if json_file:
            json_file.write_text(json.dumps({"machine": machine(), "rows": self.rows}, indent=1) + "\n")
