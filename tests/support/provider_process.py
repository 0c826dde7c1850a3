# SPDX-License-Identifier: Apache-2.0
"""A provider process in plain Python, for tests: reads what the host gives it, speaks to NATS over a bare socket, and notes down all that it sees, a line
of JSON each. `write_program()` makes an executable of it; what it does wrong on purpose stands in `run()`.

Also a NATS client, for tests that listen themselves."""

import base64
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.parse


class Nats:
    """Bare NATS: one connection, subscriptions by subject, messages as (subject, reply, payload). One thread."""

    def __init__(self, url, deadline=60):
        place = urllib.parse.urlparse(url)
        self.socket = socket.create_connection((place.hostname, place.port), deadline)
        self._buffer = b""
        self._subjects = 0
        self._line()  # INFO
        self.send(b'CONNECT {"verbose":false,"pedantic":false}\r\n')
        self.flush()

    def send(self, data):
        self.socket.sendall(data)

    def subscribe(self, subject):
        self._subjects += 1
        self.send(f"SUB {subject} {self._subjects}\r\n".encode())

    def publish(self, subject, payload=b""):
        payload = payload if isinstance(payload, bytes) else payload.encode()
        self.send(f"PUB {subject} {len(payload)}\r\n".encode() + payload + b"\r\n")

    def flush(self):
        """What was sent has reached the server. Before the first message only: those that come meanwhile are dropped."""
        self.send(b"PING\r\n")
        while self._read() != "PONG":
            pass

    def next(self, timeout=None):
        """A message; None after so many seconds."""
        self.socket.settimeout(timeout)
        try:
            while True:
                message = self._read()
                if isinstance(message, tuple):
                    return message
        except TimeoutError:
            return None

    def _read(self):
        line = self._line()
        if line == b"PING":
            self.send(b"PONG\r\n")
        elif line == b"PONG":
            return "PONG"
        elif line.startswith(b"MSG "):
            words = line.decode().split(" ")
            size = int(words[-1])
            payload = self._take(size)
            self._take(2)
            return words[1], words[3] if len(words) == 5 else "", payload
        elif line.startswith(b"HMSG "):
            words = line.decode().split(" ")
            head, size = int(words[-2]), int(words[-1])
            payload = self._take(size)[head:]
            self._take(2)
            return words[1], words[3] if len(words) == 6 else "", payload
        return None

    def _more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the NATS server closed the connection")
        self._buffer += data

    def _line(self):
        while b"\r\n" not in self._buffer:
            self._more()
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _take(self, count):
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def close(self):
        self.socket.close()


# ---- curve keys, as nkeys writes them ----


def _checksum(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc.to_bytes(2, "little")


def _x25519(scalar, point=9):
    """RFC 7748, section 5."""
    prime = 2**255 - 19
    k = int.from_bytes(scalar, "little") & ~7 & ~(1 << 255) | 1 << 254
    x2, z2, x3, z3, swap = 1, 0, point, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        da, cb = (x3 - z3) * a, (x3 + z3) * b
        x3, z3 = (da + cb) ** 2 % prime, point * (da - cb) ** 2 % prime
        aa, bb = a * a % prime, b * b % prime
        e = aa - bb
        x2, z2 = aa * bb % prime, e * (aa + 121665 * e) % prime
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, prime - 2, prime) % prime).to_bytes(32, "little")


def public_key(seed):
    """ "X..." of "SX..."; ValueError for what is no seed."""
    raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    if len(raw) != 36 or raw[:2] != b"\x95\xc0" or _checksum(raw[:-2]) != raw[-2:]:
        raise ValueError("not the seed of a curve key")
    public = b"\xb8" + _x25519(raw[2:34])
    return base64.b32encode(public + _checksum(public)).decode().rstrip("=")


# ---- the provider ----


class Notes:
    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, what, **more):
        os.write(self._file, (json.dumps({"what": what, "pid": os.getpid(), "at": time.monotonic(), **more}) + "\n").encode())


def read_host_data(notes):
    line = sys.stdin.buffer.readline()
    data = json.loads(base64.b64decode(line.strip(), validate=True))
    key = public_key(data["provider_xkey_private_key"]) if data["provider_xkey_private_key"] else data["provider_key"]
    notes.add("start", data=data, key=key, line_end=line[-2:].decode(), rest=len(sys.stdin.buffer.read()), env=dict(os.environ), args=sys.argv[1:],
              group=os.getpgid(0))
    return data, key


def leave_behind(notes, in_group):
    """A child that ends with nobody but who finds it."""
    child = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=not in_group, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    notes.add("child", child=child.pid, in_group=in_group)


def flood(lines):
    """So many lines as fast as they are taken."""
    block = ("x" * 80 + "\n") * 100
    with contextlib.suppress(OSError):
        for _ in range(lines // 100):
            sys.stderr.write(block)
            sys.stderr.flush()


def eat(size):
    """Takes memory and touches it."""
    taken = bytearray(size)
    taken[::4096] = b"x" * len(taken[::4096])
    return taken


def run(notes_path, mode="", healthy=True, wait_for="", forks=(), lines=0, eats=0):
    """`mode`: what goes wrong: "exits", "deaf" (reads nothing), "mute" (never listens), "stubborn" (does not stop), "twice" (answers everything twice, and
    what it was not asked). `wait_for`: it listens once that file
    is there. `forks`: "group" and "session" are children that it leaves behind. `lines`: that it writes when it begins. `eats`: memory."""
    notes = Notes(notes_path)
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "deaf":
        notes.add("deaf")
        time.sleep(1000)
    data, key = read_host_data(notes)
    if mode == "exits":
        print("there is no such database", file=sys.stderr, flush=True)
        sys.exit(3)
    for where in forks:
        with contextlib.suppress(OSError):
            leave_behind(notes, where == "group")
    flood(lines)
    held = eat(eats)
    if mode == "mute":
        time.sleep(1000)
    while wait_for and not os.path.exists(wait_for):
        time.sleep(0.01)
    serve(notes, data, key, healthy, mode)
    del held


def serve(notes, data, key, healthy, mode):
    nats = Nats(data["lattice_rpc_url"], None)
    mine = f"wasmbus.rpc.{data['lattice_rpc_prefix']}.{data['provider_key']}"
    to_key = f"wasmbus.rpc.{data['lattice_rpc_prefix']}.{key}.linkdefs.put"
    for subject in (f"{mine}.health", f"{mine}.default.shutdown", f"{mine}.linkdefs.>", f"{mine}.config.update", to_key):
        nats.subscribe(subject)
    nats.flush()
    notes.add("listens")
    times = 2 if mode == "twice" else 1
    while True:
        subject, reply, payload = nats.next()
        if subject.endswith(".health"):
            for _ in range(times):
                nats.publish(reply, json.dumps({"healthy": healthy} if healthy else {"healthy": False, "message": "no disk"}))
            if mode == "twice":
                nats.publish(reply, "no JSON")
        elif subject.endswith(".shutdown"):
            wanted = json.loads(payload)["host_id"]
            notes.add("shutdown", host=wanted)
            if reply and wanted == data["host_id"] and mode != "stubborn":
                for _ in range(times):
                    nats.publish(reply, "shutting down")
                nats.flush()
                return
        else:
            what = "put" if subject == to_key else subject.removeprefix(mine + ".")
            notes.add(what, body=json.loads(payload))


# ---- for tests ----


def write_program(path, notes, **options):
    """An executable that does `run(notes, **options)`; it finds this file wherever it is copied to."""
    here = pathlib.Path(__file__).resolve().parent
    pathlib.Path(path).write_text(
        f"#!{sys.executable} -B\nimport sys\nsys.path.insert(0, {str(here)!r})\nimport provider_process\nprovider_process.run({str(notes)!r}, **{options!r})\n")
    os.chmod(path, 0o755)
    return f"file://{path}"


def read_notes(path):
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]
