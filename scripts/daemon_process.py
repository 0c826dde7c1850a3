# SPDX-License-Identifier: Apache-2.0
"""Processes of a lattice for the measuring scripts: the daemon and a NATS server, each with a folder of its own; and a small HTTP client."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from control_client import Lattice, NatsBus, SocketBus
from measuring import free_port

PATIENCE = 120
PAUSE = 0.0002


def until(condition, what, seconds=PATIENCE, pause=PAUSE):
    """Asks again and again, in short pauses, until there is a result."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(pause)
    raise SystemExit(f"{what}: not within {seconds} s")


class Http:
    """One connection that stays open; opened when it is needed."""

    def __init__(self, port):
        self.port = port
        self.reader = None

    def get(self, path):
        """The status and the body, or status 0 when nobody listens."""
        try:
            return self.ask(path)
        except OSError:
            self.close()
            return 0, b""

    def ask(self, path):
        if self.reader is None:
            self.connection = socket.create_connection(("127.0.0.1", self.port), 10)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.reader = self.connection.makefile("rb")
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        status = self.reader.readline()
        if not status:
            raise ConnectionError("closed")
        return int(status.split()[1]), self.body()

    def body(self):
        size, closes, chunked = 0, False, False
        while line := self.reader.readline().strip().lower():
            name, _, value = line.partition(b":")
            size = int(value) if name == b"content-length" else size
            closes = closes or (name == b"connection" and b"close" in value)
            chunked = chunked or (name == b"transfer-encoding" and b"chunked" in value)
        data = self.chunks() if chunked else self.reader.read(size)
        if closes:
            self.close()
        return data

    def chunks(self):
        data = b""
        while size := int(self.reader.readline().split(b";")[0], 16):
            data += self.reader.read(size)
            self.reader.readline()
        self.reader.readline()
        return data

    def close(self):
        if self.reader is not None:
            self.reader.close()
            self.connection.close()
            self.reader = None


class NatsServer:
    """A NATS server with JetStream on a free port."""

    def __init__(self):
        program = shutil.which("nats-server")
        if program is None:
            raise SystemExit("there is no nats-server; install it with: scripts/deps")
        self.folder = tempfile.TemporaryDirectory(prefix="weft-nats-")
        self.port = free_port()
        self.process = subprocess.Popen(
            [program, "-js", "-sd", self.folder.name, "-a", "127.0.0.1", "-p", str(self.port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.listens, "nats-server")

    def listens(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def close(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


class Daemon:
    """`weft up` in a lattice of its own, alone or on a NATS server.

    What it keeps outlives stop() and start(); close() ends and forgets all."""

    def __init__(self, args, nats=None, start=True):
        self.args, self.nats = args, nats
        self.folder = tempfile.TemporaryDirectory(prefix="weft-daemon-")
        self.data = pathlib.Path(self.folder.name, "data")
        self.log_path = pathlib.Path(self.folder.name, "log")
        self.process = self.lattice = None
        if start:
            self.start()

    def command(self):
        words = [self.args.weft, "up", "--data-dir", self.data, "--cache-dir", self.args.cache, "--allow-file-load", "--output", "json"]
        return words + (["--nats", f"nats://127.0.0.1:{self.nats.port}"] if self.nats else [])

    def spawn(self):
        """Only the process, not yet ready; what it prints goes to the log."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)

    def await_ready(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the daemon did not start:\n{self.log_path.read_text()[-2000:]}")
        return json.loads(line)

    def start(self):
        """Seconds from exec to the line that says that it is ready."""
        begin = time.perf_counter()
        self.spawn()
        self.await_ready()
        took = time.perf_counter() - begin
        self.connect()
        return took

    def connect(self):
        self.lattice = Lattice(NatsBus(self.nats.port) if self.nats else SocketBus(self.data / "control.sock"))
        until(self.lattice.ping, "the daemon's first answer")

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def cpu_seconds(self):
        """What it has used, of user and of kernel time."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, how=signal.SIGTERM):
        if self.lattice:
            self.lattice.close()
            self.lattice = None
        if self.process:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
            code, self.process = self.process.returncode, None
            if code in (-signal.SIGABRT, -signal.SIGSEGV):
                raise SystemExit(f"the daemon crashed when it was stopped:\n{self.log_path.read_text()[-2000:]}")

    def close(self):
        self.stop(signal.SIGKILL)
        self.folder.cleanup()

    # ---- what is often deployed ----

    def web(self, mode, server="web", program=None):
        """http-server on a free port; with a program, as that process."""
        port = free_port()
        self.lattice.request(*self.lattice.put_config(server, {"default_address": f"127.0.0.1:{port}", "routing_mode": mode}))
        self.lattice.done([self.lattice.start_provider(server, f"file://{program}" if program else "wasmcloud+builtin://http-server", [server])])
        return port

    def site_requests(self, component, server="web"):
        """The configuration, and then the link that puts a component at the path of its name."""
        return (self.lattice.put_config(f"at-{component}", {"path": f"/{component}"}),
                self.lattice.put_link(server, component, "wasi:http", ["incoming-handler"], name=component, source_config=[f"at-{component}"]))

    def sites(self, components, file, count=1, servers=("web",)):
        """Deploys one file under many ids, each at its path of one of the servers, in turn."""
        pairs = [self.site_requests(component, servers[number % len(servers)]) for number, component in enumerate(components)]
        self.lattice.done([self.lattice.scale(component, file, count) for component in components])
        self.lattice.request_all([config for config, _ in pairs])
        # All links of a source are one entry of the lattice's state: two puts at once to one of them get in each other's way.
        self.lattice.request_all([link for _, link in pairs], window=len(servers))


class WasmcloudHost(Daemon):
    """wasmCloud's own host as a peer, on a NATS server, with its built-in HTTP server."""

    def command(self):
        return [self.args.wasmcloud_host, "--nats-port", str(self.nats.port), "--allow-file-load"]

    def spawn(self):
        with open(self.log_path, "ab") as log:
            environment = {**os.environ, "WASMCLOUD_EXPERIMENTAL_FEATURES": "builtin-http-server"}
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment)

    def await_ready(self):
        """It has no such line: connect() waits for its first answer."""
